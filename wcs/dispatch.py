"""Which robot does what next: one run in phases over all robots and transport orders.

    check      robots that do not answer become obstacles; what they had yet to fetch is free again
    continue   who has a transport order and is at rest starts its mission
    assign     orders that nobody has begun to robots, all of them together (wcs.assign)
    charge     idle robots with less than a good charge go to a free charger
    park       idle robots leave the lanes for a free bay

Robots on their way to a bay, a charger or another order can be assigned; they drive to the end
of what was granted to them first.

Laws:
    once        every accepted transport order ends once: FINISHED, FAILED or WITHDRAWN
    carried     a load that has been taken is brought to its destination, withdrawn or not
    one a load  of several orders for one load only the oldest is under way

Source: thresholds in the manner of openTCS (critical, sufficient, full).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Literal

from wcs import stops
from wcs.assign import ends, is_begun, is_free, plan
from wcs.idle import charge_and_park
from wcs.messages import TransportOrder, TransportReport, TransportState, Withdrawal
from wcs.missions import act, at_rest, before_last, next_name, silent_for_s, start
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Outbox, Robot, State, Transport, clear_alarm, raise_alarm, stir, stirred

DEAF_S = 600.0  # a robot that does not take what it is told
BLIND_MIN = 4  # robots: if so many and more than half are silent, we are deaf, not they
_RESPONSIVE = ("AUTOMATIC", "SEMIAUTOMATIC")
_OVER_KEPT = 20_000


# ------------------------------------------------------------------------ what the WMS says
def accept(state: State, plant: Plant, order: TransportOrder, outbox: Outbox) -> None:
    """Take a transport order in, once."""
    if order.id in state.transports or order.id in state.over:
        return
    transport = Transport(
        id=order.id,
        load=order.load,
        source=order.source,
        destination=order.destination,
        priority=order.priority,
        due_at=order.due_at,
        accepted_at=state.now,
    )
    state.transports[order.id] = transport
    if not _fails_for_place(state, plant, transport, outbox):
        tell(state, transport, "ACCEPTED", outbox)


def check_places(state: State, plant: Plant, outbox: Outbox) -> None:
    """After a start, when the site file may have changed: orders for places that are gone fail."""
    for transport in list(state.transports.values()):
        _fails_for_place(state, plant, transport, outbox)
    for robot in state.robots.values():
        if len(stops.orders_of(state, robot)) > stops.slots_of(plant, robot):
            _free_what_is_not_begun(state, robot)


def _fails_for_place(state: State, plant: Plant, transport: Transport, outbox: Outbox) -> bool:
    fleets = plant.fleets.values()
    hired = any(f.serves(transport.source, transport.destination) for f in fleets)
    transport.ours = True
    for place in (transport.source, transport.destination):
        if plant.point_of(place) is None:
            transport.ours = False
            if (hired and transport.robot is None) or transport.id in state.handed:
                continue
            end(state, transport, "FAILED", outbox, reason=f"place.unknown: {place}")
            return True
    return False


def withdraw(state: State, message: Withdrawal, outbox: Outbox) -> None:
    """Take an order back, unless its load is on a robot or about to be."""
    transport = state.transports.get(message.id)
    if (handed := state.handed.get(message.id)) is not None:
        if not handed.unwanted:
            handed.unwanted, handed.told_at = True, None
    elif transport is not None and not is_begun(state, transport):
        end(state, transport, "WITHDRAWN", outbox)


def end(
    state: State,
    transport: Transport,
    how: Literal["FINISHED", "FAILED", "WITHDRAWN"],
    outbox: Outbox,
    *,
    reason: str = "",
) -> None:
    """The order is over."""
    if (name := transport.robot) is not None:
        stops.take_out(state, state.robots[name], transport)
        stir(state, name)
    del state.transports[transport.id]
    state.over[transport.id] = how
    if len(state.over) > _OVER_KEPT:
        del state.over[next(iter(state.over))]
    tell(state, transport, how, outbox, reason=reason)


def _let_go(state: State, robot: Robot, transport: Transport) -> None:
    """The order is anybody's again."""
    stops.take_out(state, robot, transport)
    transport.robot = None
    stir(state, robot.name)


def tell(
    state: State, transport: Transport, how: TransportState, outbox: Outbox, *, reason: str = ""
) -> None:
    """Report how far an order is."""
    handed = state.handed.get(transport.id)
    outbox.to_wms.append(
        TransportReport(
            at=state.now,
            id=transport.id,
            state=how,
            robot=transport.robot or (handed.fleet if handed is not None else None),
            metres=round(transport.metres, 2),
            reason=reason,
        )
    )


# ------------------------------------------------------------------------ what robots have done
def action_ended(state: State, robot: Robot, *, finished: bool, outbox: Outbox) -> None:
    """The robot's action is over: it has taken or set down its load, or failed to."""
    robot.since = state.now
    transport = state.transports.get(robot.transport or "")
    if transport is None or robot.kind != "transport":
        return
    if not finished:
        what = "drop" if transport.loaded else "pick"
        end(state, transport, "FAILED", outbox, reason=f"{what}.failed")
    elif transport.loaded:
        end(state, transport, "FINISHED", outbox)
    else:
        transport.loaded = True
        stops.fetched(robot)
        tell(state, transport, "LOADED", outbox)


# ------------------------------------------------------------------------ the phases
def run(state: State, routes: Routes, outbox: Outbox, *, whole: bool) -> None:
    """One dispatch run: over those who were stirred, and now and then over the `whole` fleet."""
    plant = routes.plant
    _check(state, plant, outbox, whole=whole)
    if whole and routes.closed:
        _give_back(state, routes)
    _continue(state, plant)
    if whole:
        _assign(state, routes, plan(state, routes), outbox)
        idle = [robot for robot in state.robots.values() if is_free(robot)]
        if idle:
            charge_and_park(state, routes, idle)
        _continue(state, plant)


def commit_action(state: State, plant: Plant, robot: Robot) -> None:
    """A robot that has been granted its goal gets the action that it went there for."""
    if robot.goal is None or robot.action or not robot.held:
        return
    if robot.held[-1].point != robot.goal or robot.obstacle:
        return
    stir(state, robot.name)
    if robot.kind == "charge":
        if not (robot.report and robot.report.charging):
            act(robot, "CHARGE_START", None)
        robot.goal = None
    elif robot.kind == "park":
        robot.goal = None
    elif robot.kind == "transport" and robot.transport is not None:
        transport = state.transports[robot.transport]
        goal = _goal(plant, transport)
        if goal == robot.goal:
            if not transport.loaded:
                transport.slot = stops.free_slot(state, plant, robot)
            act(robot, "DROP" if transport.loaded else "PICK", transport.load, transport.slot)


def _goal(plant: Plant, transport: Transport) -> str:
    return ends(plant, transport)[1 if transport.loaded else 0]


def _check(state: State, plant: Plant, outbox: Outbox, *, whole: bool) -> None:
    robots = [*state.robots.values()] if whole else stirred(state)
    troubles = {robot.name: _trouble(state, plant, robot) for robot in robots}
    silent = [name for name, why in troubles.items() if why == "silent"]
    if silent and not whole:
        _check(state, plant, outbox, whole=True)  # to see whether it is they, or we who are deaf
        return
    if whole:
        _see_whether_deaf(state, plant, silent, troubles, outbox)
    for name, why in troubles.items():
        robot = state.robots[name]
        if why != robot.obstacle:
            clear_alarm(state, outbox, f"robot.{robot.obstacle}/{name}")
            robot.obstacle = why
            stir(state, name)
        if why:
            _do_without(state, plant, robot, outbox)
    _check_loads(state, plant, outbox)


def _do_without(state: State, plant: Plant, robot: Robot, outbox: Outbox) -> None:
    """Call people, and let others do what the robot has not begun."""
    detail = robot.held[0].point if robot.held else ""
    raise_alarm(state, outbox, f"robot.{robot.obstacle}/{robot.name}", detail)
    _free_what_is_not_begun(state, robot)
    if silent_for_s(robot, state.now) > plant.site.lost_s:
        for transport in stops.orders_of(state, robot):
            end(state, transport, "FAILED", outbox, reason="robot.lost")


def _free_what_is_not_begun(state: State, robot: Robot) -> None:
    for transport in stops.orders_of(state, robot):
        if not is_begun(state, transport):
            _let_go(state, robot, transport)


def _see_whether_deaf(
    state: State, plant: Plant, silent: list[str], troubles: dict[str, str], outbox: Outbox
) -> None:
    if not _is_deaf(state, plant, len(silent)):
        clear_alarm(state, outbox, "fleet.silent/fleet")
        return
    raise_alarm(state, outbox, "fleet.silent/fleet", f"{len(silent)} robots")
    troubles |= dict.fromkeys(silent, "")  # it is we who do not hear: wait, and give up nothing
    just_silent = state.now - timedelta(seconds=plant.site.silent_s + 1.0)
    for name in silent:  # nor count this time against who is heard last when we hear again
        state.robots[name].heard_at = just_silent


def _is_deaf(state: State, plant: Plant, silent: int) -> bool:
    """Whether it is we who do not hear: of more than half, or of anybody for a while."""
    if not silent:
        return False
    if silent >= BLIND_MIN and 2 * silent > len(state.robots):
        return True
    heard = [silent_for_s(one, state.now) for one in state.robots.values() if one.heard_at]
    return len(heard) >= BLIND_MIN and min(heard) > plant.site.silent_s / 2


def _give_back(state: State, routes: Routes) -> None:
    """Orders that closures have put out of reach wait without keeping a robot."""
    for robot in state.robots.values():
        for transport in stops.orders_of(state, robot) if robot.kind == "transport" else ():
            if is_begun(state, transport):
                continue
            source, goal = ends(routes.plant, transport)
            here = robot.held[-1].point
            if inf in (
                routes.seconds(before_last(robot), here, source),
                routes.seconds(None, source, goal),
            ):
                _let_go(state, robot, transport)


def _check_loads(state: State, plant: Plant, outbox: Outbox) -> None:
    """Who carries what nobody asked for is a person's affair, and fetches nothing more."""
    for robot in stirred(state):
        is_round = stops.slots_of(plant, robot) > 1
        stranded = (is_round or robot.transport is None) and stops.has_stray(state, robot)
        if stranded and at_rest(robot):
            _free_what_is_not_begun(state, robot)
            raise_alarm(state, outbox, f"robot.stranded/{robot.name}", robot.held[0].point)
        elif not stranded:
            clear_alarm(state, outbox, f"robot.stranded/{robot.name}")


def _trouble(state: State, plant: Plant, robot: Robot) -> str:
    """Why a robot cannot be reckoned with; empty if it can."""
    report = robot.report
    if report is None or not robot.held:
        waited_s = (state.now - state.started_at).total_seconds()
        return "missing" if waited_s > plant.site.silent_s else ""
    if not report.connected or silent_for_s(robot, state.now) > plant.site.silent_s:
        return "silent"
    if report.operating_mode not in _RESPONSIVE:
        return "manual"
    if robot.cancelled:
        return "cancelled"
    told_at: datetime | None = robot.told_at
    if not robot.shown and told_at is not None and (state.now - told_at).total_seconds() > DEAF_S:
        return "deaf"
    return ""


def _continue(state: State, plant: Plant) -> None:
    for robot in stirred(state):
        if robot.transport is None or robot.obstacle:
            continue
        transport = state.transports[robot.transport]
        if robot.kind != "transport" or robot.mission.partition("~")[0] != transport.id:
            if not at_rest(robot):
                continue
            name = next_name(state, transport.id) if transport.missions else transport.id
            transport.missions += 1
            start(state, robot, name, "transport", None)
        if not robot.action:
            robot.goal = _goal(plant, transport)


def _assign(
    state: State, routes: Routes, changes: Mapping[str, str | None], outbox: Outbox
) -> None:
    """Let go first, so that two may change places."""
    for order in changes:
        transport = state.transports[order]
        if transport.robot is not None:
            _let_go(state, state.robots[transport.robot], transport)
    for order, name in changes.items():
        if name is None:
            continue
        transport, robot = state.transports[order], state.robots[name]
        if robot.transport is None:
            robot.transport, robot.goal = order, None
        else:
            assert stops.has_room(state, routes.plant, robot), "it has a free slot"
            stops.put_in(state, routes, robot, transport)
        transport.robot = name
        if stops.slots_of(routes.plant, robot) > 1:
            transport.given_at = state.now
        stir(state, name)
        if not transport.announced:
            transport.announced = True
            tell(state, transport, "ASSIGNED", outbox)
