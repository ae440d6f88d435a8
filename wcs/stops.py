"""What a robot with several slots does next: its stops, and where one more order goes among them.

    stops   [ next | then ... ]     orders: its load is fetched there, and later set down
    slots   1 ... k                 of the robot; a load lies in the same one until it is set down

A further order is put where its two stops make the least detour. The sequence of the others stays:
so nobody is told to and fro, and each look at a pair costs some hundred additions. A robot without
slots has one order, whose stops need no list: `then` is empty, as it was before there were slots.

Laws:
    slots       never more orders than slots, and so never more loads on board
    in turn     who is more urgent is not made to wait by who is less
    in time     who would be in time is not made late; behind all the others there is room for all
    in the end  nor is an order put off by others so that it would take longer than PATIENCE_S
    on time     of the places that are left the one at which the new order is least late

Seconds. Source: insertion of pickups and deliveries, as in M. Savelsbergh, M. Sol, "The General
Pickup and Delivery Problem" (1995).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from math import inf

from wcs.missions import before_last
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Robot, State, Transport

ACT_S = 8.0  # about as long as taking or setting down a tote takes
PATIENCE_S = 600.0
TURN_BACK_S = 5.0  # what is on its way somewhere comes to rest before it goes elsewhere


def slots_of(plant: Plant, robot: Robot) -> int:
    """How many loads it can carry."""
    spec = plant.robots.get(robot.name)
    return spec.slots if spec is not None else 1


def stops(state: State, robot: Robot) -> list[str]:
    """The orders of its stops, the next one first: of each the fetching, and the setting down."""
    if robot.transport is None:
        return []
    found = [robot.transport, *robot.then]
    last = state.transports[robot.transport]
    if not robot.then and not last.loaded:
        found.append(last.id)
    return found


def orders_of(state: State, robot: Robot) -> list[Transport]:
    """The orders that it has, in the order in which it comes to them."""
    return [state.transports[id_] for id_ in dict.fromkeys(stops(state, robot))]


def driven_for(state: State, robot: Robot) -> list[Transport]:
    """The orders for which it drives right now: that of its next stop, and what is on board."""
    orders = orders_of(state, robot)
    return [one for one in orders if one.loaded or one.id == robot.transport]


def has_stray(state: State, robot: Robot) -> bool:
    """Whether it says to carry more than it was told to fetch."""
    if robot.report is None:
        return False
    ours = sum(one.loaded for one in orders_of(state, robot)) + bool(robot.action)
    return len(robot.report.carried) > ours


def has_room(state: State, plant: Plant, robot: Robot) -> bool:
    """Whether it may get an order in addition to those it has."""
    return len(orders_of(state, robot)) < slots_of(plant, robot) and not has_stray(state, robot)


def free_slot(state: State, plant: Plant, robot: Robot) -> str | None:
    """The slot that the next load goes into; None if it has but one, which needs no name."""
    if (most := slots_of(plant, robot)) == 1:
        return None
    taken = {one.slot for one in orders_of(state, robot) if one.loaded}
    return next(str(n) for n in range(1, most + 1) if str(n) not in taken)


# ------------------------------------------------------------------------------- changing them
def take_out(state: State, robot: Robot, order: Transport) -> None:
    """The robot has nothing more to do with that order, which is not over yet."""
    left = [one for one in stops(state, robot) if one != order.id]
    if robot.transport == order.id:
        robot.goal = None
    robot.transport, robot.then = (left[0] if left else None), left[1:]


def fetched(robot: Robot) -> None:
    """Its load is on board: on to the stop that follows."""
    robot.goal = None  # set by the next run
    if robot.then:
        robot.transport = robot.then.pop(0)


def put_in(state: State, routes: Routes, robot: Robot, order: Transport) -> None:
    """Give it that order, in addition to those that it has."""
    place = best(state, routes, robot, order)
    assert place is not None, "it can be reached: asked before"
    found = stops(state, robot)
    found.insert(place.drop, order.id)
    found.insert(place.pick, order.id)
    if place.pick == 0:
        robot.goal = None
    robot.transport, robot.then = found[0], found[1:]


# ------------------------------------------------------------------------------- where it goes
@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Before which stops a load would be fetched and set down, and what that means. Least first."""

    late_s: float  # after its due time
    prompt_s: float  # until it is set down, if it is more urgent than others there; else 0
    detour_s: float
    pick: int
    drop: int


@dataclass(frozen=True, slots=True)
class _Round:
    """The stops of a robot in numbers. Position n of n stops is the end."""

    there_s: Sequence[float]  # (n,) when it is done with each
    slack_s: Sequence[float]  # (n + 1,) how much later each and all behind it may be
    leg_s: Sequence[float]  # (n,) the way to each from the one before
    first: int  # nothing can be put in before that one


def left_s(state: State, routes: Routes, robot: Robot) -> float:
    """How long it takes to all its stops."""
    legs = [way_s for _, _, way_s in _legs(state, routes, robot)]
    return sum(legs) + ACT_S * len(legs)


def best(state: State, routes: Routes, robot: Robot, order: Transport) -> Place | None:
    """The best place for a further order in a robot's stops; None: it cannot be reached."""
    has, plant = stops(state, robot), routes.plant
    spots = [spot for _, spot, _ in _legs(state, routes, robot)]
    source, goal = plant.point_of(order.source), plant.point_of(order.destination)
    assert source is not None, "checked when it was accepted"
    assert goal is not None, "likewise"
    here, before = robot.held[-1].point, before_last(robot)
    to_source = [routes.seconds(before, here, source)]
    to_goal = [routes.seconds(before, here, goal)]
    to_source += [routes.seconds(None, spot, source) for spot in spots]
    to_goal += [routes.seconds(None, spot, goal) for spot in spots]
    from_source = [routes.seconds(None, source, spot) for spot in spots] + [0.0]
    from_goal = [routes.seconds(None, goal, spot) for spot in spots] + [0.0]
    ride_s = routes.seconds(None, source, goal)
    now = _round(state, routes, robot, order)
    found = []
    leg_s = [*now.leg_s, 0.0]
    begun_s = [0.0, *now.there_s]
    prompt = any(state.transports[one].priority < order.priority for one in has)
    for i in range(now.first, len(has) + 1):
        there_s = to_source[i] + ACT_S + (TURN_BACK_S if i == 0 else 0.0)
        fetch_s = there_s + from_source[i] - leg_s[i]
        for j in range(i, len(has) + 1):
            if i == j:
                done_s = begun_s[i] + there_s + ride_s + ACT_S
                detour_s = done_s - begun_s[i] + from_goal[i] - leg_s[i]
            else:
                done_s = begun_s[j] + fetch_s + to_goal[j] + ACT_S
                detour_s = fetch_s + to_goal[j] + from_goal[j] - leg_s[j] + ACT_S
                if fetch_s > now.slack_s[i]:
                    break
            if detour_s < inf and detour_s <= now.slack_s[j]:
                late_s = 0.0
                if order.due_at is not None:
                    late_s = max(0.0, done_s - (order.due_at - state.now).total_seconds())
                found.append(Place(late_s, done_s if prompt else 0.0, detour_s, i, j))
    return min(found, default=None)


def _legs(state: State, routes: Routes, robot: Robot) -> Iterator[tuple[Transport, str, float]]:
    """Its stops: the order, the point, and the way there from the stop before."""
    before, here, begun = before_last(robot), robot.held[-1].point, set[str]()
    for id_ in stops(state, robot):
        order = state.transports[id_]
        is_drop = order.loaded or id_ in begun
        begun.add(id_)
        spot = routes.plant.point_of(order.destination if is_drop else order.source)
        assert spot is not None, "checked when it was accepted"
        yield order, spot, routes.seconds(before, here, spot)
        before, here = None, spot


def _round(state: State, routes: Routes, robot: Robot, order: Transport) -> _Round:
    legs = [*_legs(state, routes, robot)]
    leg_s = [way_s for _, _, way_s in legs]
    there_s = [*accumulate(way_s + ACT_S for way_s in leg_s)]
    has = set[str]()
    first = 1 if robot.action else 0
    slack_s = []
    for n, (one, _, _) in enumerate(legs):
        is_drop = one.loaded or one.id in has
        has.add(one.id)
        first = n + 1 if one.priority > order.priority else first
        ends = [one.due_at, one.given_at and one.given_at + timedelta(seconds=PATIENCE_S)]
        ends_s = [(end - state.now).total_seconds() for end in ends if is_drop and end is not None]
        slack_s.append(max(0.0, min(ends_s, default=inf) - there_s[n]))
    after = [*accumulate(reversed([*slack_s, inf]), min)][::-1]
    return _Round(there_s, after, leg_s, first)
