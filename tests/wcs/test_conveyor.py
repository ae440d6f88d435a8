"""The sorter's table: what each scan is answered with, and what is said again."""

from datetime import timedelta
from typing import Any

import pytest

from edge.decisions import FULL_S, RECIRCULATE, Table, parcel_code
from edge.messages import (
    CartonArrived,
    CartonDefaulted,
    CartonScanned,
    CartonSorted,
    Divert,
    LanesKnown,
    LaneTable,
    ReleaseCarton,
)
from tests.wcs.fleet import START, tokyo
from wcs.conveyor import (
    GONE_S,
    RELEASE_S,
    REPLY_S,
    TELL_AGAIN_S,
    TELL_SELDOM_S,
    TELLS_MAX,
)
from wcs.engine import Engine, Incoming, Started
from wcs.lanes import AGAIN_S, ALIVE_S, PIECE, PIECES, VALID_S
from wcs.messages import Alarm, ParcelExpected, ParcelScanned, ParcelSorted
from wcs.state import Expected, Outbox, fresh_state

PLANT = tokyo()
CODE = "049012345678901234"
LABEL = "00" + CODE


class Line:
    """Conveyor and sorter as the engine sees them."""

    def __init__(self) -> None:
        self.engine, self.state = Engine(PLANT), fresh_state(PLANT, START)
        self.now = START

    def hear(self, *inbox: Incoming, after_s: float = 1.0) -> Outbox:
        self.now += timedelta(seconds=after_s)
        return self.engine.step(self.state, inbox, self.now)

    def scan(self, lap: int = 0, **more: Any) -> Outbox:
        facts = {"tracking": 7, "status": "GOOD", "barcode": LABEL} | more
        event = CartonScanned(at=self.now, device="sorter1", lap=lap, **facts)  # type: ignore[arg-type]
        return self.hear(event)

    def sorted(self, status: str, lane: str | None = None, tracking: int = 7) -> Outbox:
        event = CartonSorted(
            at=self.now,
            device="sorter1",
            tracking=tracking,
            status=status,  # type: ignore[arg-type]
            lane=lane,
            barcode=LABEL,
        )
        return self.hear(event)

    def expect(self, lane: str = "L2", code: str = CODE) -> None:
        self.hear(ParcelExpected(code=code, epc_hex="31AA", lane=lane))


def lane_of(outbox: Outbox) -> tuple[str, str | None]:
    """What was decided, and the lane that the sorter was told."""
    (scanned,) = outbox.to_wms
    assert isinstance(scanned, ParcelScanned)
    lanes = [command.lane for command in outbox.to_edge if isinstance(command, Divert)]
    return scanned.lane, lanes[0] if lanes else None


@pytest.mark.parametrize(
    ("expected", "scan", "decided", "told"),
    [
        ("L2", {}, "L2", "L2"),
        ("L2", {"barcode": CODE}, "L2", "L2"),
        ("L2", {"barcode": f"]C1{LABEL}"}, "L2", "L2"),
        ("L2", {"lap": 3}, "L2", "L2"),
        ("HOSP", {}, "HOSP", "HOSP"),
        (None, {}, RECIRCULATE, None),
        (None, {"lap": 2}, RECIRCULATE, None),
        (None, {"lap": 3}, "HOSP", "HOSP"),
        ("L2", {"status": "NO_READ", "barcode": None}, RECIRCULATE, None),
        ("L2", {"status": "NO_READ", "barcode": None, "lap": 3}, "HOSP", "HOSP"),
        ("L2", {"status": "MULTI_READ", "barcode": None}, RECIRCULATE, None),
        ("L2", {"status": "MULTI_READ"}, RECIRCULATE, None),
        ("L99", {}, RECIRCULATE, None),
        ("L99", {"lap": 9}, "HOSP", "HOSP"),
    ],
)
def test_the_table(expected: str | None, scan: dict[str, Any], decided: str, told: str | None):
    line = Line()
    if expected is not None:
        line.expect(expected)
    assert lane_of(line.scan(**scan)) == (decided, told)


def test_a_parcel_that_is_announced_while_it_goes_round_gets_its_lane():
    line = Line()
    assert lane_of(line.scan())[0] == RECIRCULATE
    line.expect("L5")
    assert lane_of(line.scan(lap=1)) == ("L5", "L5")
    line.expect("L6")
    assert lane_of(line.scan(lap=2)) == ("L6", "L6"), "the latest word counts"


def test_a_lane_found_full_is_not_tried_again_for_a_while():
    line = Line()
    line.expect("L2")
    line.scan()
    alarm, said = line.sorted("LANE_FULL", "L2").to_wms
    assert isinstance(alarm, Alarm)
    assert (alarm.code, alarm.active) == ("sorter.lane_full", True)
    assert isinstance(said, ParcelSorted)
    assert said.status == "LANE_FULL"
    assert lane_of(line.scan(tracking=8))[0] == RECIRCULATE
    assert lane_of(line.scan(tracking=9, lap=3))[0] == "HOSP"
    line.hear(after_s=FULL_S)
    assert lane_of(line.scan(lap=1)) == ("L2", "L2")
    line.sorted("LANE_DISABLED", None, tracking=7)
    assert lane_of(line.scan(tracking=10))[0] == RECIRCULATE
    line.scan(tracking=11, barcode=None, status="NO_READ", lap=3)
    assert lane_of(line.scan(tracking=12))[0] == RECIRCULATE
    over = line.sorted("DIVERTED", "L2", tracking=10).to_wms[0]
    assert isinstance(over, Alarm)
    assert not over.active
    assert lane_of(line.scan(tracking=13)) == ("L2", "L2"), "somebody got in"


def test_a_jam_and_a_carton_that_is_lost_call_people():
    line = Line()
    line.scan()
    jam, _ = line.sorted("JAM").to_wms
    over, lost, said = line.sorted("LOST_TRACK").to_wms
    assert isinstance(jam, Alarm)
    assert isinstance(over, Alarm)
    assert isinstance(lost, Alarm)
    assert isinstance(said, ParcelSorted)
    assert (jam.code, jam.priority, over.active) == ("sorter.jam", 1, False)
    assert (lost.code, lost.detail, said.status) == ("sorter.lost_track", LABEL, "LOST_TRACK")
    assert line.state.sorting.cartons["sorter1/7"].closed


def test_what_the_edge_has_answered_is_noted_and_not_answered_again():
    line = Line()
    assert lane_of(line.scan(lane="L4")) == ("L4", None)
    line.hear(CartonDefaulted(at=line.now, device="sorter1", tracking=7, lap=0, lane="L5"))
    assert line.state.sorting.cartons["sorter1/7"].lane == "L5"


@pytest.mark.parametrize("status", ["OVERSIZE", "OVERWEIGHT"])
def test_what_cannot_be_sorted_goes_to_the_hospital_at_once(status: str):
    line = Line()
    line.expect("L2")
    assert lane_of(line.scan(status=status)) == ("HOSP", "HOSP")


# ------------------------------------------------------------------------ the table of the edge
def pieces(outbox: Outbox) -> list[LaneTable]:
    return [command for command in outbox.to_edge if isinstance(command, LaneTable)]


class Edge:
    """An edge's copy, which loses what it is told to lose."""

    def __init__(self, line: Line) -> None:
        self.line, self.table = line, Table()

    def hear(self, outbox: Outbox, *, lost: bool = False) -> Outbox:
        said = Outbox()
        for piece in [] if lost else pieces(outbox):
            said.to_edge += self.answer(is_missing=not self.table.take(piece)).to_edge
        return said

    def answer(self, *, is_missing: bool = False) -> Outbox:
        at, table = self.line.now, self.table
        version, name = table.version, table.name
        return self.line.hear(
            LanesKnown(
                at=at, device="sorter1", table=name, version=version, missing=is_missing
            ), after_s=0.1,
        )  # fmt: skip


def test_the_edge_gets_the_table_in_pieces_and_what_it_lost_again():
    line = Line()
    line.hear(Started())
    for n in range(PIECE * PIECES + 7):
        line.state.sorting.expected[f"{n:018}"] = Expected(lane=f"L{1 + n % 6}", number=n + 1)
    line.state.sorting.rows = len(line.state.sorting.expected)
    edge = Edge(line)
    assert not pieces(line.hear()), "nobody has asked"

    said = edge.answer()
    assert [len(piece.rows) for piece in pieces(said)] == [PIECE] * PIECES
    while pieces(said):
        said = edge.hear(said)
    assert edge.table.version == line.state.sorting.rows
    assert len(edge.table.rows) == len(line.state.sorting.expected)
    assert edge.table.lane_of(f"00{5:018}", line.now) == "L6"

    line.expect("L1", "a")
    edge.hear(line.hear(), lost=True)
    line.expect("L2", "b")
    assert not pieces(line.hear()), "both were sent, and lost"
    (again,) = pieces(line.hear(after_s=AGAIN_S))
    assert again.rows == {"a": "L1", "b": "L2"}
    assert edge.table.take(again)
    assert not pieces(edge.answer())

    (alive,) = pieces(edge.line.hear(after_s=ALIVE_S))
    assert alive.valid_until - line.now == timedelta(seconds=VALID_S)
    edge.answer()
    edge.table = Table()  # its disk was lost
    said = edge.answer()
    while pieces(said):
        said = edge.hear(said)
    assert edge.table.version == line.state.sorting.rows


def test_a_piece_that_comes_out_of_turn_is_asked_for_again():
    line = Line()
    line.hear(Started())
    edge = Edge(line)
    line.expect("L1", "a")
    (first,) = pieces(edge.answer())
    assert edge.table.take(first)
    edge.answer()
    line.expect("L2", "b")  # its piece is lost
    line.expect("L3", "a")
    told = line.state.sorting.told["sorter1"]
    assert (told.known, told.sent) == (1, 3)
    late = LaneTable(
        device="sorter1", table=first.table, since=2, version=3, rows={"a": "L3"},
        valid_until=first.valid_until,
    )  # fmt: skip
    assert not edge.table.take(late)
    (rest,) = pieces(edge.answer(is_missing=True))
    assert (rest.since, edge.table.take(rest)) == (1, True)
    assert edge.table.take(first), "known already"
    assert edge.table.rows == {"b": "L2", "a": "L3"}, "the older row replaces nothing"
    assert edge.table.lane_of("a", rest.valid_until) is None, "too old"


def test_what_is_told_again_is_answered_again_and_reported_once():
    line = Line()
    line.expect("L2")
    first, again = line.scan(), line.scan()
    assert lane_of(first) == ("L2", "L2")
    assert [type(command) for command in again.to_edge] == [Divert]
    assert again.to_wms == []
    assert len(line.sorted("DIVERTED", "L2").to_wms) == 1
    assert line.sorted("DIVERTED", "L2").to_wms == []
    assert line.state.sorting.lanes == {"L2": 1}


def test_each_lap_is_reported():
    line = Line()
    for lap in range(3):
        assert len(line.scan(lap=lap, status="NO_READ", barcode=None).to_wms) == 1
        assert len(line.sorted("RECIRCULATED").to_wms) == 1
        assert line.sorted("RECIRCULATED").to_wms == []
    assert lane_of(line.scan(lap=3, status="NO_READ", barcode=None))[0] == "HOSP"
    (said,) = line.sorted("DIVERTED", "HOSP").to_wms
    assert isinstance(said, ParcelSorted)
    assert (said.lane, said.code) == ("HOSP", None)


def test_a_tracking_number_may_come_again_for_another_carton():
    line = Line()
    line.expect("L2")
    line.scan()
    line.sorted("DIVERTED", "L2")
    line.expect("L3", code="049012345678909999")
    assert lane_of(line.scan(barcode="00049012345678909999")) == ("L3", "L3")
    line.sorted("DIVERTED", "L3")
    line.hear(after_s=100.0)
    assert lane_of(line.scan(barcode="00049012345678909999")) == ("L3", "L3"), "put on again"
    assert len(line.sorted("DIVERTED", "L3").to_wms) == 1


def test_a_lane_that_comes_too_late_is_not_sent():
    line = Line()
    line.expect("L2")
    event = CartonScanned(at=line.now, device="sorter1", tracking=7, status="GOOD", barcode=LABEL)
    assert lane_of(line.hear(event, after_s=REPLY_S)) == ("L2", None)


def test_what_was_scanned_before_our_time_is_reported_all_the_same():
    line = Line()
    (said,) = line.sorted("DIVERTED", "L4").to_wms
    assert isinstance(said, ParcelSorted)
    assert (said.code, said.lane) == (CODE, "L4")


def test_other_devices_are_not_sorters():
    line = Line()
    event = CartonScanned(at=START, device="cv1", tracking=7, status="GOOD", barcode=LABEL)
    other = CartonSorted(
        at=START, device="cv1", tracking=7, status="DIVERTED", lane="L1", barcode=LABEL
    )
    assert line.hear(event, other) == Outbox()


# ------------------------------------------------------------------------ letting cartons in
def arrival(tracking: int) -> CartonArrived:
    return CartonArrived(at=START, device="cv1", point="INDUCT", tracking=tracking)


def released(outbox: Outbox) -> list[int]:
    return [command.tracking for command in outbox.to_edge if isinstance(command, ReleaseCarton)]


def test_a_carton_is_let_in_at_once_and_told_again_while_it_stands():
    line = Line()
    outbox = line.hear(arrival(1))
    (command,) = outbox.to_edge
    assert isinstance(command, ReleaseCarton)
    assert command.expires_at == line.now + timedelta(seconds=RELEASE_S)
    assert released(line.hear()) == []
    assert released(line.hear(arrival(1))) == [1], "the edge says that it stands there still"
    assert released(line.hear(after_s=TELL_AGAIN_S)) == [1]
    assert released(line.hear(arrival(2), after_s=TELL_AGAIN_S)) == [2]
    told = [released(line.hear(after_s=TELL_AGAIN_S)) for _ in range(2 * TELLS_MAX)]
    assert told[TELLS_MAX - 2] == [2]
    assert told[TELLS_MAX - 1] == [], "not so often for ever"
    seldom = [released(line.hear(after_s=TELL_SELDOM_S)) for _ in range(50)]
    assert seldom == [[2]] * 50, "it may stand there for as long as the edge hears nothing"


def test_nothing_is_let_in_while_the_loop_is_full():
    line = Line()
    room = PLANT.sorters["sorter1"].loop_max
    for tracking in range(room):
        line.scan(tracking=1000 + tracking)
    assert released(line.hear(arrival(1))) == []
    assert released(line.sorted("DIVERTED", "L1", tracking=1000)) == [1]
    assert released(line.hear(arrival(2))) == [2], "one has left"
    line.scan(tracking=2000)
    assert released(line.hear(arrival(3))) == []
    assert released(line.hear(after_s=GONE_S)) == [3], "what is not heard of is gone"


def test_labels():
    assert parcel_code(None) is None
    assert parcel_code("") is None
    assert parcel_code(CODE) == CODE
    assert parcel_code(f"(00){CODE}") == CODE
    assert parcel_code("00123") == "00123"
