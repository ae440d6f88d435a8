"""Who may enter a zone: claims, decided anew in every round from what is held and wanted.

    inside      whoever holds a node of a zone has its claim
    the goal    lies in the zone: claimed as soon as nobody else does, wherever the robot is
    the way     leads through it: claimed at its mouth

In the order of rank. A bridge takes any number of robots that leave it at the same end, until
somebody of higher rank waits for the other way; robots with their goal on it have it alone.

Nothing is remembered: claims that nobody has made use of yet may go to a more urgent robot, and
those inside have theirs because they are inside. So there is nothing to lose in a crash.

Laws:
    capacity    no more robots claim a zone than it takes
    one way     robots on a bridge all leave it at the same end
    in turn     a refused robot is not overtaken by a lower rank
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from wcs.fleet.grants import NONE, Fleet
from wcs.layout.roadmap import FACINGS, Flags, Ints
from wcs.layout.zones import Zone

_ALONE = -2  # no exit: it stays in the zone


@dataclass(slots=True)
class _Use:
    """One zone in one round."""

    zone: Zone
    robots: set[int] = field(default_factory=set)
    exits: set[int] = field(default_factory=set)
    refused: bool = False

    def takes(self, robot: int, leaves_at: int) -> bool:
        """Whether one more robot may come in."""
        if robot in self.robots:
            return True
        if not self.robots:
            return not self.refused
        if self.refused or len(self.robots) >= self.zone.capacity:
            return False
        return self.zone.kind != "BRIDGE" or (self.exits == {leaves_at} and leaves_at != _ALONE)


class Claims:
    """The zones of a fleet's roadmap.

    Args:
        fleet: its `zone_of` and `claims` belong to these zones.
        zones: as many as `fleet.claims` has columns.
    """

    def __init__(self, fleet: Fleet, zones: Sequence[Zone]) -> None:
        self.fleet, self.zones = fleet, zones
        ways, zone_of = fleet.roadmap, fleet.zone_of
        enters = (zone_of[ways.end] != NONE) & (zone_of[ways.end] != zone_of[ways.start])
        self._mouth: Flags = np.zeros(ways.nodes, np.bool_)
        self._mouth[ways.start[enters]] = True

    def decide(self, order: Ints, table: Ints) -> None:
        """Fill `fleet.claims` for this round.

        Args:
            order: robots by rank.
            table: rows of costs, as `Fleet.serve` takes them.
        """
        fleet = self.fleet
        if not self.zones:
            return
        uses = [_Use(zone) for zone in self.zones]
        for use in uses:
            for node in use.zone.nodes:
                if (robot := int(fleet.lock[node])) != NONE:
                    use.robots.add(robot)
                    use.exits.add(self._exit(robot, int(fleet.tail[robot]), table))
        goals = fleet.goal[order]
        wants = (goals != NONE) & (
            (fleet.zone_of[goals] != NONE) | self._mouth[fleet.tail[order]]
        )
        for robot in order[wants].tolist():
            self._ask(uses, robot, table)
        fleet.claims[:] = False
        for number, use in enumerate(uses):
            fleet.claims[list(use.robots), number] = True

    def _ask(self, uses: list[_Use], robot: int, table: Ints) -> None:
        """Claim what the robot's goal lies in, and what it is about to enter."""
        fleet = self.fleet
        goal, tail = int(fleet.goal[robot]), int(fleet.tail[robot])
        asked = int(fleet.zone_of[goal])
        if asked != NONE and fleet.zone_of[tail] != asked:
            self._enter(uses[asked], robot, _ALONE)
        arc = self._next(robot, tail, int(fleet.heading[robot]), table)
        if arc == NONE:
            return
        node = int(fleet.roadmap.end[arc])
        zone = int(fleet.zone_of[node])
        if zone not in (NONE, asked, int(fleet.zone_of[tail])):
            self._enter(uses[zone], robot, self._exit(robot, node, table))

    @staticmethod
    def _enter(use: _Use, robot: int, leaves_at: int) -> None:
        if use.takes(robot, leaves_at):
            use.robots.add(robot)
            use.exits.add(leaves_at)
        else:
            use.refused = True

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
            turning = int(ways.turn[(int(ways.facing[a]) - heading) % FACINGS]) if heading >= 0 else 0
            if int(row[a]) + turning < best:
                best, found = int(row[a]) + turning, a
        return found

    def _exit(self, robot: int, node: int, table: Ints) -> int:
        """The first node behind the zone of `node` on the robot's way, or that it stays."""
        fleet, ways = self.fleet, self.fleet.roadmap
        zone, heading = fleet.zone_of[node], NONE
        for _ in range(len(self.zones[zone].nodes) + 1 if zone != NONE else 0):
            arc = self._next(robot, node, heading, table)
            if arc == NONE:
                return _ALONE
            node, heading = int(ways.end[arc]), int(ways.facing[arc])
            if fleet.zone_of[node] != zone:
                return node
        return _ALONE
