"""The lane table at the edge: whatever is lost, doubled or out of turn, it is the WCS's own."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import decisions
from edge.decisions import FULL_S, Lanes, Shut, Table, decide
from edge.messages import LaneTable, ScanStatus

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LANES = Lanes(names=("L1", "L2"), hospital="HOSP", laps_max=2, default="L2")


def piece(history: list[tuple[str, str]], since: int, version: int) -> LaneTable:
    """What the WCS says of rows after `since` up to `version`: the latest of each parcel."""
    rows: dict[str, str] = {}
    for code, lane in history[since:version]:
        rows.pop(code, None)
        rows[code] = lane
    return LaneTable(
        device="s", table="t", since=since, version=version, rows=rows,
        valid_until=NOW + timedelta(hours=1),
    )  # fmt: skip


rows = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["L1", "L2"])), min_size=1)


@given(history=rows, data=st.data())
def test_the_table_never_goes_back_and_is_whole_in_the_end(
    history: list[tuple[str, str]], data: st.DataObject
):
    table, end = Table(name="t"), len(history)
    cuts = st.tuples(st.integers(0, end), st.integers(0, end)).map(sorted)
    for since, version in data.draw(st.lists(cuts, max_size=12)):
        before = table.version
        taken = table.take(piece(history, since, version))
        assert taken == (since <= before or since == 0)
        assert table.version == (max(before, version) if taken else before)
        assert table.rows == dict(history[: table.version])
    assert table.take(piece(history, table.version, end))
    assert table.rows == dict(history)


def test_another_table_begins_anew_and_never_in_the_middle():
    table = Table()
    assert not table.take(piece([("a", "L1"), ("b", "L1")], 1, 2)), "the beginning is missing"
    assert table.take(piece([("a", "L1")], 0, 1))
    table.name = "another life of the WCS"
    assert not table.take(piece([("a", "L1"), ("b", "L2")], 1, 2))
    assert table.take(piece([("b", "L2")], 0, 1))
    assert table.rows == {"b": "L2"}


def test_the_oldest_rows_go_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decisions, "ROWS_MAX", 2)
    table = Table()
    table.take(piece([("a", "L1"), ("b", "L1"), ("a", "L2"), ("c", "L1")], 0, 4))
    assert table.rows == {"a": "L2", "c": "L1"}


@pytest.mark.parametrize(
    ("lane", "status", "lap", "shut", "decided"),
    [
        ("L1", "GOOD", 0, "open", ("L1", "TABLE")),
        ("L1", "GOOD", 9, "open", ("L1", "TABLE")),
        ("L1", "GOOD", 1, "shut", ("RECIRCULATE", "LANE_FULL")),
        ("L1", "GOOD", 2, "shut", ("HOSP", "MAX_RECIRC")),
        (None, "GOOD", 0, "open", ("L2", "NO_DATA")),
        (None, "GOOD", 2, "open", ("HOSP", "MAX_RECIRC")),
        ("L9", "GOOD", 0, "open", ("L2", "NO_DATA")),
        (None, "NO_READ", 0, "open", ("RECIRCULATE", "NO_READ")),
        (None, "MULTI_READ", 2, "open", ("HOSP", "MAX_RECIRC")),
        (None, "GAP_ERROR", 1, "open", ("RECIRCULATE", "GAP_ERROR")),
        ("L1", "OVERSIZE", 0, "open", ("HOSP", "OVERSIZE")),
        ("L1", "OVERWEIGHT", 0, "shut", ("HOSP", "OVERWEIGHT")),
    ],
)
def test_every_status_has_its_answer(
    lane: str | None, status: ScanStatus, lap: int, shut: str, decided: tuple[str, str]
):
    assert decide(LANES, lane, status, lap, is_shut=shut == "shut") == decided


def test_a_shut_lane_is_tried_again_after_a_while_and_a_closed_one_when_it_is_opened():
    shut = Shut()
    shut.note("LANE_FULL", "L1", NOW)
    assert shut.is_shut("L1", NOW + timedelta(seconds=FULL_S))
    assert not shut.is_shut("L1", NOW + timedelta(seconds=FULL_S + 1))
    shut.note("DIVERTED", "L1", NOW)
    assert not shut.is_shut("L1", NOW)
    shut.closed.add("L2")
    assert shut.is_shut("L2", NOW + timedelta(days=1))
    assert not shut.is_shut(None, NOW)


def test_a_default_lane_is_one_of_the_lanes():
    row = {"lanes": ["L1"], "hospital": "HOSP"}
    assert Lanes.of(row | {"default_lane": "HOSP"}).default == "HOSP"
    with pytest.raises(ValueError, match="L7"):
        Lanes.of(row | {"default_lane": "L7"})
