"""Who drives on: the robots that have changed, as traffic sees them, and what they are told.

    stirred ──> seen by traffic ──round──> granted ──> actions at the goal ──> told
       ^                                      └── these have changed too: the next step ──┐
       └──────────────────────────────────────────────────────────────────────────────────┘

How traffic sees the fleet is kept from step to step and follows the robots that were stirred
(wcs.state). It is made of the state alone, so an engine that has just been started decides what
one that has run for weeks would have.

Laws:
    still    where nobody has changed nobody is granted anything, and nobody looks
    same     what is kept makes no difference but to the time that it takes

Pure.
"""

from itertools import pairwise

from wcs import dispatch, missions, portals, safety, stuck
from wcs.plant import Plant
from wcs.routing import Routes
from wcs.state import Outbox, Robot, State, stir, stirred
from wcs.traffic import Mover, Traffic


class Moves:
    """`run` for one plant."""

    def __init__(self, plant: Plant) -> None:
        self._plant, self._ways = plant, portals.ways_of(plant)
        self._state: State | None = None  # whose fleet it is that traffic sees
        self._traffic: Traffic | None = None

    def run(self, state: State, routes: Routes, outbox: Outbox) -> None:
        """Let those drive on that can, and tell them; done with who was stirred so far."""
        changed = stirred(state)
        if not changed:
            return
        state.stirred = {}
        if _is_known(state, self._plant):
            traffic, waits_for = self._seen(state, routes, changed), dict[str, str]()
            granted = traffic.grant(self._plant.site.look_ahead_m, waits_for)
            for name, points in granted.items():
                self._give(state, state.robots[name], points)
            known = {robot.name for robot in changed}
            changed += [robot for robot in stirred(state) if robot.name not in known]
            stuck.look(state, routes, changed, waits_for, outbox)
        else:
            self._state = None
        for robot in changed:
            dispatch.commit_action(state, self._plant, robot)
        for robot in changed:
            if not (state.stops and safety.holds(state, self._plant, robot)):
                missions.tell(state, routes, robot, outbox)
            else:
                stir(state, robot.name)  # until it may be told

    def _give(self, state: State, robot: Robot, points: list[str]) -> None:
        """Grant what neither circuits nor doors hold up: these are asked again in each step."""
        stir(state, robot.name)
        if state.stops:
            points = safety.let_go_on(state, self._plant, robot, points)
        if self._ways:
            points = portals.let_through(state, self._ways, robot, points)
        if not points:
            return
        pushed = robot.goal is None or robot.kind in ("", "foreign")
        if pushed and missions.at_rest(robot):
            missions.start(state, robot, missions.own_name(state, robot), "move", None)
        missions.extend(robot, points)

    # -------------------------------------------------------------------------- seeing
    def _seen(self, state: State, routes: Routes, changed: list[Robot]) -> Traffic:
        """The fleet as it is now."""
        traffic = self._traffic
        if (
            traffic is None
            or self._state is not state
            or traffic.routes is not routes
            or traffic.contested
            or any(robot.name not in traffic for robot in changed)
        ):
            traffic, changed = Traffic(routes, state.robots), _placed_first(state)
        for robot in changed:
            traffic.put(robot.name, self._mover(robot, routes))
        if traffic.contested and len(changed) < len(state.robots):
            self._traffic = None
            return self._seen(state, routes, changed)
        self._state, self._traffic = state, traffic
        return traffic

    def _mover(self, robot: Robot, routes: Routes) -> Mover | None:
        if not robot.held:
            spec = self._plant.robots.get(robot.name)
            return _unplaced(robot.name, spec.start) if spec is not None else None
        points = [held.point for held in robot.held]
        takes = missions.takes_points(robot)
        urgency = 0 if robot.transport is not None else 1 if robot.goal is not None else 2
        since = robot.since
        if points[-1] in routes.dead_ends:  # out first: nobody else may go in
            urgency = -1
        elif robot.urgent and robot.approach is not None:
            urgency, since = -1, robot.approach.due_at
        return Mover(
            robot=robot.name,
            held=points,
            before=robot.before,
            goal=robot.goal,
            rank=(urgency, since.timestamp(), robot.name),
            takes=takes,
            settles=not takes and not robot.obstacle,
            ahead_m=sum([self._plant.metres(a, b) for a, b in pairwise(points)]),
        )


def _is_known(state: State, plant: Plant) -> bool:
    """Whether every robot has a place, or has had the time to say where it is."""
    waited_s = (state.now - state.started_at).total_seconds()
    return waited_s > plant.site.silent_s or all(robot.held for robot in state.robots.values())


def _placed_first(state: State) -> list[Robot]:
    return sorted(state.robots.values(), key=lambda robot: not robot.held)


def _unplaced(name: str, start: str) -> Mover:
    """A robot that has not been heard of: it stands where the site file says, like a wall."""
    return Mover(
        robot=name,
        held=[start],
        before=None,
        goal=None,
        rank=(3, 0.0, name),
        takes=False,
        settles=False,
    )
