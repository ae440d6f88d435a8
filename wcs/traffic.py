"""Who may be where: points granted to robots, a stretch ahead of each, and making way.

A robot **holds** the point where it is and the points granted ahead of it; it frees a point when
it has reached the next one. What is granted is never taken back: the robot drives to its last
granted point whatever becomes of us, and stands there.

Robots are served in the order of their ranks: the one that has been under way longest first,
idle ones last. Each takes the best next point towards its goal if that is free, and more ahead.
If a robot that stands still is in the way, it is **pushed**: granted a free point of its own
choice, or the one behind it that it pushes in turn, and so on, never through the point of who
pushes (PIBT). A robot that works or drives is waited for: it will be done or gone by itself.

A dead end, a bridge or a lift is a zone (wcs.layout.zones): only so many robots hold points of it
as it takes. Whose goal lies in one that is another's waits outside and can be pushed; who is in
one goes first; who stands in one without a goal leaves when somebody else wants it.

    one holder    a point is held by at most one robot                        -> no collision
    zones         a zone is never held by more robots than it takes          -> nobody locked in
    no way back   a robot's points are granted one by one along the plant's paths
    no deadlock   once all that moves has come to rest, the first in rank can go on: the plant
                  has room (wcs.plant), so the points beyond its next one lead to a free one,
                  and those between move up. At its goal it goes to the end of the queue.

A robot that does not answer is an obstacle like a wall; its points are closed to routes.

Pure: the same fleet and routes give the same grants.

Source: K. Okumura et al., "Priority Inheritance with Backtracking for Iterative Multi-agent Path
Finding" (2022), driven by events, with strict locks and without rotations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wcs.routing import Routes

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


def grant(movers: Sequence[Mover], routes: Routes, look_ahead_m: float) -> dict[str, list[str]]:
    """Grant what can be granted now: the new points of each robot, in driving order.

    `held` of the movers is extended by them. Each mover that has less than half the look-ahead
    left is filled up to all of it, so that orders go out in stretches instead of drop by drop.
    """
    return _Grants(movers, routes, look_ahead_m).run()


class _Grants:
    """One round of grants."""

    def __init__(self, movers: Sequence[Mover], routes: Routes, look_ahead_m: float) -> None:
        self.routes = routes
        self.look_ahead_m = look_ahead_m
        self.zones, self.zone_of = routes.costs.zones, routes.costs.zone_of
        self.movers = sorted(movers, key=self._turn)
        self.holder = {point: mover for mover in movers for point in mover.held}
        self.granted: dict[str, list[str]] = {}
        self.claims: list[set[str]] = [set() for _ in self.zones]
        self.waits: set[str] = set()  # robots whose goal lies in a zone that is full
        self.wanted: set[int] = set()  # the zones that they wait for
        if self.zones:
            self._claim()

    def _turn(self, mover: Mover) -> tuple[bool, tuple[int, float, str]]:
        """When it is a robot's turn: first who is in a zone, to clear it; then by rank."""
        return mover.held[-1] not in self.zone_of, mover.rank

    def run(self) -> dict[str, list[str]]:
        for mover in self.movers:
            if not mover.takes or mover.robot in self.granted or mover.robot in self.waits:
                continue
            goal = mover.goal or self._way_out(mover)
            if goal is not None:
                self._advance(mover, goal)
        return self.granted

    # ---------------------------------------------------------------- zones
    def _claim(self) -> None:
        """Zones belong to who is in them, then to whose goal lies there, by rank."""
        for mover in self.movers:
            for point in mover.held:
                if (zone := self.zone_of.get(point)) is not None:
                    self.claims[zone].add(mover.robot)
        for mover in self.movers:
            zone = self.zone_of.get(mover.goal or "")
            if zone is not None and not self._enter(mover, zone):
                self.wanted.add(zone)
                if mover.held[-1] not in self.zone_of:
                    self.waits.add(mover.robot)

    def _enter(self, mover: Mover, zone: int) -> bool:
        """Claim a zone, if there is room."""
        claims = self.claims[zone]
        capacity = 1 if self.zones[zone].kind == "BRIDGE" else self.zones[zone].capacity
        if mover.robot not in claims and len(claims) >= capacity:
            return False
        claims.add(mover.robot)
        return True

    def _may_enter(self, mover: Mover, point: str) -> bool:
        zone = self.zone_of.get(point)
        return zone is None or self._enter(mover, zone)

    def _way_out(self, mover: Mover) -> str | None:
        """Where a robot without a goal goes that stands in a zone which somebody else wants."""
        here = mover.held[-1]
        zone = self.zone_of.get(here)
        if zone is None or zone not in self.wanted:
            return None
        seen, todo = {here}, [here]
        for point in todo:
            for i in self.routes.plant.leaving[point]:
                near = self.routes.plant.arcs[i].end
                if near not in seen and self.routes.may_drive(point, near):
                    if self.zone_of.get(near) != zone:
                        return near
                    seen.add(near)
                    todo.append(near)
        return None

    # ---------------------------------------------------------------- grants

    def _advance(self, mover: Mover, goal: str) -> None:
        """Grant the robot what is free along its best way, or clear the first point of it."""
        if mover.ahead_m > self.look_ahead_m / 2:
            return
        while mover.ahead_m < self.look_ahead_m and mover.held[-1] != goal:
            hops = self.routes.hops(_before(mover), mover.held[-1], goal)
            if not hops:
                return
            point = hops[0][1]
            if not self._may_enter(mover, point):
                return
            if point not in self.holder:
                self._give(mover, point)
                continue
            if len(mover.held) <= _ABOUT_TO_STAND:
                self._clear(point, {mover.held[-1]})
            return

    def _clear(self, point: str, taboo: set[str]) -> bool:
        """Have the holder of a point go away; True if it does or will.

        `taboo` are the points of those who push: nobody is pushed on to them.
        """
        other = self.holder[point]
        if other.held[-1] != point or other.robot in self.granted:
            return True  # it drives through, or is going to
        if not other.takes:
            return other.settles
        taboo.add(point)
        waits = False
        for near in self._choices(other):
            if near in taboo or not self._may_enter(other, near):
                continue
            if near not in self.holder:
                self._give(other, near)
                return True
            if self._stays(near):
                waits = True
            elif self._clear(near, taboo):
                return True
        return waits

    def _stays(self, point: str) -> bool:
        """Whether the holder of a point stands there at work: it goes, but not yet."""
        other = self.holder[point]
        return other.held[-1] == point and other.settles and not other.takes

    def _choices(self, mover: Mover) -> list[str]:
        """Where a robot would go if pushed, best first: ways to its goal, then any other."""
        point = mover.held[-1]
        hops = []
        if mover.goal is not None and mover.goal != point:
            hops = [near for _, near in self.routes.hops(_before(mover), point, mover.goal)]
        arcs = [self.routes.plant.arcs[i] for i in self.routes.plant.leaving[point]]
        arcs.sort(key=lambda arc: (arc.contraflow, arc.length_m, arc.end))
        others = [a.end for a in arcs if a.end not in hops]
        return [near for near in hops + others if self.routes.may_drive(point, near)]

    def _give(self, mover: Mover, point: str) -> None:
        assert point not in self.holder, "one holder"
        mover.ahead_m += self.routes.plant.metres(mover.held[-1], point)
        mover.held.append(point)
        self.holder[point] = mover
        self.granted.setdefault(mover.robot, []).append(point)


def _before(mover: Mover) -> str | None:
    return mover.held[-2] if len(mover.held) > 1 else mover.before
