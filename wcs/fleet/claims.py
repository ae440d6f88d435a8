"""Who may enter a zone: claims, decided anew in every round from what is held and wanted.

    inside      whoever holds a node of a zone has its claim
    the way     leads into a zone: claimed NEAR nodes before its mouth, with every zone that follows
                without open ground between; who is refused waits there and can be pushed, so that
                the mouth stays open for those who come out
    from afar   only the first few in rank come near a zone (`COMING`); the others wait where they
                are, so that there is no crowd before it and nobody keeps it for himself meanwhile

In the order of rank. A bridge takes any number of robots that leave it at the same end; once
somebody waits for the other way, or comes for it and is APPROACH nodes from there, only as long as
one of still higher rank is on it. Robots with their goal on a bridge have it alone.

With `share`, only so many robots of the highest rank are under way at once, by the open nodes that
there are, and one more for each dead end; the others wait where they are, and can be pushed. So a
full plant keeps moving.

Nothing is remembered from round to round: those inside have their claims because they are inside,
and ask first for what lies ahead of them; to the others nothing was granted yet.

Who stands in a zone that another waits for, and has no goal or no claim to go on, is sent out of
it, to the nearest open ground (`Claims.retreats`).

Laws:
    capacity    no more robots claim a zone than it takes
    one way     robots on a bridge all leave it at the same end
    together    zones without open ground between are claimed all at once or not at all
    in turn     lower ranks overtake a refused robot only behind a higher one, so not for ever
    inherits    who is in a zone goes before the first who waits for it, and not before those of
                higher rank: else who was pushed into a dead end comes out again, and in, for ever
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from wcs.fleet.grants import Fleet, Table
from wcs.fleet.serve import NONE
from wcs.layout.roadmap import FACINGS, Flags, Ints, Roadmap
from wcs.layout.rows import FAR
from wcs.layout.zones import Zone

NEAR = 2
APPROACH = 4  # nodes more from which a wish for a zone counts, so that it is not lost on the way
COMING = {"DEAD_END": 2, "LIFT": 3, "BLOCK": 3, "BRIDGE": 4}  # a bridge: so many from either end
_ALONE = -2  # no exit: it stays in the zone
_KNOWN_MAX = 8192
_NOBODY = 2**31


@dataclass(slots=True)
class _Use:
    """One zone in one round."""

    zone: Zone
    robots: dict[int, int] = field(default_factory=dict)  # who, and of which rank
    exits: set[int] = field(default_factory=set)
    coming: dict[int, int] = field(default_factory=dict)  # how many are on their way, by exit
    refused: int = _NOBODY  # the first rank that was, or comes and is to be next
    refused_exit: int = _ALONE  # and where it would leave

    def takes(self, robot: int, leaves_at: int) -> bool:
        """Whether one more robot may come in."""
        if robot in self.robots:
            return True
        if self.zone.kind != "BRIDGE":
            return not self.robots or (len(self.robots) < self.zone.capacity and self._is_before())
        if self.robots and (self.exits != {leaves_at} or leaves_at == _ALONE):
            return False
        if self.refused == _NOBODY or self.refused_exit == leaves_at:
            return True
        return bool(self.robots) and self._is_before()

    def _is_before(self) -> bool:
        """Whether one who is in comes before all who were refused."""
        return min(self.robots.values()) < self.refused

    def refuse(self, rank: int, leaves_at: int) -> None:
        """Somebody has to wait for it."""
        if rank < self.refused:
            self.refused, self.refused_exit = rank, leaves_at

    def enter(self, robot: int, rank: int, leaves_at: int) -> None:
        """Let it in."""
        self.robots[robot] = rank
        self.exits.add(leaves_at)

    def comes(self, leaves_at: int) -> bool:
        """One more robot would come near: whether it may."""
        key = leaves_at if self.zone.kind == "BRIDGE" else _ALONE
        self.coming[key] = self.coming.get(key, 0) + 1
        return self.coming[key] <= COMING[self.zone.kind]


class _Way(NamedTuple):
    """What lies ahead of a robot: the zones that it has to claim together, and how far they are."""

    zones: tuple[tuple[int, int], ...]  # and where it leaves each
    steps: int


class Claims:
    """The zones of a fleet's roadmap.

    Args:
        ways: the roadmap.
        near: how many nodes before its mouth a zone is claimed.
        share: of the open nodes, so many robots are under way at once; more for dead ends.

    Attributes:
        retreats: robots that are to leave the zone where they stand, and where to; of this round.
    """

    def __init__(self, ways: Roadmap, near: int = NEAR, share: float = 1.0) -> None:
        self.zones, self.near = ways.zones, near
        self.most = max(1, round(share * int((ways.zone_of == NONE).sum())))
        self.most += sum(zone.kind == "DEAD_END" for zone in ways.zones)
        self.retreats: dict[int, int] = {}
        self._zone: list[int] = ways.zone_of.tolist()
        self._first: list[int] = ways.first.tolist()
        self._end: list[int] = ways.end.tolist()
        self._facing: list[int] = ways.facing.tolist()
        self._turn: list[int] = ways.turn.tolist()
        self._known: dict[tuple[int, int, int, int], _Way] = {}

    def decide(self, fleet: Fleet, order: Ints, table: Table) -> Ints:
        """Fill `fleet.claims` and `fleet.vacant` for this round.

        Args:
            fleet: whose claims are decided; always with the same closures.
            order: robots by rank.
            table: rows of costs, as `Fleet.serve` takes them.

        Returns:
            Who leads in this round, by rank; who is in a zone, just before the first who waits
            for it. A robot that was refused waits where it is, and can be pushed.
        """
        self.retreats = {}
        if not self.zones:
            return order
        uses = [_Use(zone) for zone in self.zones]
        rank = {robot: place for place, robot in enumerate(order.tolist())}
        self._inside(uses, fleet, rank, table)
        inside = fleet.roadmap.zone_of[fleet.tail[order]] != NONE
        leads: Flags = fleet.goal[order] != NONE
        room = self.most
        for robot in [*order[inside].tolist(), *order[~inside].tolist()]:
            place = rank[robot]
            if leads[place] and (room > 0 or inside[place]):
                way = self._way(fleet, robot, table)
                leads[place] = not way.zones or self._ask(uses, robot, place, way)
                room -= int(leads[place])
            else:
                leads[place] = False
        for number, use in enumerate(uses):
            fleet.claims[list(use.robots), number] = True
            fleet.vacant[number] = use.zone.kind == "DEAD_END" and not use.robots
        stays = inside & (~leads | (fleet.goal[order] == NONE))
        self._retreat(uses, fleet, order[stays].tolist())
        return self._by_turn(uses, fleet, order, leads)

    def _by_turn(self, uses: list[_Use], fleet: Fleet, order: Ints, leads: Flags) -> Ints:
        """Who leads, by rank; who is in a zone goes with the first who waits for it, before it."""
        zone = fleet.roadmap.zone_of[fleet.tail[order]]
        inside = zone != NONE
        refused = np.array([use.refused for use in uses])
        places = np.arange(len(order))
        turn = np.where(inside, np.minimum(places, refused[zone]), places)
        first = np.argsort(2 * turn + ~inside, kind="stable")
        found: Ints = order[first[(leads | inside)[first]]]
        return found

    def _inside(self, uses: list[_Use], fleet: Fleet, rank: dict[int, int], table: Table) -> None:
        """Zones belong to who is in them."""
        fleet.claims[:] = False
        for number, use in enumerate(uses):
            for node in use.zone.nodes:
                if (robot := int(fleet.lock[node])) != NONE:
                    at = int(fleet.tail[robot])
                    is_out = self._zone[at] != number
                    exit_at = at if is_out else self._exit(fleet, robot, at, table)
                    use.enter(robot, rank.get(robot, len(rank)), exit_at)

    def _retreat(self, uses: list[_Use], fleet: Fleet, robots: Iterable[int]) -> None:
        """Send who stands in a zone without a way on out of it, if somebody waits for it."""
        for robot in robots:
            here = int(fleet.tail[robot])
            zone = self._zone[here]
            if not fleet.takes[robot] or uses[zone].refused == _NOBODY:
                continue
            shut = fleet.shut[int(fleet.layer[robot])]
            seen, todo = {here}, [here]
            for node in todo:
                for a in range(self._first[node], self._first[node + 1]):
                    near = self._end[a]
                    if near in seen or shut[a]:
                        continue
                    if self._zone[near] == NONE:
                        self.retreats[robot] = near
                        todo.clear()
                        break
                    seen.add(near)
                    todo.append(near)

    def _ask(self, uses: list[_Use], robot: int, rank: int, way: _Way) -> bool:
        """Claim what the robot is about to enter; whether it goes on."""
        first, leaves_at = way.zones[0]
        may_come = uses[first].comes(leaves_at) or robot in uses[first].robots
        if way.steps > self.near:
            if may_come and way.steps <= self.near + APPROACH:
                uses[first].refuse(rank, leaves_at)
            return may_come
        for zone, exit_at in way.zones:
            if not uses[zone].takes(robot, exit_at):
                uses[zone].refuse(rank, exit_at)
                return False
        for zone, exit_at in way.zones:
            uses[zone].enter(robot, rank, exit_at)
        return True

    # ---------------------------------------------------------------- ways
    def _way(self, fleet: Fleet, robot: int, table: Table) -> _Way:
        """The zones that lie next on a robot's way: a memo, since it is asked for all the time."""
        node, heading, goal, layer = (
            int(array[robot]) for array in (fleet.tail, fleet.heading, fleet.goal, fleet.layer)
        )
        key = (node, heading, goal, layer)
        if (known := self._known.get(key)) is None:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            known = self._known[key] = self._walk(fleet, robot, table)
        return known

    def _walk(self, fleet: Fleet, robot: int, table: Table) -> _Way:
        node, heading = int(fleet.tail[robot]), int(fleet.heading[robot])
        own, steps = self._zone[node], 0
        zones: list[tuple[int, int]] = []
        is_own = own != NONE
        for step in range(1, len(self._zone)):
            arc = self._next(fleet, robot, node, heading, table)
            if arc == NONE:
                break
            node, heading = self._end[arc], self._facing[arc]
            zone = self._zone[node]
            is_own = is_own and zone == own
            if zone == NONE:
                if zones:
                    break
            elif not is_own and (not zones or zones[-1][0] != zone):
                steps = steps or step
                zones.append((zone, self._exit(fleet, robot, node, table)))
        return _Way(tuple(zones), steps)

    def _next(self, fleet: Fleet, robot: int, node: int, heading: int, table: Table) -> int:
        """The arc of the best way to the robot's goal, or NONE."""
        goal = int(fleet.goal[robot])
        if goal in (NONE, node):
            return NONE
        row, shut = table[int(fleet.slot[robot])], fleet.shut[int(fleet.layer[robot])]
        best, found = FAR, NONE
        for a in range(self._first[node], self._first[node + 1]):
            if shut[a] and self._end[a] != goal:
                continue
            turning = self._turn[(self._facing[a] - heading) % FACINGS] if heading >= 0 else 0
            if (cost := int(row[a]) + turning) < best:
                best, found = cost, a
        return found

    def _exit(self, fleet: Fleet, robot: int, node: int, table: Table) -> int:
        """The first node behind the zone of `node` on the robot's way, or that it stays."""
        zone, heading = self._zone[node], NONE
        for _ in range(len(self.zones[zone].nodes) + 1 if zone != NONE else 0):
            arc = self._next(fleet, robot, node, heading, table)
            if arc == NONE:
                return _ALONE
            node, heading = self._end[arc], self._facing[arc]
            if self._zone[node] != zone:
                return node
        return _ALONE
