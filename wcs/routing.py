"""The shortest way from anywhere to a goal, by time, with turns and closures.

The costs to one goal are one row: for every arc, the seconds from its start to the goal when the
arc is taken first. Rows are found by one search backwards from the goal and kept; so a robot that
is pushed off its way needs no new plan, only another look at the row.

Where closed points leave a dead end (an aisle behind a broken robot), nobody goes in any more:
whoever went would meet those who come out. Who is in there finds the way out.

What costs stands in wcs.layout.costs. If the site asks for lanes, streets that can be driven both
ways get a preferred direction (wcs.layout.lanes): against it costs AGAINST times the time, so that
robots follow each other. A second is then what a planner reckons with, not a clock's.

Rows are whole milliseconds (wcs.layout.paths); what is asked here is answered in seconds.
"""

from array import array
from collections.abc import Sequence
from math import atan2, inf, pi
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wcs.fleet.claims import Claims
from wcs.fleet.grants import Table
from wcs.layout.clash import clashes
from wcs.layout.costs import TURN_S, arc_cost_s, through_s
from wcs.layout.lanes import AGAINST, lanes
from wcs.layout.paths import Steps, row_to
from wcs.layout.roadmap import Flags, Floats, Ints, Roadmap
from wcs.layout.rows import FAR
from wcs.plant import Plant

Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
KNOWN_MAX = 200_000  # answers of `Routes.seconds` that are remembered


class Costs:
    """What the ways of a plant cost, whatever is closed."""

    def __init__(self, plant: Plant) -> None:
        self.arc_s = [arc_cost_s(plant, arc) for arc in plant.arcs]
        self.turn_s = {
            (i, j): TURN_S * _quarters(plant, i, j)
            for i, arc in enumerate(plant.arcs)
            for j in plant.leaving[arc.end]
        }
        self.arcs = {(arc.start, arc.end): i for i, arc in enumerate(plant.arcs)}
        self.ends = _dead_ends(plant, frozenset())
        ways = Roadmap.of(plant)
        self.node = {name: i for i, name in enumerate(ways.names)}
        names = ways.names
        self.leaving = [ways.leaving(i) for i in range(ways.nodes)]
        self.order = [  # of the plant's arcs, as the roadmap has them
            self.arcs[names[start], names[end]]
            for start, end in zip(ways.start.tolist(), ways.end.tolist(), strict=True)
        ]
        if plant.site.lanes:
            ways = self._with_lanes(plant, ways)
        self.roadmap = ways
        self.facing = {  # of who has come along an arc
            (names[start], names[end]): facing
            for start, end, facing in zip(
                ways.start.tolist(), ways.end.tolist(), ways.facing.tolist(), strict=True
            )
        }
        self.length_m: Floats = np.array([plant.arcs[i].length_m for i in self.order])
        self.arc_ms = [round(1000 * cost_s) for cost_s in self.arc_s]
        turn_ms = {pair: round(1000 * turn_s) for pair, turn_s in self.turn_s.items()}
        before = [plant.entering[arc.start] for arc in plant.arcs]
        self.steps = Steps.of(before, self.arc_ms, turn_ms)
        self.many = _Many(plant, self)
        radius_m = max((robot.radius_m for robot in plant.robots.values()), default=0.0)
        self.clash = clashes(ways, radius_m)

    def _with_lanes(self, plant: Plant, ways: Roadmap) -> Roadmap:
        """Driving against a lane is dear; one-way paths and their ways back stay as they are."""
        backwards = np.array([plant.arcs[i].contraflow for i in self.order])
        given = backwards | (backwards[ways.twin] & (ways.twin >= 0))
        for a in np.flatnonzero(~lanes(ways, given)).tolist():
            i = self.order[a]
            stop_s = through_s(plant, plant.arcs[i].end)
            self.arc_s[i] = AGAINST * (self.arc_s[i] - stop_s) + stop_s
        cost = np.rint([1000 * self.arc_s[i] for i in self.order])
        return ways.costing(cost.astype(np.int32), round(1000 * TURN_S))


class _Many:
    """The ways on from points as arrays, for many at once."""

    def __init__(self, plant: Plant, costs: Costs) -> None:
        self._plant, self._costs = plant, costs
        self._most = max((len(arcs) for arcs in plant.leaving.values()), default=0)
        self._known: dict[tuple[str | None, str], tuple[list[int], list[int]]] = {}

    def ways_on(self, starts: Sequence[tuple[str | None, str]]) -> tuple[Ints, Ints]:
        """(s, w) arcs that leave each point, -1 where there are fewer; the turn into each, ms."""
        found = [self._known.get(start) or self._look(start) for start in starts]
        arcs: Ints = np.array([arcs for arcs, _ in found], np.int32)
        turns: Ints = np.array([turns for _, turns in found], np.int32)
        return arcs, turns

    def _look(self, start: tuple[str | None, str]) -> tuple[list[int], list[int]]:
        before, point = start
        last = self._costs.arcs.get((before, point)) if before is not None else None
        arcs = [*self._plant.leaving[point]]
        turns = [0 if last is None else round(1000 * self._costs.turn_s[last, i]) for i in arcs]
        missing = self._most - len(arcs)
        found = self._known[start] = (arcs + [-1] * missing, turns + [0] * missing)
        return found


class Routes:
    """Rows of costs for one plant and one set of closed points. A memo, not a state."""

    def __init__(
        self, plant: Plant, closed: frozenset[str] = frozenset(), costs: Costs | None = None
    ) -> None:
        self.plant = plant
        self.closed = closed
        self.costs = costs or Costs(plant)
        self.dead_ends = _dead_ends(plant, closed) - self.costs.ends
        self.roadmap, self.node = self.costs.roadmap, self.costs.node
        self.length_m, self.clash = self.costs.length_m, self.costs.clash
        self.claims: Claims | None = None  # of wcs.traffic, which keeps what it has worked out
        self.rows_ms: list[Sequence[int]] = []
        self._slots: dict[str, int] = {}
        self._table: Ints = np.empty((0, len(plant.arcs)), np.int32)
        self._filled = 0
        self._rows: dict[str, array[int]] = {}
        self._known_s: dict[tuple[str | None, str, str], float] = {}  # the same is asked each look
        self._is_open: Flags = np.array([self.may_drive(a.start, a.end) for a in plant.arcs])
        self.shut = ~self._is_open[self.costs.order][None, :]

    def closing(self, closed: frozenset[str]) -> "Routes":
        """Routes of the same plant that avoid these points instead."""
        return self if closed == self.closed else Routes(self.plant, closed, self.costs)

    def hops(self, before: str | None, point: str, goal: str) -> list[tuple[float, str]]:
        """The ways on from a point to a goal, best first: seconds and the next point.

        `before` is where the robot came from (None: it may face any way). Ways from which the
        goal cannot be reached are left out.
        """
        row = self._row(goal)
        last = self.costs.arcs.get((before, point)) if before is not None else None
        found = []
        for i in self.plant.leaving[point]:
            if (cost_ms := row[i]) < FAR:
                turn_s = 0.0 if last is None else self.costs.turn_s[last, i]
                found.append((cost_ms / 1000 + turn_s, self.plant.arcs[i].end))
        found.sort()
        return found

    def seconds(self, before: str | None, point: str, goal: str) -> float:
        """How long it takes to a goal, or infinity."""
        if point == goal:
            return 0.0
        asked = (before, point, goal)
        found_s = self._known_s.get(asked)
        if found_s is None:
            if len(self._known_s) >= KNOWN_MAX:
                self._known_s.clear()
            hops = self.hops(before, point, goal)
            found_s = self._known_s[asked] = hops[0][0] if hops else inf
        return found_s

    def seconds_of(
        self, starts: Sequence[tuple[str | None, str]], goals: Sequence[str], pairs: Pairs
    ) -> Floats:
        """`seconds` of many: (p,) for the pairs, which are positions of `starts` and `goals`."""
        names = list(dict.fromkeys(goals))
        if not names or not starts:
            return np.full(len(pairs[0]), inf)
        rows: Ints = np.stack([np.frombuffer(self._row(name), np.int32) for name in names])
        slot = {name: n for n, name in enumerate(names)}
        arcs, turns_ms = self.costs.many.ways_on(starts)
        here = np.array([self.costs.node[point] for _, point in starts])
        there = np.array([self.costs.node[name] for name in goals])
        row = np.array([slot[name] for name in goals])
        i, j = pairs
        cost = np.where(arcs[i] < 0, FAR, rows[row[j, None], arcs[i]])
        best = np.where(cost < FAR, cost + turns_ms[i], FAR).min(axis=1, initial=FAR)
        found: Floats = np.where(best < FAR, best / 1000, inf)
        found[here[i] == there[j]] = 0.0
        return found

    def route(self, before: str | None, point: str, goal: str, most: int = 1000) -> list[str]:
        """The points of the best way after `point`, the goal last; at most so many of them."""
        found: list[str] = []
        while point != goal and len(found) < most:
            hops = self.hops(before, point, goal)
            if not hops:
                break
            before, point = point, hops[0][1]
            found.append(point)
        return found

    def may_drive(self, start: str, end: str) -> bool:
        """Whether closures leave that step open; into a dead end they do not."""
        return end not in self.closed and (end not in self.dead_ends or start in self.dead_ends)

    # ---------------------------------------------------------------- rows for wcs.fleet
    def slot(self, goal: str) -> int:
        """Which row of `table` belongs to a goal."""
        found = self._slots.get(goal)
        if found is None:
            found = self._slots[goal] = len(self.rows_ms)
            ms: Ints = np.frombuffer(self._row(goal), np.int32)[self.costs.order]
            self.rows_ms.append(array("i", ms.tobytes()))
        return found

    def table(self, *, compiled: bool) -> Table:
        """Milliseconds to the goals that were asked for so far, by slot and arc of the roadmap.

        Lists, or an array.
        """
        if not compiled:
            return self.rows_ms
        if self._filled < len(self.rows_ms):
            if len(self._table) < len(self.rows_ms):
                more: Ints = np.empty((2 * len(self.rows_ms), len(self.costs.order)), np.int32)
                more[: self._filled] = self._table[: self._filled]
                self._table = more
            self._table[self._filled : len(self.rows_ms)] = self.rows_ms[self._filled :]
            self._filled = len(self.rows_ms)
        return self._table

    def _row(self, goal: str) -> "array[int]":
        row = self._rows.get(goal)
        if row is None:
            row = self._rows[goal] = self._search(goal)
        return row

    def _search(self, goal: str) -> "array[int]":
        plant, costs = self.plant, self.costs
        through_ms = round(1000 * through_s(plant, goal))
        ends = [(i, costs.arc_ms[i] - through_ms) for i in plant.entering[goal]]
        return row_to(ends, costs.steps, self._is_open)


def _dead_ends(plant: Plant, closed: frozenset[str]) -> frozenset[str]:
    """Open points that are left at an end, one after the other, when ends are taken away."""
    near: dict[str, set[str]] = {name: set() for name in plant.points if name not in closed}
    for arc in plant.arcs:
        if arc.start in near and arc.end in near:
            near[arc.start].add(arc.end)
            near[arc.end].add(arc.start)
    ends = [name for name, others in near.items() if len(others) <= 1]
    found: set[str] = set()
    while ends:
        end = ends.pop()
        found.add(end)
        for other in near[end]:
            near[other].discard(end)
            if len(near[other]) == 1 and other not in found:
                ends.append(other)
    return frozenset(found)


def _quarters(plant: Plant, i: int, j: int) -> float:
    """The angle between two arcs in quarter turns, 0 to 2."""
    turn = abs(_heading(plant, j) - _heading(plant, i)) % (2 * pi)
    return min(turn, 2 * pi - turn) / (pi / 2)


def _heading(plant: Plant, i: int) -> float:
    start, end = plant.points[plant.arcs[i].start], plant.points[plant.arcs[i].end]
    return atan2(end.y_m - start.y_m, end.x_m - start.x_m)
