"""Who may be where: points granted to robots, a stretch ahead of each, and making way.

A robot **holds** the point where it is and the points granted ahead of it; it frees a point when
it has reached the next one. What is granted is never taken back: the robot drives to its last
granted point whatever becomes of us, and stands there.

This is the border between names and numbers: robots and points as the site knows them go in,
`wcs.fleet` decides, points come out. The longest under way goes first, idle ones last; who stands
in the way is pushed; who works or drives is waited for.

A dead end, a bridge or a lift is a zone (wcs.layout.zones): only so many robots hold points of it
as it takes (wcs.fleet.claims). Who waits for one can be pushed; who is in one goes first; who
stands in one without a way on leaves when somebody else wants it.

    one holder    a point is held by at most one robot                        -> no collision
    apart         nor do two hold points at which they would touch (wcs.layout.clash)
    zones         a zone is never held by more robots than it takes          -> nobody locked in
    no way back   a robot's points are granted one by one along the plant's paths
    no deadlock   once all that moves has come to rest, the first in rank can go on: the plant
                  has room (wcs.plant), so the points beyond its next one lead to a free one,
                  and those between move up. At its goal it goes to the end of the queue.

A robot that does not answer is an obstacle like a wall; its points are closed to routes.

The fleet stays in numbers from round to round; who has changed is put in anew, so that making
ready costs what has changed.

Pure: the same fleet and routes give the same grants, compiled or not, whatever was before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

import numpy as np

from wcs.fleet.claims import NEAR, Claims
from wcs.fleet.grants import Fleet
from wcs.fleet.serve import NONE
from wcs.layout.roadmap import Ints
from wcs.layout.rows import FAR
from wcs.routing import Routes

COMPILED_FROM = 60  # robots; below that, plain lists are as fast and nothing has to be loaded
_ABOUT_TO_STAND = 2  # points held: where it is, and one more

Rank: TypeAlias = tuple[int, float, str]


@dataclass(slots=True)
class Mover:
    """One robot as traffic sees it."""

    robot: str
    held: list[str]  # where it is, then what is granted ahead
    before: str | None  # the point before held[0]
    goal: str | None  # None: wherever
    rank: Rank  # smaller goes first
    takes: bool  # it can be granted points now
    settles: bool  # if it stands still it does so for a while only: it works, or is yet to answer
    ahead_m: float = 0.0  # granted and not yet driven


class Traffic:
    """The fleet of a site on its ways, as they are open now.

    Attributes:
        routes: the ways.
        contested: two robots hold one point: what is true of it depends on who was put in last.
    """

    def __init__(self, routes: Routes, robots: Iterable[str]) -> None:
        """A fleet of these, none of which is anywhere yet."""
        self.routes, self.contested = routes, False
        self._names = [*robots]
        self._row = {name: i for i, name in enumerate(self._names)}
        self._movers: list[Mover | None] = [None] * len(self._names)
        self._nodes: list[list[int]] = [[] for _ in self._names]  # that each holds
        self._ranks: list[Rank] = [(0, 0.0, "")] * len(self._names)
        self._order: list[int] = []  # who is somewhere; sorted by rank in each round
        self._fleet = Fleet.at(
            routes.roadmap,
            np.zeros(len(self._names), np.int32),
            shut=routes.shut,
            length=routes.length_m,
            clash=routes.clash,
            is_fast=len(self._names) >= COMPILED_FROM,
        )
        self._fleet.lock[:] = NONE

    def __contains__(self, robot: str) -> bool:
        """Whether it is one of the fleet."""
        return robot in self._row

    def put(self, robot: str, mover: Mover | None) -> None:
        """Take in how a robot is; None if it is nowhere."""
        i, lock = self._row[robot], self._fleet.lock
        for node in self._nodes[i]:
            lock[node] = NONE
        if mover is None:
            if self._movers[i] is not None:
                self._order.remove(i)
            self._movers[i], self._nodes[i] = None, []
            return
        if self._movers[i] is None:
            self._order.append(i)
        self._movers[i], self._ranks[i] = mover, mover.rank
        nodes = self._nodes[i] = [self.routes.node[point] for point in mover.held]
        for node in nodes:
            self.contested = self.contested or lock[node] not in {NONE, i}
            lock[node] = i
        self._set(i, mover)

    def _set(self, i: int, mover: Mover) -> None:
        fleet, routes, here = self._fleet, self.routes, mover.held[-1]
        node = self._nodes[i][-1]
        before = mover.held[-2] if len(mover.held) > 1 else mover.before
        fleet.tail[i] = node
        fleet.heading[i] = routes.costs.facing.get((before or "", here), NONE)
        fleet.goal[i], fleet.slot[i] = NONE, 0
        if mover.goal is not None and mover.goal != here:
            row = routes.rows_ms[at := routes.slot(mover.goal)]
            if any(row[a] < FAR for a in routes.costs.leaving[node]):
                fleet.goal[i], fleet.slot[i] = routes.node[mover.goal], at
        fleet.takes[i], fleet.settles[i] = mover.takes, mover.settles
        fleet.pushes[i] = len(mover.held) <= _ABOUT_TO_STAND
        fleet.ahead[i] = mover.ahead_m

    def grant(
        self, look_ahead_m: float, waits_for: dict[str, str] | None = None
    ) -> dict[str, list[str]]:
        """Grant what can be granted now: the new points of each robot, in driving order.

        Each robot that has less than half the look-ahead left is filled up to all of it, so that
        orders go out in stretches instead of drop by drop. `waits_for` is filled: by robot, who
        stands where it wants to go next. Who takes what it is granted has to be put in again.
        """
        fleet, ways = self._fleet, self.routes.roadmap
        found: dict[str, list[str]] = {}
        if not self._order:
            return found
        self._order.sort(key=self._ranks.__getitem__)
        order: Ints = np.array(self._order, np.int32)
        changed: set[int] = set()
        if ways.zones:
            order = self._claimed(order, look_ahead_m, changed)
        table = self.routes.table(compiled=fleet.is_fast)
        for i, arc in fleet.serve(order, table, look_ahead_m).tolist():
            node = int(ways.end[arc])
            found.setdefault(self._names[i], []).append(ways.names[node])
            fleet.lock[node] = NONE
            changed.add(i)
        if waits_for is not None:
            for i in np.flatnonzero(fleet.waits_for != NONE).tolist():
                waits_for[self._names[i]] = self._names[fleet.waits_for[i]]
        for i in changed:
            if (mover := self._movers[i]) is not None:
                self._set(i, mover)
        return found

    def _claimed(self, order: Ints, look_ahead_m: float, changed: set[int]) -> Ints:
        """Who leads once it is decided who may enter zones; `changed` are sent out of one."""
        fleet, routes = self._fleet, self.routes
        claims = _claims(routes, look_ahead_m)
        leads = claims.decide(fleet, order, routes.table(compiled=fleet.is_fast))
        if not claims.retreats:
            return leads
        for i, node in claims.retreats.items():
            fleet.goal[i], fleet.slot[i] = node, routes.slot(routes.roadmap.names[node])
            changed.add(i)
        return claims.decide(fleet, order, routes.table(compiled=fleet.is_fast))


def _claims(routes: Routes, look_ahead_m: float) -> Claims:
    """The claims of these ways; a zone is asked for before anything is granted up to its mouth."""
    if routes.claims is None:
        steps = routes.length_m[routes.length_m > 0]
        near = NEAR + ceil(look_ahead_m / float(np.median(steps))) if len(steps) else NEAR
        routes.claims = Claims(routes.roadmap, near)
    return routes.claims
