"""Sightings of tags at a gate, written by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from edge.messages import DeviceStatus, TagGone, TagSeen
from edge.tagfilter import RawRead
from simulators.rfid import Read
from wcs.gates import GateState, due, on_tag
from wcs.messages import GatePassage

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
INSIDE, OUTSIDE = (1, 2), (3, 4)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def a_gate() -> GateState:
    return GateState(gate="GATE-OUT", device="rfid", inside=INSIDE, outside=OUTSIDE)


def seen(antenna: int, at_s: float, epc: str = "E1") -> TagSeen:
    return TagSeen(at=after(at_s), device="rfid", antenna=antenna, epc_hex=epc, rssi_dbm=-50)


def gone(antenna: int, nearest_s: float, epc: str = "E1", **other: object) -> TagGone:
    """A sighting of 3 s around the moment when the tag was nearest."""
    usual = TagGone(
        at=after(nearest_s + 3),
        device="rfid",
        antenna=antenna,
        epc_hex=epc,
        first_seen_at=after(nearest_s - 1.5),
        last_seen_at=after(nearest_s + 1.5),
        strongest_at=after(nearest_s),
        reads=20,
        peak_rssi_dbm=-45,
        strongest_reads=10,
        strongest_spread_s=0.6,
    )
    return replace(usual, **other)  # type: ignore[arg-type]


def told(*events: TagSeen | TagGone | DeviceStatus, until_s: float = 120) -> list[GatePassage]:
    """What is told when these come in at their times and `due` is asked every half second."""
    state, passages, waiting = a_gate(), [], list(events)
    for step in range(int(until_s * 2)):
        now = after(step / 2)
        while waiting and waiting[0].at <= now:
            on_tag(state, waiting.pop(0), now)
        passages += due(state, now)
    assert state.tags == {}, "nothing is left behind"
    return passages


def raw(read: Read) -> RawRead:
    return RawRead(
        at=read.at,
        antenna=read.antenna,
        epc_hex=read.epc_hex,
        rssi_dbm=read.rssi_dbm,
        count=read.count,
    )
