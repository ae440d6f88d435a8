"""Doors and lifts: asked for when a robot comes, held while it is in them, given back behind it.

    grant of traffic ─> leads through a portal? ── it stands right, for this robot ──> granted
                            │ no: cut off there
                            └─> wanted ─> session ──told, and again──> GRANTED until … ─> granted
                                             └── nobody uses or wants it ─> free

A session belongs to the movement, never to a task: as long as points are granted through the
portal, or the robot stands in the lift's car, it lasts, whatever becomes of the order; and when
nobody goes through after all, it ends. An open door serves all who come meanwhile; a lift one, and
it is sent elsewhere only while nobody goes in or out.

Laws:
    session first   no way through a portal is granted without its position, for this robot
    to the end      no session ends while its robot goes through or stands inside
    no empty one    a session that nobody uses or wants ends
    watched         no answer, a grant that is lost, somebody who stays too long: alarms

Pure. Units: seconds.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from edge.machine_messages import PortalReport, PortalWanted
from wcs.machines import Portal
from wcs.plant import Plant
from wcs.state import Access, Outbox, Robot, State, Want, clear_alarm, raise_alarm

FRESH_S = 10.0  # a wish that was not uttered for so long is none any more
FREE_AGAIN_S = 5.0

Ways = Mapping[tuple[str, str], tuple[Portal, str]]


def ways_of(plant: Plant) -> Ways:
    """The ways that lead through portals: from, to -> the portal and its position."""
    return {
        (start, end): (portal, position)
        for portal in plant.portals.values()
        for start, end, position in portal.ways
    }


def hear(state: State, report: PortalReport) -> None:
    """A portal says where it is, and for whom."""
    access = state.portals.setdefault(report.portal, Access())
    ours = access.session and report.session == access.session
    is_granted = ours and report.status == "GRANTED"
    access.granted = report.position if is_granted else ""
    access.until_at = report.until_at if is_granted else None
    access.fault = report.status == "FAULT"
    if ours:
        access.heard_at = state.now
    elif not access.session and not report.session:
        access.is_free = True


def let_through(state: State, ways: Ways, robot: Robot, points: list[str]) -> list[str]:
    """The points of a grant up to the first portal that does not stand open for this robot."""
    here, kept = robot.held[-1].point, []
    for point in points:
        way = ways.get((here, point))
        if way is not None and not _is_open(state, robot.name, *way):
            portal, position = way
            access = state.portals.setdefault(portal.name, Access())
            since = access.wants[robot.name].since if robot.name in access.wants else state.now
            access.wants[robot.name] = Want(position=position, since=since, seen_at=state.now)
            break
        kept.append(point)
        here = point
    return kept


def _is_open(state: State, robot: str, portal: Portal, position: str) -> bool:
    access = state.portals.get(portal.name)
    if access is None or access.granted != position or access.position != position:
        return False
    if access.until_at is None or access.until_at <= state.now:
        return False
    if robot not in access.users and portal.kind == "door":
        access.users.append(robot)
    return robot in access.users


# --------------------------------------------------------------------------------- sessions
def run(state: State, plant: Plant, outbox: Outbox, held: Container[str] = ()) -> None:
    """Begin, change and end sessions, and say what is due.

    `held` are devices that are not to be moved: somebody has pressed an emergency stop.
    """
    ends = {point for one in plant.portals.values() for way in one.ways for point in way[:2]}
    near = [
        robot
        for robot in (state.robots.values() if ends else ())
        if not ends.isdisjoint([held.point for held in robot.held])
    ]
    for portal in plant.portals.values():
        access = state.portals.setdefault(portal.name, Access())
        access.wants = {
            name: want
            for name, want in access.wants.items()
            if name in state.robots and _s(state, want.seen_at) <= FRESH_S
        }
        going = _going(portal, near)
        if portal.device not in held:
            _decide(state, portal, access, going)
        _say(state, portal, access, outbox)
        _watch(state, portal, access, going, outbox)


def _going(portal: Portal, near: Iterable[Robot]) -> dict[str, str]:
    """Who has been granted a way through, or stands inside: its position, "" for any."""
    ways = {(start, end): position for start, end, position in portal.ways}
    inside, found = portal.inside(), {}
    for robot in near:
        points = [held.point for held in robot.held]
        through = [ways[pair] for pair in pairwise(points) if pair in ways]
        if through or any(point in inside for point in points):
            found[robot.name] = through[0] if through else ""
    return found


def _decide(state: State, portal: Portal, access: Access, going: Mapping[str, str]) -> None:
    access.users = [name for name in access.users if name in going or name in access.wants]
    if access.session and not access.users:
        access.session = access.position = access.granted = ""
        access.told_at, access.is_free = None, False
    if not access.session:
        inside = [name for name in going if name not in access.users]
        first = inside or sorted(access.wants, key=lambda name: (access.wants[name].since, name))
        if not first:
            return
        state.missions += 1
        access.session, access.users = f"{first[0]}-{state.missions}", [first[0]]
        access.position = going.get(first[0]) or _stands(portal, state.robots[first[0]])
        access.since = access.heard_at = state.now
        access.told_at = None
    if any(going.get(name) for name in access.users):
        return  # somebody goes in or out
    wanted = [access.wants[name].position for name in access.users if name in access.wants]
    if wanted and wanted[0] != access.position:
        access.position, access.granted, access.told_at = wanted[0], "", None
        access.heard_at = state.now


def _stands(portal: Portal, robot: Robot) -> str:
    """Where the portal must be for a robot that is in it; "" if it is not."""
    inside = portal.inside()
    here = robot.held[0].point if robot.held else ""
    for start, end, position in portal.ways:
        if end == here and here in inside and start not in inside:
            return position
    return ""


# ---------------------------------------------------------------------------------- saying
def _say(state: State, portal: Portal, access: Access, outbox: Outbox) -> None:
    every_s = portal.lease_s / 3 if access.session else FREE_AGAIN_S
    due = access.told_at is None or _s(state, access.told_at) >= every_s
    nothing = not access.position if access.session else access.is_free
    if not due or nothing:
        return
    access.told_at = state.now
    until_at = state.now + timedelta(seconds=portal.lease_s) if access.session else None
    outbox.to_edge.append(
        PortalWanted(
            device=portal.device,
            portal=portal.name,
            session=access.session,
            position=access.position,
            until_at=until_at,
        )
    )


def _watch(
    state: State, portal: Portal, access: Access, going: Mapping[str, str], outbox: Outbox
) -> None:
    is_lost = any(going.values()) and not access.granted
    is_silent = bool(access.session) and _s(state, access.heard_at) > portal.silent_s
    troubles = {
        "portal.fault": "it says so" if access.fault else "",
        "portal.silent": "no answer" if is_silent else "",
        "portal.lost": f"{', '.join(going)} goes through, and it is not held" if is_lost else "",
        "portal.occupied": ", ".join(access.users)
        if access.session and _s(state, access.since) > portal.stay_s
        else "",
    }
    for code, detail in troubles.items():
        if detail:
            raise_alarm(state, outbox, f"{code}/{portal.name}", detail)
        else:
            clear_alarm(state, outbox, f"{code}/{portal.name}")


def _s(state: State, since: datetime | None) -> float:
    return 0.0 if since is None else (state.now - since).total_seconds()
