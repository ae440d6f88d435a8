"""Robots that drive what a fleet grants them, in ticks, with delays: the world behind `fleet`.

A move to the next node and a quarter turn take MOVE_TICKS each. Every such action may be late,
by a whole number of actions. A robot holds its node until it has arrived at the next one. All
that happens is logged for a checker that knows nothing of the planner (tests/wcs/fleet_log.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import process_time

import numpy as np
from numpy.typing import NDArray

from wcs.fleet.claims import Claims
from wcs.fleet.grants import Fleet
from wcs.fleet.overdue import overdue_first, patience
from wcs.fleet.serve import NONE
from wcs.layout.rows import Rows

MOVE_TICKS = 5
LATE_MAX = 8
WAY_LEAST = 10 * MOVE_TICKS  # a shorter way counts as this one for who is overdue

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Leg:
    """Where a robot goes next, and in which layer (loaded or empty)."""

    goal: int
    layer: int = 0


@dataclass
class World:
    """A fleet under way.

    Attributes:
        fleet, rows: what is granted, by what costs.
        next_leg: (robot, legs done) -> where it goes next; None: it is asked again later.
        claims: the zones, if there are any.
        late: the chance that an action is late.
        seed: of chance.
        held: log of (node, robot, from tick, to tick).
        moved: log of (robot, from node, to node, from tick, to tick).
        legs: log of (robot, goal, from tick, to tick, free-flow ticks).
    """

    fleet: Fleet
    rows: Rows
    next_leg: Callable[[int, int], Leg | None]
    claims: Claims | None = None
    late: float = 0.0
    seed: int = 0
    tick: int = 0
    cpu_s: float = 0.0
    held: list[tuple[int, int, int, int]] = field(default_factory=list)
    moved: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    legs: list[tuple[int, int, int, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        robots = len(self.fleet.tail)
        self.rng = np.random.default_rng(self.seed)
        self.order: Ints = np.arange(robots, dtype=np.int32)
        self.done: Ints = np.zeros(robots, np.int32)
        self.left: Ints = np.full(robots, NONE, np.int32)  # the node it is driving away from
        self.until = np.zeros(robots, np.int64)
        self.began = np.zeros(robots, np.int64)
        self.free_ticks = np.zeros(robots)
        self.best = np.full(robots, np.inf)  # the least cost left so far, and since when
        self.best_at = np.zeros(robots, np.int64)
        self.due = np.full(robots, np.inf)  # when it is overdue
        self.stuck: list[tuple[int, float]] = []  # ticks without progress, free-flow ticks
        self.since = np.zeros(self.fleet.roadmap.nodes, np.int64)
        self.idle: list[int] = []  # without a leg, the longest first
        for robot in range(robots):
            self._send(robot)

    # ------------------------------------------------------------------ running
    def run(self, ticks: int) -> None:
        """Let so many ticks pass."""
        for _ in range(ticks):
            self.step()

    def step(self) -> None:
        """One tick: arrivals, then claims and grants, then departures."""
        self._arrive()
        if self.idle and self.tick % MOVE_TICKS == 0:
            self._assign()
        begun = process_time()
        order, table = overdue_first(self.order, self.due, self.tick), self.rows.table
        if self.claims is not None:
            order = self.claims.decide(self.fleet, order, table)
            self._retreat(self.claims.retreats)
        heading = self.fleet.heading.copy()
        granted = self.fleet.serve(order, table)
        self.cpu_s += process_time() - begun
        if len(granted):
            self._depart(granted[:, 0], granted[:, 1], heading)
        self.tick += 1

    def _retreat(self, retreats: dict[int, int]) -> None:
        """Who has nowhere to go and stands in a zone that others wait for leaves it."""
        fleet = self.fleet
        fleet.goal[self.idle] = NONE
        for robot, node in retreats.items():
            if robot in self.idle:
                fleet.goal[robot], fleet.slot[robot] = node, self.rows.slot(node)

    def finish(self) -> None:
        """Close the log."""
        fleet = self.fleet
        for node in np.flatnonzero(fleet.lock != NONE).tolist():
            self.held.append((node, int(fleet.lock[node]), int(self.since[node]), self.tick))

    def _arrive(self) -> None:
        fleet = self.fleet
        over = np.flatnonzero((self.left != NONE) & (self.until <= self.tick))
        for robot in over.tolist():
            node = int(self.left[robot])
            self.held.append((node, robot, int(self.since[node]), self.tick))
        fleet.lock[self.left[over]] = NONE
        self.left[over] = NONE
        fleet.ahead[over] = 0.0
        fleet.takes[over], fleet.settles[over] = True, False
        fleet.goal[self.idle] = NONE
        there = over[fleet.tail[over] == fleet.goal[over]]
        if len(there):
            is_there = np.zeros(len(self.order), np.bool_)
            is_there[there] = True
            late = is_there[self.order]
            self.order = np.concatenate([self.order[~late], self.order[late]])
            for robot in there.tolist():
                self._there(robot)
        for robot in over.tolist():
            if fleet.goal[robot] != NONE:
                self._nearer(robot)

    def _there(self, robot: int) -> None:
        fleet = self.fleet
        self._note(robot)
        leg = (robot, int(fleet.goal[robot]), int(self.began[robot]), self.tick)
        self.legs.append((*leg, float(self.free_ticks[robot])))
        self.done[robot] += 1
        fleet.goal[robot], self.due[robot] = NONE, np.inf
        self.idle.append(robot)

    def _assign(self) -> None:
        waiting, self.idle = self.idle, []
        for robot in waiting:
            self._send(robot)

    def _send(self, robot: int) -> None:
        fleet = self.fleet
        leg = self.next_leg(robot, int(self.done[robot]))
        while leg is not None and leg.goal == fleet.tail[robot]:  # there already
            self.done[robot] += 1
            leg = self.next_leg(robot, int(self.done[robot]))
        if leg is None:
            fleet.goal[robot] = NONE
            self.idle.append(robot)
            return
        fleet.goal[robot], fleet.layer[robot] = leg.goal, leg.layer
        fleet.slot[robot] = self.rows.slot(leg.goal, leg.layer)
        self.began[robot] = self.best_at[robot] = self.tick
        self.free_ticks[robot] = self.best[robot] = self.left_over(robot)
        self.due[robot] = self.tick + patience(self.free_ticks[robot], WAY_LEAST)

    def _nearer(self, robot: int) -> None:
        """Note when a robot is nearer to its goal than it ever was."""
        cost = self.left_over(robot)
        if cost < self.best[robot]:
            self._note(robot)
            self.best[robot], self.best_at[robot] = cost, self.tick
            self.due[robot] = self.tick + patience(self.free_ticks[robot], WAY_LEAST)

    def left_over(self, robot: int) -> float:
        """Ticks to the goal if nobody were in the way, lanes and turns as they cost."""
        fleet, ways = self.fleet, self.fleet.roadmap
        node, heading = int(fleet.tail[robot]), int(fleet.heading[robot])
        if node == fleet.goal[robot]:
            return 0.0
        row = self.rows.table[int(fleet.slot[robot])]
        least = min(
            int(row[a])
            + (int(ways.turn[(int(ways.facing[a]) - heading) % 16]) if heading >= 0 else 0)
            for a in ways.leaving(node)
        )
        return least * MOVE_TICKS / int(ways.cost.min())

    def _depart(self, robots: Ints, arcs: Ints, heading: Ints) -> None:
        fleet, ways = self.fleet, self.fleet.roadmap
        steps = (ways.facing[arcs] - heading[robots]) % 16
        quarters = np.where(heading[robots] >= 0, np.minimum(steps, 16 - steps) // 4, 0)
        ticks = MOVE_TICKS * (1 + quarters)
        if self.late:
            for happens in (np.ones(len(robots), np.bool_), quarters > 0):
                late = happens & (self.rng.random(len(robots)) < self.late)
                ticks = ticks + late * MOVE_TICKS * self.rng.integers(1, LATE_MAX + 1, len(robots))
        self.left[robots] = ways.start[arcs]
        self.until[robots] = self.tick + ticks
        self.since[ways.end[arcs]] = self.tick
        fleet.takes[robots], fleet.settles[robots] = False, True
        for robot, start, end, over in zip(
            robots.tolist(),
            ways.start[arcs].tolist(),
            ways.end[arcs].tolist(),
            ticks.tolist(),
            strict=True,
        ):
            self.moved.append((robot, start, end, self.tick, self.tick + over))

    # ------------------------------------------------------------------ figures
    def _note(self, robot: int) -> None:
        self.stuck.append((int(self.tick - self.best_at[robot]), float(self.free_ticks[robot])))

    def without_progress(self) -> float:
        """The longest that any robot got no nearer to its goal, in free-flow times of its leg.

        A leg counts as at least the mean one: one step aside is no measure of patience.
        """
        for robot in range(len(self.order)):
            if robot not in self.idle:
                self._note(robot)
        mean = self.free_flow()
        return max(ticks / max(free, mean) for ticks, free in self.stuck)

    def free_flow(self) -> float:
        """The mean ticks of a leg if nobody were in the way."""
        return float(np.mean([leg[4] for leg in self.legs])) if self.legs else 1.0
