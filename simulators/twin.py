"""The twin of a site: the real WCS on a played plant, in virtual time, many times as fast.

    plant (or the journal of a running WCS) ─> Twin ──run(seconds)──> figures
         robots · doors and lifts · conveyors and sorters · people ──reports──> step ──commands──> …

Nothing between the WCS and what it drives is played but the delay and the loss of messages: no
wire, no clock. So a day can be tried before it comes: with more orders, with fewer robots, from
where the site stands now.

Laws:
    same seed   the same plant, state, seed and settings give the same run, byte for byte
    the real one   what decides is `wcs.engine.step`, and nothing else

Units: metres, seconds (unix time for moments).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from heapq import heappop, heappush
from math import inf
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import TypeAlias

from edge.messages import CancelDrive, Drive, DriveNode, PauseRobot
from simulators.conveyor_network import Belt, Node
from simulators.sorter import SorterConfig
from simulators.twin_robot import OVER, Mishaps, Robot
from simulators.twin_things import Crossings, Hired, Line, Net, Portals, Things
from simulators.twin_work import Work
from wcs.engine import Engine, Incoming, Started
from wcs.journal import open_recording
from wcs.messages import Alarm, ParcelExpected, TransportOrder, TransportReport
from wcs.missions import has_horizon, unheard
from wcs.plant import Plant, read_plant
from wcs.replay import replay
from wcs.sitefile import PlantError
from wcs.state import Outbox, State, ToEdge, fresh_state, to_json

START = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
HEARTBEAT_S = 15.0
TELL_AGAIN_S = 5.0
_ToRobot: TypeAlias = Drive | CancelDrive | PauseRobot
# a robot; nodes that were released to it, and when; from, to, when it left and when it was there
Noted: TypeAlias = tuple[str, list[tuple[str, float]], list[tuple[str, str, float, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a twin is asked to play.

    `orders_open` keeps so many transport orders open; `orders_per_hour` adds some by chance, and
    `cartons_per_hour` to each conveyor and each network of conveyors.
    """

    seed: int = 1
    orders_open: int = 0
    orders_per_hour: float = 0.0
    cartons_per_hour: float = 0.0
    people_per_hour: float = 0.0
    mishaps: Mishaps = field(default_factory=Mishaps)
    lost: float = 0.0  # share of messages to and from robots
    delay_s: tuple[float, float] = (0.02, 0.2)
    step_s: float = 0.5  # the WCS steps that often


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How it went. Times are seconds of the site; shares are of one."""

    hours: float
    orders_ended: int
    orders_failed: int
    orders_per_hour: float
    order_p50_s: float
    order_p95_s: float
    metres: float
    driving_share: float
    battery_least: float
    cartons_sorted: int
    alarms: dict[str, int]  # how often each was raised
    digest: str  # of the state of the WCS at the end


class Twin:
    """One site, alive. `run` lets time pass."""

    def __init__(
        self, plant: Plant, settings: Settings | None = None, state: State | None = None
    ) -> None:
        """Begin on an empty floor, or where `state` stands."""
        self.plant, self.settings = plant, settings or Settings()
        self.engine, self.rng = Engine(plant), Random(self.settings.seed)
        self.state = fresh_state(plant, START) if state is None else state
        self.now_s = self._began_s = self.state.now.timestamp()
        self.robots = {name: self._robot(name) for name in plant.robots}
        doors = [(p.name, p.device, p.kind == "door") for p in plant.portals.values()]
        hired = {fleet.device: fleet.missions_max for fleet in plant.fleets.values()}
        self.things = Things(Portals(doors), self._lines(), self._net(), Hired(hired))
        lanes = plant.points_of_kind("lane") or tuple(plant.points)
        self.people = Crossings(lanes, self.settings.people_per_hour, Random(self.rng.random()))
        self.steps = 0
        self.metres = 0.0
        self.log: list[Noted] | None = None  # what robots got and drove, for whoever judges it
        self.watch: Callable[[Sequence[Incoming], Outbox], None] | None = None
        self._inbox: list[Incoming] = [Started()] if state is not None else []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = self._cartons = 0
        self._driven_s = 0.0
        self._alarms: dict[str, int] = {}
        self.work = self._work()
        self._begin()

    # ------------------------------------------------------------------------ how it begins
    def _robot(self, name: str) -> Robot:
        """As the site file has it; or as it was last heard of."""
        spec, known = self.plant.robots[name], self.state.robots.get(name)
        rng = Random(f"{self.settings.seed}/{name}")
        point = self.plant.points[spec.start]
        robot = Robot(
            name=name, node=spec.start, x_m=point.x_m, y_m=point.y_m, rng=rng,
            speed_mps=spec.speed_mps, drive_s=spec.drive_s, mishaps=self.settings.mishaps,
            battery=rng.uniform(0.55, 1.0), since=self.now_s,
        )  # fmt: skip
        if known is None or known.report is None or not known.held:
            return robot
        report = known.report
        here = self.plant.points[known.held[0].point]
        robot.node, robot.x_m, robot.y_m = here.name, here.x_m, here.y_m
        robot.sequence, robot.heading_rad = known.held[0].sequence, report.heading_rad
        robot.mission, robot.update = report.mission, report.update
        robot.battery, robot.charging = report.battery, report.charging
        slots = {one.load: one.slot or "" for one in self.state.transports.values() if one.loaded}
        robot.loads = {slots.get(load, load): load for load in report.carried}
        robot.statuses = {one.action_id: one.status for one in report.actions}
        waiting = [one for one in known.held[0].actions if robot.statuses.get(one.action_id)]
        robot.todo = [one for one in waiting if robot.statuses[one.action_id] not in OVER]
        robot.ahead = [
            DriveNode(
                node=held.point, sequence=held.sequence, released=True, actions=held.actions,
                x_m=self.plant.points[held.point].x_m, y_m=self.plant.points[held.point].y_m,
            )
            for held in known.held[1 : 1 + len(report.released_ahead)]
        ]  # fmt: skip
        robot.has_horizon = known.shown and has_horizon(known)
        return robot

    def _lines(self) -> list[Line]:
        lines = []
        for conveyor in self.plant.conveyors.values():
            sorter = self.plant.sorters[conveyor.to]
            config = SorterConfig(
                lanes=sorter.lanes, hospital=sorter.hospital, laps_max=sorter.laps_max,
                loop_capacity=sorter.loop_max, seed=self.settings.seed,
            )  # fmt: skip
            names = conveyor.device, conveyor.point, sorter.device
            lines.append(Line.of(names, conveyor.seconds, config))
        return lines

    def _net(self) -> Net | None:
        """The network of conveyors, with what the state knows to be on it."""
        network, known = self.plant.network, self.state.conveying
        if not network.nodes:
            return None
        nodes = [Node(**asdict(node)) for node in network.nodes.values()]
        belts = [Belt(**asdict(belt)) for belt in network.belts.values()]
        net = Net(nodes, belts, self.state.now, window_s=self.settings.step_s)
        net.conveyors.standing |= known.shut  # type: ignore[arg-type]
        for unit in sorted(known.units.values(), key=lambda unit: unit.number):
            net.lay(unit.code, unit.belt, unit.since, unit.scan)
        return net

    def _work(self) -> Work:
        points = self.plant.points
        homes = [
            f"{name}-{level}"
            for name in self.plant.points_of_kind("storage")
            for level in range(1, points[name].levels + 1)
        ]
        open_ = self.state.transports.values()
        return Work(
            f"twin-{int(self.now_s)}",
            homes,
            [*self.plant.stations],
            self.rng,
            loads=max(self.settings.orders_open, 100),
            asked_s={one.id: one.accepted_at.timestamp() for one in open_},
        )

    def _begin(self) -> None:
        for robot in self.robots.values():
            self._in(self.rng.uniform(0.0, 1.0), lambda robot=robot: self._beat(robot))  # type: ignore[misc]
            robot.wake(self.now_s)
            self._mind(robot)
        asked = self.settings
        rows = (
            (asked.orders_per_hour, self._order),
            (asked.cartons_per_hour * len(self.things.lines), self._carton),
            (asked.cartons_per_hour * (self.things.net is not None), self._unit),
        )
        for per_hour, what in rows:
            if per_hour:
                self._now_and_then(per_hour, what)
        if asked.people_per_hour:
            self._in(self.people.next_in_s(), self._cross)
        self._in(TELL_AGAIN_S, self._tell_again)

    # ------------------------------------------------------------------------ time
    def _in(self, seconds: float, what: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._heap, (self.now_s + seconds, self._count, what))

    def _now_and_then(self, per_hour: float, what: Callable[[], None]) -> None:
        def go_on() -> None:
            what()
            self._now_and_then(per_hour, what)

        self._in(self.rng.expovariate(per_hour / 3_600.0), go_on)

    def run(self, seconds: float) -> None:
        """Let so much time pass at the site."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            step_s = min(self.now_s + self.settings.step_s, end_s)
            while self._heap and self._heap[0][0] <= step_s:
                self.now_s, _, what = heappop(self._heap)
                what()
            self.now_s = step_s
            self._step()

    def say(self, message: Incoming) -> None:
        """Somebody says something to the WCS; it is heard by its next step."""
        self._inbox.append(message)

    def _step(self) -> None:
        now = datetime.fromtimestamp(self.now_s, UTC)
        inbox = [*self._inbox, *self.things.step(now)]
        inbox += self._topped_up(inbox)
        self._inbox = []
        outbox = self.engine.step(self.state, inbox, now)
        self.steps += 1
        if self.watch is not None:
            self.watch(inbox, outbox)
        for command in outbox.to_edge:
            self._carry_out(command, now)
        for said in outbox.to_wms:
            if isinstance(said, TransportReport):
                self.work.reported(said, self.now_s)
            elif isinstance(said, Alarm) and said.active:
                self._alarms[said.code] = self._alarms.get(said.code, 0) + 1

    def _carry_out(self, command: ToEdge, now: datetime) -> None:
        if isinstance(command, _ToRobot):
            self._send(command)
        else:
            self.things.hear(command, now)

    # ------------------------------------------------------------------------ robots
    def _delay_s(self) -> float:
        return self.rng.uniform(*self.settings.delay_s)

    def _send(self, command: _ToRobot) -> None:
        if self.settings.lost and self.rng.random() < self.settings.lost:
            return
        robot = self.robots[command.robot]

        def arrive() -> None:
            if robot.hear(command, self.now_s):
                self._note(robot)
                self._mind(robot)
                self._say(robot)

        self._in(self._delay_s(), arrive)

    def _tell_again(self) -> None:
        for drive in unheard(self.state):
            self._send(drive)
        self._in(TELL_AGAIN_S, self._tell_again)

    def _mind(self, robot: Robot) -> None:
        """Be there when its moment comes, unless it then has another one."""
        until_s = self.people.until.get(robot.ahead[0].node, 0.0) if robot.leg else 0.0
        if until_s > self.now_s:
            robot.block(self.now_s, until_s)
        due = robot.due
        if due == inf:
            return

        def live() -> None:
            if robot.due == due:
                robot.live(self.now_s)
                self._note(robot)
                self._mind(robot)
                self._say(robot)

        self._in(max(0.0, due - self.now_s), live)

    def _note(self, robot: Robot) -> None:
        for start, end, left_s, there_s in robot.moves:
            self.metres += self.plant.metres(start, end)
            self._driven_s += there_s - left_s
        if self.log is not None:
            self.log.append((robot.name, [*robot.got], [*robot.moves]))
        robot.moves.clear()
        robot.got.clear()

    def _say(self, robot: Robot) -> None:
        if self.settings.lost and self.rng.random() < self.settings.lost:
            return
        report = robot.report(self.now_s)
        self._in(self._delay_s(), lambda: self._inbox.append(report))

    def _beat(self, robot: Robot) -> None:
        self._say(robot)
        self._in(HEARTBEAT_S, lambda: self._beat(robot))

    def _cross(self) -> None:
        point = self.people.cross(self.now_s)
        for robot in self.robots.values():
            if robot.leg is not None and robot.ahead[0].node == point:
                self._mind(robot)
        self._in(self.people.next_in_s(), self._cross)

    # ------------------------------------------------------------------------ work
    def _topped_up(self, inbox: Sequence[Incoming]) -> list[TransportOrder]:
        coming = sum(isinstance(one, TransportOrder) for one in inbox)
        missing = self.settings.orders_open - len(self.state.transports) - coming
        return [order for _ in range(missing) for order in self.work.wanted(self.now_s)]

    def _order(self) -> None:
        self._inbox += self.work.wanted(self.now_s)

    def _carton(self) -> None:
        line = self.things.lines[self._cartons % len(self.things.lines)]
        code = self._label(self.rng.choice(self.plant.sorters[line.sorter].lanes))
        line.cell.put(f"00{code}")

    def _unit(self) -> None:
        net = self.things.net
        assert net is not None
        net.bring(self._label(self.rng.choice(net.exits)))

    def _label(self, lane: str) -> str:
        """Announce another carton, and its lane: its code."""
        self._cartons += 1
        code, epc_hex = f"{self._cartons:018}", f"31{self._cartons:022}"
        self._inbox.append(ParcelExpected(code=code, epc_hex=epc_hex, lane=lane))
        return code

    # ------------------------------------------------------------------------ how it went
    def figures(self) -> Figures:
        """Everything since it began."""
        hours = (self.now_s - self._began_s) / 3_600.0
        took_s = self.work.took_s
        cuts = quantiles(took_s if len(took_s) > 1 else [*took_s, 0.0, 0.0], n=20)
        whole_s = max(1e-9, hours * 3_600.0 * len(self.robots))
        return Figures(
            hours=round(hours, 3),
            orders_ended=len(took_s),
            orders_failed=self.work.failed,
            orders_per_hour=round(len(took_s) / max(hours, 1e-9), 1),
            order_p50_s=round(cuts[9], 1),
            order_p95_s=round(cuts[18], 1),
            metres=round(self.metres, 1),
            driving_share=round(self._driven_s / whole_s, 3),
            battery_least=min((one.battery for one in self.robots.values()), default=1.0),
            cartons_sorted=self.things.arrived(),
            alarms=dict(sorted(self._alarms.items())),
            digest=sha256(to_json(self.state)).hexdigest()[:16],
        )


def twin_of(
    site: Path, settings: Settings, *, journal: Path | None = None, robots: int | None = None
) -> Twin:
    """The twin of a site file with its first robots; or of a journal, where that stands.

    Raises:
        OSError: a file cannot be read, or nothing is in the journal.
        ValueError: the site file has faults.
    """
    if journal is not None:
        found = replay(journal)
        return Twin(open_recording(journal).plants[-1][1], settings, found.state)
    try:
        plant = read_plant(site.read_text(encoding="utf-8"))
    except PlantError as error:
        raise ValueError(str(error)) from error
    kept = dict(list(plant.robots.items())[:robots])
    return Twin(replace(plant, robots=kept), settings)
