"""What was done in vain is put right: nothing in somebody's hands is forgotten, or kept twice."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.builders import an_id
from tests.wms.house import HUB, House
from wms.work.model import Task
from wms.work.wanted import CountWanted


@pytest.fixture
def walking(house: House) -> House:
    """A walk of two lines: 3 of A, 3 of B, in whichever order the tour has them."""
    for code, at in (("A", "S01-01"), ("B", "S02-01")):
        house.sku(code)
        house.stock(code, 9, at)
    house.put_order(("A", 3), ("B", 3))
    house.tick()
    return house


def walk(house: House, packet: dict[str, Any], steps: int) -> list[dict[str, Any]]:
    """The events of so many steps, as a device without network queues them."""
    events = []
    for step in packet["steps"][:steps]:
        at = packet | {"step": step["id"]}
        code = step["expect"][0]["codes"][0]
        events += [
            house.event(at, "scan", code) for _ in range((step["qty"] or {"target": 1})["target"])
        ]
    return events


def taken_by_another(house: House) -> dict[str, Any]:
    """hh-1 has a packet, is out of reach for too long, and hh-2 gets it."""
    mine = house.next_packet(HUB, "pick")
    assert mine is not None
    house.clock.at += timedelta(hours=1)
    theirs = house.next_packet(HUB, "pick", device="hh-2")
    assert theirs is not None
    assert theirs["id"] == mine["id"]
    return mine


def codes(packet: dict[str, Any]) -> list[tuple[str, str]]:
    """What each step shows, and the code that it wants."""
    return [
        (step["big"], step["expect"][0]["codes"][0] if step["expect"] else "")
        for step in packet["steps"]
    ]


def back_of(packet: dict[str, Any], *units: int) -> list[tuple[str, str]]:
    """The steps that put back so many of each line of a walk."""
    steps = []
    for at, n in enumerate(units):
        place, item = codes(packet)[2 * at : 2 * at + 2]
        steps += [(str(n), item[1]), place] if n else []
    return steps


def first_of(packet: dict[str, Any]) -> tuple[str, int]:
    """The SKU of a walk's first line, and how many."""
    (units, sku) = codes(packet)[1]
    return sku, int(units)


def test_what_was_taken_in_vain_goes_back_where_it_came_from(walking: House):
    mine = taken_by_another(walking)
    queued = walk(walking, mine, 4)
    answer = walking.send(*queued)

    assert {each["result"] for each in answer["results"]} == {"rejected"}
    assert {each["problem"]["code"] for each in answer["results"]} == {"stale_packet"}
    assert answer["results"][0]["problem"]["facts"]["device"] == "hh-2"
    back = answer["packet"]
    assert (back["kind"], back["title"]) == ("recover", mine["title"])
    assert codes(back) == back_of(mine, 3, 3)
    again = walking.send(*queued)
    assert {each["result"] for each in again["results"]} == {"duplicate"}
    assert again["packet"]["id"] == back["id"]
    held = walking.next_packet(HUB, "pick")
    assert held is not None
    assert held["id"] == back["id"]  # nothing else before it
    before = walking.stock_row("A")
    walking.do(back)
    assert walking.stock_row("A") == before  # the books never knew
    assert walking.send(*queued)["packet"] is None
    assert not walking.database.run(lambda s: s.scalars(select(CountWanted)).all())


def test_it_grows_while_nobody_has_begun_it_and_then_there_is_another(walking: House):
    mine = taken_by_another(walking)
    queued = walk(walking, mine, 4)
    first = walking.send(*queued[:2])["packet"]  # the place, and one of three
    assert codes(first) == back_of(mine, 1)
    more = walking.send(*queued[2:4])["packet"]
    assert (more["id"], codes(more)) == (first["id"], back_of(mine, 3))
    walking.send(walking.event(more, "scan", first_of(mine)[0]))
    rest = walking.send(*queued[4:])["packet"]
    assert rest["id"] != more["id"]
    assert codes(rest) == back_of(mine, 0, 3)


def test_what_was_taken_in_good_time_goes_on_with_whoever_has_the_work(walking: House):
    mine = walking.next_packet(HUB, "pick")
    assert mine is not None
    queued = walk(walking, mine, 4)
    for event in queued[:4]:  # these are in the books' walk
        walking.send(event)
    walking.clock.at += timedelta(hours=1)
    assert walking.next_packet(HUB, "pick", device="hh-2") is not None
    back = walking.send(*queued[4:6])["packet"]  # and one in vain
    assert codes(back) == [*back_of(mine, 0, 1), ("3", "")]
    assert back["steps"][-1]["say"]["code"] == "recover.hand_over"


def test_an_undone_scan_is_in_nobodys_hand(walking: House):
    mine = taken_by_another(walking)
    queued = walk(walking, mine, 2)
    undo = walking.event(mine | {"step": mine["steps"][1]["id"]}, "undo", None)
    assert walking.send(*queued[:2], undo)["packet"] is None


def test_what_cannot_go_back_whole_is_counted(walking: House):
    mine = taken_by_another(walking)
    back = walking.send(*walk(walking, mine, 2))["packet"]
    walking.do(back, short={first_of(mine)[0]: 0})
    (wanted,) = walking.database.run(lambda s: s.scalars(select(CountWanted)).all())
    assert (wanted.why, wanted.sku_id) == ("SHORT", None)


def test_work_that_takes_nothing_in_hand_is_told_to_stop(walking: House):
    walking.work_off(HUB, "pick")
    mine = walking.next_packet(HUB, "pack")
    assert mine is not None
    walking.clock.at += timedelta(hours=1)
    assert walking.next_packet(HUB, "pack", device="hh-2") is not None
    scan = walking.event(mine, "scan", mine["steps"][0]["expect"][0]["codes"][0])
    back = walking.send(scan)["packet"]
    (step,) = back["steps"]
    assert (step["say"]["code"], step["facts"][0]["value"]) == ("recover.stop", scan["value"])
    walking.do(back)


def test_a_supervisor_takes_work_away_and_what_was_taken_goes_back(walking: House):
    mine = walking.next_packet(HUB, "pick")
    assert mine is not None
    queued = walk(walking, mine, 4)
    walking.send(*queued[:4])
    body = {"command_id": str(an_id()), "why": "urgent order"}
    path = f"/console/v1/tasks/{mine['id']}:revoke"
    first = walking.ok(walking.http.post(path, json=body))
    again = walking.ok(walking.http.post(path, json=body))
    assert first["recovery"] is not None
    assert (again["recovery"], again["task"]["state"]) == (None, "OPEN")
    assert (first["task"]["done"], first["task"]["why"]) == (0, "urgent order")

    back = walking.next_packet(HUB, "pick")
    assert back is not None
    assert (back["id"], codes(back)) == (first["recovery"], back_of(mine, 3))
    late = walking.send(*queued[4:])  # sent before they were told
    assert late["results"][0]["problem"]["facts"]["state"] == "open"
    assert codes(late["packet"]) == back_of(mine, 0, 3)  # the first line is seen to already
    other = walking.next_packet(HUB, "pick", device="hh-2")
    assert other is not None
    assert (other["id"], other["step"]) == (mine["id"], mine["steps"][0]["id"])
    later = walking.send(*walk(walking, other, 4), device="hh-2")
    assert later["packet"] is None
    assert walking.stock_row("A")["picked"] == 3
    states = walking.database.run(lambda s: dict(s.execute(select(Task.kind, Task.state)).all()))
    assert states["pick"] == "DONE"
