"""What robots do that have nothing to do: charge when they should, and leave the lanes.

    battery below good   to a free charger; the lowest ones choose first
    has to charge        below critical, or no more left than the way to a charger and a reserve:
                         goes whatever else there is
    no charger is free   the fullest robots on chargers make way, if their charge is good
    otherwise            to the nearest free bay

Idle robots can be assigned at any time, charging ones from SUFFICIENT on: so charging is broken
off for work, but not too early. A bay is free when nobody stands in it, has it granted, or is on
the way to it; a charger is kept for who has been sent to it.

Law:
    staggered   while orders wait for robots, at most `CHARGING_MAX` of the fleet charges that need
                not; the others stay at hand

Source: thresholds in the manner of openTCS (critical, sufficient, good).
"""

from math import inf

from wcs.missions import at_rest, before_last, own_name, start
from wcs.routing import Routes
from wcs.sitefile import PointKind
from wcs.state import MissionKind, Robot, State

CRITICAL, SUFFICIENT, GOOD = 0.2, 0.5, 0.8  # of a battery
RESERVE = 0.05  # of a battery, at the charger
CHARGING_MAX = 0.3  # of the fleet


def charge_and_park(state: State, routes: Routes, idle: list[Robot]) -> None:
    """Give each idle robot that stands about somewhere to go."""
    resting = [robot for robot in idle if robot.goal is None and at_rest(robot)]
    if not resting:
        return
    resting.sort(key=_battery)  # stable: as they stand in the file
    bays = _Bays(state, routes)
    room, unserved = _room_to_charge(state), 0
    for robot in resting:
        kind = routes.plant.points[robot.held[-1].point].kind
        if _wants_charge(robot):
            if kind == "charge":
                if robot.kind != "charge":
                    start(state, robot, own_name(state, robot), "charge", robot.held[-1].point)
                continue
            must = _must_charge(routes, robot)
            if (must or room > 0) and bays.send(robot, "charge", ("charge",)):
                room -= not must
                continue
            unserved += must or room > 0
        if kind not in ("park", "charge"):
            bays.send(robot, "park", ("park", "charge"))
    _make_way(routes, bays, resting, unserved)


def _make_way(routes: Routes, bays: "_Bays", resting: list[Robot], unserved: int) -> None:
    """Chargers are left for those who found none: the fullest leave first."""
    for robot in reversed(resting):
        here = routes.plant.points[robot.held[-1].point]
        if unserved and robot.goal is None and here.kind == "charge" and _battery(robot) >= GOOD:
            unserved -= bays.send(robot, "park", ("park",))


def _battery(robot: Robot) -> float:
    return robot.report.battery if robot.report is not None else 1.0


def _wants_charge(robot: Robot) -> bool:
    report = robot.report
    return report is not None and report.battery < GOOD and not report.charging


def _must_charge(routes: Routes, robot: Robot) -> bool:
    """Whether it can do no order any more, or hardly reach a charger."""
    here, spec = robot.held[-1].point, routes.plant.robots.get(robot.name)
    chargers = routes.plant.points_of_kind("charge")
    way_s = min((routes.seconds(before_last(robot), here, at) for at in chargers), default=0.0)
    drive_s = spec.drive_s if spec is not None else inf
    return _battery(robot) < max(CRITICAL, way_s / drive_s + RESERVE)


def _room_to_charge(state: State) -> int:
    """How many more may charge that need not."""
    waits = any(one.robot is None and not one.loaded for one in state.transports.values())
    if not waits:
        return len(state.robots)
    charging = sum(robot.kind == "charge" for robot in state.robots.values())
    return int(CHARGING_MAX * len(state.robots)) - charging


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
