"""What each robot has been told, and how far it has come with it.

A mission is a list of points with even, growing sequences, some with actions. It is told in
updates, each from the last point of the one before, and the next one goes out only when the
robot has been seen to know the last: a lost message is then simply said again.

    held   [ where it is | granted ... | last ]      what traffic sees
    drive           [ last of the update before | granted now ... | horizon, not granted ]

Laws:
    never back    what was released stays released; only the horizon may change
    one action    from the moment its point is granted until it is FINISHED, an action keeps the
                  robot from being granted more
    at rest       a new mission begins where the old one has ended: nothing ahead, nothing to do
    in order      of two reports the later one counts, by the numbers of the edge, not by a clock
    lost          who has forgotten its mission begins anew where it rests, if that is one of the
                  points that it holds. All of them stay held until it is seen to have that new
                  mission: what was said before and lay in the network has then come, or never will

Source: VDA 5050 2.1, orders and their updates.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from math import hypot

from edge.messages import ActionKind, Drive, DriveAction, DriveNode, RobotReport
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Held, MissionKind, Outbox, Robot, State, stir

HORIZON = 2  # points shown to the robot beyond the granted ones
_DONE = ("FINISHED", "FAILED")
_NEAR_M = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What a report has brought about."""

    metres: float = 0.0
    action: str = ""  # the action that has ended …
    finished: bool = False  # … and whether well
    misplaced: str = ""  # why the robot has no place on the plant


# ------------------------------------------------------------------------------- hearing
def hear(state: State, plant: Plant, robot: Robot, report: RobotReport) -> Progress:
    """Take a robot's report in."""
    if report.at > state.now:  # of an edge whose clock is ahead, and that does not know it yet:
        report = replace(report, at=state.now)  # what it says when it knows must not be older
    if robot.report is not None and not report.follows(robot.report):
        return Progress()
    robot.report, robot.heard_at = report, state.now
    robot.tells_load |= report.load is not None
    if not robot.held:
        return _place(state, plant, robot, report)
    if robot.drive is not None and robot.drive.run != report.run:
        robot.drive = replace(robot.drive, run=report.run)
    if report.mission == robot.mission:
        if robot.anew:
            return _begun_again(robot, report)
        robot.known = True
        if robot.drive is not None and report.update >= robot.drive.update:
            robot.shown = True
        metres = _pass(plant, robot, report.passed_sequence)
        return _acted(robot, report, metres)
    if robot.drive is not None and (robot.known or report.lost == robot.mission):
        return _begin_again(state, plant, robot, report)
    return Progress()


def _place(state: State, plant: Plant, robot: Robot, report: RobotReport) -> Progress:
    """Find the robot on the plant, with all that it says was released to it."""
    points = [_nearest(plant, report), *report.released_ahead]
    taken = {held.point: other.name for other in state.robots.values() for held in other.held}
    for point in points:
        if point not in plant.points:
            where = f"({report.x_m:.1f}, {report.y_m:.1f})"
            return Progress(misplaced=f"{point or where} is no point of the plant")
        if point in taken:
            return Progress(misplaced=f"{point} is held by {taken[point]}")
    first = report.passed_sequence
    robot.held = [Held(point, first + 2 * n) for n, point in enumerate(points)]
    robot.mission, robot.kind = report.mission, "foreign" if report.mission else ""
    robot.since = state.now
    return Progress()


def _nearest(plant: Plant, report: RobotReport) -> str:
    if report.passed_node in plant.points:
        return report.passed_node
    for name, point in plant.points.items():
        if (point.x_m - report.x_m) ** 2 + (point.y_m - report.y_m) ** 2 <= _NEAR_M**2:
            return name
    return report.passed_node


def _pass(plant: Plant, robot: Robot, sequence: int) -> float:
    """Free the points before the one that has been reached; the metres driven."""
    metres = 0.0
    if any(held.sequence == sequence for held in robot.held):
        while robot.held[0].sequence != sequence:
            left = robot.held.pop(0)
            metres += plant.metres(left.point, robot.held[0].point)
            if left.point != robot.held[0].point:
                robot.before = left.point
    return metres


def _acted(robot: Robot, report: RobotReport, metres: float) -> Progress:
    if robot.action and len(robot.held) == 1:
        for action in report.actions:
            if action.action_id == robot.action and action.status in _DONE:
                asked, robot.action = _asked(robot), ""
                finished = action.status == "FINISHED" or _is_on_board(robot, asked, report)
                return Progress(metres=metres, action=action.action_id, finished=finished)
    return Progress(metres=metres)


def _begin_again(state: State, plant: Plant, robot: Robot, report: RobotReport) -> Progress:
    """The robot has forgotten its mission: ask it to begin a new one where it rests."""
    if not report.connected:
        return Progress()
    moves = report.driving or report.released_ahead
    if moves or any(action.status not in _DONE for action in report.actions):
        return Progress(misplaced=f"it is busy with {report.mission}, not with {robot.mission}")
    here = _rests_at(plant, robot, report)
    if here is None:
        where = f"({report.x_m:.1f}, {report.y_m:.1f})"
        return Progress(misplaced=f"it has lost {robot.mission}, and stands at {where}")
    if not robot.anew:
        robot.told_at = state.now
    robot.mission, robot.anew = next_name(state, robot.mission), here
    robot.shown, robot.known = False, False
    count_mission(state, robot)
    robot.drive = Drive(
        robot=robot.name,
        mission=robot.mission,
        update=0,
        nodes=(_node(plant, Held(here, 0), released=True),),
        number=robot.number,
        run=report.run,
    )
    return Progress()


def _rests_at(plant: Plant, robot: Robot, report: RobotReport) -> str | None:
    """The point where the robot says to be, of those that it holds."""
    away_m = {
        held.point: hypot(
            plant.points[held.point].x_m - report.x_m, plant.points[held.point].y_m - report.y_m
        )
        for held in robot.held
    }
    here = min(away_m, key=lambda point: (away_m[point], point != report.passed_node))
    return here if away_m[here] <= _NEAR_M else None


def _begun_again(robot: Robot, report: RobotReport) -> Progress:
    """It has its new mission: what it stands on is all that it holds."""
    asked, at_goal = _asked(robot), robot.held[-1].point == robot.anew
    done = at_goal and (_is_on_board(robot, asked, report) or _is_set_down(robot, asked, report))
    robot.held, robot.anew, robot.before = [Held(robot.anew, 0)], "", None
    robot.shown, robot.known, robot.goal = True, True, None
    robot.kind = "transport" if robot.kind == "transport" else "move"
    action, robot.action = robot.action, ""
    return Progress(action=action, finished=True) if done else Progress()


def _asked(robot: Robot) -> DriveAction | None:
    actions = (action for held in robot.held for action in held.actions)
    return next((action for action in actions if action.action_id == robot.action), None)


def _is_on_board(robot: Robot, asked: DriveAction | None, report: RobotReport) -> bool:
    """Whether the robot carries what it was to pick: perhaps since before it forgot that."""
    if asked is None or asked.kind != "PICK" or not robot.tells_load:
        return False
    return asked.load in report.carried


def _is_set_down(robot: Robot, asked: DriveAction | None, report: RobotReport) -> bool:
    """Whether the robot carries nothing any more, which it was to set down."""
    if asked is None or asked.kind != "DROP" or not robot.tells_load:
        return False
    if asked.slot is not None:  # it names what it carries, or is not believed
        return asked.load not in report.carried and "?" not in report.carried
    return report.load is None


def count_mission(state: State, robot: Robot) -> None:
    """Another mission: its number is greater than any before, also after a restored journal."""
    robot.number = max(robot.number + 1, int(state.now.timestamp()))


# ------------------------------------------------------------------------------- telling
def at_rest(robot: Robot) -> bool:
    """Whether the robot has nothing more to do, so that it takes a new mission."""
    report = robot.report
    return (
        report is not None
        and len(robot.held) == 1
        and not robot.action
        and robot.shown
        and not has_horizon(robot)
        and all(action.status in _DONE for action in report.actions)
    )


def has_horizon(robot: Robot) -> bool:
    """Whether the robot was shown points that are not granted."""
    return robot.drive is not None and not robot.drive.nodes[-1].released


def takes_points(robot: Robot) -> bool:
    """Whether points may be granted to the robot now."""
    if robot.obstacle or robot.action or not robot.shown or robot.report is None:
        return False
    switching = robot.transport is not None and robot.kind != "transport"
    extends = robot.kind in ("transport", "park", "charge", "move") and not switching
    return extends or at_rest(robot)


def start(state: State, robot: Robot, mission: str, kind: MissionKind, goal: str | None) -> None:
    """Begin a new mission where the robot is; it is told when something is granted for it."""
    assert at_rest(robot) or robot.drive is None, "a mission begins at rest"
    robot.mission, robot.kind, robot.goal = mission, kind, goal
    robot.held = [Held(robot.held[0].point, 0)]
    robot.drive, robot.shown, robot.known = None, True, False
    count_mission(state, robot)
    robot.since = state.now
    stir(state, robot.name)
    if robot.report is not None and robot.report.charging:
        stop = DriveAction(action_id=f"{mission}-unplug", kind="CHARGE_STOP")
        robot.held[0].actions = (stop,)


def own_name(state: State, robot: Robot) -> str:
    """The id of a mission that no transport order asks for."""
    state.missions += 1
    return f"{robot.name}-{int(state.now.timestamp())}-{state.missions}"


def next_name(state: State, mission: str) -> str:
    """Another name for a mission that was told before: no robot takes the same one twice."""
    state.missions += 1
    return f"{mission.partition('~')[0]}~{state.missions}"


def act(robot: Robot, kind: ActionKind, load: str | None, slot: str | None = None) -> None:
    """Have an action done at the last granted point, which is the goal."""
    action_id = f"{robot.mission}-{kind.lower().replace('_', '-')}"
    action = DriveAction(action_id=action_id, kind=kind, load=load, slot=slot)
    last = robot.held[-1]
    told = robot.drive is not None and last.sequence <= robot.drive.nodes[-1].sequence
    if told and _is_released(robot.drive, last.sequence):
        robot.held.append(Held(last.point, last.sequence + 2, (action,)))
    else:
        last.actions = (*last.actions, action)
    robot.action = action.action_id


def _is_released(drive: Drive | None, sequence: int) -> bool:
    return drive is not None and any(
        node.released and node.sequence >= sequence for node in drive.nodes
    )


def before_last(robot: Robot) -> str | None:
    """The point before the last granted one: where the robot will have come from."""
    return robot.held[-2].point if len(robot.held) > 1 else robot.before


def extend(robot: Robot, points: list[str]) -> None:
    """Add granted points to the mission."""
    for point in points:
        robot.held.append(Held(point, robot.held[-1].sequence + 2))


def tell(state: State, routes: Routes, robot: Robot, outbox: Outbox) -> None:
    """Say what is new of the robot's mission, if the robot knows what was said before."""
    if not robot.shown or robot.obstacle or not robot.held or robot.kind in ("", "foreign"):
        return
    last = _last_released(robot.drive)
    news = robot.held[-1].sequence > last
    stale = has_horizon(robot) and (robot.goal is None or robot.transport is None)
    if robot.drive is None:
        if len(robot.held) == 1 and not robot.action:
            return
    elif not news and not stale:
        return
    nodes = [held for held in robot.held if held.sequence >= last]
    drive = Drive(
        robot=robot.name,
        mission=robot.mission,
        update=0 if robot.drive is None else robot.drive.update + 1,
        nodes=(
            *(_node(routes.plant, held, released=True) for held in nodes),
            *_horizon(routes, robot),
        ),
        number=robot.number,
        run=robot.report.run if robot.report is not None else 0,
    )
    robot.drive, robot.shown, robot.told_at = drive, False, state.now
    stir(state, robot.name)
    outbox.to_edge.append(drive)


def _horizon(routes: Routes, robot: Robot) -> list[DriveNode]:
    """The next few points to the goal of a transport, for the robot to know that more comes."""
    last = robot.held[-1]
    if robot.kind != "transport" or robot.goal is None or robot.action:
        return []
    points = routes.route(before_last(robot), last.point, robot.goal, HORIZON)
    return [
        _node(routes.plant, Held(point, last.sequence + 2 * n), released=False)
        for n, point in enumerate(points, 1)
    ]


def _node(plant: Plant, held: Held, *, released: bool) -> DriveNode:
    point = plant.points[held.point]
    return DriveNode(
        node=held.point,
        sequence=held.sequence,
        released=released,
        x_m=point.x_m,
        y_m=point.y_m,
        actions=held.actions,
    )


def _last_released(drive: Drive | None) -> int:
    if drive is None:
        return -1
    return next(node.sequence for node in reversed(drive.nodes) if node.released)


def unheard(state: State) -> list[Drive]:
    """The drives that their robots have not been seen to know: to be said again."""
    return [
        robot.drive
        for robot in state.robots.values()
        if robot.drive is not None and not robot.shown
    ]


def silent_for_s(robot: Robot, now: datetime) -> float:
    """How long nothing has been heard of a robot."""
    return 0.0 if robot.heard_at is None else (now - robot.heard_at).total_seconds()
