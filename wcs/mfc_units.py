"""What is on the conveyors of a site, in plain dataclasses: part of the engine's state.

Every unit is on one belt: the one it is on, or the one it was sent to. So the room that it needs
is taken from the moment of the decision, and given back when it is seen at the belt's end.
"""

from dataclasses import dataclass, field
from datetime import datetime

from edge.machine_messages import UnitScanned
from wcs.release import Tuner


@dataclass(slots=True)
class Unit:
    """A tote or carton on the conveyors."""

    code: str  # its label's, or "?device/node/tracking" of what could not be read
    belt: str  # "" before the first decision
    number: int  # the later it came on to its belt the higher
    since: datetime
    scan: UnitScanned  # the latest
    seen: dict[str, int] = field(default_factory=dict)  # how often, by node


@dataclass(slots=True)
class Conveying:
    """All that is known of units and belts."""

    units: dict[str, Unit] = field(default_factory=dict)  # who was seen or sent last stands last
    numbers: int = 0
    load: dict[str, int] = field(default_factory=dict)  # units by belt
    shut: dict[str, str] = field(default_factory=dict)  # belts that cannot be used, and why
    standing: dict[str, str] = field(default_factory=dict)  # by node: who waits there
    tuners: dict[str, Tuner] = field(default_factory=dict)  # by ring
    checked_at: datetime | None = None  # when it was last looked whether anybody is missing
    ended: dict[str, int] = field(default_factory=dict)  # units by exit

    def put(self, unit: Unit, belt: str, now: datetime) -> None:
        """Take the room that the unit has, and give it room on another belt ("": nowhere)."""
        if unit.belt:
            self.load[unit.belt] -= 1
        self.units.pop(unit.code, None)
        unit.belt = belt
        if belt:
            self.numbers += 1
            unit.number, unit.since = self.numbers, now
            self.load[belt] = self.load.get(belt, 0) + 1

    def keep(self, unit: Unit) -> None:
        """The unit is the one that was heard of last."""
        self.units.pop(unit.code, None)
        self.units[unit.code] = unit
