"""How long each machine was in which state, how effective that makes it; where robots wait.

    OFFLINE   nothing is heard of it            IDLE      it could work and has nothing to do
    FAULT     it has stopped with a fault       RUNNING   it works, drives, charges by order
    MAINT     people have it                    BLOCKED   it would go on if what is before it did
                                                STARVED   it runs, and nothing comes

    availability  = share of the time that is not OFFLINE, FAULT or MAINT
    performance   = RUNNING / (RUNNING + BLOCKED)
    quality       = what went well of what was tried: reads of a sorter, missions of robots
    OEE           = their product; MTBF and MTTR by how often it went into FAULT

Between two pictures a machine was in the state of the first. Longer than `GAP_S` apart nobody
knows: that is counted for nothing.

Pure. Units: milliseconds; cells of `CELL_M` metres.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import floor
from typing import Literal, TypeAlias

from wcs.messages import SiteFrame
from wms.control.moments import Moment

State: TypeAlias = Literal["OFFLINE", "IDLE", "RUNNING", "BLOCKED", "STARVED", "FAULT", "MAINT"]
GAP_S = 60.0
CELL_M = 2.0
_OF_ROBOT: dict[str, State] = {
    "IDLE": "IDLE", "DRIVING": "RUNNING", "WORKING": "RUNNING", "CHARGING": "RUNNING",
    "WAITING": "BLOCKED", "FAULT": "FAULT", "SILENT": "OFFLINE",
}  # fmt: skip
_OF_ALARM: dict[str, State] = {
    "device.down": "OFFLINE", "device.fault": "FAULT", "sorter.jam": "FAULT", "mfc.jam": "FAULT",
    "mfc.stopped": "BLOCKED", "mfc.full": "BLOCKED", "sorter.lane_full": "BLOCKED",
}  # fmt: skip
_WORST: tuple[State, ...] = ("OFFLINE", "FAULT", "BLOCKED")
_MAINT = frozenset({"manual", "cancelled"})
_DOWN: tuple[State, ...] = ("OFFLINE", "FAULT", "MAINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """How long in that hour, and how often it came to be so."""

    lasted_ms: int
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A machine over some hours. Shares of one; None: there is nothing to tell it by."""

    machine: str
    state_ms: dict[str, int]
    faults: int
    availability: float | None
    performance: float | None
    quality: float | None
    oee: float | None
    mtbf_s: float | None
    mttr_s: float | None


class Watch:
    """Pictures in; spells by hour, machine and state out."""

    def __init__(self, devices: Iterable[str] = ()) -> None:
        self._devices = tuple(devices)
        self._at: datetime | None = None
        self._states: dict[str, State] = {}
        self._lasted: Counter[tuple[datetime, str, State]] = Counter()
        self._times: Counter[tuple[datetime, str, State]] = Counter()

    def see(self, frame: SiteFrame) -> None:
        """The next picture."""
        at, states = frame.at, states_of(frame, self._devices)
        before = self._at
        if before is not None and 0 < (passed := (at - before).total_seconds()) <= GAP_S:
            for machine, state in self._states.items():
                self._lasted[_hour(before), machine, state] += round(1000 * passed)
        for machine, state in states.items():
            if self._states.get(machine) != state:
                self._times[_hour(at), machine, state] += 1
        self._at, self._states = at, states

    def take(self) -> dict[tuple[datetime, str, State], Spell]:
        """What has come together since the last time."""
        keys = {*self._lasted, *self._times}
        spells = {
            key: Spell(lasted_ms=self._lasted[key], times=self._times[key]) for key in sorted(keys)
        }
        self._lasted.clear()
        self._times.clear()
        return spells


def states_of(frame: SiteFrame, devices: Iterable[str] = ()) -> dict[str, State]:
    """Each machine's state in a picture: robots as they say, devices by alarms and cartons."""
    states: dict[str, State] = {}
    for robot in frame.robots:
        state = _OF_ROBOT[robot.state]
        held = robot.paused or robot.why in _MAINT
        states[robot.robot] = "MAINT" if held and state != "OFFLINE" else state
    busy = {carton.device for carton in frame.cartons}
    for device in devices:
        said = {_OF_ALARM[one.code] for one in frame.alarms
                if one.source == device and one.code in _OF_ALARM}  # fmt: skip
        worst = next((state for state in _WORST if state in said), None)
        states[device] = worst or ("RUNNING" if device in busy else "STARVED")
    return states


def health(machine: str, spells: Mapping[str, Spell], quality: float | None = None) -> Health:
    """What the hours say of a machine: spells by state."""
    ms = {state: spell.lasted_ms for state, spell in spells.items() if spell.lasted_ms}
    whole, down = sum(ms.values()), sum(ms.get(state, 0) for state in _DOWN)
    running, blocked = ms.get("RUNNING", 0), ms.get("BLOCKED", 0)
    faults = spells["FAULT"].times if "FAULT" in spells else 0
    availability = (whole - down) / whole if whole else None
    performance = running / (running + blocked) if running + blocked else None
    parts = [availability, performance, quality if quality is not None else 1.0]
    known = [part for part in parts if part is not None]
    return Health(
        machine=machine,
        state_ms=ms,
        faults=faults,
        availability=availability,
        performance=performance,
        quality=quality,
        oee=known[0] * known[1] * known[2] if len(known) == len(parts) else None,
        mtbf_s=(whole - down) / 1000 / faults if faults else None,
        mttr_s=ms.get("FAULT", 0) / 1000 / faults if faults else None,
    )


def heat(moments: Iterable[Moment]) -> dict[tuple[int, int], tuple[int, int]]:
    """By cell (its column and row): robots seen there, and of these, how many waited."""
    cells: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for moment in moments:
        for spot in moment.robots.values():
            cell = cells[floor(spot.x_m / CELL_M), floor(spot.y_m / CELL_M)]
            cell[0] += 1
            cell[1] += spot.state == "WAITING"
    return {at: (seen, waited) for at, (seen, waited) in sorted(cells.items())}


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
