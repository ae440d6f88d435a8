"""A fleet for the engine's tests: robots that obey Drive messages, on virtual time, from a seed.

Each robot drives from node to node of what was released to it, takes time for it, does the
actions, and reports what changes. Messages are late by a drawn time, and some are lost. The
physics are checked on the way: two robots at one point are a collision, whatever the WCS thinks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from edge.messages import (
    ActionReport,
    Drive,
    DriveAction,
    DriveNode,
    RobotReport,
)
from wcs.engine import Engine, Incoming
from wcs.messages import TransportOrder, TransportReport
from wcs.missions import unheard
from wcs.plant import Plant, read_plant
from wcs.state import Outbox, State, fresh_state, outbox_json

TOKYO = Path(__file__).parents[2] / "simulators" / "sites" / "tokyo.toml"
START = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
ACTION_S = {"PICK": 8.0, "DROP": 8.0, "CHARGE_START": 2.0, "CHARGE_STOP": 2.0}


def tokyo() -> Plant:
    return read_plant(TOKYO.read_text(encoding="utf-8"))


@dataclass
class RobotDouble:
    """One robot: at a node, with released nodes and actions ahead of it."""

    name: str
    node: str
    sequence: int = 0
    mission: str = ""
    update: int = 0
    ahead: list[DriveNode] = field(default_factory=list)
    horizon: bool = False
    todo: list[DriveAction] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)
    loads: dict[str, str] = field(default_factory=dict)  # by slot; "": the only one
    battery: float = 1.0
    charging: bool = False
    busy_until: datetime | None = None
    driving_to: DriveNode | None = None
    dead: bool = False
    end: int = 0  # the sequence of the last released node

    @property
    def load(self) -> str | None:
        return next(iter(self.loads.values()), None)

    def hear(self, drive: Drive) -> bool:
        """Take a drive as a robot of VDA 5050 does; False if it has to be refused."""
        released = [node for node in drive.nodes if node.released]
        if drive.mission == self.mission:
            if drive.update <= self.update:
                return False
            if drive.nodes[0].sequence != self.end:
                return False
            self.ahead += released[1:]
        else:
            if self.ahead or self.todo or self.driving_to or self.horizon or drive.update:
                return False
            assert released[0].node == self.node, f"{self.name} is at {self.node}: {drive}"
            self.mission, self.sequence, self.done = drive.mission, released[0].sequence, {}
            self.ahead = released[1:]
            self.todo = list(released[0].actions)
        self.update = drive.update
        self.end = released[-1].sequence
        self.horizon = len(released) < len(drive.nodes)
        return True

    def report(self, at: datetime, plant: Plant) -> RobotReport:
        point = plant.points[self.node]
        actions = [*self.done.items(), *((action.action_id, "WAITING") for action in self.todo)]
        actions += [
            (action.action_id, "WAITING")
            for node in [self.driving_to, *self.ahead]
            if node is not None
            for action in node.actions
        ]
        going = [self.driving_to] if self.driving_to else []
        return RobotReport(
            at=at,
            robot=self.name,
            connected=True,
            operating_mode="AUTOMATIC",
            mission=self.mission,
            update=self.update,
            passed_node=self.node,
            passed_sequence=self.sequence,
            released_ahead=tuple(node.node for node in [*going, *self.ahead]),
            driving=self.driving_to is not None,
            paused=False,
            actions=tuple(ActionReport(action_id=a, status=s) for a, s in actions),  # type: ignore[arg-type]
            load=self.load,
            more_loads=(*self.loads.values(),)[1:],
            battery=self.battery,
            charging=self.charging,
            x_m=point.x_m,
            y_m=point.y_m,
            heading_rad=0.0,
        )


@dataclass
class Weather:
    """How bad the network is."""

    delay_s: tuple[float, float] = (0.5, 4.0)
    lost: float = 0.02
    stall: float = 0.01  # a drive from node to node takes up to a minute longer


class World:
    """Engine and robots together. `run_until` lets virtual time pass."""

    def __init__(self, plant: Plant, seed: int, weather: Weather | None = None) -> None:
        self.plant, self.rng = plant, Random(seed)
        self.weather = weather or Weather()
        self.engine = Engine(plant)
        self.now = START
        self.state: State = fresh_state(plant, START)
        self.robots = {
            name: RobotDouble(name=name, node=spec.start) for name, spec in plant.robots.items()
        }
        self.heap: list[tuple[datetime, int, Callable[[], object]]] = []
        self.count = self.orders = 0
        self.inbox: list[Incoming] = []
        self.heard: list[TransportReport] = []
        self.digest = sha256()
        self.steps = 0
        self.batches: list[tuple[list[Incoming], datetime]] = []
        self.check = True
        self.jammed: set[str | None] = set()  # loads that nobody can take or set down
        for robot in self.robots.values():
            self._say(robot)
            self.later(30.0 * self.rng.random(), lambda robot=robot: self._heartbeat(robot))  # type: ignore[misc]
        self.later(1.0, self.tick)

    # --------------------------------------------------------------------- time
    def later(self, seconds: float, what: Callable[[], object]) -> None:
        self.count += 1
        heappush(self.heap, (self.now + timedelta(seconds=seconds), self.count, what))

    def run_until(self, over: Callable[[], bool], limit_s: float) -> None:
        """Run until the condition holds; fails when it does not within the limit."""
        end = self.now + timedelta(seconds=limit_s)
        while not (self.steps and over()):
            assert self.now < end, f"not over after {limit_s} s: {self.stuck()}"
            self.now, _, what = heappop(self.heap)
            what()
            if self.inbox:
                self.step()

    def step(self) -> None:
        inbox, self.inbox = self.inbox, []
        self.batches.append((inbox, self.now))
        outbox = self.engine.step(self.state, inbox, self.now)
        self.steps += 1
        self.digest.update(outbox_json(outbox))
        self._carry_out(outbox)
        if self.check:
            self.check_laws()

    def _carry_out(self, outbox: Outbox) -> None:
        self.heard += [m for m in outbox.to_wms if isinstance(m, TransportReport)]
        for command in outbox.to_edge:
            if isinstance(command, Drive):
                self._send(command)

    def tick(self) -> None:
        self.later(5.0, self.tick)
        for drive in unheard(self.state):
            self._send(drive)
        self.step()

    def _delay_s(self) -> float:
        return self.rng.uniform(*self.weather.delay_s)

    def _send(self, drive: Drive) -> None:
        robot = self.robots[drive.robot]
        if self.rng.random() >= self.weather.lost:
            self.later(self._delay_s(), lambda: self._deliver(robot, drive))

    def _deliver(self, robot: RobotDouble, drive: Drive) -> None:
        if not robot.dead and robot.hear(drive):
            self._say(robot)
            self._go_on(robot)

    # --------------------------------------------------------------------- robots
    def _say(self, robot: RobotDouble) -> None:
        report = robot.report(self.now, self.plant)
        if self.rng.random() >= self.weather.lost:
            self.later(self._delay_s(), lambda: self.inbox.append(report))

    def _heartbeat(self, robot: RobotDouble) -> None:
        self.later(20.0, lambda: self._heartbeat(robot))
        if not robot.dead:
            robot.battery = min(1.0, robot.battery + (0.05 if robot.charging else -0.002))
            self._say(robot)

    def _go_on(self, robot: RobotDouble) -> None:
        if robot.dead or robot.busy_until is not None:
            return
        if robot.todo:
            action = robot.todo[0]
            self._busy(robot, ACTION_S[action.kind], lambda: self._acted(robot, action))
        elif robot.ahead:
            node = robot.driving_to = robot.ahead.pop(0)
            self._check_physics()
            seconds = self.plant.metres(robot.node, node.node) / 1.5 + self.rng.uniform(0, 2)
            if self.rng.random() < self.weather.stall:
                seconds += self.rng.uniform(0, 60)
            self._busy(robot, seconds, lambda: self._arrived(robot, node))

    def _busy(self, robot: RobotDouble, seconds: float, then: Callable[[], None]) -> None:
        until = robot.busy_until = self.now + timedelta(seconds=seconds)
        # whoever is revived begins anew: what it was at before comes to nothing
        self.later(seconds, lambda: then() if robot.busy_until == until else None)

    def _arrived(self, robot: RobotDouble, node: DriveNode) -> None:
        if robot.dead:
            return
        robot.busy_until, robot.driving_to = None, None
        robot.node, robot.sequence = node.node, node.sequence
        robot.todo = list(node.actions)
        self._say(robot)
        self._go_on(robot)

    def _acted(self, robot: RobotDouble, action: DriveAction) -> None:
        if robot.dead:
            return
        robot.busy_until = None
        robot.todo.remove(action)
        robot.done[action.action_id] = "FINISHED"
        slot = action.slot or ""
        if action.load in self.jammed:
            robot.done[action.action_id] = "FAILED"
        elif action.kind == "PICK":
            assert slot not in robot.loads, "two loads in one slot"
            assert action.load is not None
            robot.loads[slot] = action.load
        elif action.kind == "DROP":
            assert robot.loads.pop(slot) == action.load, "another load"
        else:
            robot.charging = action.kind == "CHARGE_START"
        self._say(robot)
        self._go_on(robot)

    # --------------------------------------------------------------------- mishaps
    def die(self, name: str) -> None:
        """The robot stops where it is and says nothing more."""
        self.robots[name].dead = True

    def revive(self, name: str) -> None:
        """It goes on as if nothing had been."""
        robot = self.robots[name]
        if robot.driving_to is not None:
            robot.ahead.insert(0, robot.driving_to)
        robot.dead, robot.busy_until, robot.driving_to = False, None, None
        self._say(robot)
        self._go_on(robot)

    def forget(self, name: str) -> None:
        """Switched off and on again where it stands: it knows of no mission."""
        robot = self.robots[name]
        robot.mission, robot.sequence, robot.update, robot.end = "", 0, 0, 0
        robot.ahead, robot.todo, robot.done, robot.horizon = [], [], {}, False
        self._say(robot)

    # --------------------------------------------------------------------- laws
    def _check_physics(self) -> None:
        at: dict[str, str] = {}
        for robot in self.robots.values():
            nodes = {robot.node} | ({robot.driving_to.node} if robot.driving_to else set())
            for node in nodes:
                assert node not in at, f"{robot.name} and {at[node]} meet at {node}"
                at[node] = robot.name

    def check_laws(self) -> None:
        carried = [load for robot in self.robots.values() for load in robot.loads.values()]
        assert len({*carried}) == len(carried), f"a load in two places: {carried}"
        for name, one in self.robots.items():
            spec = self.plant.robots.get(name)
            assert len(one.loads) <= (spec.slots if spec is not None else 1), f"{one.loads}"
        holder: dict[str, str] = {}
        for robot in self.state.robots.values():
            for point in {held.point for held in robot.held}:
                assert point not in holder, f"{point}: {robot.name} and {holder[point]}"
                holder[point] = robot.name
        for double in self.robots.values():
            if self.state.robots[double.name].held:
                for node in [double.node, *(node.node for node in double.ahead)]:
                    assert holder.get(node) == double.name, f"{double.name} released {node}"

    # --------------------------------------------------------------------- work
    def fetch_and_return(self, loads: int, seed: int) -> list[str]:
        """Orders to bring so many loads to drawn stations, and each back to its place."""
        rng, storage = Random(seed), self.plant.points_of_kind("storage")
        ids = []
        for n in range(loads):
            place = f"{rng.choice(storage)}-{rng.randint(1, 6)}"
            station = rng.choice(list(self.plant.stations))
            ids.append(self.order(f"tote-{n}", place, station))
            ids.append(self.order(f"tote-{n}", station, place))
        return ids

    def work_off(self, limit_s: float) -> None:
        """Run until no order is open."""
        self.run_until(lambda: not self.inbox and not self.state.transports, limit_s)

    def order(self, load: str, source: str, destination: str, *, priority: int = 0) -> str:
        order = TransportOrder(
            id=f"t{self.orders}-{load}",
            load=load,
            source=source,
            destination=destination,
            priority=priority,
        )
        self.orders += 1
        self.inbox.append(order)
        return order.id

    def ended(self) -> dict[str, list[str]]:
        """How each order ended: one way, once."""
        ends: dict[str, list[str]] = {}
        for report in self.heard:
            if report.state in ("FINISHED", "FAILED", "WITHDRAWN"):
                ends.setdefault(report.id, []).append(report.state)
        return ends

    def stuck(self) -> str:
        lines = [f"{len(self.state.transports)} open at {self.now}"]
        for robot in self.state.robots.values():
            held = ">".join(h.point for h in robot.held)
            lines.append(
                f"{robot.name} {robot.kind} held {held} goal {robot.goal} transport"
                f" {robot.transport} action {robot.action} shown {robot.shown} {robot.obstacle}"
            )
        return "\n".join(lines)


def say(report: RobotReport, **changes: object) -> RobotReport:
    return replace(report, **changes)  # type: ignore[arg-type]
