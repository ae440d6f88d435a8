"""Shipping over HTTP: what people save is in force, what they try says why."""

from typing import Any

from tests.wms.house import HUB, House

RULES = "/console/v1/shipping/rules"
ALL_BY_SAGAWA = {
    "rules": [
        {"name": "Dear", "value_from_minor": 5_000, "objective": "FASTEST", "among": ["YUPACK"]},
        {"name": "Others", "service": "SAGAWA"},
    ]
}


def put_rules(house: House, based_on: int, **more: Any) -> Any:
    return house.http.put(RULES, json=ALL_BY_SAGAWA | {"based_on": based_on} | more)


def service_of_an_order(house: House, price_minor: int) -> str:
    house.sku("TEA", weight_g=1_000)
    house.stock("TEA", 9, "S01-01")
    line = {"line_no": 1, "sku": "TEA", "units": 1, "price_minor": price_minor}
    house.put_order(lines=[line])
    house.tick()
    house.work_off(HUB, "pick")
    return house.parcels()[-1].service


def test_without_saved_rules_the_default_holds(house: House):
    body = house.ok(house.http.get(RULES))
    assert (body["version"], body["rules"][0]["name"]) == (0, "Cooled goods")
    assert service_of_an_order(house, 100) == "YAMATO"


def test_saved_rules_are_in_force_at_the_next_parcel(house: House):
    saved = house.ok(put_rules(house, 0))
    assert (saved["version"], saved["saved_by"]) == (1, "demo")
    assert service_of_an_order(house, 4_999) == "SAGAWA"
    assert service_of_an_order(house, 5_000) == "YUPACK"


def test_a_version_made_from_an_old_one_is_refused_and_old_ones_can_be_read(house: House):
    house.ok(put_rules(house, 0))
    assert house.ok(put_rules(house, 0))["version"] == 1  # the answer was lost: again
    refused = put_rules(house, 0, otherwise="YAMATO")
    assert (refused.status_code, refused.json()["code"]) == (409, "table_changed")
    assert refused.json()["version"] == 1
    assert house.ok(house.http.get(RULES, params={"version": 0}))["version"] == 0
    assert house.http.get(RULES, params={"version": 7}).status_code == 404


def test_the_test_box_explains_every_rule_and_tries_what_is_not_saved(house: House):
    facts = {"sender": "東京都", "recipient": "沖縄県", "weight_g": 900}
    said = house.ok(house.http.post(f"{RULES}:test", json={"facts": facts}))
    assert said["service"] == "YUPACK"
    assert [each["outcome"] for each in said["verdicts"]] == [
        "NO", "CHOSEN", "NO", "NO", "MATCHES", "MATCHES",
    ]  # fmt: skip
    assert {each["service"] for each in said["candidates"]} == {"YAMATO", "SAGAWA", "YUPACK"}
    draft = house.ok(
        house.http.post(f"{RULES}:test", json={"facts": facts, "draft": ALL_BY_SAGAWA})
    )
    assert draft["service"] == "SAGAWA"
    assert house.ok(house.http.get(RULES))["version"] == 0


def test_unknown_fields_and_wrong_kinds_are_refused(house: House):
    for body in (
        {"facts": {"weight_g": 900, "colour": "red"}},
        {"facts": {"weight_g": "900"}},
        {"facts": {"weight_g": -1}},
        {"facts": {"weight_g": 1, "slot": "noon"}},
    ):
        assert house.http.post(f"{RULES}:test", json=body).status_code == 422
    assert put_rules(house, 0, rules=[]).status_code == 422


def test_services_say_what_they_take(house: House):
    services = house.ok(house.http.get("/console/v1/shipping/services"))
    cool = next(each for each in services if each["code"] == "YAMATO-COOL")
    assert cool["cool"]
    assert cool["weight_max_g"] == 15_000
    assert "14-16" in cool["slots"]


def test_a_site_has_a_calendar(house: House):
    path = f"/console/v1/shipping/calendars/{HUB}"
    usual = house.ok(house.http.get(path))
    assert (usual["time_zone"], usual["cut_off"]) == ("Asia/Tokyo", "15:00:00")
    body = {
        "hours": [{"opens": "09:00:00", "closes": "18:00:00"}] * 5 + [None, None],
        "cut_off": "12:00:00",
        "cut_offs": {"YUPACK": "10:00:00"},
        "on_holidays": False,
        "closed": ["2026-12-31"],
    }
    saved = house.ok(house.http.put(path, json=body))
    assert house.ok(house.http.get(path)) == saved
    assert saved["ships_on"] == "2026-11-30"  # it is Friday, six in the evening
    assert len(house.ok(house.http.get("/console/v1/shipping/calendars"))) == 4
    assert house.http.put("/console/v1/shipping/calendars/NOWHERE", json=body).status_code == 404
    bad = body | {"cut_off": "12:00:00+09:00"}
    assert house.http.put(path, json=bad).status_code == 422


def test_a_carrier_is_as_it_was_said(house: House):
    path = "/console/v1/carriers/JAPANPOST"
    sender = {"name": "倉庫", "address_lines": ["東京都江東区1-2-3"]}
    said = house.ok(house.http.put(path, json={"mode": "FILE", "sender": sender}))
    assert (said["mode"], said["has_files"], said["sender"]["name"]) == ("FILE", True, "倉庫")
    codes = [each["code"] for each in house.ok(house.http.get("/console/v1/carriers"))]
    assert codes == ["JAPANPOST", "SAGAWA", "YAMATO"]
    assert house.http.put("/console/v1/carriers/no%20such", json={}).status_code == 422


def test_a_label_of_nothing_is_not_found(house: House):
    assert house.http.get("/console/v1/parcels/12345/label").status_code == 404
