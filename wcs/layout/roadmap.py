"""A site's ways in numbers: arrays that planners and compiled loops work on.

    node i      x_m[i], y_m[i], level[i] (which map: a floor)
    arcs        sorted by the node they start at: those of node i are first[i] .. first[i + 1]
    arc a       start[a] > end[a] for cost[a], facing[a] in sixteenths of a full turn
    turning     turn[(to - from) % 16]: what it costs to turn on the spot from one facing to another

A grid is the same thing with a node a cell and four arcs at most; facings are 0, 4, 8, 12.

Laws:
    sorted      arcs are in the order of (start, end), so equal plants give equal arrays
    twins       twin[a] is the arc back, or -1: a street that may be driven both ways

Units: metres; costs are milliseconds for a plant, and what its maker says for a grid.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import pi

import numpy as np
from numpy.typing import NDArray

from wcs.layout.costs import TURN_S, arc_cost_s
from wcs.layout.zones import Zone, find_zones, zone_of, zones_of
from wcs.plant import Plant

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FACINGS = 16
_QUARTER = FACINGS // 4


@dataclass(frozen=True, slots=True, eq=False)
class Roadmap:
    """Nodes and arcs.

    Attributes:
        names: (n,) what the site file calls the nodes.
        x_m, y_m: (n,).
        level: (n,) the map each node is on.
        first: (n + 1,) where the arcs of each node begin.
        start, end: (a,) nodes.
        cost: (a,) at least 1.
        facing: (a,) 0 to 15.
        twin: (a,) the arc the other way, or -1.
        back_first, back: (n + 1,), (a,) the arcs that enter each node.
        turn: (16,) the cost of turning by so many sixteenths.
        speed_mps: (a,).
        zones: what is claimed before it is entered; grids have none until they are looked for.
        zone_of: (n,) the zone of each node, or -1.
    """

    names: tuple[str, ...]
    x_m: Floats
    y_m: Floats
    level: Ints
    first: Ints
    start: Ints
    end: Ints
    cost: Ints
    facing: Ints
    twin: Ints
    back_first: Ints
    back: Ints
    turn: Ints
    speed_mps: Floats
    zones: tuple[Zone, ...]
    zone_of: Ints

    @classmethod
    def of(cls, plant: Plant) -> "Roadmap":
        """The ways of a plant; costs are milliseconds, as everywhere."""
        names = tuple(plant.points)
        node = {name: i for i, name in enumerate(names)}
        points = plant.points.values()
        start = [node[arc.start] for arc in plant.arcs]
        end = [node[arc.end] for arc in plant.arcs]
        cost = [arc_cost_s(plant, arc) for arc in plant.arcs]
        levels = {name: i for i, name in enumerate(sorted({point.map for point in points}))}
        roadmap = build(
            names=names,
            xy_m=[(point.x_m, point.y_m) for point in points],
            level=[levels[point.map] for point in points],
            arcs=list(zip(start, end, (round(1000 * one) for one in cost), strict=True)),
            quarter=round(1000 * TURN_S),
            speed_mps=[arc.speed_mps for arc in plant.arcs],
        )
        zones = zones_of(plant)
        return replace(roadmap, zones=zones, zone_of=zone_of(len(names), zones))

    def with_zones(self, declared: Iterable[Zone] = ()) -> "Roadmap":
        """The same ways with their zones: the declared ones, and those that are found."""
        ways = zip(self.start.tolist(), self.end.tolist(), strict=True)
        zones = find_zones(self.nodes, ways, tuple(declared))
        return replace(self, zones=zones, zone_of=zone_of(self.nodes, zones))

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.names)

    def leaving(self, node: int) -> range:
        """The arcs that start at a node."""
        return range(int(self.first[node]), int(self.first[node + 1]))

    def arc(self, start: int, end: int) -> int:
        """The arc between two nodes, or -1."""
        for a in self.leaving(start):
            if self.end[a] == end:
                return a
        return -1

    def costing(self, cost: Ints, quarter: int) -> "Roadmap":
        """The same ways at other costs: (a,) of the arcs, and of a quarter turn."""
        return replace(self, cost=cost.astype(np.int32), turn=_turns(quarter))


def build(
    *,
    names: Sequence[str],
    xy_m: Sequence[tuple[float, float]],
    level: Sequence[int],
    arcs: Sequence[tuple[int, int, int]],
    quarter: int,
    speed_mps: Sequence[float] = (),
) -> Roadmap:
    """A roadmap of its parts: `arcs` are (start, end, cost), `quarter` the cost of a quarter turn.

    `speed_mps` belongs to `arcs`, in their order; without it all are driven at 1.5 m/s.
    """
    order = sorted(range(len(arcs)), key=lambda a: arcs[a][:2])
    table = np.array([arcs[a] for a in order], np.int64).reshape(-1, 3)
    start, end = table[:, 0].astype(np.int32), table[:, 1].astype(np.int32)
    xy = np.array(xy_m, np.float64).reshape(-1, 2)
    n = len(names)
    ahead = xy[end] - xy[start]
    angle = np.arctan2(ahead[:, 1], ahead[:, 0])
    position = {
        (s, e): a for a, (s, e) in enumerate(zip(start.tolist(), end.tolist(), strict=True))
    }
    back = np.argsort(end, kind="stable").astype(np.int32)
    speeds = [speed_mps[a] for a in order] if speed_mps else [1.5] * len(order)
    return Roadmap(
        names=tuple(names),
        x_m=xy[:, 0].copy(),
        y_m=xy[:, 1].copy(),
        level=np.array(level, np.int32),
        first=np.searchsorted(start, np.arange(n + 1)).astype(np.int32),
        start=start,
        end=end,
        cost=np.maximum(table[:, 2], 1).astype(np.int32),
        facing=(np.rint(angle / (2 * pi) * FACINGS).astype(np.int32) % FACINGS).astype(np.int32),
        twin=np.array([position.get((e, s), -1) for s, e in position], np.int32),
        back_first=np.searchsorted(end[back], np.arange(n + 1)).astype(np.int32),
        back=back,
        turn=_turns(quarter),
        speed_mps=np.array(speeds, np.float64),
        zones=(),
        zone_of=np.full(n, -1, np.int32),
    )


def of_grid(free: Flags, *, cost: int = 1, quarter: int = 1, pitch_m: float = 1.0) -> Roadmap:
    """The four-way ways of a grid of cells: `free` has shape (rows, columns).

    Node ids count the free cells row by row; names are "row,column". Rows go downwards, so y is
    minus the row.
    """
    cells = [(int(r), int(c)) for r, c in np.argwhere(free)]
    node = {cell: i for i, cell in enumerate(cells)}
    arcs = [
        (i, node[near], cost)
        for (r, c), i in node.items()
        for near in ((r, c + 1), (r - 1, c), (r, c - 1), (r + 1, c))
        if near in node
    ]
    return build(
        names=[f"{r},{c}" for r, c in cells],
        xy_m=[(c * pitch_m, -r * pitch_m) for r, c in cells],
        level=[0] * len(cells),
        arcs=arcs,
        quarter=quarter,
    )


def _turns(quarter: int) -> Ints:
    steps = np.arange(FACINGS)
    least = np.minimum(steps, FACINGS - steps)
    return np.rint(least * quarter / _QUARTER).astype(np.int32)
