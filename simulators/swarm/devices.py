"""The machines, and what is really where: nobody's word counts here.

Robots are those of simulators.robot and speak VDA 5050; one may lose its power and with it its
order, and one may be given the name of another. The belt is a PLC with a decision point,
a scanner and a divert; it numbers what it says and keeps it until it is told that it was heard.

    packer -> queue -> INDUCT (waits for its release) -> scanner (waits for its lane) -> lane
                                     round again, and to the hospital after three laps

Laws:
    one place   no two robots at one node; a load is in one place; a robot carries no
                more than it has slots for
    let in once a carton is released once
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import dist
from typing import Literal

from edge.drivers.vda5050_wire import encode
from edge.messages import (
    CartonArrived,
    CartonScanned,
    CartonSorted,
    DeviceEvent,
    Divert,
    ReleaseCarton,
)
from edge.spool import Mark
from simulators.robot import Robot
from simulators.robot_body import Body, Build, said_connection
from simulators.swarm.laws import law
from simulators.swarm.timeline import Timeline
from wcs.plant import Plant

STATE_EVERY_S = 240.0
SCAN_S, REPLY_S, LOOP_S, LAPS_MAX = 20.0, 6.0, 60.0, 3


class Robots:
    """The robots of the site, and the totes that they carry."""

    def __init__(self, timeline: Timeline, plant: Plant, totes: dict[str, str], seed: int) -> None:
        self.plant, self.totes = plant, dict(totes)  # tote -> node, or robot that carries it
        self.say: Callable[[str, str, bytes], None] = lambda _name, _kind, _body: None
        self._timeline, self._seed = timeline, seed
        self._plans: dict[str, int] = {}
        self._off: set[str] = set()
        self._answers_to: dict[str, str] = {}  # who was given another robot's name
        self.robots: dict[str, Robot] = {}
        for name, spec in plant.robots.items():
            self.robots[name] = self._made(name, spec.start, {})
            timeline.later(1.0, lambda name=name: self.live(name))  # type: ignore[misc]

    def _made(self, name: str, node: str, loads: Mapping[str, str]) -> Robot:
        point, spec = self.plant.points[node], self.plant.robots[name]
        build = Build(
            name=name, manufacturer=spec.manufacturer, serial=spec.serial,
            map_id=self.plant.site.code, state_every_s=STATE_EVERY_S, seed=self._seed,
            slots=spec.slots,
        )  # fmt: skip
        at = self._timeline.now.timestamp()
        body = Body(
            at=at, x_m=point.x_m, y_m=point.y_m, heading_rad=0.0, last_node=node, loads={**loads}
        )
        return Robot(build, body)

    def receive(self, name: str, kind: str, body: bytes) -> None:
        """A message reaches all robots that answer to that name."""
        for own, robot in self.robots.items():
            if self._answers_to.get(own, own) == name and own not in self._off:
                robot.receive(kind, body, self._timeline.now)
                self.live(own)

    def reboot(self, name: str, lasts_s: float, answers_to: str = "") -> None:
        """It loses its power where it is, and comes back without its order; under another name?

        Who finds it between two nodes pushes it onto the nearer one.
        """
        self.live(name)
        self._off.add(name)
        old, robot = self.robots[name].body, self.robots[name]
        self.say(self._answers_to.get(name, name), "connection", _there(robot, "CONNECTIONBROKEN"))
        node = old.last_node
        if old.leg is not None:
            x_m, y_m, *_ = old.leg.at(old.at)
            ends = [self.plant.points[n] for n in (node, old.nodes[0].nodeId)]
            node = min(ends, key=lambda end: dist((end.x_m, end.y_m), (x_m, y_m))).name
        self.robots[name] = robot = self._made(name, node, old.loads)
        robot.body.battery = old.battery

        def on() -> None:
            self._off.discard(name)
            self._answers_to[name] = answers_to or name
            robot.body.at = self._timeline.now.timestamp()
            self.say(self._answers_to[name], "connection", _there(robot, "ONLINE"))
            robot.speak_up()
            self.live(name)

        self._timeline.later(lasts_s, on)

    def live(self, name: str) -> None:
        """The robot lives up to now, says what is new, and looks when to live on."""
        if name in self._off:
            return
        robot = self.robots[name]
        for said in robot.step(self._timeline.now):
            self.say(self._answers_to.get(name, name), said.kind, said.body)
        self._look(name, robot.body)
        plan = self._plans[name] = self._plans.get(name, 0) + 1
        in_s = (robot.next_event_at - self._timeline.now).total_seconds()
        self._timeline.later(max(in_s, 0.001), lambda: self._go_on(name, plan))

    def _go_on(self, name: str, plan: int) -> None:
        if plan == self._plans[name]:
            self.live(name)

    def _look(self, name: str, body: Body) -> None:
        had = {tote for tote, at in self.totes.items() if at == name}
        has = [*body.loads.values()]
        law(len(has) <= self.plant.robots[name].slots, f"{name} carries {has}")
        law(len({*has}) == len(has), f"{name} carries one twice: {has}")
        for tote in has:
            if tote not in had:
                where = self.totes.get(tote)
                law(where == body.last_node, f"{name} takes {tote} at {body.last_node}: {where}")
                self.totes[tote] = name
        for tote in sorted(had.difference(has)):
            self.totes[tote] = body.last_node
        held: dict[str, str] = {}
        for other, robot in self.robots.items():
            nodes = {robot.body.last_node}
            if robot.body.leg is not None and robot.body.nodes:
                nodes.add(robot.body.nodes[0].nodeId)
            for node in nodes:
                law(node not in held, f"{other} and {held.get(node)} meet at {node}")
                held[node] = other


def _there(robot: Robot, state: Literal["ONLINE", "CONNECTIONBROKEN"]) -> bytes:
    return encode(said_connection(robot.build, robot.body, state))


@dataclass(slots=True)
class Carton:
    """A carton on its way: `lane` once it was told, "" before."""

    code: str
    tracking: int
    lap: int = 0
    lane: str = ""
    waits: bool = False
    lets: int = 0


@dataclass
class Belt:
    """The PLC of conveyor and sorter, with the cartons on them."""

    timeline: Timeline
    lanes: dict[str, list[str]] = field(default_factory=lambda: {"L1": [], "HOSP": []})
    hear: Callable[[DeviceEvent, Mark], bool] = lambda _event, _mark: False
    now: Callable[[], datetime | None] = lambda: None  # by the clock of the edge; None: it is away
    queue: deque[str] = field(default_factory=deque)
    on: dict[int, Carton] = field(default_factory=dict)
    standing: Carton | None = None
    _kept: deque[tuple[str, int, Callable[[datetime], DeviceEvent]]] = field(default_factory=deque)
    _boots: int = 0
    _seq: int = 0
    _tracking: int = 0

    def put(self, code: str) -> None:
        """Somebody lays a carton on the belt."""
        self.queue.append(code)
        self._next()

    def _next(self) -> None:
        if self.standing is None and self.queue:
            self._tracking += 1
            carton = self.standing = Carton(self.queue.popleft(), self._tracking)
            self.on[carton.tracking] = carton
            self._say(
                lambda at: CartonArrived(
                    at=at, device="cv1", point="INDUCT", tracking=carton.tracking
                )
            )

    def told(self, command: ReleaseCarton | Divert) -> None:
        """A command of the edge."""
        carton = self.on.get(command.tracking)
        if carton is None:
            return
        if isinstance(command, Divert):
            if carton.waits:
                carton.lane = command.lane
        elif carton is self.standing:
            self.standing = None
            carton.lets += 1
            law(carton.lets == 1, f"{carton.code} is let in twice")
            self.timeline.later(SCAN_S, lambda: self._scan(carton))
            self._next()

    def _scan(self, carton: Carton) -> None:
        carton.waits, carton.lane = True, ""
        lap, seq = carton.lap, self._seq + 1
        boot = f"boot{self._boots}"
        self._say(
            lambda at: CartonScanned(
                at=at, device="sorter1", tracking=carton.tracking, status="GOOD",
                barcode=f"00{carton.code}", lap=lap, stream=boot, sequence=seq,
            )
        )  # fmt: skip
        self.timeline.later(REPLY_S, lambda: self._divert(carton))

    def _divert(self, carton: Carton) -> None:
        carton.waits = False
        lane = carton.lane if carton.lane in self.lanes else ""
        if not lane and carton.lap < LAPS_MAX:
            self._sorted(carton, "RECIRCULATED", None)
            carton.lap += 1
            self.timeline.later(LOOP_S, lambda: self._scan(carton))
            return
        self._sorted(carton, "DIVERTED" if lane else "MAX_RECIRC", lane or "HOSP")
        del self.on[carton.tracking]
        self.lanes[lane or "HOSP"].append(carton.code)

    def _sorted(
        self,
        carton: Carton,
        status: Literal["RECIRCULATED", "DIVERTED", "MAX_RECIRC"],
        lane: str | None,
    ) -> None:
        lap, seq, boot = carton.lap, self._seq + 1, f"boot{self._boots}"
        self._say(
            lambda at: CartonSorted(
                at=at, device="sorter1", tracking=carton.tracking, status=status, lane=lane,
                barcode=f"00{carton.code}", lap=lap, stream=boot, sequence=seq,
            )
        )  # fmt: skip

    # ---------------------------------------------------------------------- its own memory
    def _say(self, event: Callable[[datetime], DeviceEvent]) -> None:
        self._seq += 1
        self._kept.append((f"boot{self._boots}", self._seq, event))
        self.tell()

    def tell(self) -> None:
        """Say what is kept, in order, as far as it is heard."""
        while self._kept and (at := self.now()) is not None:
            boot, seq, event = self._kept[0]
            if not self.hear(event(at), ("plc", boot, seq)):
                return
            self._kept.popleft()

    @property
    def silent(self) -> bool:
        """Whether everything that it said was heard."""
        return not self._kept

    def reboot(self) -> None:
        """It begins to count from 1 again, and keeps what was not heard."""
        self._boots += 1
        self._seq = 0
