"""What robots do that have nothing to do: charge when they should, and leave the lanes.

    battery below good   to a free charger; if there is none, a full robot that stands on one
                         moves to another bay
    otherwise            to the nearest free bay

Idle robots can be assigned at any time, charging ones from SUFFICIENT on. A bay is free when
nobody stands in it, has it granted, or is on the way to it.

Source: thresholds in the manner of openTCS (critical, sufficient, full).
"""

from math import inf

from wcs.missions import at_rest, before_last, own_name, start
from wcs.routing import Routes
from wcs.sitefile import PointKind
from wcs.state import MissionKind, Robot, State

SUFFICIENT, GOOD = 0.5, 0.8  # of a battery


def charge_and_park(state: State, routes: Routes, idle: list[Robot]) -> None:
    """Give each idle robot that stands about somewhere to go."""
    resting = [robot for robot in idle if robot.goal is None and at_rest(robot)]
    if not resting:
        return
    bays = _Bays(state, routes)
    unserved = 0
    for robot in resting:
        kind = routes.plant.points[robot.held[-1].point].kind
        if _wants_charge(robot):
            if kind == "charge":
                if robot.kind != "charge":
                    start(state, robot, own_name(state, robot), "charge", robot.held[-1].point)
                continue
            if bays.send(robot, "charge", ("charge",)):
                continue
            unserved += 1
        if kind not in ("park", "charge"):
            bays.send(robot, "park", ("park", "charge"))
    for robot in resting:
        here = routes.plant.points[robot.held[-1].point]
        if unserved and robot.goal is None and here.kind == "charge" and _is_full(robot):
            unserved -= bays.send(robot, "park", ("park",))


def _wants_charge(robot: Robot) -> bool:
    report = robot.report
    return report is not None and report.battery < GOOD and not report.charging


def _is_full(robot: Robot) -> bool:
    return robot.report is not None and robot.report.battery >= GOOD


class _Bays:
    """Which bays are free in this run."""

    def __init__(self, state: State, routes: Routes) -> None:
        self.state, self.routes = state, routes
        robots = state.robots
        self.taken = {held.point for robot in robots.values() for held in robot.held}
        self.taken |= {robot.goal for robot in robots.values() if robot.goal is not None}
        self.taken |= {
            spec.start
            for name, spec in routes.plant.robots.items()
            if name not in robots or not robots[name].held
        }

    def send(self, robot: Robot, mission: MissionKind, kinds: tuple[PointKind, ...]) -> bool:
        """Send a robot to the nearest free bay of these kinds; False if there is none."""
        here, before = robot.held[-1].point, before_last(robot)
        ways = [
            (self.routes.seconds(before, here, bay), bay)
            for bay in self.routes.plant.points_of_kind(*kinds)
            if bay not in self.taken
        ]
        best = min(ways, default=(inf, ""))
        if best[0] == inf:
            return False
        start(self.state, robot, own_name(self.state, robot), mission, best[1])
        self.taken.add(best[1])
        return True
