"""After an emergency stop nothing is told to move until two people's acts have said that it may.

    stopped ──> standing ──reset, at the machine──> reset ──confirmed, at the screen──> over
                   ^────────── stopped again ─────────┘

It is the machines' own safety that stops them; this only sees to it that we do not start them
again. What stands in the circuit, or was granted a point in it, is told to pause, gets no points
and no drive; cartons there are not released, missions not handed out, doors and lifts stay. A
confirmation before the reset counts for nothing.

Laws:
    silence    while a circuit stands, nothing that moves anything in it is told
    two acts   it ends by a reset and a later confirmation, and by nothing else: no restart, no
               silence, no second reset

Pure. This is no safety function, and replaces none.
"""

from collections.abc import Iterable
from datetime import datetime

from edge.machine_messages import RouteUnit, SafetyReport
from edge.messages import Divert, PauseRobot, ReleaseCarton
from wcs.machines import Circuit
from wcs.messages import SafetyConfirmed
from wcs.plant import Plant
from wcs.state import Outbox, Robot, State, Stop, ToEdge, clear_alarm, raise_alarm

PAUSE_AGAIN_S = 10.0


def hear(
    state: State, plant: Plant, message: SafetyReport | SafetyConfirmed, outbox: Outbox
) -> None:
    """Somebody has pressed, reset or confirmed."""
    stop = state.stops.get(message.circuit)
    if isinstance(message, SafetyConfirmed):
        if stop is not None and stop.reset:
            del state.stops[message.circuit]
            clear_alarm(state, outbox, f"safety.stopped/{message.circuit}")
            clear_alarm(state, outbox, f"safety.not_reset/{message.circuit}")
            for name in stop.paused:
                robot = state.robots.get(name)
                if robot and name not in stop.stood and not holds(state, plant, robot):
                    outbox.to_edge.append(PauseRobot(robot=name, paused=False))
        elif stop is not None:
            raise_alarm(
                state,
                outbox,
                f"safety.not_reset/{message.circuit}",
                f"confirmed by {message.by}",
                priority=1,
            )
    elif message.stopped:
        if stop is None:
            state.stops[message.circuit] = Stop(since=state.now)
        else:
            stop.reset = False
        raise_alarm(state, outbox, f"safety.stopped/{message.circuit}", message.device, priority=1)
    elif stop is not None:
        stop.reset = True


def held_devices(state: State, plant: Plant) -> frozenset[str]:
    """Devices that are not to be told to move."""
    standing = _standing(state, plant)
    if not standing:
        return frozenset()
    return frozenset(
        name
        for name in {*plant.devices, *(row.device for row in plant.fleets.values())}
        if any(circuit.holds_device(name) for circuit in standing)
    )


def holds(state: State, plant: Plant, robot: Robot) -> bool:
    """Whether a robot is not to be told to move: it stands in a circuit, or was granted a point."""
    return any(
        circuit.holds_point(held.point)
        for circuit in _standing(state, plant)
        for held in robot.held
    ) or any(circuit.whole for circuit in _standing(state, plant))


def let_go_on(state: State, plant: Plant, robot: Robot, points: list[str]) -> list[str]:
    """The points of a grant that lie before what stands still."""
    standing = _standing(state, plant)
    if not standing:
        return points
    if holds(state, plant, robot):
        return []
    for n, point in enumerate(points):
        if any(circuit.holds_point(point) for circuit in standing):
            return points[:n]
    return points


def pause(state: State, plant: Plant, outbox: Outbox) -> None:
    """Tell the robots of what stands to pause, and again now and then."""
    for name, stop in state.stops.items():
        circuit = plant.circuits.get(name, Circuit(name=name, device=""))
        for robot in state.robots.values():
            in_it = circuit.whole or any(circuit.holds_point(held.point) for held in robot.held)
            if in_it and robot.name not in stop.paused:
                stop.paused.append(robot.name)
                if robot.report is not None and robot.report.paused:
                    stop.stood.append(robot.name)
                outbox.to_edge.append(PauseRobot(robot=robot.name, paused=True))
        if _is_due(stop.told_at, state.now):
            if stop.told_at is not None:
                again = [PauseRobot(robot=robot, paused=True) for robot in stop.paused]
                outbox.to_edge += again
            stop.told_at = state.now


def let_out(state: State, plant: Plant, commands: Iterable[ToEdge]) -> list[ToEdge]:
    """What may be told: no carton moves where people are."""
    held = held_devices(state, plant)
    return [
        command
        for command in commands
        if not (isinstance(command, ReleaseCarton | Divert | RouteUnit) and command.device in held)
    ]


def _standing(state: State, plant: Plant) -> list[Circuit]:
    """The circuits that stand; one that the site file does not know stops everything."""
    return [plant.circuits.get(name, Circuit(name=name, device="")) for name in state.stops]


def _is_due(told_at: datetime | None, now: datetime) -> bool:
    return told_at is None or (now - told_at).total_seconds() >= PAUSE_AGAIN_S
