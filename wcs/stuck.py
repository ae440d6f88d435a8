"""Who comes no nearer to its goal, who stands, for how long, and who is in its way.

    overdue    no nearer for some times its way (wcs.fleet.overdue; a way of LEAST_S at least): it
               goes before everybody else, so that the others make way for it
    CALL_S     it stood so long: people are called, by the alarm `robot.stuck`, with the chain of
               who waits for whom

A chain that comes back to its beginning is a deadlock; none is known that traffic leaves
(wcs.traffic), so the alarm says so plainly. Standing is being granted nothing while it could be:
robots that work, are held up by people, or do not answer have alarms of their own. Who waits in
the queue of a zone stands too: that is what it is first for.

Pure. Units: seconds.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import inf

from wcs.fleet.overdue import patience
from wcs.missions import takes_points
from wcs.routing import Routes
from wcs.state import Approach, Outbox, Robot, State, clear_alarm, raise_alarm, stir

LEAST_S, CALL_S = 20.0, 600.0


def call(state: State) -> None:
    """See who is overdue: it becomes urgent, and is looked at again, as is who has stood long."""
    for robot in state.robots.values():
        was_urgent, approach = robot.urgent, robot.approach
        can_go = not robot.obstacle and not robot.cancelled
        robot.urgent = can_go and approach is not None and approach.due_at < state.now
        if robot.urgent or was_urgent or stood_s(robot, state.now) > CALL_S:
            stir(state, robot.name)


def look(
    state: State,
    routes: Routes,
    robots: Iterable[Robot],
    waits_for: Mapping[str, str],
    outbox: Outbox,
) -> None:
    """Note how near these robots came, which of them stand since when, and call people."""
    for robot in robots:
        if _is_nearer(robot, routes, state.now) and robot.urgent:
            robot.urgent = False
            stir(state, robot.name)  # for traffic it goes first no more
        if not _stands(robot):
            robot.stood_at = None
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


def _is_nearer(robot: Robot, routes: Routes, now: datetime) -> bool:
    """Whether it has come nearer to its goal than ever, has another goal, or none."""
    approach, goal = robot.approach, robot.goal
    here = robot.held[-1].point if robot.held else None
    before = robot.held[-2].point if len(robot.held) > 1 else robot.before
    left_s = inf if goal is None or here is None else routes.seconds(before, here, goal)
    if goal is None or here == goal or left_s == inf:
        robot.approach = None
        return True
    way_s = left_s
    if approach is not None and approach.goal == goal:
        if left_s >= approach.nearest_s:
            return False
        way_s = approach.way_s
    due_at = now + timedelta(seconds=patience(way_s, LEAST_S))
    robot.approach = Approach(goal, way_s, left_s, due_at)
    return True


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
