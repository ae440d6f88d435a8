"""What a site file says of machines with a mind of their own.

    [[fleets]]     a fleet that takes missions: where it goes, how many it takes, what they cost
    [[portals]]    a door or a lift: which ways lead through it, and how it must stand for each
    [[areas]]      parts of the floor that people may close: their points, as patterns
    [alarms] and [[suppressions]]                     how people are told; nothing decides by it
    [[circuits]]   a safety circuit, and the points and devices that stand still when it is open

    ways = [["dock-3", "outside", "OPEN"], ["outside", "dock-3", "OPEN"]]             a door
    ways = [["hall", "car-1", "1"], ["car-1", "car-2", "2"], ["car-2", "upstairs", "2"], …]  a lift

A lift has a point a floor in its car; moving between them is the lift's way, not the robot's.

Units: seconds; prices in minor units of `currency`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSpec:
    """A fleet of somebody else, which takes missions between places and says no more than that."""

    __pydantic_config__ = _STRICT
    name: str
    device: str
    places: tuple[str, ...] = ("*",)  # patterns: it serves an order with both ends among them
    missions_max: int = 10  # at once
    after_s: float = 0.0  # how long an order waits for our own robots first
    again_s: float = 60.0  # how long a fleet that has refused or failed is not asked
    silent_s: float = 900.0  # a mission of which nothing is heard for so long is an alarm
    price_minor: int = 0  # agreed, a mission that is finished
    price_metre_minor: float = 0.0
    price_cancelled_minor: int = 0  # agreed, one that we took back before it was loaded
    currency: str = "JPY"

    def serves(self, source: str, destination: str) -> bool:
        """Whether it goes between those places."""
        return all(
            any(fnmatchcase(place, pattern) for pattern in self.places)
            for place in (source, destination)
        )

    def agreed_minor(self, state: str, metres: float, *, taken_back: bool) -> int:
        """What a mission that ended so costs by contract, rounded half up.

        What fails, or what the provider gives up by itself, costs nothing.
        """
        if state == "FINISHED":
            return self.price_minor + int(self.price_metre_minor * metres + 0.5)
        return self.price_cancelled_minor if state == "CANCELLED" and taken_back else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A door or a lift that stands where it is asked to for as long as it is needed.

    `ways`: from a point, to a point, and the position that it must have. Several robots may use
    an open door at once; a lift carries one.
    """

    __pydantic_config__ = _STRICT
    name: str
    device: str
    ways: tuple[tuple[str, str, str], ...]
    kind: Literal["door", "lift"] = "door"
    lease_s: float = 30.0  # how long it is asked for at a time
    silent_s: float = 15.0  # without an answer for so long it is an alarm
    stay_s: float = 300.0  # and so is somebody who uses it for longer

    def inside(self) -> frozenset[str]:
        """The points from which every way known here leads through it: those in a lift's car."""
        if self.kind == "door":
            return frozenset()
        cars = [{start, end} for start, end, _ in self.ways if self._moves(start, end)]
        return frozenset().union(*cars)

    def _moves(self, start: str, end: str) -> bool:
        """Whether that way is the lift's own: it must stand elsewhere for the way back."""
        there = {(a, b): position for a, b, position in self.ways}
        back = there.get((end, start))
        return back is not None and back != there[start, end]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A safety circuit: what its emergency stops make stand still. Nothing named: the whole site.

    It is the machines that stop, by their own safety; we only tell them nothing until people have
    said that it is over, at the machine and at the screen.
    """

    __pydantic_config__ = _STRICT
    name: str
    device: str
    points: tuple[str, ...] = ()  # patterns
    devices: tuple[str, ...] = ()  # conveyors, sorters, fleets

    @property
    def whole(self) -> bool:
        """Whether it stops everything."""
        return not self.points and not self.devices

    def holds_point(self, point: str) -> bool:
        """Whether a robot must not be told to move at that point, or to it."""
        return self.whole or any(fnmatchcase(point, pattern) for pattern in self.points)

    def holds_device(self, device: str) -> bool:
        """Whether that device must not be told to move."""
        return self.whole or device in self.devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the floor that people may close for a while."""

    __pydantic_config__ = _STRICT
    name: str
    points: tuple[str, ...]  # patterns
    name_en: str = ""  # as people call it; "": by its name
    name_ja: str = ""

    def holds_point(self, point: str) -> bool:
        """Whether that point lies in it."""
        return any(fnmatchcase(point, pattern) for pattern in self.points)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRules:
    """How the site's alarms are shown to people."""

    __pydantic_config__ = _STRICT
    operators: Annotated[int, Field(ge=1)] = 1  # who share what comes
    latched: tuple[str, ...] = ()  # codes that stay until they are reset, beside the usual ones


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionSpec:
    """While alarm `when` of a machine stands, what it hides there needs nobody."""

    __pydantic_config__ = _STRICT
    when: str  # a code; "out_of_service": the whole machine is
    hides: tuple[str, ...]  # codes
    where: Literal["same", "before", "after", "circuit", "speaks_for", "site"] = "same"


def machine_faults(
    fleets: Sequence[FleetSpec],
    portals: Sequence[Portal],
    circuits: Sequence[Circuit],
    paths: Iterable[Mapping[str, object]],
    devices: frozenset[str],
) -> Iterator[str]:
    """What is wrong with these tables. `paths` are rows of the site file."""
    rows: dict[str, Sequence[FleetSpec | Portal | Circuit]] = {
        "fleets": fleets, "portals": portals, "circuits": circuits
    }  # fmt: skip
    for table, named in rows.items():
        names = [row.name for row in named]
        for n, row in enumerate(named, 1):
            if not row.name or row.name in names[: n - 1]:
                yield f"{table}[{n}].name: is empty or used twice"
            if row.device not in devices:
                yield f"{table}[{n}].device: there is no device {row.device}"
    for n, fleet in enumerate(fleets, 1):
        if fleet.missions_max < 1 or min(fleet.after_s, fleet.again_s, fleet.silent_s) < 0:
            yield f"fleets[{n}]: missions_max is at least 1, and no time is below 0"
    yield from _ways(portals, paths)


def _ways(portals: Sequence[Portal], paths: Iterable[Mapping[str, object]]) -> Iterator[str]:
    known: set[tuple[object, object]] = set()
    for path in paths:
        known.add((path.get("from"), path.get("to")))
        if path.get("two_way") or path.get("contraflow"):
            known.add((path.get("to"), path.get("from")))
    used: dict[tuple[str, str], str] = {}
    for n, portal in enumerate(portals, 1):
        if not portal.ways or portal.lease_s <= 0:
            yield f"portals[{n}]: needs ways, and a lease above 0 s"
        for start, end, position in portal.ways:
            if (start, end) not in known:
                yield f"portals[{n}].ways: there is no path from {start} to {end}"
            if used.setdefault((start, end), portal.name) != portal.name:
                yield f"portals[{n}].ways: {start} > {end} leads through {used[start, end]} too"
            if not position:
                yield f"portals[{n}].ways: {start} > {end} has no position"
