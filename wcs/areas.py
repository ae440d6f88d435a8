"""An area of the floor that people have closed: who is in it stands, nobody goes in.

    closed ──> robots in it are told to pause, and again while they drive; ways lead round it
    open   ──> those that were told go on, unless something else holds them

For spills, repairs, visitors. It ends by people only: no restart, no silence opens an area. It
stops nothing at once and is no safety function; for that there are circuits (wcs.safety).

Laws:
    nobody in     no point of a closed area is granted
    who was told  opened, it lets go on whom it had told to stand, and nobody else

Pure. Units: seconds.
"""

from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from edge.messages import CommandRefused, PauseRobot
from wcs import safety
from wcs.messages import AreaHold
from wcs.plant import Plant
from wcs.state import Outbox, Robot, State, stir

TELL_AGAIN_S = 10.0


def hear(state: State, plant: Plant, message: AreaHold, outbox: Outbox) -> None:
    """Close an area or open it; said again it changes nothing."""
    stir(state, *state.robots)  # all ways may be others now
    why = ""
    if message.area not in plant.areas:
        why = "there is no such area"
    elif state.now >= message.expires_at:
        why = "it was confirmed too long ago"
    if why:
        with suppress(ValueError):  # an id that is none: it is in the journal
            outbox.to_wms.append(
                CommandRefused(
                    at=state.now,
                    device=message.area,
                    about=message.type,
                    reason="failed",
                    detail=why,
                    command=UUID(message.id),
                )
            )
    elif message.held:
        state.areas.setdefault(message.area, {})
    else:
        told = state.areas.pop(message.area, {})
        for name in told:
            robot = state.robots.get(name)
            if robot is not None and not _is_held(state, plant, robot):
                outbox.to_edge.append(PauseRobot(robot=name, paused=False))


def shut(state: State, plant: Plant) -> Iterable[str]:
    """The points that nobody goes to."""
    for name in state.areas:
        if (area := plant.areas.get(name)) is not None:
            yield from (point for point in plant.points if area.holds_point(point))


def pause(state: State, plant: Plant, outbox: Outbox) -> None:
    """Tell who is in a closed area to stand, and again as long as it does not."""
    for name, told in state.areas.items():
        area = plant.areas.get(name)
        for robot in state.robots.values() if area is not None else ():
            if area is None or not any(area.holds_point(held.point) for held in robot.held):
                continue
            since, report = told.get(robot.name), robot.report
            if since is not None:
                stands = report is None or report.paused
                if stands or (state.now - since).total_seconds() < TELL_AGAIN_S:
                    continue
            elif report is not None and report.paused:
                continue  # somebody else has it stand
            told[robot.name] = state.now
            outbox.to_edge.append(PauseRobot(robot=robot.name, paused=True))


def _is_held(state: State, plant: Plant, robot: Robot) -> bool:
    """Whether something else wants it to stand: a circuit, or another area that has told it."""
    if state.stops and safety.holds(state, plant, robot):
        return True
    return any(robot.name in told for told in state.areas.values())
