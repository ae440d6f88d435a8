"""Conveyor and sorter on virtual time: no carton is lost, doubled or left going round.

The properties play a WCS that is sometimes silent, late or wrong. They fail if the law in
`Sorter._divert` (laps), `_outcome` (room) or `ConveyorLine.command` (once) is taken out.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.conveyor import CellState, CommandResult, ConveyorCell, Standing, cell_json
from simulators.sorter import Confirmation, Delivered, ReplyResult, SorterConfig

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
PERFECT = SorterConfig(
    lanes=("L1", "L2"),
    hospital="HOSP",
    decision_window_s=1,
    no_read=0,
    multi_read=0,
    bad_label=0,
    missed_divert=0,
)


def a_cell(config: SorterConfig = PERFECT) -> ConveyorCell:
    return ConveyorCell(10, config, CellState(stream="s", seen_at=START))


def settle(cell: ConveyorCell, now: datetime) -> tuple[list[Confirmation], datetime]:
    """Let time pass until nothing moves by itself; all that was said, and the time then."""
    said = []
    while (at := cell.next_event_at()) is not None:
        now = max(now, at)
        said += [one for one in cell.step(now) if isinstance(one, Confirmation)]
    return said, now


def on_the_sorter(cell: ConveyorCell) -> tuple[Confirmation, datetime]:
    """One carton, released and scanned."""
    assert cell.put("A")
    (standing,) = cell.step(START)
    assert isinstance(standing, Standing)
    assert cell.line.command(1, standing.tracking, START) == CommandResult.RELEASED
    now = START
    while True:
        now = cell.next_event_at() or now
        for said in cell.step(now):
            if isinstance(said, Confirmation):
                return said, now


def test_without_a_release_a_carton_waits():
    cell = a_cell()
    cell.put("A")
    cell.put("B")
    assert cell.step(START) == [Standing(tracking=1, code="A")]

    assert cell.step(START + timedelta(days=1)) == []
    assert cell.next_event_at() is None


def test_a_carton_is_laid_on_once():
    cell = a_cell()

    assert cell.put("A")
    assert not cell.put("A")
    assert cell.codes() == ["A"]


def test_a_task_is_carried_out_once():
    cell = a_cell()
    cell.put("A")
    cell.put("B")
    cell.step(START)

    assert cell.line.command(7, 1, START) == CommandResult.RELEASED
    cell.step(START)
    assert cell.line.command(7, 2, START) == CommandResult.RELEASED, "the answer of then"
    assert cell.line.command(6, 2, START) == CommandResult.STALE_TASK
    assert cell.line.command(8, 1, START) == CommandResult.NO_SUCH_CARTON
    assert cell.line.state.standing == Standing(tracking=2, code="B")


def test_task_numbers_wrap():
    cell = a_cell()
    cell.put("A")
    cell.step(START)
    cell.line.state.last_task = 65535

    assert cell.line.command(1, 1, START) == CommandResult.RELEASED


def test_a_reply_in_time_diverts():
    cell = a_cell()
    scanned, now = on_the_sorter(cell)
    assert (scanned.kind, scanned.status, scanned.barcode) == ("SCANNED", "GOOD", "A")

    assert cell.sorter.reply(scanned.tracking, "L9", now) == ReplyResult.NO_SUCH_LANE
    assert cell.sorter.reply(scanned.tracking, "L2", now) == ReplyResult.ACCEPTED
    assert cell.sorter.reply(scanned.tracking, "L1", now) == ReplyResult.REPEATED
    (sorted_,), _ = settle(cell, now)

    assert (sorted_.kind, sorted_.status, sorted_.lane) == ("SORTED", "DIVERTED", "L2")
    assert cell.sorter.state.lanes == {"L1": [], "L2": ["A"], "HOSP": []}


def test_an_unanswered_request_recirculates_until_the_hospital():
    cell = a_cell()
    scanned, now = on_the_sorter(cell)
    late = now + timedelta(seconds=PERFECT.decision_window_s)
    assert cell.sorter.reply(scanned.tracking, "L1", late) == ReplyResult.TOO_LATE

    said, _ = settle(cell, now)

    assert [one.status for one in said if one.kind == "SORTED"] == [
        *["NO_REPLY"] * PERFECT.laps_max,
        "MAX_RECIRC",
    ]
    assert said[-1].lane == "HOSP"
    assert max(one.lap for one in said) == PERFECT.laps_max
    assert cell.sorter.state.lanes["HOSP"] == ["A"]


def test_a_full_or_disabled_lane_sends_it_round():
    cell = a_cell()
    scanned, now = on_the_sorter(cell)
    cell.sorter.state.lanes["L1"] = [str(n) for n in range(PERFECT.lane_capacity)]
    cell.sorter.reply(scanned.tracking, "L1", now)
    now += timedelta(seconds=PERFECT.decision_window_s)
    (full,) = cell.step(now)
    assert isinstance(full, Confirmation)
    assert (full.status, full.lane) == ("LANE_FULL", None)

    cell.sorter.state.disabled.append("L2")
    now += timedelta(seconds=PERFECT.lap_s)
    cell.step(now)
    cell.sorter.reply(scanned.tracking, "L2", now)
    (off,) = cell.step(now + timedelta(seconds=PERFECT.decision_window_s))
    assert isinstance(off, Confirmation)
    assert off.status == "LANE_DISABLED"


def test_confirmations_stay_until_acknowledged_and_a_full_ring_stops_the_loop():
    config = replace(PERFECT, ring_size=1)
    cell = a_cell(config)
    scanned, now = on_the_sorter(cell)
    cell.step(now + timedelta(days=1))
    assert cell.sorter.state.unacknowledged == [scanned]
    assert cell.sorter.state.held_by == ["ring full"]

    later = now + timedelta(days=2)
    cell.sorter.acknowledge(scanned.sequence, later)

    assert cell.sorter.state.unacknowledged == []
    assert not cell.sorter.state.held_by
    assert cell.sorter.state.loop[0].due_at == now + timedelta(
        days=1, seconds=PERFECT.decision_window_s
    )


def test_an_acknowledgement_forgets_no_more_than_it_says():
    cell = a_cell()
    scanned, now = on_the_sorter(cell)
    said, now = settle(cell, now)

    cell.sorter.acknowledge(scanned.sequence, now)

    assert cell.sorter.state.unacknowledged == said


@pytest.mark.parametrize(
    ("chance", "scan", "outcome"),
    [
        ("gap_error", "GAP_ERROR", "GAP_ERROR"),
        ("oversize", "OVERSIZE", "OVERSIZE"),
        ("overweight", "OVERWEIGHT", "OVERWEIGHT"),
        ("lost_track", "GOOD", "LOST_TRACK"),
        ("jam", "GOOD", "JAM"),
    ],
)
def test_each_mishap_is_told_and_none_goes_into_a_usual_lane(chance: str, scan: str, outcome: str):
    wrong: dict[str, Any] = {chance: 1.0}
    cell = a_cell(replace(PERFECT, laps_max=0, **wrong))
    scanned, now = on_the_sorter(cell)
    cell.sorter.reply(scanned.tracking, "L1", now)
    said, now = settle(cell, now)
    assert (scanned.status, scanned.barcode) == (scan, "A")
    if outcome == "JAM":
        assert (said[0].status, cell.sorter.state.held_by) == ("JAM", ["jam"])
        cell.sorter.clear_jam(now)
        said, now = settle(cell, now)
        assert cell.sorter.state.lanes["L1"] == ["A"], "freed, it goes where it should"
    elif outcome == "LOST_TRACK":
        assert said[0].status == "LOST_TRACK"
        assert cell.codes() == ["A"]
        assert cell.sorter.find("A")
    else:
        assert cell.sorter.state.lanes["HOSP"] == ["A"]


def test_a_stop_takes_nothing_from_the_window():
    cell = a_cell()
    scanned, now = on_the_sorter(cell)
    again = ConveyorCell(10, PERFECT, cell_json.validate_json(cell_json.dump_json(cell.state)))
    later = now + timedelta(hours=1)

    again.wake(later)

    assert again.sorter.reply(scanned.tracking, "L1", later) == ReplyResult.ACCEPTED


wcs_moods = st.sampled_from(["reply", "reply", "reply", "silent", "late", "wrong lane"])


@settings(deadline=None)
@given(
    codes=st.lists(st.sampled_from("ABCDEFGHIJKLMNOPQRST"), max_size=40),
    moods=st.lists(wcs_moods, min_size=1, max_size=30),
    seed=st.integers(0, 99),
    capacity=st.integers(0, 3),
    kills=st.sets(st.integers(0, 200), max_size=5),
)
def test_every_carton_is_in_one_place_and_ends_in_one_lane(
    codes: list[str], moods: list[str], seed: int, capacity: int, kills: set[int]
):
    config = SorterConfig(
        lanes=("L1", "L2"),
        hospital="HOSP",
        laps_max=2,
        lane_s=25,  # longer than cartons are apart
        lane_capacity=capacity,
        no_read=0.2,
        multi_read=0.1,
        bad_label=0.1,
        missed_divert=0.2,
        gap_error=0.1,
        oversize=0.1,
        overweight=0.05,
        lost_track=0.05,
        jam=0.05,
        seed=seed,
    )
    cell, now = a_cell(config), START
    put = Counter(code for code in codes if cell.put(code))
    said: list[Confirmation] = []
    delivered: list[Delivered] = []
    task = 0
    for turn in range(10_000):
        if turn in kills:  # all that is not written down is gone
            state = cell_json.validate_json(cell_json.dump_json(cell.state))
            cell = ConveyorCell(10, config, state)
        for one in cell.step(now):
            mood = moods[turn % len(moods)]
            if isinstance(one, Delivered):
                delivered.append(one)
            elif isinstance(one, Confirmation):
                said.append(one)
                if one.kind == "SCANNED" and mood == "reply":
                    cell.sorter.reply(one.tracking, "L1" if turn % 2 else "L2", now)
                elif one.kind == "SCANNED" and mood == "wrong lane":
                    assert cell.sorter.reply(one.tracking, "L9", now) == ReplyResult.NO_SUCH_LANE
        if (standing := cell.line.state.standing) is not None:
            task += 1
            cell.line.command(task, standing.tracking, now)
            cell.line.command(task, standing.tracking, now)
        assert Counter(cell.codes()) == put, "a carton was lost or doubled"
        assert all(len(cell.sorter.state.lanes[lane]) <= capacity for lane in config.lanes)
        cell.sorter.clear_jam(now)
        at = cell.next_event_at()
        if at is None and cell.line.state.standing is None:
            break
        now = max(now, at or now)
    lost = Counter(cell.sorter.state.lost)
    assert sum(map(len, cell.sorter.state.lanes.values())) == (put - lost).total(), "on its way"
    assert Counter(one.code for one in delivered) == put - lost
    assert [one.sequence for one in said] == list(range(1, len(said) + 1))
    assert max((one.lap for one in said), default=0) <= config.laps_max
    laps = Counter((one.tracking, one.lap, one.kind) for one in said if one.status != "JAM")
    assert set(laps.values()) <= {1}, "one scan and one confirmation a lap"
