"""The laws in plain Python, and that the database has the same ones."""

import pytest
from sqlalchemy import text

from wms.database import Database
from wms.sites import COUNTERS, LANE_COUNTERS
from wms.stock.balance import (
    COUNTER,
    ENDED,
    TRANSITIONS,
    Balance,
    Wish,
    first_come_first_served,
    may_become,
)


def wishes(*units: int) -> list[Wish]:
    return [Wish(balance="tv", units=n, group=i) for i, n in enumerate(units)]


def test_ten_free_and_wishes_for_six_five_and_four():
    assert first_come_first_served({"tv": 10}, wishes(6, 5, 4)) == [True, False, True]


def test_a_group_takes_all_or_nothing():
    pair = [Wish(balance=b, units=1, group="pair") for b in ("shoe", "sock")]

    assert first_come_first_served({"shoe": 1}, [*pair, *pair[:1]]) == [False, False, False]
    assert first_come_first_served({"shoe": 1, "sock": 1}, pair) == [True, True]


def test_promising_and_giving_back():
    balance = Balance(sellable=10, safety=2).promise(3, "HELD").promise(4, "ALLOCATED")

    assert (balance.reserved, balance.allocated, balance.free) == (3, 4, 1)
    assert balance.may_promise(1)
    assert not balance.may_promise(2)
    assert balance.give_back(3, "HELD").free == 4


def test_an_overdraft_is_promised_and_no_more():
    balance = Balance(sellable=1, overdraft=2).promise(3, "HELD")

    assert balance.free == -2
    assert not balance.may_promise(1)


@pytest.mark.parametrize(
    "counters", [{"sellable": -1}, {"reserved": 1}, {"sellable": 3, "reserved": 2, "allocated": 2}]
)
def test_what_cannot_be(counters: dict[str, int]):
    with pytest.raises(AssertionError):
        Balance(**counters)


def test_every_state_is_on_the_way_or_at_an_end():
    reached = {to for tos in TRANSITIONS.values() for to in tos}

    assert reached - TRANSITIONS.keys() == ENDED - {"REFUSED"}
    assert TRANSITIONS.keys() == COUNTER.keys()
    assert not may_become("REFUSED", "ALLOCATED")


def test_the_database_has_the_same_transitions(database: Database):
    rows = database.run(lambda s: s.execute(text("SELECT * FROM hold_transition")).all())

    assert {(r.from_state, r.to_state): (r.place or "").lstrip("@") for r in rows} == {
        (state, to): place for state, tos in TRANSITIONS.items() for to, place in tos.items()
    }
    for row in rows:
        before, after = COUNTER.get(row.from_state), COUNTER.get(row.to_state)
        for counter in ("reserved", "allocated"):
            assert getattr(row, counter) == (after == counter) - (before == counter), row
        assert row.pinned == (row.to_state == "PINNED") - (row.from_state == "PINNED"), row


def test_the_database_has_the_same_counters_of_places(database: Database):
    query = text("SELECT location_counter(:kind, :lane)")

    def counter(kind: str, lane: str | None) -> str | None:
        answer: str | None = database.run(lambda s: s.scalar(query, {"kind": kind, "lane": lane}))
        return answer

    assert {kind: counter(kind, None) for kind in COUNTERS} == COUNTERS
    assert {lane: counter("LANE", lane) for lane in LANE_COUNTERS} == LANE_COUNTERS
