"""Stores and pick faces are filled up, and stock is balanced, through public doors only.

The happy ways, and what goes wrong: a person says no, the source has too little, it arrives short,
the goods are gone when they are approved, the reserve is not what the books say.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import an_id
from tests.journeys.test_sell_and_ship import passage
from tests.wms.house import GINZA, HUB, OSAKA, SPOKE, UMEDA, House
from tests.wms.supply import exceptions, jobs, send, transfer, walk
from wms.catalog import sku_id
from wms.replenishment.jobs import JAPAN, LEVELS_HOUR
from wms.sites import site_id
from wms.stock.availability import pickable


def a_policy(house: House, site: str = GINZA, sku: str = "TEA", **more: Any) -> dict[str, Any]:
    body = {"kind": "MINMAX", "low": 4, "high": 12, "source": HUB} | more
    said: dict[str, Any] = house.ok(
        house.http.put(f"/console/v1/stock-policies/{site}/{sku}", json=body)
    )
    return said


def proposals(house: House, state: str = "OPEN") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = house.ok(
        house.http.get("/console/v1/proposals", params={"state": state})
    )
    return found


def decide(house: House, proposal: dict[str, Any], act: str, **more: Any) -> Any:
    body = {"command_id": str(an_id())} | more
    return house.http.post(f"/console/v1/proposals/{proposal['id']}:{act}", json=body)


def a_store_that_is_low(house: House, units: int = 100, **policy: Any) -> None:
    house.sku("TEA")
    house.stock("TEA", units, "S01-01")
    house.stock("TEA", 3, "BACK-1", site=GINZA)
    a_policy(house, **policy)
    jobs(house, "replenish")


def test_a_store_is_filled_up_when_somebody_agrees(house: House):
    a_store_that_is_low(house)
    (one,) = proposals(house)
    assert (one["kind"], one["site"], one["from_site"], one["units"]) == (
        "REPLENISH", GINZA, HUB, 9,
    )  # fmt: skip
    assert one["facts"]["position"] == 3

    approved = house.ok(decide(house, one, "approve"))
    assert approved["state"] == "APPROVED"
    assert jobs(house, "replenish") == 0, "it is on its way"
    assert proposals(house) == []
    assert transfer(house, approved["cause_id"])["why"] == "replenishment"

    send(house, HUB)
    assert jobs(house, "replenish") == 0
    house.work_off(GINZA, "receive")
    assert house.stock_row("TEA", GINZA)["free"] == 12
    jobs(house, "replenish")
    assert [each["state"] for each in proposals(house, "DONE")] == ["DONE"]
    assert proposals(house) == []


@pytest.mark.nightly
def test_up_to_a_limit_nobody_is_asked(house: House):
    a_store_that_is_low(house, auto_units_max=9)
    assert proposals(house) == []
    (one,) = proposals(house, "APPROVED")
    assert one["decided_by"] == "rule:replenishment"
    assert jobs(house, "replenish") == 0
    send(house, HUB)
    house.work_off(GINZA, "receive")
    assert house.stock_row("TEA", GINZA)["sellable"] == 12


@pytest.mark.nightly
def test_whole_packs_and_the_two_kinds_of_policy(house: House):
    for sku, kind, low, expected in (
        ("A", "MINMAX", 3, []),  # at min is enough
        ("B", "SS", 3, [8]),  # at s is not
        ("C", "MINMAX", 4, [8]),
    ):
        house.sku(sku)
        house.stock(sku, 50, "S01-01")
        house.stock(sku, 3, "BACK-1", site=GINZA)
        a_policy(house, sku=sku, kind=kind, low=low, pack_units=4)
        jobs(house, "replenish")
        assert [each["units"] for each in proposals(house) if each["sku"] == sku] == expected


def test_no_means_no_for_a_day(house: House):
    a_store_that_is_low(house)
    (one,) = proposals(house)
    rejected = house.ok(decide(house, one, "reject", reason="the shop is being rebuilt"))
    assert (rejected["state"], rejected["reason"]) == ("REJECTED", "the shop is being rebuilt")
    assert jobs(house, "replenish") == 0
    house.clock.at += timedelta(days=1, minutes=1)
    assert jobs(house, "replenish") == 1
    assert len(proposals(house)) == 1


def test_a_proposal_is_decided_once(house: House):
    a_store_that_is_low(house)
    (one,) = proposals(house)
    command = str(an_id())
    for _ in range(2):
        house.ok(decide(house, one, "approve", command_id=command))
    for act in ("approve", "reject"):
        answer = decide(house, one, act)
        assert (answer.status_code, answer.json()["code"]) == (409, "proposal_decided")
    assert house.stock_row("TEA")["free"] == 91
    assert house.http.post(
        f"/console/v1/proposals/{an_id()}:approve", json={"command_id": command}
    ).status_code == 404  # fmt: skip


def test_the_source_gives_what_it_can_and_an_open_proposal_follows(house: House):
    a_store_that_is_low(house, units=5)
    (one,) = proposals(house)
    assert (one["units"], one["facts"]["wanted"]) == (5, 9)
    house.stock("TEA", 2, "S01-01")
    jobs(house, "replenish")
    assert [(each["id"], each["units"]) for each in proposals(house)] == [(one["id"], 7)]
    house.stock("TEA", 20, "BACK-1", site=GINZA)
    jobs(house, "replenish")
    assert proposals(house) == []
    assert len(proposals(house, "WITHDRAWN")) == 1


@pytest.mark.nightly
def test_two_stores_are_not_promised_the_same_goods(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "S01-01")
    for store in (GINZA, UMEDA):
        a_policy(house, site=store)
    jobs(house, "replenish")
    assert sum(each["units"] for each in proposals(house)) == 10
    assert proposals(house, "WITHDRAWN") == [], "nor for a moment"


def test_the_goods_are_gone_when_somebody_agrees(house: House):
    a_store_that_is_low(house, units=9)
    (one,) = proposals(house)
    house.put_order(("TEA", 5))
    answer = decide(house, one, "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "source_is_short")
    jobs(house, "replenish")
    (smaller,) = proposals(house)
    assert (smaller["id"], smaller["units"]) == (one["id"], 4)
    house.ok(decide(house, smaller, "approve"))
    assert house.stock_row("TEA")["free"] == 0


@pytest.mark.nightly
def test_what_arrives_short_is_proposed_again(house: House):
    a_store_that_is_low(house, auto_units_max=100)
    send(house, HUB)
    packet = house.next_packet(GINZA, "receive")
    assert packet is not None
    walk(house, packet, {"1.item": ("exception", {"code": "short", "found": 0})})
    jobs(house, "replenish")
    (again,) = proposals(house, "APPROVED")
    assert again["units"] == 9
    send(house, HUB)
    house.work_off(GINZA, "receive")
    assert house.stock_row("TEA", GINZA)["sellable"] == 12


def a_face(house: House, **more: Any) -> None:
    house.sku("TEA")
    house.ok(
        house.http.put(
            "/master/v1/locations",
            json=[
                {"site": HUB, "code": "HIGH-1", "kind": "RESERVE", "zone": "SHELF", "aisle": 1,
                 "bay": 3}
            ],
        )
    )  # fmt: skip
    house.stock("TEA", 40, "HIGH-1")
    house.stock("TEA", 2, "S01-01")
    body = {"low": 5, "high": 20} | more
    house.ok(house.http.put(f"/console/v1/pick-faces/{HUB}/S01-01/TEA", json=body))
    jobs(house, "replenish")


def at(house: House, place: str, sku: str = "TEA") -> int:
    """Units at a place of the hub that are free to be picked."""
    found = house.database.run(lambda s: pickable(s, site_id(HUB), [sku_id(sku)]))
    return sum(each.units for each in found if each.location == place)


def test_a_pick_face_is_filled_from_the_reserve(house: House):
    a_face(house)
    (one,) = proposals(house)
    assert (one["kind"], one["units"], one["from_location"], one["to_location"]) == (
        "PICK_FACE", 18, "HIGH-1", "S01-01",
    )  # fmt: skip
    house.ok(decide(house, one, "approve"))
    assert jobs(house, "replenish") == 0, "somebody is at it"
    (packet,) = house.work_off(HUB, "replenish")
    assert [step["big"] for step in packet["steps"]] == ["HIGH-1", "18", "S01-01"]
    assert (at(house, "S01-01"), at(house, "HIGH-1")) == (20, 22)
    assert [each["state"] for each in proposals(house, "DONE")] == ["DONE"]
    assert exceptions(house) == {}
    assert jobs(house, "replenish") == 0


def test_the_reserve_has_less_than_the_books_say(house: House):
    a_face(house, auto_units_max=50)
    packet = house.next_packet(HUB, "replenish")
    assert packet is not None
    walk(house, packet, {"item": ("exception", {"code": "short", "found": 11})})
    assert (at(house, "S01-01"), at(house, "HIGH-1")) == (13, 29)
    assert exceptions(house)["replenish.differs"]["missing"] == 7


@pytest.mark.nightly
def test_goods_of_the_reserve_that_were_given_to_others_meanwhile_stay_in_the_books(house: House):
    a_face(house, auto_units_max=50)
    house.put_order(("TEA", 38))
    house.tick()
    house.work_off(HUB, "replenish")
    assert exceptions(house)["replenish.differs"]["not_free"] == 16
    assert at(house, "S01-01") == 4


def sold(house: House, units: int, ship_to: dict[str, Any], site: str) -> None:
    """That many units of tea have gone to a customer from that site."""
    house.put_order(("TEA", units), ship_to=ship_to)
    send(house, site)
    for parcel in house.parcels():
        if parcel.state == "LINE_HAUL":
            house.hear(passage(house, parcel, "OUT"))


def test_stock_is_balanced_over_sites(house: House):
    house.sku("TEA")
    house.stock("TEA", 28, "S01-01", site=SPOKE)
    sold(house, 28, OSAKA, SPOKE)  # one a day: it lacks 14 now
    house.stock("TEA", 40, "BACK-1", site=GINZA)
    house.stock("TEA", 40, "BACK-1", site=UMEDA)
    made = house.ok(house.http.post("/console/v1/balancing"))
    (one,) = proposals(house)
    assert made == {"proposals": 1}
    assert (one["kind"], one["site"], one["from_site"], one["units"]) == (
        "BALANCE", SPOKE, UMEDA, 14,  # the nearer of the two
    )  # fmt: skip
    assert one["facts"]["need"] == 14

    house.ok(house.http.post("/console/v1/balancing"))
    assert len(proposals(house)) == 1, "never twice"
    (one,) = proposals(house)
    house.ok(decide(house, one, "approve"))
    assert house.ok(house.http.post("/console/v1/balancing")) == {"proposals": 0}
    send(house, UMEDA)
    house.work_off(SPOKE, "receive")
    assert house.stock_row("TEA", SPOKE)["free"] == 14


def test_levels_follow_demand_where_a_service_level_is_asked_for(house: House):
    """Sold: 28 in four weeks. What is suggested is what the night makes of it, and no other."""
    house.sku("TEA")
    path = f"/console/v1/stock-policies/{SPOKE}/TEA/suggested"
    assert house.http.get(path).status_code == 404, "nobody has bought any"
    house.stock("TEA", 28, "S01-01", site=SPOKE)
    sold(house, 28, OSAKA, SPOKE)
    found = house.ok(house.http.get(path, params={"service_percent": 95}))
    assert (found["why"]["rate"], found["why"]["method"]) == (1.0, "mean")
    assert 3 < found["low"] < found["high"]
    least = house.ok(house.http.get(path, params={"service_percent": 50, "lead_days": 0}))
    assert least["low"] < found["low"]

    a_policy(house, site=SPOKE, service_percent=95)
    a_policy(house, site=GINZA, service_percent=95)  # nobody has bought any there
    a_policy(house, site=UMEDA)
    while house.clock.at.astimezone(JAPAN).hour != LEVELS_HOUR:
        house.clock.at += timedelta(hours=1)
    assert jobs(house, "levels") == 1
    kept = {one["site"]: one for one in house.ok(house.http.get("/console/v1/stock-policies"))}
    levels = ("kind", "low", "high")
    again = house.ok(house.http.get(path, params={"service_percent": 95}))
    assert [kept[SPOKE][name] for name in levels] == ["SS", again["low"], again["high"]]
    for site in (GINZA, UMEDA):
        assert [kept[site][name] for name in levels] == ["MINMAX", 4, 12]


def test_policies_are_kept_and_nonsense_is_refused(house: House):
    house.sku("TEA")
    said = a_policy(house)
    assert house.ok(house.http.get("/console/v1/stock-policies")) == [said]
    assert a_policy(house, low=1)["low"] == 1
    path = f"/console/v1/stock-policies/{GINZA}/TEA"
    good = {"low": 1, "high": 5, "source": HUB}
    for wrong, code in (
        ({"source": GINZA}, "unfit_policy"),
        ({"source": "NOWHERE"}, "unfit_policy"),
        ({"low": 9}, "unfit_policy"),
        ({"low": -1}, "malformed"),
        ({"more": 1}, "malformed"),
        ({"service_percent": 100}, "malformed"),
    ):
        answer = house.http.put(path, json=good | wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert house.http.put("/console/v1/stock-policies/NOWHERE/TEA", json=good).status_code == 404
    face = f"/console/v1/pick-faces/{HUB}/A01-01-1/TEA"
    assert house.http.put(face, json={"low": 1, "high": 2}).json()["code"] == "unfit_policy"
    house.ok(house.http.put(path, json=good | {"active": False}))
    assert jobs(house, "replenish") == 0
