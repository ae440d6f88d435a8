"""Counts through the public doors: blind, by different people, while goods move."""

from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.counting.counters import (
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

PLACE = "S01-01"


@pytest.fixture
def stocked(house: House) -> House:
    for sku in ("A", "B"):
        house.sku(sku)
    house.stock("A", 10, PLACE)
    house.stock("B", 4, PLACE)
    return house


def policy(house: House, **more: Any) -> None:
    body = {"tolerance": {"C": {"units": 1}}} | more
    house.ok(house.http.put(f"/console/v1/count-policy/{HUB}", json=body))


def test_a_count_is_blind_and_two_who_agree_are_believed(stocked: House):
    policy(stocked)
    first = begin(stocked, "ann", PLACE)
    assert first is not None
    said = str(first["steps"])
    assert "'10'" not in said
    assert "'target': 10," not in said
    count(stocked, "ann", first, ("A", 7), "B", "B", "B", "B")
    (this,) = counts(stocked, site=HUB)
    assert (this["state"], this["rounds_made"], this["units_off"]) == ("OPEN", 2, 3)
    assert free(stocked, "A") == 10  # nobody is believed alone

    assert given(stocked, "ann") is None  # never the same person
    assert begin(stocked, "ann", PLACE) is not None  # scanned all the same: told at the place
    again = given(stocked, "ann")
    assert again is not None
    refused = say(stocked, "ann", again, "scan", PLACE)["results"][0]
    assert refused["problem"]["code"] == "count_other_person"
    stocked.clock.at = stocked.clock.at.replace(hour=stocked.clock.at.hour + 1)  # her lease ends
    count(stocked, "ben", given(stocked, "ben"), ("B", 4), ("A", 7))

    (this,) = counts(stocked, site=HUB, state="POSTED")
    assert (free(stocked, "A"), unknown(stocked, "A"), free(stocked, "B")) == (7, 3, 4)
    whole = one(stocked, this["id"])
    assert [each["verdict"] for each in whole["rounds"]] == ["RECOUNT", "ACCEPTED"]
    assert [(a["sku"], a["kind"], a["units"]) for a in whole["adjustments"]] == [
        ("A", "MISSING", -3)
    ]

    # found again: it comes from where it was missed, and only then from nowhere
    for who in ("cem", "dan"):
        count(stocked, who, begin(stocked, who, PLACE), ("A", 11), ("B", 4))
    assert (free(stocked, "A"), unknown(stocked, "A")) == (11, 0)
    latest = one(stocked, counts(stocked, site=HUB, state="POSTED")[0]["id"])
    assert sorted((a["kind"], a["units"]) for a in latest["adjustments"]) == [
        ("FOUND", 3), ("SURPLUS", 1),
    ]  # fmt: skip
    figures = stocked.ok(stocked.http.get("/console/v1/counts/accuracy", params={"site": HUB}))
    assert [(f["zone"], f["abc"], f["counts"], f["agreed"]) for f in figures] == [
        ("SHELF", "C", 2, 0)
    ]


def test_within_tolerance_one_person_is_enough_and_what_agrees_changes_nothing(stocked: House):
    policy(stocked)
    count(stocked, "ann", begin(stocked, "ann", PLACE), ("A", 9), ("B", 4))
    assert (free(stocked, "A"), unknown(stocked, "A")) == (9, 1)
    count(stocked, "ann", begin(stocked, "ann", PLACE), ("A", 9), ("B", 4))
    assert [each["state"] for each in counts(stocked)] == ["AGREED", "POSTED"]
    page = stocked.ok(stocked.http.get("/console/v1/counts", params={"limit": 1}))
    more = {"limit": 1, "after": page["next"]}
    rest = stocked.ok(stocked.http.get("/console/v1/counts", params=more))
    assert [page["counts"][0]["state"], rest["counts"][0]["state"]] == ["AGREED", "POSTED"]


def test_three_who_differ_leave_it_to_supervisors_and_much_money_to_two(stocked: House):
    policy(stocked, two_person_minor=5_000)
    stocked.ok(stocked.http.put("/console/v1/sku-values", json={"values": {"A": 2_000}}))
    for who, units in (("ann", 5), ("ben", 6), ("cem", 4)):
        packet = begin(stocked, who, PLACE) if who == "ann" else given(stocked, who)
        count(stocked, who, packet, ("A", units), ("B", 4))
    (this,) = counts(stocked, state="REVIEW")
    assert this["value_minor"] == 6 * 2_000

    assert decide(stocked, "ann", this["id"], "approve").json()["code"] == "counted_oneself"
    command = an_id()
    for _ in range(2):  # the answer was lost
        decided = decide(stocked, "sue", this["id"], "approve", command=command)
        assert decided.json()["state"] == "REVIEW"
    assert decide(stocked, "sue", this["id"], "approve").json()["code"] == "counted_oneself"
    assert free(stocked, "A") == 10
    assert decide(stocked, "tom", this["id"], "approve").json()["state"] == "POSTED"
    assert (free(stocked, "A"), unknown(stocked, "A")) == (4, 6)
    assert decide(stocked, "tom", this["id"], "reject").json()["code"] == "count_over"
    wrote = {"command_id": str(an_id()), "sku": "A", "units": 6, "reason": "stolen"}
    stocked.ok(stocked.http.post(f"/console/v1/unknown/{HUB}:write-off", json=wrote))
    assert unknown(stocked, "A") == 0


def test_what_moved_meanwhile_stays_moved(stocked: House):
    policy(stocked)
    packet = begin(stocked, "ann", PLACE)
    assert packet is not None
    packet = scan_place(stocked, "ann", packet)
    packet = scan_items(stocked, "ann", packet, ("B", 4), ("A", 10))  # seen before they went
    order = stocked.put_order(("A", 3))
    stocked.tick()
    walk = stocked.next_packet(HUB, "pick", device="picker")
    assert walk is not None
    stocked.send(stocked.event(walk, "scan", PLACE), device="picker")
    taken = stocked.next_packet(HUB, "pick", device="picker")
    assert taken is not None
    two = [stocked.event(taken, "scan", "A") for _ in range(2)]
    stocked.send(*two, device="picker")  # two in hand; the books know of none
    answer = end(stocked, "ann", packet)
    assert answer["results"][0]["result"] == "accepted"
    assert counts(stocked)[0]["state"] == "AGREED"

    # and who counts now finds eight, and is right
    count(stocked, "ben", begin(stocked, "ben", PLACE), ("A", 8), ("B", 4))
    assert [each["state"] for each in counts(stocked)] == ["AGREED", "AGREED"]
    walk = stocked.next_packet(HUB, "pick", device="picker")
    assert walk is not None
    stocked.send(stocked.event(walk, "scan", "A"), device="picker")
    assert stocked.order(order)["lines"][0]["units_short"] == 0
    assert (free(stocked, "A"), unknown(stocked, "A")) == (7, 0)


def test_promised_goods_that_are_not_there_are_wanted_elsewhere(stocked: House):
    policy(stocked)
    stocked.stock("A", 2, "S02-01")
    pinned = stocked.put_order(("A", 6), priority=5)
    stocked.tick()
    held = stocked.put_order(("A", 5))
    cart = {"rev": 1, "channel": "web", "latitude": 35.7, "longitude": 139.8,
            "lines": [{"line_no": 1, "sku": "A", "units": 1}]}  # fmt: skip
    answer = stocked.http.put(f"/shop/v1/carts/{an_id()}", json=cart)
    assert answer.status_code < 300, answer.text
    assert free(stocked, "A") == 0
    for who in ("ann", "ben"):
        packet = begin(stocked, who, PLACE) if who == "ann" else given(stocked, who)
        count(stocked, who, packet, "A", ("B", 4))
    assert counts(stocked, state="POSTED")
    row = stocked.stock_row("A")
    assert (row["sellable"], row["unknown"], row["cart"]) == (3, 9, 0)
    lines = [stocked.line(order) for order in (pinned, held)]
    assert [line["units_short"] for line in lines] == [6, 5]  # none can be had whole any more
    assert (row["reserved"], row["allocated"], row["free"]) == (0, 0, 3)


def test_who_counts_a_place_again_puts_what_waits_for_a_decision_out_of_date(stocked: House):
    policy(stocked, rounds_max=1, approve_minor=0)
    stocked.ok(stocked.http.put("/console/v1/sku-values", json={"values": {"A": 2_000}}))
    count(stocked, "ann", begin(stocked, "ann", PLACE), ("A", 7), ("B", 4))
    (first,) = counts(stocked, state="REVIEW")
    count(stocked, "ben", begin(stocked, "ben", PLACE), ("A", 7), ("B", 4))
    (second,) = counts(stocked, state="REVIEW")
    assert first["id"] != second["id"]
    assert one(stocked, first["id"])["state"] == "CANCELLED"
    assert decide(stocked, "sue", first["id"], "approve").json()["code"] == "count_over"
    assert decide(stocked, "sue", second["id"], "approve").json()["state"] == "POSTED"
    assert (free(stocked, "A"), unknown(stocked, "A")) == (7, 3), "the three are missing once"
