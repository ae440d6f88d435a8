"""The site as the WCS sees it: a graph of points and paths, with its stations and machines.

Made of the site's TOML file (wcs.sitefile) and checked completely: all faults are listed at once,
and a plant that loads can be driven without collision or deadlock (wcs.traffic relies on it).

Laws:
    connected   every point can be reached from every other one
    apart       points lie at least 1 m apart, and paths meet only at points: holding the points
                at both ends of a path is enough
    room        whichever way a robot goes first, and with its own point closed behind it, more
                points can be reached than there are robots: whoever stands in the way can be
                pushed on to a free point. So the most urgent robot can always go on.

Units: metres, seconds, metres per second.

Source: strong connectivity by R. E. Tarjan (1972), here as one search forwards and one back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import TypeAlias

from wcs.machines import Area, Circuit, FleetSpec, Portal
from wcs.mfc_graph import Network, faults_of
from wcs.sitefile import (
    Conveyor,
    Device,
    Gate,
    PlantError,
    Point,
    PointKind,
    RobotSpec,
    SiteFile,
    SiteHead,
    Sorter,
    Station,
    ZoneSpec,
    read_site_file,
)

_CLOSEST_M = 1.0
_Box: TypeAlias = tuple[float, float, float, float]  # west, east, south, north; metres


@dataclass(frozen=True, slots=True)
class Arc:
    """A path in one direction, from point `start` to point `end`."""

    start: str
    end: str
    length_m: float
    speed_mps: float
    contraflow: bool  # backwards on a one-way path: only where nothing else helps


@dataclass(frozen=True, slots=True)
class Plant:
    """A site whose file has been checked. Mappings are by name."""

    site: SiteHead
    points: Mapping[str, Point]
    arcs: tuple[Arc, ...]
    stations: Mapping[str, Station]
    robots: Mapping[str, RobotSpec]
    conveyors: Mapping[str, Conveyor]
    sorters: Mapping[str, Sorter]
    gates: Mapping[str, Gate]  # by device
    devices: Mapping[str, Device]
    leaving: Mapping[str, tuple[int, ...]] = field(repr=False)  # arcs by the point they start at
    entering: Mapping[str, tuple[int, ...]] = field(repr=False)
    places: Mapping[str, str] = field(repr=False)  # every place that has a name, and its point
    zones: Mapping[str, ZoneSpec] = field(default_factory=dict)
    fleets: Mapping[str, FleetSpec] = field(default_factory=dict)
    portals: Mapping[str, Portal] = field(default_factory=dict)
    circuits: Mapping[str, Circuit] = field(default_factory=dict)
    areas: Mapping[str, Area] = field(default_factory=dict)
    # points by kinds that were asked for; not more than what the points say
    kinds: dict[tuple[PointKind, ...], tuple[str, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    network: Network = field(default_factory=Network)

    def point_of(self, place: str) -> str | None:
        """The point where a robot stands to serve a place: a storage place, station or point."""
        return self.places.get(place)

    def points_of_kind(self, *kinds: PointKind) -> tuple[str, ...]:
        """The names of all points of these kinds, in the order of the file."""
        if (found := self.kinds.get(kinds)) is None:
            found = tuple(name for name, point in self.points.items() if point.kind in kinds)
            self.kinds[kinds] = found
        return found

    def metres(self, start: str, end: str) -> float:
        """The straight distance between two points."""
        a, b = self.points[start], self.points[end]
        return hypot(b.x_m - a.x_m, b.y_m - a.y_m)


def read_plant(text: str) -> Plant:
    """The plant of a site file.

    Raises:
        PlantError: with all the faults of the file.
    """
    plant = _plant(read_site_file(text))
    network_faults = faults_of(plant.network, plant.devices)
    if faults := [*network_faults, *_geometry(plant), *_connection(plant)] or list(_room(plant)):
        raise PlantError(faults)
    return plant


# ---------------------------------------------------------------------- the graph and its laws
def _plant(file: SiteFile) -> Plant:
    points = {point.name: point for point in file.points}
    arcs: dict[tuple[str, str], Arc] = {}
    for path in sorted(file.paths, key=lambda path: bool(path.get("contraflow"))):
        start, end = path["from"], path["to"]
        length_m = hypot(points[end].x_m - points[start].x_m, points[end].y_m - points[start].y_m)
        speed_mps = float(path.get("speed_mps", 1.5))
        arcs[start, end] = Arc(start, end, length_m, speed_mps, contraflow=False)
        if path.get("two_way"):
            arcs[end, start] = Arc(end, start, length_m, speed_mps, contraflow=False)
        elif path.get("contraflow"):
            arcs.setdefault((end, start), Arc(end, start, length_m, speed_mps, contraflow=True))
    ordered = tuple(arcs.values())
    return Plant(
        site=file.site,
        points=points,
        arcs=ordered,
        stations={station.name: station for station in file.stations},
        robots={robot.name: robot for robot in file.robots},
        conveyors={conveyor.device: conveyor for conveyor in file.conveyors},
        sorters={sorter.device: sorter for sorter in file.sorters},
        gates={gate.device: gate for gate in file.gates},
        devices={device.name: device for device in file.devices},
        leaving=_arcs_by(points, [arc.start for arc in ordered]),
        entering=_arcs_by(points, [arc.end for arc in ordered]),
        places=_places(file),
        zones={zone.name: zone for zone in file.zones},
        fleets={fleet.name: fleet for fleet in file.fleets},
        portals={portal.name: portal for portal in file.portals},
        circuits={circuit.name: circuit for circuit in file.circuits},
        areas={area.name: area for area in file.areas},
        network=Network(file.nodes, file.belts),
    )


def _arcs_by(points: Mapping[str, Point], ends: Sequence[str]) -> dict[str, tuple[int, ...]]:
    arcs: dict[str, list[int]] = {name: [] for name in points}
    for i, end in enumerate(ends):
        arcs[end].append(i)
    return {name: tuple(found) for name, found in arcs.items()}


def _places(file: SiteFile) -> dict[str, str]:
    places = {
        f"{point.name}-{level}": point.name
        for point in file.points
        for level in range(1, point.levels + 1)
    }
    places |= {point.name: point.name for point in file.points}
    return places | {station.name: station.point for station in file.stations}


def _geometry(plant: Plant) -> Iterator[str]:
    """Points that are too close, and paths that cross away from any point."""
    spots = [(name, name) for name in plant.points]
    for i, j in _touching([_box(plant, spot, _CLOSEST_M / 2) for spot in spots]):
        a, b = spots[i][0], spots[j][0]
        same_map = plant.points[a].map == plant.points[b].map
        if same_map and plant.metres(a, b) < _CLOSEST_M:
            yield f"points {a} and {b} lie closer than {_CLOSEST_M} m"
    floor = {name: point.map for name, point in plant.points.items()}
    paths = [
        (arc.start, arc.end)
        for arc in plant.arcs
        if not arc.contraflow and floor[arc.start] == floor[arc.end]
    ]
    for i, j in _touching([_box(plant, path) for path in paths]):
        one, two = paths[i], paths[j]
        if floor[one[0]] == floor[two[0]] and not {*one} & {*two} and _cross(plant, one, two):
            yield f"paths {' > '.join(one)} and {' > '.join(two)} cross"


def _touching(boxes: Sequence[_Box]) -> list[tuple[int, int]]:
    """The pairs of boxes with a point in common: only those abreast of each other are asked."""
    ordered = sorted(range(len(boxes)), key=lambda n: boxes[n][0])
    pairs = []
    for k, i in enumerate(ordered):
        _, high_x, low_y, high_y = boxes[i]
        for m in range(k + 1, len(ordered)):
            box = boxes[j := ordered[m]]
            if box[0] > high_x:
                break
            if box[2] <= high_y and low_y <= box[3]:
                pairs.append((min(i, j), max(i, j)))
    return sorted(pairs)


def _box(plant: Plant, path: tuple[str, str], more_m: float = 0.0) -> _Box:
    a, b = (plant.points[name] for name in path)
    return (
        min(a.x_m, b.x_m) - more_m, max(a.x_m, b.x_m) + more_m,
        min(a.y_m, b.y_m) - more_m, max(a.y_m, b.y_m) + more_m,
    )  # fmt: skip


def _cross(plant: Plant, one: tuple[str, str], two: tuple[str, str]) -> bool:
    """Whether two segments whose boxes touch have a point in common."""
    a, b, c, d = (plant.points[name] for name in (*one, *two))

    def side(p: Point, q: Point, r: Point) -> float:
        return (q.x_m - p.x_m) * (r.y_m - p.y_m) - (q.y_m - p.y_m) * (r.x_m - p.x_m)

    return side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0


def _connection(plant: Plant) -> Iterator[str]:
    """Points that cannot be reached from the first one, or cannot reach it, forwards."""
    if not plant.points:
        yield "points: there are none"
        return
    first = next(iter(plant.points))
    ahead: dict[str, list[str]] = {name: [] for name in plant.points}
    back: dict[str, list[str]] = {name: [] for name in plant.points}
    for arc in plant.arcs:
        if not arc.contraflow:
            ahead[arc.start].append(arc.end)
            back[arc.end].append(arc.start)
    reached, reaching = _reach(ahead, first), _reach(back, first)
    for name in plant.points:
        if name not in reached:
            yield f"point {name} cannot be reached from {first}"
        if name not in reaching:
            yield f"point {name} does not lead back to {first}"


def _reach(graph: Mapping[str, list[str]], start: str) -> set[str]:
    seen, todo = {start}, [start]
    while todo:
        for near in graph[todo.pop()]:
            if near not in seen:
                seen.add(near)
                todo.append(near)
    return seen


def _room(plant: Plant) -> Iterator[str]:
    """Steps after which too few points lie ahead for the fleet to make way."""
    fleet = len(plant.robots)
    for arc in plant.arcs:
        seen, todo = {arc.start, arc.end}, [arc.end]
        while todo and len(seen) <= fleet:
            for i in plant.leaving[todo.pop()]:
                if (near := plant.arcs[i].end) not in seen:
                    seen.add(near)
                    todo.append(near)
        if not arc.contraflow and len(seen) <= fleet:
            yield (
                f"path {arc.start} > {arc.end}: only {len(seen) - 1} points lie ahead of it, "
                f"too few for {fleet} robots to make way"
            )
