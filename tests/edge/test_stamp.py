"""Times across the border of an edge whose clock is wrong, and how it finds out."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import OFF_S, CountedClock, SystemClock, counted
from edge.messages import Divert, TellAgain, device_event
from edge.stamp import put_right, shift_of, stamped, to_edge_time

TRUE = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock whose hands the test moves: what it shows, and what really passes."""

    wall: datetime = TRUE
    steady: float = 50.0

    def now(self) -> datetime:
        return self.wall

    def steady_s(self) -> float:
        return self.steady

    def real_s(self, virtual_s: float) -> float:
        return virtual_s

    async def sleep(self, virtual_s: float) -> None:
        self.pass_s(virtual_s)

    def pass_s(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


def test_setting_the_clock_of_the_machine_moves_nothing():
    wall = HandClock()
    clock = CountedClock(wall, boot="b")
    wall.pass_s(10)
    wall.wall -= timedelta(hours=2)
    wall.pass_s(5)
    assert clock.now() == TRUE + timedelta(seconds=15)
    assert clock.up_s() == 15
    assert counted(clock) is clock
    assert isinstance(counted(SystemClock()), CountedClock)


seconds = st.floats(min_value=0, max_value=100)


@given(
    st.one_of(st.just(0.0), st.floats(min_value=-1e7, max_value=1e7)),
    st.lists(st.tuples(seconds, seconds, seconds), min_size=1, max_size=8),
)
def test_the_shift_is_known_as_exactly_as_the_quickest_answer(
    off_s: float, answers: list[tuple[float, float, float]]
):
    wall = HandClock(wall=TRUE - timedelta(seconds=off_s))
    clock = CountedClock(wall, boot="b")
    assert (clock.quality, clock.shift_s) == ("UNKNOWN", 0.0)
    for pause_s, there_s, back_s in answers:
        wall.pass_s(pause_s)
        sent_up_s = clock.up_s()
        wall.pass_s(there_s)
        at = wall.wall + timedelta(seconds=off_s)
        wall.pass_s(back_s)
        clock.heard(at, sent_up_s=sent_up_s)
    quickest_s = min(there_s + back_s for _, there_s, back_s in answers)
    assert abs(clock.shift_s - off_s) <= quickest_s + OFF_S + 1e-3
    assert clock.quality == ("OFF" if clock.shift_s else "GOOD")


def test_an_answer_that_contradicts_the_others_replaces_them():
    wall = HandClock()
    clock = CountedClock(wall, boot="b")
    clock.heard(TRUE + timedelta(hours=2), sent_up_s=0)
    assert clock.shift_s == 7200
    wall.pass_s(60)
    clock.heard(wall.wall + timedelta(hours=1), sent_up_s=59)
    assert 3599 <= clock.shift_s <= 3601, "the WCS was set back an hour"
    clock.heard(TRUE, sent_up_s=1e9)  # nobody of us has sent that
    assert 3599 <= clock.shift_s <= 3601


def test_events_are_put_right_by_the_best_that_is_known():
    body = json.loads(
        stamped(
            b'{"type":"tag.gone","at":"2026-11-21T06:00:00Z","first_seen_at":"2026-11-21T05:59:00Z"'
            b',"device":"g1"}', boot="b1", up_s=1.5, shift_s=None,
        )
    )  # fmt: skip
    assert body["recorded"] == {"boot": "b1", "up_s": 1.5, "shift_s": None}
    assert shift_of(body, boot="b1", shift_s=None) == 0, "nobody knows"
    assert shift_of(body, boot="b1", shift_s=7200.0) == 7200, "the same run knows by now"
    assert shift_of(body, boot="b2", shift_s=7200.0) == 0, "another run has another clock"
    right = put_right(body, 7200.0)
    assert right["at"] == "2026-11-21T08:00:00+00:00"
    assert right["first_seen_at"] == "2026-11-21T07:59:00+00:00"
    assert (right["device"], "recorded" in right) == ("g1", False)

    known = json.loads(stamped(b"{}", boot="b1", up_s=0, shift_s=60.0))
    assert shift_of(known, boot="b2", shift_s=1.0) == 60, "it knew when it wrote"


@pytest.mark.parametrize("stamp", [None, 7, {}, {"shift_s": "x"}, {"shift_s": None}])
def test_a_stamp_that_is_none_shifts_nothing(stamp: object):
    assert shift_of({"recorded": stamp}, boot="b", shift_s=5.0) == 0


@pytest.mark.parametrize("shift_s", [1e300, float("inf"), float("nan"), -1e12])
def test_what_cannot_be_shifted_stays(shift_s: float):
    body = {"at": "2026-11-21T06:00:00Z", "tracking_at": 7, "left_at": "soon"}
    assert put_right(body, shift_s) == body


def test_commands_come_into_the_time_of_the_edge():
    told = Divert(device="s", tracking=1, lane="L1", expires_at=TRUE)
    assert to_edge_time(told, 0.0) is told
    assert to_edge_time(told, 7200.0).expires_at == TRUE - timedelta(hours=2)
    assert to_edge_time(TellAgain(), 7200.0) == TellAgain()


def test_who_knows_no_stamps_reads_on():
    body = b'{"type":"device.status","at":"2026-11-21T06:00:00Z","device":"d","status":"UP"}'
    again = device_event.validate_json(stamped(body, boot="b", up_s=0, shift_s=None))
    assert again == device_event.validate_json(body)
