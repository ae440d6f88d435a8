"""The sorter's table: what each scan is answered with, and what is said again."""

from datetime import timedelta
from typing import Any

import pytest

from edge.messages import CartonArrived, CartonScanned, CartonSorted, Divert, ReleaseCarton
from tests.wcs.fleet import START, tokyo
from wcs.conveyor import (
    FULL_S,
    GONE_S,
    RECIRCULATE,
    RELEASE_S,
    REPLY_S,
    TELL_AGAIN_S,
    TELLS_MAX,
    parcel_code,
)
from wcs.engine import Engine, Incoming
from wcs.messages import ParcelExpected, ParcelScanned, ParcelSorted
from wcs.state import Outbox, fresh_state

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
    (said,) = line.sorted("LANE_FULL", "L2").to_wms
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
    line.sorted("DIVERTED", "L2", tracking=10)
    assert lane_of(line.scan(tracking=13)) == ("L2", "L2"), "somebody got in"


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
    assert told[-1] == [], "not for ever"


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
