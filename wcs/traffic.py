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

Pure: the same fleet and routes give the same grants, compiled or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from wcs.fleet.claims import NEAR, Claims
from wcs.fleet.grants import Fleet
from wcs.fleet.serve import NONE
from wcs.layout.rows import FAR
from wcs.routing import Routes

COMPILED_FROM = 60  # robots; below that, plain lists are as fast and nothing has to be loaded
_ABOUT_TO_STAND = 2  # points held: where it is, and one more


@dataclass(slots=True)
class Mover:
    """One robot as traffic sees it."""

    robot: str
    held: list[str]  # where it is, then what is granted ahead
    before: str | None  # the point before held[0]
    goal: str | None  # None: wherever
    rank: tuple[int, float, str]  # smaller goes first
    takes: bool  # it can be granted points now
    settles: bool  # if it stands still it does so for a while only: it works, or is yet to answer
    ahead_m: float = 0.0  # granted and not yet driven


def grant(
    movers: Sequence[Mover],
    routes: Routes,
    look_ahead_m: float,
    waits_for: dict[str, str] | None = None,
) -> dict[str, list[str]]:
    """Grant what can be granted now: the new points of each robot, in driving order.

    `held` of the movers is extended by them. Each mover that has less than half the look-ahead
    left is filled up to all of it, so that orders go out in stretches instead of drop by drop.
    `waits_for` is filled: by robot, who stands where it wants to go next.
    """
    if not movers:
        return {}
    ways = routes.roadmap
    fleet = _fleet(movers, routes)
    order = np.array(sorted(range(len(movers)), key=lambda i: movers[i].rank), np.int32)
    if ways.zones:
        claims = _claims(routes, look_ahead_m)
        leads = claims.decide(fleet, order, routes.table(compiled=fleet.is_fast))
        if claims.retreats:  # once more, with what lies on their way out
            for i, node in claims.retreats.items():
                fleet.goal[i], fleet.slot[i] = node, routes.slot(ways.names[node])
            leads = claims.decide(fleet, order, routes.table(compiled=fleet.is_fast))
        order = leads
    found: dict[str, list[str]] = {}
    table = routes.table(compiled=fleet.is_fast)
    for i, arc in fleet.serve(order, table, look_ahead_m).tolist():
        mover, point = movers[i], ways.names[int(ways.end[arc])]
        mover.held.append(point)
        found.setdefault(mover.robot, []).append(point)
    for i, mover in enumerate(movers):
        mover.ahead_m = float(fleet.ahead[i])
        if waits_for is not None and fleet.waits_for[i] != NONE:
            waits_for[mover.robot] = movers[fleet.waits_for[i]].robot
    return found


def _claims(routes: Routes, look_ahead_m: float) -> Claims:
    """The claims of these ways; a zone is asked for before anything is granted up to its mouth."""
    if routes.claims is None:
        steps = routes.length_m[routes.length_m > 0]
        near = NEAR + ceil(look_ahead_m / float(np.median(steps))) if len(steps) else NEAR
        routes.claims = Claims(routes.roadmap, near)
    return routes.claims


def _fleet(movers: Sequence[Mover], routes: Routes) -> Fleet:
    """The robots in numbers: as they stand in `movers`."""
    node, ways = routes.node, routes.roadmap
    tail = np.array([node[mover.held[-1]] for mover in movers], np.int32)
    fleet = Fleet.at(
        ways,
        tail,
        shut=routes.shut,
        length=routes.length_m,
        clash=routes.clash,
        is_fast=len(movers) >= COMPILED_FROM,
    )
    facing, leaving = routes.costs.facing, routes.costs.leaving
    heading, goal, slot = fleet.heading.tolist(), fleet.goal.tolist(), fleet.slot.tolist()
    lock = fleet.lock.tolist()
    for i, mover in enumerate(movers):
        for point in mover.held:
            lock[node[point]] = i
        here = mover.held[-1]
        before = mover.held[-2] if len(mover.held) > 1 else mover.before
        heading[i] = facing.get((before or "", here), NONE)
        if mover.goal is not None and mover.goal != here:
            row = routes.rows_ms[at := routes.slot(mover.goal)]
            if any(row[a] < FAR for a in leaving[node[here]]):
                goal[i], slot[i] = node[mover.goal], at
    fleet.heading[:], fleet.goal[:], fleet.slot[:], fleet.lock[:] = heading, goal, slot, lock
    fleet.takes[:] = [mover.takes for mover in movers]
    fleet.settles[:] = [mover.settles for mover in movers]
    fleet.pushes[:] = [len(mover.held) <= _ABOUT_TO_STAND for mover in movers]
    fleet.ahead[:] = [mover.ahead_m for mover in movers]
    return fleet
