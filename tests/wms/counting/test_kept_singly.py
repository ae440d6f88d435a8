"""Counts of goods with lots, serials, in handling units, and by their tags."""

from typing import Any

import pytest

from edge.gs1 import gtin_with_check_digit, sgtin_to_epc_hex
from tests.builders import an_id
from tests.wms.counting.counters import (
    as_who,
    begin,
    count,
    counts,
    decide,
    end,
    free,
    given,
    one,
    say,
    scan_items,
    scan_place,
    unknown,
)
from tests.wms.house import HUB, House
from tests.wms.returns.customers import troubles

GTIN = gtin_with_check_digit("491234500001")
PLACE = "S01-01"


def receive(house: House, code: str, units: int, at: str, **more: Any) -> None:
    line = {"site": HUB, "location": at, "sku": code, "units": units} | more
    body = {"id": str(an_id()), "lines": [line]}
    house.ok(house.http.post("/master/v1/receipts", json=body))


@pytest.fixture
def stocked(house: House) -> House:
    skus = [
        {"code": "SN", "name_en": "SN", "tracking": "SERIAL", "gtins": [GTIN]},
        {"code": "LOT", "name_en": "LOT", "tracking": "LOT"},
        {"code": "BOX", "name_en": "BOX"},
    ]
    house.ok(house.http.put("/master/v1/skus", json=skus))
    receive(house, "SN", 3, PLACE, serials=["1", "2", "3"])
    receive(house, "SN", 1, "S01-02", serials=["9"])
    receive(house, "LOT", 5, PLACE, lot="L1")
    receive(house, "LOT", 5, PLACE, lot="L2")
    receive(house, "BOX", 6, "S02-01", tote="P-1")
    return house


def serial(number: str) -> str:
    return f"010{GTIN}21{number}"


def test_serials_lots_and_units_are_told_apart(stocked: House):
    house = stocked
    packet = begin(house, "ann", PLACE)
    assert packet is not None
    packet = scan_place(house, "ann", packet)
    packet = scan_items(house, "ann", packet, "SN", ("LOT", 5), "L1", ("LOT", 4))
    nothing = end(house, "ann", packet)["results"][0]["problem"]
    assert (nothing["code"], nothing["facts"]) == ("count_serials", {"sku": "SN"})
    # 1 and 2 are here, 3 is not, 9 should be next door; a code that nobody knows; P-1 stands here
    again = given(house, "ann")
    assert again is not None
    packet = say(house, "ann", again, "undo", None)["packet"]
    what = (serial("1"), serial("2"), serial("9"), gtin_with_check_digit("491234599999"), "P-1")
    packet = scan_items(house, "ann", packet, *what)
    packet = say(house, "ann", packet, "choice", "done")["packet"]
    asked = say(house, "ann", packet, "choice", "ok")["packet"]
    step = next(each for each in asked["steps"] if each["id"] == asked["step"])
    assert (step["big"], step["expect"][0]["codes"]) == ("LOT", ["L1", "L2"])
    asked = say(house, "ann", asked, "scan", "L2")["packet"]
    assert say(house, "ann", asked, "choice", "ok")["packet"] is None

    (this,) = counts(house)
    assert this["rounds_made"] == 2  # known one by one: nobody is believed alone
    assert "count.unknown_item" in troubles(house)
    whole = ("P-1", PLACE, *what[:3], ("LOT", 5), "L1", ("LOT", 4), "L2")
    count(house, "ben", given(house, "ben"), *whole)
    (this,) = counts(house, state="POSTED")
    made = {(a["sku"], a["kind"], a["units"]) for a in one(house, this["id"])["adjustments"]}
    assert made == {("SN", "MISSING", -1), ("SN", "FOUND", 1), ("LOT", "MISSING", -1)}
    assert (free(house, "SN"), unknown(house, "SN"), free(house, "LOT")) == (3, 1, 9)
    unit = house.ok(house.http.get("/api/v1/lookup/P-1"))
    assert PLACE in str(unit)
    # next door it is not: both say so, and it was never lost
    count(house, "cem", begin(house, "cem", "S01-02"))
    assert counts(house)[0]["state"] == "AGREED"


def test_a_sweep_reads_the_tags_of_a_zone(stocked: House):
    house = stocked
    body = {"command_id": str(an_id()), "site": HUB, "kind": "SWEEP", "zone": "SHELF"}
    (this,) = house.ok(house.http.post("/console/v1/counts", json=body))["counts"]
    reads = f"/api/v1/counts/{HUB}/{this['id']}/reads"
    tags = [sgtin_to_epc_hex(GTIN, number, 7) for number in (1, 2, 9, 77)]
    sent = {"command_id": str(an_id()), "epcs": tags}
    assert house.http.post(reads, json=sent).json()["code"] == "sweep_not_begun"
    for who in ("ann", "ben"):
        packet = given(house, who, kind="sweep")
        assert packet is not None
        packet = say(house, who, packet, "choice", "ok")["packet"]
        for _ in range(2):  # the reader repeats itself
            said = house.ok(house.http.post(reads, json=sent, headers=as_who(who)))
            assert (said["read"], said["expected"]) == (4, None)  # blind
        packet = given(house, who, kind="sweep")
        assert packet is not None
        packet = say(house, who, packet, "choice", "done")["packet"]
        assert say(house, who, packet, "choice", "ok")["packet"] is None
    after = house.ok(house.http.get(reads))
    assert (after["missing"], after["unexpected"]) == (["3"], ["77"])
    (this,) = counts(house, kind="SWEEP")
    assert this["state"] == "POSTED"  # two have read the same; goods without tags are left alone
    made = {(a["sku"], a["kind"], a["units"]) for a in one(house, this["id"])["adjustments"]}
    assert made == {("SN", "MISSING", -1), ("SN", "SURPLUS", 1)}


def sweep(house: House, who: str, count_id: str, tags: list[str]) -> None:
    """Read the tags of a zone."""
    packet = given(house, who, kind="sweep")
    assert packet is not None
    say(house, who, packet, "choice", "ok")
    sent = {"command_id": str(an_id()), "epcs": tags}
    url = f"/api/v1/counts/{HUB}/{count_id}/reads"
    house.ok(house.http.post(url, json=sent, headers=as_who(who)))
    packet = given(house, who, kind="sweep")
    assert packet is not None
    packet = say(house, who, packet, "choice", "done")["packet"]
    assert say(house, who, packet, "choice", "ok")["packet"] is None


@pytest.mark.parametrize("first", ["SWEEP", "DEMAND"])
def test_a_unit_that_a_sweep_and_a_place_miss_is_missing_once(house: House, first: str):
    tag = gtin_with_check_digit("491234500002")
    skus = [{"code": "T", "name_en": "T", "gtins": [tag]}]
    house.ok(house.http.put("/master/v1/skus", json=skus))
    house.ok(house.http.put("/console/v1/sku-values", json={"values": {"T": 2_000}}))
    receive(house, "T", 5, PLACE)
    policy = {"tolerance": {"C": {"units": 1}}, "rounds_max": 1, "approve_minor": 0}
    house.ok(house.http.put(f"/console/v1/count-policy/{HUB}", json=policy))
    body = {"command_id": str(an_id()), "site": HUB, "kind": "SWEEP", "zone": "SHELF"}
    (swept,) = house.ok(house.http.post("/console/v1/counts", json=body))["counts"]
    there = [sgtin_to_epc_hex(tag, number, 7) for number in range(1, 5)]
    sweep(house, "ann", swept["id"], there)
    count(house, "ben", begin(house, "ben", PLACE), ("T", 4))
    waits = {each["kind"]: each["id"] for each in counts(house, state="REVIEW")}
    (other,) = waits.keys() - {first}
    assert decide(house, "sue", waits[first], "approve").json()["state"] == "POSTED"
    assert (free(house, "T"), unknown(house, "T")) == (4, 1)
    assert decide(house, "sue", waits[other], "approve").json()["code"] == "count_over"
    if other == "SWEEP":
        sweep(house, "cem", swept["id"], there)
    else:
        count(house, "cem", given(house, "cem"), ("T", 4))
    assert one(house, waits[other])["state"] in {"AGREED", "POSTED"}
    assert (free(house, "T"), unknown(house, "T")) == (4, 1), "it is missing once"


def test_a_zone_is_counted_whole_and_what_is_wanted_comes_first(stocked: House):
    house = stocked
    body = {"command_id": str(an_id()), "site": HUB, "zone": "SHELF"}
    for _ in range(2):
        made = house.ok(house.http.post("/console/v1/counts", json=body))["counts"]
        assert len(made) == 9
    group = counts(house, group_id=body["command_id"])
    assert {each["kind"] for each in group} == {"ZONE"}
    off = {"command_id": str(an_id()), "reason": "not tonight"}
    for each in group:
        url = f"/console/v1/counts/{HUB}/{each['id']}:cancel"
        assert house.ok(house.http.post(url, json=off | {"command_id": str(an_id())}))[
            "state"] == "CANCELLED"  # fmt: skip
    assert given(house, "ann") is None
    order = house.put_order(("BOX", 6))
    house.tick()
    house.work_off(HUB, "pick", short={"BOX": 5})
    assert house.line(order)["units_short"] == 1
    assert house.job("count.plan") == 0
    house.job("count.wanted")
    kinds = [(each["kind"], each["location"]) for each in counts(house, state="OPEN")]
    assert {kind for kind, _ in kinds} >= {"CYCLE"}
    assert house.job("count.plan") == 0
    assert len(counts(house, state="OPEN")) == len(kinds)
