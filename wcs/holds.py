"""People stop a robot, take its drive away, or let it go on: done once, by their command's id.

    held     it keeps its drive and reports itself paused; traffic sees it stand and plans round it
    cancel   it forgets its drive, at the next point; an order that it had not begun is free again;
             it counts as a wall and gets nothing until people let it go on
    go on    from where it stands; a load that it has is brought to its destination after all
    withdraw the order that it has and has not begun ends WITHDRAWN, and it takes another one

Where a safety circuit stands nobody lets it go on from here (wcs.safety): that is answered, not
told. So is "go on" for a robot that has not been seen at rest on a point since its drive was
cancelled: what was granted to it stays granted until it is known where it is. `SETTLED_S` seconds
after the cancel nothing that was said before can be on its way any more.

Pure.
"""

from contextlib import suppress
from uuid import UUID

from edge.messages import CancelDrive, CommandRefused, PauseRobot, RobotReport
from wcs import safety
from wcs.assign import is_begun
from wcs.dispatch import action_ended, withdraw
from wcs.messages import RobotHold, Withdrawal
from wcs.missions import count_mission, next_name
from wcs.plant import Plant
from wcs.state import Held, Outbox, Robot, State, stir

SETTLED_S = 10.0
_DONE = ("FINISHED", "FAILED")
_NEAR_M = 1.0


def hear(state: State, plant: Plant, message: RobotHold, outbox: Outbox) -> None:
    """Tell the robot, or say why not."""
    robot = state.robots.get(message.robot)
    why = _why_not(state, plant, message, robot)
    stir(state, message.robot)
    with suppress(ValueError):  # an id that is none: it is in the journal
        command = UUID(message.id)
        if why or robot is None:
            refused = CommandRefused(
                at=state.now,
                device=message.robot,
                about=message.type,
                reason="failed",
                detail=why,
                command=command,
            )
            outbox.to_wms.append(refused)
        elif message.withdraw:
            withdraw(state, Withdrawal(id=robot.transport or ""), outbox)
        elif message.cancel:
            robot.cancelled, robot.cancelled_at = robot.mission, state.now
            robot.drive, robot.shown = None, True
            outbox.to_edge.append(
                CancelDrive(robot=robot.name, mission=robot.mission, command=command)
            )
        else:
            if not message.held and robot.cancelled:
                _begin_again(state, plant, robot, outbox)
            pause = PauseRobot(
                robot=message.robot,
                paused=message.held,
                command=command,
                issued_at=state.now,
                expires_at=message.expires_at,
            )
            outbox.to_edge.append(pause)


def _why_not(state: State, plant: Plant, message: RobotHold, robot: Robot | None) -> str:
    why = ""
    if robot is None:
        why = "there is no such robot"
    elif state.now >= message.expires_at:
        why = "it was confirmed too long ago"
    elif message.withdraw:
        transport = state.transports.get(robot.transport or "")
        if transport is None:
            why = "it has no order"
        elif is_begun(state, transport):
            why = "its load is on it, or about to be: it will be delivered"
    elif message.cancel:
        why = "" if robot.mission and robot.kind != "foreign" else "it has no drive of ours"
    elif message.held:
        why = ""
    elif safety.holds(state, plant, robot):
        why = "a safety circuit stands"
    elif robot.cancelled and _stands_at(plant, robot) is None:
        why = "it has not been seen at rest on a point since its drive was cancelled"
    return why


def _stands_at(plant: Plant, robot: Robot) -> str | None:
    """The point where it has come to rest without its cancelled drive; None: it has not."""
    report, cancelled_at = robot.report, robot.cancelled_at
    if report is None or report.driving or report.released_ahead or not _is_done(report):
        return None
    if cancelled_at is None or (report.at - cancelled_at).total_seconds() < SETTLED_S:
        return None
    if report.passed_node not in plant.points:
        return None
    point = plant.points[report.passed_node]
    far = max(abs(point.x_m - report.x_m), abs(point.y_m - report.y_m)) > _NEAR_M
    return None if far else report.passed_node


def _is_done(report: RobotReport) -> bool:
    return all(action.status in _DONE for action in report.actions)


def _begin_again(state: State, plant: Plant, robot: Robot, outbox: Outbox) -> None:
    """What it stands on is all that it has; what it still has to bring becomes a new mission."""
    here, report = _stands_at(plant, robot), robot.report
    assert here is not None, "asked before"
    assert report is not None, "asked before"
    action, robot.action = robot.action, ""
    if action:
        done = any(one.action_id == action and one.status == "FINISHED" for one in report.actions)
        action_ended(state, robot, finished=done, outbox=outbox)
    robot.held, robot.anew = [Held(here, 0)], ""
    robot.mission = next_name(state, robot.mission)
    count_mission(state, robot)
    robot.kind = "transport" if robot.transport is not None else ""
    robot.goal, robot.drive, robot.cancelled, robot.cancelled_at = None, None, "", None
    robot.shown, robot.known, robot.since = True, False, state.now
