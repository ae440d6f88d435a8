"""The pool: one device at a time, a fence for those who come late, every event answered once."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House


@pytest.fixture
def working(house: House) -> House:
    """A hub with one walk of two lines to do."""
    for code, at in (("A", "S01-01"), ("B", "S02-01")):
        house.sku(code)
        house.stock(code, 9, at)
    house.put_order(("A", 1), ("B", 2))
    house.tick()
    return house


def given(house: House, **more: Any) -> dict[str, Any]:
    packet = house.next_packet(HUB, "pick", **more)
    assert packet is not None
    return packet


def test_a_device_that_asks_again_gets_what_it_has_in_hand(working: House):
    first = given(working)
    after = working.send(working.event(first, "scan", first["steps"][0]["expect"][0]["codes"][0]))
    again = given(working)
    assert (again["id"], again["rev"]) == (first["id"], first["rev"])
    assert again["step"] == after["packet"]["step"] == first["steps"][1]["id"]


def test_nobody_else_gets_it_while_it_is_leased(working: House):
    given(working)
    assert working.next_packet(HUB, "pick", device="hh-2") is None


def test_an_event_sent_twice_is_done_once(working: House):
    packet = given(working)
    event = working.event(packet, "scan", packet["steps"][0]["expect"][0]["codes"][0])
    first, again = working.send(event), working.send(event)
    assert first["results"][0]["result"] == "accepted"
    assert again["results"][0]["result"] == "duplicate"
    assert again["packet"] == first["packet"]


def test_the_last_event_sent_twice_moves_the_goods_once(working: House):
    packet = given(working)
    sent: list[dict[str, Any]] = []
    now: dict[str, Any] | None = packet
    while now is not None:
        step = next(step for step in now["steps"] if step["id"] == now["step"])
        sent += (deeds := working._deeds(now, step, {}))
        now = working.send(*deeds)["packet"]
    answer = working.send(*sent)
    assert {each["result"] for each in answer["results"]} == {"duplicate"}
    assert answer["packet"] is None
    assert working.stock_row("B")["picked"] == 2
    assert working.summary()["picks_by_person"] == 2


def test_whoever_lost_the_task_moves_nothing(working: House):
    lost = given(working)
    scan = working.event(lost, "scan", lost["steps"][0]["expect"][0]["codes"][0])
    working.send(scan)
    working.clock.at += timedelta(hours=2)
    taken = given(working, device="hh-2")
    assert (taken["id"], taken["rev"], taken["step"]) == (
        lost["id"], lost["rev"] + 1, lost["steps"][1]["id"],
    )  # fmt: skip
    late = working.send(working.event(lost, "scan", "A", step=taken["step"]))
    assert late["results"][0]["problem"]["code"] == "stale_packet"
    sly = working.send(working.event(taken, "scan", "A"))  # the new rev, but not the new device
    assert sly["results"][0]["problem"]["code"] == "stale_packet"
    undone = working.send(working.event(taken, "undo", None), device="hh-2")
    assert undone["packet"]["step"] == lost["steps"][0]["id"]


def test_who_has_it_again_is_late_with_what_was_scanned_before(working: House):
    """Its lease ran out, another had it, and it is back: the fence tells old scans from new."""
    before = given(working)
    late = working.event(before, "scan", before["steps"][0]["expect"][0]["codes"][0])
    working.clock.at += timedelta(hours=2)
    given(working, device="hh-2")
    working.clock.at += timedelta(hours=2)
    again = given(working)
    assert (again["id"], again["rev"], again["step"]) == (
        before["id"], before["rev"] + 2, before["steps"][0]["id"],
    )  # fmt: skip

    problem = working.send(late)["results"][0]["problem"]
    assert (problem["code"], problem["facts"]["rev"]) == ("stale_packet", again["rev"])
    assert problem["facts"]["state"] == "leased"
    assert given(working)["step"] == before["steps"][0]["id"], "nothing was done"


def test_a_rejected_event_says_why_and_changes_nothing(working: House):
    packet = given(working)
    answer = working.send(working.event(packet, "scan", "WRONG"))
    (result,) = answer["results"]
    assert result["result"] == "rejected"
    assert result["problem"]["code"] == "wrong_scan"
    assert result["problem"]["facts"]["scanned"] == "WRONG"
    assert answer["packet"] == packet | {"lease_until": answer["packet"]["lease_until"]}


def test_an_event_for_no_packet_is_rejected(working: House):
    packet = given(working) | {"id": str(an_id())}
    (result,) = working.send(working.event(packet, "scan", "A"))["results"]
    assert (result["result"], result["problem"]["code"]) == ("rejected", "no_such_packet")


def test_a_station_is_offered_its_own_tasks_only(house: House):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    house.put_order(("TEA", 1))
    house.tick()
    (brought,) = house.transports()
    other = "ST-2" if brought.destination != "ST-2" else "ST-3"
    assert house.next_packet(HUB, "pick") is None
    assert house.next_packet(HUB, "pick", station=other) is None
    assert house.next_packet(HUB, "pick", station=brought.destination) is not None


def test_a_device_with_a_name_that_is_too_long_is_told_so(working: House):
    answer = working.http.post(
        "/api/v1/work/events", json={"events": []}, headers={"X-Soko-Device": "h" * 101}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert answer.json()["errors"][0]["where"] == "header.x-soko-device"
