"""Who stands though it has somewhere to go, for how long, and who is in its way.

    URGENT_S   it goes before everybody else, so that the others make way for it
    CALL_S     people are called: alarm `robot.stuck`, with the chain of who waits for whom

A chain that comes back to its beginning is a deadlock; none is known that traffic leaves
(wcs.traffic), so the alarm says so plainly. Standing is being granted nothing while it could be:
robots that work, are held up by people, or do not answer have alarms of their own. Who waits in
the queue of a zone stands too: that is what it is first for.

Pure. Units: seconds.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from wcs.missions import takes_points
from wcs.state import Outbox, Robot, State, clear_alarm, raise_alarm, stir

URGENT_S, CALL_S = 60.0, 600.0


def call(state: State) -> None:
    """See who has been standing for long: it becomes urgent, and is looked at again."""
    for robot in state.robots.values():
        if robot.stood_at is not None and stood_s(robot, state.now) > URGENT_S:
            robot.urgent = True
            stir(state, robot.name)


def look(
    state: State, robots: Iterable[Robot], waits_for: Mapping[str, str], outbox: Outbox
) -> None:
    """Note which of these robots stand since when, and call people."""
    for robot in robots:
        if not _stands(robot):
            if robot.urgent:
                stir(state, robot.name)  # for traffic it goes first no more
            robot.stood_at, robot.urgent = None, False
            clear_alarm(state, outbox, f"robot.stuck/{robot.name}")
            continue
        if robot.stood_at is None:
            robot.stood_at = state.now
        if stood_s(robot, state.now) > CALL_S:
            detail = f"{robot.held[0].point}: {_chain(robot.name, waits_for)}"
            raise_alarm(state, outbox, f"robot.stuck/{robot.name}", detail)


def stood_s(robot: Robot, now: datetime) -> float:
    """How long it has been standing though it has somewhere to go."""
    return 0.0 if robot.stood_at is None else (now - robot.stood_at).total_seconds()


def _stands(robot: Robot) -> bool:
    if robot.goal is None or len(robot.held) != 1 or robot.held[0].point == robot.goal:
        return False
    return takes_points(robot) and not robot.cancelled


def _chain(robot: str, waits_for: Mapping[str, str]) -> str:
    """Who waits for whom, up to who waits for nobody, or to one who was there before."""
    chain = [robot]
    while (after := waits_for.get(chain[-1])) is not None:
        chain.append(after)
        if after in chain[:-1]:
            break
    return " > ".join(chain) if len(chain) > 1 else "waits for a zone or a way"
