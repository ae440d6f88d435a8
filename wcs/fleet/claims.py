"""Who may enter a zone: claims, decided anew in every round from what is held and wanted.

    inside      whoever holds a node of a zone has its claim
    the goal    lies in the zone: claimed as soon as nobody else does, wherever the robot is
    the way     leads through it: claimed NEAR nodes before its mouth; who is refused waits there,
                so that the mouth stays open for those who come out

In the order of rank. A bridge takes any number of robots that leave it at the same end; once
somebody waits for the other way, only as long as one of still higher rank is on it. Robots with
their goal on a bridge have it alone.

Who had a claim and still wants it keeps it. Losing that memory is harmless: those inside have
theirs because they are inside, and to the others nothing was granted yet.

Laws:
    capacity    no more robots claim a zone than it takes
    one way     robots on a bridge all leave it at the same end
    in turn     lower ranks overtake a refused robot only behind a higher one, so not for ever
"""

from dataclasses import dataclass, field

import numpy as np

from wcs.fleet.grants import NONE, Fleet
from wcs.layout.roadmap import FACINGS, Flags, Ints
from wcs.layout.zones import Zone

NEAR = 2
_ALONE = -2  # no exit: it stays in the zone


@dataclass(slots=True)
class _Use:
    """One zone in one round."""

    zone: Zone
    robots: dict[int, int] = field(default_factory=dict)  # who, and of which rank
    exits: set[int] = field(default_factory=set)
    refused: int = 2**31  # the first rank that was

    def takes(self, robot: int, leaves_at: int) -> bool:
        """Whether one more robot may come in."""
        if robot in self.robots:
            return True
        if not self.robots:
            return True
        if len(self.robots) >= self.zone.capacity or self.refused < min(self.robots.values()):
            return False
        return self.zone.kind != "BRIDGE" or (self.exits == {leaves_at} and leaves_at != _ALONE)


class Claims:
    """The zones of a fleet's roadmap.

    Args:
        fleet: whose claims are decided.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.fleet, self.zones = fleet, fleet.roadmap.zones
        ways, zone_of = fleet.roadmap, fleet.roadmap.zone_of
        enters = (zone_of[ways.end] != NONE) & (zone_of[ways.end] != zone_of[ways.start])
        self._near: Flags = np.zeros(ways.nodes, np.bool_)
        self._near[ways.start[enters]] = True
        for _ in range(NEAR - 1):
            self._near[ways.start[self._near[ways.end]]] = True

    def decide(self, order: Ints, table: Ints) -> Ints:
        """Fill `fleet.claims` for this round.

        Args:
            order: robots by rank.
            table: rows of costs, as `Fleet.serve` takes them.

        Returns:
            Who leads in this round, by rank: first who is in a zone, to clear it, then who is
            about to enter one. A robot that was refused waits where it is, and can be pushed.
        """
        fleet = self.fleet
        if not self.zones:
            return order
        uses = [_Use(zone) for zone in self.zones]
        rank = np.full(len(fleet.goal), len(order), np.int32)
        rank[order] = np.arange(len(order))
        for use in uses:
            for node in use.zone.nodes:
                if (robot := int(fleet.lock[node])) != NONE:
                    use.robots[robot] = int(rank[robot])
                    use.exits.add(self._exit(robot, int(fleet.tail[robot]), table))
        goals = fleet.goal[order]
        wants = (goals != NONE) & (
            (fleet.roadmap.zone_of[goals] != NONE) | self._near[fleet.tail[order]]
        )
        leads = np.ones(len(order), np.bool_)
        at_mouth = np.zeros(len(order), np.bool_)
        had = fleet.claims[order].any(axis=1)
        for robot in [*order[wants & had].tolist(), *order[wants & ~had].tolist()]:
            place = rank[robot]
            leads[place], at_mouth[place] = self._ask(uses, robot, int(place), table)
        fleet.claims[:] = False
        for number, use in enumerate(uses):
            fleet.claims[list(use.robots), number] = True
        inside = fleet.roadmap.zone_of[fleet.tail[order]] != NONE
        at_mouth &= ~inside
        return np.concatenate([order[inside], order[at_mouth], order[leads & ~inside & ~at_mouth]])

    def _ask(self, uses: list[_Use], robot: int, rank: int, table: Ints) -> tuple[bool, bool]:
        """Claim what the robot's goal lies in, and what it is about to enter.

        Returns:
            Whether it was not refused, and whether it is about to enter what it has claimed.
        """
        fleet, ways = self.fleet, self.fleet.roadmap
        node, heading = int(fleet.tail[robot]), int(fleet.heading[robot])
        own, asked = (
            int(fleet.roadmap.zone_of[node]),
            int(fleet.roadmap.zone_of[int(fleet.goal[robot])]),
        )
        if asked not in (NONE, own) and not _enter(uses[asked], robot, rank, _ALONE):
            return False, False
        for _ in range(NEAR):
            arc = self._next(robot, node, heading, table)
            if arc == NONE:
                break
            node, heading = int(ways.end[arc]), int(ways.facing[arc])
            zone = int(fleet.roadmap.zone_of[node])
            if zone not in (NONE, own, asked):
                mine = _enter(uses[zone], robot, rank, self._exit(robot, node, table))
                return mine, mine
        return True, False

    def _next(self, robot: int, node: int, heading: int, table: Ints) -> int:
        """The arc of the best way to the robot's goal, or NONE."""
        fleet, ways = self.fleet, self.fleet.roadmap
        goal, row = int(fleet.goal[robot]), table[int(fleet.slot[robot])]
        if goal in (NONE, node):
            return NONE
        shut = fleet.shut[int(fleet.layer[robot])]
        best, found = 2**31, NONE
        for a in ways.leaving(node):
            if shut[a] and ways.end[a] != goal:
                continue
            turning = (
                int(ways.turn[(int(ways.facing[a]) - heading) % FACINGS]) if heading >= 0 else 0
            )
            if int(row[a]) + turning < best:
                best, found = int(row[a]) + turning, a
        return found

    def _exit(self, robot: int, node: int, table: Ints) -> int:
        """The first node behind the zone of `node` on the robot's way, or that it stays."""
        fleet, ways = self.fleet, self.fleet.roadmap
        zone, heading = fleet.roadmap.zone_of[node], NONE
        for _ in range(len(self.zones[zone].nodes) + 1 if zone != NONE else 0):
            arc = self._next(robot, node, heading, table)
            if arc == NONE:
                return _ALONE
            node, heading = int(ways.end[arc]), int(ways.facing[arc])
            if fleet.roadmap.zone_of[node] != zone:
                return node
        return _ALONE


def _enter(use: _Use, robot: int, rank: int, leaves_at: int) -> bool:
    """Claim a zone, if it takes the robot."""
    if use.takes(robot, leaves_at):
        use.robots[robot] = rank
        use.exits.add(leaves_at)
        return True
    use.refused = min(use.refused, rank)
    return False
