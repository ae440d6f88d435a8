"""Which robot takes which transport order: all of them looked at together, again and again.

    who asks    free robots, robots on their way to fetch something (they may change their
                minds), and robots that will be free in a moment
    for what    the orders that nobody has begun to carry out
    what costs  the way there, less what the order gains by being served now

A robot that will be free in a moment does not get an order yet, but one that it would get waits
for it, a little: whoever has brought something takes the nearest thing back (dual command).

What an order gains: its priority, its age, and its due time from half an hour before it on. What
makes a pair dear: the way, a battery that is low, another tote on its way to the same station.
Changing a robot's order costs `STICK_S`, so that small differences move nobody to and fro.

Laws:
    no way back    only what has not been begun changes hands
    enough left    whoever gets an order can bring it and reach a charger with `RESERVE` left
    one a load     of several orders for one load only the oldest is looked at
    not for long   an order waits at most `HOLD_S` for a robot that is not free yet

Seconds; shares of a battery. Source: rolling re-assignment of what has not begun, see decision 33.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import inf

import numpy as np

from wcs.assign_match import Floats, match, nearest
from wcs.idle import CRITICAL, RESERVE, SUFFICIENT
from wcs.missions import at_rest, before_last, silent_for_s
from wcs.plant import Plant
from wcs.routing import Pairs, Routes
from wcs.state import Robot, State, Transport
from wcs.stops import best, has_room, left_s, slots_of

PRIORITY_S = 3600.0  # way that a step of priority makes up for
AGE_WEIGHT = 0.2  # seconds of way that a second of waiting makes up for
DUE_AHEAD_S, DUE_WEIGHT = 1800.0, 1.0  # the same for what is due, from so long before
BATTERY_S = 30.0  # what a full battery is worth against an empty one
STICK_S = 20.0
STATION_S = 5.0  # how much dearer a tote is for each that is on its way to its station
TO_STATION_MAX = 5  # robots on their way to one station, whatever its capacity
WINDOW = 24  # orders without a robot that are looked at, at least; else two a robot
AGAIN_S = 2.0  # between two looks when nothing has come and nobody become free
SOON_S, HOLD_S = 40.0, 60.0
FRESH_S = 60.0  # a robot that was not heard of for longer gets nothing, and keeps what it has
DROP_S = 8.0  # about as long as setting down a tote takes
_FOR_EVER_S = 1e12


def ends(plant: Plant, transport: Transport) -> tuple[str, str]:
    """The points where an order begins and ends."""
    return plant.places[transport.source], plant.places[transport.destination]  # as accepted


def is_begun(state: State, transport: Transport) -> bool:
    """Whether the order's load is on its robot, or about to be."""
    if transport.loaded or transport.robot is None:
        return transport.loaded
    robot = state.robots[transport.robot]
    return bool(robot.action) and robot.kind == "transport" and robot.transport == transport.id


def is_free(robot: Robot) -> bool:
    """Whether a robot has nothing to do for anybody."""
    report = robot.report
    if report is None or not robot.held or robot.obstacle or robot.transport is not None:
        return False
    if robot.action or report.load is not None:
        return False
    return at_rest(robot) if robot.kind == "foreign" else True


@dataclass(frozen=True, slots=True)
class _Seeker:
    """A robot that may take an order."""

    robot: Robot
    before: str | None
    point: str  # where it can begin
    ready_s: float  # until it is there
    mine: str | None = None  # the order that it has and has not begun
    battery: float = 1.0
    is_soon: bool = False  # it carries something yet
    busy_s: float = 0.0  # with orders that it keeps, whatever it gets in addition (wcs.stops)


def plan(state: State, routes: Routes) -> dict[str, str | None]:
    """Whose robot changes: orders, and the robot that each gets, or None if it loses its own."""
    fixed, begun = [], []
    for one in state.transports.values():
        if is_begun(state, one):
            begun.append(one)
        elif _keeps(state, routes.plant, one):
            fixed.append(one)
    seekers = _seekers(state, routes)
    begun += fixed
    wanted = _wanted(state, begun, len(seekers))
    if not _is_time(state, seekers, wanted):
        return {}
    chosen = _choose(state, routes, seekers, wanted, begun)
    changes: dict[str, str | None] = {}
    for order in wanted:
        seeker = chosen.get(order.id)
        name = seeker.robot.name if seeker is not None and not seeker.is_soon else None
        if name != order.robot:
            changes[order.id] = name
    return changes


def _keeps(state: State, plant: Plant, order: Transport) -> bool:
    """Whether an order not begun stays with its robot: one that is not heard, or has slots.

    There it is one stop of several, and what was reckoned with it would not be true without.
    """
    if order.robot is None:
        return False
    has_slots = slots_of(plant, state.robots[order.robot]) > 1
    return has_slots or _is_unheard(state, order.robot)


def _is_unheard(state: State, name: str | None) -> bool:
    return name is not None and silent_for_s(state.robots[name], state.now) > FRESH_S


def _is_time(state: State, seekers: list[_Seeker], wanted: list[Transport]) -> bool:
    """Whether to look now: something has come or become free, or it is long ago."""
    free = sum(seeker.mine is None and not seeker.is_soon for seeker in seekers)
    seen = (free, sum(order.robot is None for order in wanted))
    if not free or not wanted:
        state.asked_of = seen
        return False
    since = state.asked_at
    if seen == state.asked_of and since and (state.now - since).total_seconds() < AGAIN_S:
        return False
    state.asked_at, state.asked_of = state.now, seen
    return True


# ------------------------------------------------------------------------------- who and what
def _seekers(state: State, routes: Routes) -> list[_Seeker]:
    plant, found, fresh = routes.plant, [], state.now - timedelta(seconds=FRESH_S)
    for robot in state.robots.values():
        if robot.report is None or not robot.held or robot.obstacle:
            continue
        if robot.heard_at is not None and robot.heard_at < fresh:
            continue
        battery, mine, is_soon, busy_s = robot.report.battery, None, False, 0.0
        before, point = before_last(robot), robot.held[-1].point
        if robot.transport is None:
            if not is_free(robot) or not _can_work(robot):
                continue
            ready_s = _ahead_s(plant, robot)
        elif slots_of(plant, robot) > 1:
            if not _can_work(robot) or not has_room(state, plant, robot):
                continue
            busy_s, ready_s = left_s(state, routes, robot), 0.0
        else:
            transport = state.transports[robot.transport]
            if is_begun(state, transport):
                ready_s = _soon_s(routes, robot, transport)
                if ready_s > SOON_S:
                    continue
                before, point, is_soon = None, ends(plant, transport)[1], True
            else:
                mine, ready_s = transport.id, _ahead_s(plant, robot)
        found.append(_Seeker(robot, before, point, ready_s, mine, battery, is_soon, busy_s))
    return found


def _soon_s(routes: Routes, robot: Robot, transport: Transport) -> float:
    """How long until it has set down what it carries; infinity if it does not carry it yet."""
    if not transport.loaded or robot.kind != "transport":
        return inf
    goal = ends(routes.plant, transport)[1]
    left_s = DROP_S + routes.seconds(before_last(robot), robot.held[-1].point, goal)
    return left_s if left_s > SOON_S else left_s + _ahead_s(routes.plant, robot)


def _ahead_s(plant: Plant, robot: Robot) -> float:
    """How long a robot drives to the last point that was granted to it."""
    if len(robot.held) == 1:
        return 0.0
    ahead_m = sum(plant.metres(a.point, b.point) for a, b in pairwise(robot.held))
    spec = plant.robots.get(robot.name)
    return ahead_m / (spec.speed_mps if spec is not None else 1.0)


def _can_work(robot: Robot) -> bool:
    assert robot.report is not None
    least = SUFFICIENT if robot.kind == "charge" and robot.report.charging else CRITICAL
    return robot.report.battery >= least


def _wanted(state: State, begun: list[Transport], seekers: int) -> list[Transport]:
    """Orders that may be given now: the most urgent first, the oldest of these first."""
    loads = {one.load for one in begun}
    kept: list[Transport] = []
    found: list[Transport] = []
    for order in state.transports.values():
        if order.load not in loads:
            loads.add(order.load)
            if order.ours and order.id not in state.handed:
                (found if order.robot is None else kept).append(order)
    found.sort(key=lambda order: -order.priority)  # stable: by age within a priority
    return kept + found[: max(WINDOW, 2 * seekers)]


# ------------------------------------------------------------------------------- what it costs
def _choose(
    state: State,
    routes: Routes,
    seekers: list[_Seeker],
    wanted: list[Transport],
    begun: list[Transport],
) -> dict[str, _Seeker]:
    """The robot of each order that gets one."""
    plant = routes.plant
    ways = [ends(plant, order) for order in wanted]
    robot, order = nearest(
        _places(plant, [seeker.point for seeker in seekers]), _places(plant, [a for a, _ in ways])
    )
    cost_s = _Prices(state, routes).of(seekers, wanted, ways, (robot, order))
    worth = np.flatnonzero(cost_s < inf)
    if not len(worth):
        return {}
    robot, order = robot[worth], order[worth]
    cost = np.rint(100 * cost_s[worth]).astype(np.int64)
    stations, dues = _stations(plant, wanted, begun)
    found = match(robot, order, cost, stations, dues)
    chosen = zip(robot[found].tolist(), order[found].tolist(), strict=True)
    return {wanted[j].id: seekers[i] for i, j in chosen}


def _places(plant: Plant, points: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    found = [(plant.points[name].x_m, plant.points[name].y_m) for name in points]
    return np.array(found, dtype=np.float64).reshape(len(found), 2)


def _stations(
    plant: Plant, wanted: list[Transport], begun: list[Transport]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], list[list[int]]]:
    """Each order's station, and what the places there cost that nobody is on the way to."""
    names: dict[str, int] = {}
    for order in wanted:
        if order.destination in plant.stations:
            names.setdefault(order.destination, len(names))
    dues, taken = [], Counter(one.destination for one in begun)
    robots = Counter(place for place, _ in {(one.destination, one.robot) for one in begun})
    for name in names:
        together = taken[name] - robots[name]  # several loads on a robot come at once
        places = min(plant.stations[name].capacity, TO_STATION_MAX + together)
        dues.append([round(100 * STATION_S * n) for n in range(taken[name], places)])
    return np.array([names.get(one.destination, -1) for one in wanted], dtype=np.int64), dues


class _Prices:
    """What pairs cost in this look, in seconds; infinity for those that cannot be."""

    def __init__(self, state: State, routes: Routes) -> None:
        self.state, self.routes = state, routes
        self.chargers = routes.plant.points_of_kind("charge")
        self.home_s: dict[str, float] = {}  # from a destination to the nearest of them

    def of(
        self,
        seekers: list[_Seeker],
        orders: list[Transport],
        ways: list[tuple[str, str]],
        pairs: Pairs,
    ) -> Floats:
        """(p,) the price of each pair: positions of `seekers` and `orders`; `ways`: their ends."""
        i, j = pairs
        places = [(one.before, one.point) for one in seekers]
        rides = [self._ride(order, *way) for order, way in zip(orders, ways, strict=True)]
        way_s = self.routes.seconds_of(places, [source for source, _ in ways], pairs)
        busy_s = np.array([one.busy_s for one in seekers])
        for n in np.flatnonzero(busy_s[i]).tolist():
            way_s[n] = self._detour_s(seekers[i[n]].robot, orders[j[n]], rides[j[n]][0])
        ride_s, home_s, gain_s = np.array(rides).T
        ready_s = np.array([one.ready_s for one in seekers])
        battery = np.array([one.battery for one in seekers])
        drive_s = np.array([self._drive_s(one.robot) for one in seekers])
        mine = {order.id: n for n, order in enumerate(orders)}
        is_mine = np.array([mine.get(one.mine or "", -1) for one in seekers])[i] == j
        with_order = np.array([order.robot is not None for order in orders])
        waited = np.array([self._age_s(order) > HOLD_S for order in orders])
        is_soon = np.array([one.is_soon for one in seekers])
        cost_s = way_s + ready_s[i] - gain_s[j]
        left = battery[i] - (busy_s[i] + way_s + ride_s[j] + home_s[j]) / drive_s[i]
        cannot = (left < RESERVE) | (is_soon[i] & (with_order | waited)[j])
        theirs = np.where(cannot, inf, cost_s + BATTERY_S * (1.0 - battery[i]))
        return np.where(is_mine, np.where(ride_s[j] < inf, cost_s - STICK_S, inf), theirs)

    def _detour_s(self, robot: Robot, order: Transport, ride_s: float) -> float:
        """What it drives more, without the ride itself, which everybody drives; and is late."""
        place = best(self.state, self.routes, robot, order)
        return inf if place is None else place.detour_s + DUE_WEIGHT * place.late_s - ride_s

    def _drive_s(self, robot: Robot) -> float:
        spec = self.routes.plant.robots.get(robot.name)
        return spec.drive_s if spec is not None else _FOR_EVER_S

    def _age_s(self, order: Transport) -> float:
        return (self.state.now - order.accepted_at).total_seconds()

    def _ride(self, order: Transport, source: str, goal: str) -> tuple[float, float, float]:
        """Seconds loaded, and on to a charger; and what it gains."""
        ride_s = self.routes.seconds(None, source, goal)
        if (home_s := self.home_s.get(goal)) is None:
            ways_s = (self.routes.seconds(None, goal, at) for at in self.chargers)
            home_s = self.home_s[goal] = min(ways_s, default=0.0)
        gain_s = PRIORITY_S * order.priority + AGE_WEIGHT * self._age_s(order)
        if order.due_at is not None and ride_s < inf:
            slack_s = (order.due_at - self.state.now).total_seconds() - ride_s
            gain_s += DUE_WEIGHT * min(max(0.0, DUE_AHEAD_S - slack_s), DUE_AHEAD_S)
        return ride_s, home_s, gain_s
