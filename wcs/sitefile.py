"""The site file: what a site consists of, as its people wrote it down in TOML.

The file is checked for shape, names and references here, and for the laws of its graph in
wcs.plant. All faults are collected before anything is refused.

    [site] · [[points]] · [[paths]] · [[zones]] · [[stations]] · [[robots]]
    [[conveyors]] · [[sorters]] · [[gates]] · [[devices]] · [[targets]]
    [[fleets]] · [[portals]] · [[circuits]] · [[areas]] · [alarms] · [[suppressions]]   wcs.machines

Units: metres, seconds, metres per second.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError

from wcs.machines import (
    AlarmRules,
    Area,
    Circuit,
    FleetSpec,
    Portal,
    SuppressionSpec,
    machine_faults,
)
from wcs.mfc_graph import Belt, Node

PointKind: TypeAlias = Literal["lane", "storage", "station", "park", "charge"]
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_LENIENT = ConfigDict(extra="ignore", allow_inf_nan=False)  # drivers read more than we do


class PlantError(Exception):
    """A site file cannot be used.

    Attributes:
        faults: every fault that was found, in the order of the file.
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHead:
    """Who the site is, and how its robots are judged."""

    __pydantic_config__ = _STRICT
    code: str
    name_en: str = ""
    name_ja: str = ""
    look_ahead_m: float = 15.0  # how far ahead of a robot points are granted, if they are free
    silent_s: float = 120.0  # without a word from it a robot becomes an obstacle, with an alarm
    lost_s: float = 3600.0  # and what it carries is given up
    lanes: bool = False  # streets both ways get a preferred direction, found by themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place where one robot can stand."""

    __pydantic_config__ = _STRICT
    name: str
    x_m: float
    y_m: float
    kind: PointKind = "lane"
    levels: int = 0
    map: str = ""  # which floor; points of several floors are joined by lifts


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSpec:
    """Points that at most `capacity` robots hold together; the cars of a lift are one zone."""

    __pydantic_config__ = _STRICT
    name: str
    points: tuple[str, ...]
    capacity: int = 1
    kind: Literal["block", "lift"] = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Where people work on totes; at most `capacity` totes are on their way to it at once."""

    __pydantic_config__ = _STRICT
    name: str
    point: str
    capacity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotSpec:
    """A robot that belongs to the site."""

    __pydantic_config__ = _LENIENT
    name: str
    manufacturer: str
    serial: str
    start: str
    speed_mps: float = 1.5
    radius_m: float = 0.5  # of the disc that it never leaves: points closer than two of them clash
    drive_s: float = 14_400.0  # how long it drives on a full battery
    slots: int = 1  # how many loads it carries at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Conveyor:
    """A conveyor from a decision point to a sorter."""

    __pydantic_config__ = _LENIENT
    device: str
    point: str
    to: str
    seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorter:
    """A loop sorter with lanes."""

    __pydantic_config__ = _LENIENT
    device: str
    lanes: tuple[str, ...]
    hospital: str
    laps_max: int = 3
    loop_max: int = 60  # cartons on conveyor and loop together, before induction waits
    default_lane: str = ""  # for what is read but not expected; "": round again


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A door with an RFID reader: its antennas on either side of the threshold."""

    __pydantic_config__ = _LENIENT
    name: str
    device: str
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    eyes: tuple[int, ...] = ()  # inputs of the reader: the photo-eye inside, and that outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where a device is reached. Further settings are its driver's affair and not read here."""

    __pydantic_config__ = _LENIENT
    name: str
    driver: str
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """How much of a kind of work is planned an hour: people see it, nothing decides by it."""

    __pydantic_config__ = _STRICT
    area: str  # receive, putaway, pick, pack, ship …
    per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFile:
    """Everything that the file says."""

    __pydantic_config__ = _STRICT
    site: SiteHead
    points: tuple[Point, ...]
    paths: tuple[dict[str, Any], ...]
    zones: tuple[ZoneSpec, ...] = ()
    stations: tuple[Station, ...] = ()
    robots: tuple[RobotSpec, ...] = ()
    conveyors: tuple[Conveyor, ...] = ()
    sorters: tuple[Sorter, ...] = ()
    gates: tuple[Gate, ...] = ()
    shelves: tuple[dict[str, Any], ...] = ()  # the edge's affair: it tells what lies on them
    devices: tuple[Device, ...] = ()
    fleets: tuple[FleetSpec, ...] = ()
    portals: tuple[Portal, ...] = ()
    circuits: tuple[Circuit, ...] = ()
    areas: tuple[Area, ...] = ()
    targets: tuple[Target, ...] = ()
    alarms: AlarmRules = field(default_factory=AlarmRules)
    suppressions: tuple[SuppressionSpec, ...] = ()
    nodes: tuple[Node, ...] = ()  # of a network of conveyors
    belts: tuple[Belt, ...] = ()


_site_file: TypeAdapter[SiteFile] = TypeAdapter(SiteFile)
_PATH_KEYS = {"from": str, "to": str, "two_way": bool, "contraflow": bool, "speed_mps": float}


def read_site_file(text: str) -> SiteFile:
    """A site file, well formed and with names that exist.

    Raises:
        PlantError: with all the faults that were found.
    """
    try:
        file = _site_file.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PlantError([f"not TOML: {error}"]) from error
    except ValidationError as error:
        raise PlantError(
            f"{_where(fault['loc'])}: {fault['msg']}" for fault in error.errors()
        ) from error
    if faults := [
        *_names(file),
        *_paths(file),
        *_zones(file),
        *_references(file),
        *_robots(file),
        *_machines(file),
        *machine_faults(
            file.fleets,
            file.portals,
            file.circuits,
            file.paths,
            frozenset(device.name for device in file.devices),
        ),
    ]:
        raise PlantError(faults)
    return file


def _where(location: tuple[int | str, ...]) -> str:
    out = ""
    for part in location:
        out += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


# ---------------------------------------------------------------------- checks, in file order
def _names(file: SiteFile) -> Iterator[str]:
    """Names that are missing or used twice."""
    tables = {
        "points": [point.name for point in file.points],
        "zones": [zone.name for zone in file.zones],
        "stations": [station.name for station in file.stations],
        "robots": [robot.name for robot in file.robots],
        "gates": [gate.name for gate in file.gates],
        "areas": [area.name for area in file.areas],
        "devices": [device.name for device in file.devices],
        "sorters": [sorter.device for sorter in file.sorters],
    }
    for table, names in tables.items():
        for n, name in enumerate(names, 1):
            if not name:
                yield f"{table}[{n}]: has no name"
            elif name in names[: n - 1]:
                yield f"{table}[{n}]: the name {name} is used twice"
    robots = [(robot.manufacturer, robot.serial) for robot in file.robots]
    for n, key in enumerate(robots, 1):
        if key in robots[: n - 1]:
            yield f"robots[{n}]: manufacturer {key[0]} and serial {key[1]} are used twice"


def _paths(file: SiteFile) -> Iterator[str]:
    """Paths that are malformed or lead nowhere."""
    names = {point.name for point in file.points}
    for n, path in enumerate(file.paths, 1):
        for key, value in path.items():
            kind = _PATH_KEYS.get(key)
            if kind is None:
                yield f"paths[{n}].{key}: is not known here"
            elif not isinstance(value, int | float if kind is float else kind):
                yield f"paths[{n}].{key}: {value!r} should be of type {kind.__name__}"
        for key in ("from", "to"):
            if key not in path:
                yield f"paths[{n}]: has no {key!r}"
            elif path[key] not in names:
                yield f"paths[{n}].{key}: there is no point {path[key]}"
        if path.get("from") == path.get("to"):
            yield f"paths[{n}]: leads from a point to itself"
        speed = path.get("speed_mps", 1.0)
        if isinstance(speed, int | float) and speed <= 0:
            yield f"paths[{n}].speed_mps: must be above 0"


def _zones(file: SiteFile) -> Iterator[str]:
    """Zones of points that do not exist or are another's, and floors that no lift joins."""
    names = {point.name: point.map for point in file.points}
    holder: dict[str, str] = {}
    for n, zone in enumerate(file.zones, 1):
        for point in zone.points:
            if point not in names:
                yield f"zones[{n}].points: there is no point {point}"
            elif point in holder:
                yield f"zones[{n}].points: {point} belongs to {holder[point]} already"
            holder.setdefault(point, zone.name)
        if zone.capacity < 1 or not zone.points:
            yield f"zones[{n}]: needs points, and a capacity of at least 1"
    lifts = {point for zone in file.zones if zone.kind == "lift" for point in zone.points}
    for n, path in enumerate(file.paths, 1):
        ends = (path.get("from"), path.get("to"))
        floors = {names[end] for end in ends if end in names}
        if len(floors) > 1 and not lifts.issuperset(ends):
            yield f"paths[{n}]: {ends[0]} and {ends[1]} are on two maps, and no lift joins them"


def _references(file: SiteFile) -> Iterator[str]:
    """References to what does not exist, and numbers out of range."""
    points = {point.name for point in file.points}
    for n, point in enumerate(file.points, 1):
        if point.levels < 0 or (point.levels and point.kind != "storage"):
            yield f"points[{n}].levels: only storage points have levels, 1 or more"
    for n, station in enumerate(file.stations, 1):
        if station.point not in points:
            yield f"stations[{n}].point: there is no point {station.point}"
        if station.capacity < 1:
            yield f"stations[{n}].capacity: must be at least 1"
    for n, area in enumerate(file.areas, 1):
        if not any(area.holds_point(point) for point in points):
            yield f"areas[{n}].points: no point of the site lies in it"
    yield from _gates(file)


def _robots(file: SiteFile) -> Iterator[str]:
    points = {point.name for point in file.points}
    starts: dict[str, str] = {}
    for n, robot in enumerate(file.robots, 1):
        if robot.start not in points:
            yield f"robots[{n}].start: there is no point {robot.start}"
        elif robot.start in starts:
            yield f"robots[{n}].start: {starts[robot.start]} stands on {robot.start} already"
        starts.setdefault(robot.start, robot.name)
        if robot.speed_mps <= 0:
            yield f"robots[{n}].speed_mps: must be above 0"
        if robot.radius_m < 0:
            yield f"robots[{n}].radius_m: must be at least 0"
        if robot.slots < 1:
            yield f"robots[{n}].slots: must be at least 1"


def _gates(file: SiteFile) -> Iterator[str]:
    devices = {device.name for device in file.devices}
    for n, gate in enumerate(file.gates, 1):
        if gate.device not in devices:
            yield f"gates[{n}].device: there is no device {gate.device}"
        if not gate.inside or not gate.outside or {*gate.inside} & {*gate.outside}:
            yield f"gates[{n}]: needs antennas inside and outside, none of them on both sides"
        if gate.eyes and (len(gate.eyes), len({*gate.eyes})) != (2, 2):
            yield f"gates[{n}].eyes: one inside and one outside, or none"


def _machines(file: SiteFile) -> Iterator[str]:
    devices = {device.name for device in file.devices}
    sorters = {sorter.device for sorter in file.sorters}
    for n, conveyor in enumerate(file.conveyors, 1):
        if conveyor.to not in sorters:
            yield f"conveyors[{n}].to: there is no sorter {conveyor.to}"
        if conveyor.device not in devices:
            yield f"conveyors[{n}].device: there is no device {conveyor.device}"
    for n, sorter in enumerate(file.sorters, 1):
        if sorter.device not in devices:
            yield f"sorters[{n}].device: there is no device {sorter.device}"
        if len({*sorter.lanes, sorter.hospital}) != len(sorter.lanes) + 1:
            yield f"sorters[{n}].lanes: a lane is named twice, or is the hospital too"
        if sorter.default_lane and sorter.default_lane not in (*sorter.lanes, sorter.hospital):
            yield f"sorters[{n}].default_lane: {sorter.default_lane} is none of its lanes"
        if sorter.laps_max < 0 or sorter.loop_max < 1:
            yield f"sorters[{n}]: laps_max is at least 0 and loop_max at least 1"
