"""People stop a robot, or let it go on: told to the edge once, by the id of what they confirmed.

The robot keeps its drive and reports itself paused; traffic sees it stand and plans round it. Where
a safety circuit stands nobody lets it go on from here (wcs.safety): that is answered, not told.

Pure.
"""

from contextlib import suppress
from uuid import UUID

from edge.messages import CommandRefused, PauseRobot
from wcs import safety
from wcs.messages import RobotHold
from wcs.plant import Plant
from wcs.state import Outbox, State


def hear(state: State, plant: Plant, message: RobotHold, outbox: Outbox) -> None:
    """Tell the robot, or say why not."""
    robot = state.robots.get(message.robot)
    why = ""
    if robot is None:
        why = "there is no such robot"
    elif state.now >= message.expires_at:
        why = "it was confirmed too long ago"
    elif not message.held and safety.holds(state, plant, robot):
        why = "a safety circuit stands"
    with suppress(ValueError):  # an id that is none: it is in the journal
        command = UUID(message.id)
        if not why:
            pause = PauseRobot(
                robot=message.robot,
                paused=message.held,
                command=command,
                issued_at=state.now,
                expires_at=message.expires_at,
            )
            outbox.to_edge.append(pause)
            return
        refused = CommandRefused(
            at=state.now,
            device=message.robot,
            about=message.type,
            reason="failed",
            detail=why,
            command=command,
        )
        outbox.to_wms.append(refused)
