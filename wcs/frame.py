"""The live picture: where everything is right now, for people to look at. Nothing decides by it."""

from collections.abc import Mapping, MutableMapping
from datetime import datetime
from typing import Literal, TypeAlias

from edge.messages import RobotReport
from wcs.messages import CartonOnMap, RobotOnMap, SiteFrame, StopOnMap
from wcs.missions import before_last
from wcs.routing import Routes
from wcs.state import Robot, State
from wcs.stops import slots_of

Doing: TypeAlias = Literal["IDLE", "DRIVING", "WAITING", "WORKING", "CHARGING", "FAULT", "SILENT"]
ROUTE_MAX = 60
# by robot: from where to where it was looked for last, round which closures, and what was found
Ahead: TypeAlias = MutableMapping[str, tuple[tuple[object, ...], list[str]]]


def site_picture(
    state: State,
    routes: Routes,
    reports: Mapping[str, RobotReport],
    now: datetime,
    ahead: Ahead | None = None,
) -> SiteFrame:
    """The picture at `now`; `reports` are the latest ones, of robots heard since the start.

    `ahead` keeps ways from picture to picture: most robots have the same as in the last one.
    """
    ahead = {} if ahead is None else ahead
    return SiteFrame(
        at=now,
        site=state.site,
        robots=tuple(
            on_map
            for robot in state.robots.values()
            if (on_map := _robot(robot, routes, reports, ahead)) is not None
        ),
        cartons=tuple(
            CartonOnMap(
                device=carton.device,
                tracking=carton.tracking,
                code=carton.code,
                place=carton.lane,
            )
            for carton in state.sorting.cartons.values()
            if not carton.closed
        ),
        transports_open=len(state.transports),
        lanes=tuple(sorted(state.sorting.lanes.items())),
        alarms=tuple(state.alarms.values()),
        stops=tuple(
            StopOnMap(circuit=name, since=stop.since, reset=stop.reset, robots=len(stop.paused))
            for name, stop in state.stops.items()
        ),
        areas=tuple(state.areas),
    )


def _robot(
    robot: Robot, routes: Routes, reports: Mapping[str, RobotReport], ahead: Ahead
) -> RobotOnMap | None:
    report = reports.get(robot.name, robot.report)
    if report is None:
        return None
    slots = slots_of(routes.plant, robot)
    return RobotOnMap(
        robot=robot.name,
        x_m=report.x_m,
        y_m=report.y_m,
        heading_rad=report.heading_rad,
        state=_doing(robot, report),
        battery=report.battery,
        load=report.load,
        transport=robot.transport,
        route=_route(robot, routes, ahead),
        paused=report.paused,
        why=robot.obstacle,
        slots=slots,
        loads=report.carried if slots > 1 else None,
    )


def _doing(robot: Robot, report: RobotReport) -> Doing:
    if robot.obstacle:
        return "SILENT" if robot.obstacle in ("silent", "missing") else "FAULT"
    if robot.action and len(robot.held) == 1:
        return "WORKING"
    if report.driving:
        return "DRIVING"
    if report.charging:
        return "CHARGING"
    return "WAITING" if robot.transport is not None or robot.goal is not None else "IDLE"


def _route(robot: Robot, routes: Routes, ahead: Ahead) -> tuple[str, ...]:
    points = [held.point for held in robot.held[1:]]
    if robot.goal is None or not robot.held:
        return tuple(points)
    last, before = robot.held[-1].point, before_last(robot)
    asked = (before, last, robot.goal, routes.closed)
    known = ahead.get(robot.name)
    if known is None or known[0] != asked:
        known = ahead[robot.name] = (asked, routes.route(before, last, robot.goal, ROUTE_MAX))
    return (*points, *known[1])
