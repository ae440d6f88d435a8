"""All of the swarm's parts together, played to the end of a plan.

Office, control and edge are processes on machines of their own: each dies and is started again
by its keeper. What stays is what it had committed, what lies on the networks, and what is really
there. After everything that happens the laws are looked at; once the mishaps are over, all that
was begun must come to an end.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from edge.batches import decode_batch, encode_ack
from edge.drivers.vda5050_profile import Robot as RobotName
from simulators.swarm.control import Control
from simulators.swarm.devices import STATE_EVERY_S, Belt, Robots
from simulators.swarm.disk import Disk
from simulators.swarm.edge import Edge
from simulators.swarm.laws import Broken, law
from simulators.swarm.line import Line
from simulators.swarm.mishaps import calm, happen
from simulators.swarm.office import ENDED, Office
from simulators.swarm.people import People
from simulators.swarm.plan import HOUR_S, LIVELY_S, ROBOTS, SKUS, TOTES, UNITS, Plan
from simulators.swarm.pump import Pump
from simulators.swarm.site import SHELVES, SITE, STATION_NODE
from simulators.swarm.timeline import MachineClock, Timeline
from wcs.plant import Plant, read_plant
from wcs.replay import replay
from wcs.state import to_json

KEEPER_S = 20.0  # from a fall to the next start
LOOK_S = 60.0
REPLAYED = 4  # one seed in so many has its whole journal replayed: it takes as long again
HAPPENINGS_MAX = 150_000  # an hour has some thousands


@dataclass
class Outcome:
    """How a run ended; `problem` is empty when all was well."""

    seed: int
    problem: str = ""
    virtual_s: float = 0.0
    happened: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0  # of processor
    digest: str = ""  # names everything that the WCS said


class World:
    """One run."""

    def __init__(self, plan: Plan, folder: Path, plant: Plant | None = None) -> None:
        self.plan, self.timeline, self.counts = plan, Timeline(), Counter[str]()
        self.chance = Random(f"{plan.seed}/world")
        self.plant = plant or read_plant(SITE)
        self.lines = {
            name: Line(
                self.timeline, plan.weather, Random(f"{plan.seed}/{name}"), ordered=name == "air"
            )
            for name in ("core", "edge", "air", "hand", "shop")
        }
        self.clocks = {name: MachineClock(self.timeline) for name in ("control", "edge")}
        self.disks = {name: Disk(folder / name) for name in ("control", "edge")}
        homes = {f"T-{n}": (SKUS[n % 2], f"{SHELVES[n]}-1", UNITS) for n in range(TOTES)}
        self.office = Office(homes)
        self.office_until_s, self.office_death = 0.0, ""
        nodes = {name: home[:-2] for name, (_sku, home, _units) in homes.items()}
        self.robots = Robots(self.timeline, self.plant, nodes, plan.seed)
        self.robots.say = self._robot_says
        self.belt = Belt(self.timeline)
        self.belt.hear = lambda event, mark: self.edge is not None and self.edge.say(event, mark)
        self.belt.now = lambda: self.edge.clock.now() if self.edge is not None else None
        self.people = People(
            self.timeline, self.office, self.robots, self.belt, self.ask, self.lines["shop"],
            self.lines["hand"], self._tag, Counter(dict.fromkeys(homes, UNITS)), STATION_NODE,
        )  # fmt: skip
        self.controls: list[Control] = []
        self.edge: Edge | None = None
        self._edge_boots = 0
        self.core = Pump(
            self.timeline, self.lines["core"], self.office.rows,
            lambda body: self._controls(lambda one: one.hear_stream("wms", body)),
        )  # fmt: skip
        self.start_control()
        self._start_edge()
        self.people.begin()
        self.timeline.later(LOOK_S, self._look)
        for item in plan.items:
            self.timeline.later(item.at_s, lambda item=item: happen(self, item))  # type: ignore[misc]
        self.timeline.later(plan.calm_s, lambda: calm(self))

    # --------------------------------------------------------------------------- processes
    def start_control(self, words: bytes = b"") -> None:
        """Start the WCS; `words`: the state that it must come back with, if that is known."""
        disk = self.disks["control"]
        if disk.is_full:  # it dies of its first write
            self.timeline.later(KEEPER_S, lambda: self.start_control(words))
            return
        control = Control(self.timeline, self.clocks["control"], disk, SITE)
        law(not words or control.began_as == words, "the WCS came back as another one")
        line = self.lines["edge"]
        control.say = lambda body: line.carry(
            lambda: self._at_edge(lambda edge: edge.hear_command(body))
        )
        control.acknowledge = self._control_acks
        control.pump = Pump(
            self.timeline, self.lines["core"], control.journal,
            lambda body: self._office_hears(control, body),
        )  # fmt: skip
        control.on_death = self._control_died
        self.controls = [*(one for one in self.controls if one.alive), control]
        control.begin()
        control.pump.wake()

    def _control_acks(self, sender: str, body: bytes) -> None:
        if sender == "wms":
            self.lines["core"].carry(lambda: self.core.hear_ack(body))
            return
        self.lines["edge"].carry(lambda: self._at_edge(lambda edge: edge.hear_ack(body)))

    def _control_died(self, control: Control) -> None:
        self.counts["control died"] += 1
        if any(one.alive for one in self.controls if one is not control):
            return  # it was taken over
        self.disks["control"].kill()
        words = control.last_words
        self.timeline.later(KEEPER_S, lambda: self.start_control(words))

    def _start_edge(self) -> None:
        self._edge_boots += 1
        robots = [
            RobotName(name=name, manufacturer="m", serial=name, map_id=self.plant.site.code,
                      state_every_s=STATE_EVERY_S)
            for name in ROBOTS
        ]  # fmt: skip
        if self.disks["edge"].is_full:
            self.timeline.later(KEEPER_S, self._start_edge)
            return
        edge = Edge(
            self.timeline, self.clocks["edge"], self.disks["edge"], robots,
            f"boot-{self._edge_boots}",
        )  # fmt: skip
        line = self.lines["edge"]
        edge.pump = Pump(
            self.timeline, line, edge.spool,
            lambda body: self._controls(lambda one: one.hear_stream("edge", body)), edge.clock,
        )  # fmt: skip
        edge.report = lambda body: line.carry(
            lambda: self._controls(lambda one: one.hear_report(body))
        )
        edge.to_robot = lambda name, kind, body: self.lines["air"].carry(
            lambda: self.robots.receive(name, kind, body)
        )
        edge.to_plc = self.belt.told
        edge.on_death = self._edge_died
        self.edge = edge
        edge.begin()
        self._tell_presence(is_up=True)
        self.belt.tell()

    def _edge_died(self) -> None:
        self.counts["edge died"] += 1
        self.edge = None
        self._tell_presence(is_up=False)
        self.timeline.later(KEEPER_S, self._start_edge)

    def _controls(self, tell: Callable[[Control], None]) -> None:
        for control in self.controls:
            tell(control)

    def _at_edge(self, tell: Callable[[Edge], None]) -> None:
        if self.edge is not None:
            tell(self.edge)

    def _tell_presence(self, *, is_up: bool) -> None:
        self.timeline.later(1.0, lambda: self._controls(lambda one: one.hear_presence(is_up=is_up)))

    # ----------------------------------------------------------------------------- words
    def _robot_says(self, name: str, kind: str, body: bytes) -> None:
        self.lines["air"].carry(
            lambda: self._at_edge(lambda edge: edge.hear_robot(name, kind, body))
        )

    def _tag(self, event: Callable[[Any], Any]) -> bool:
        return self.edge is not None and self.edge.say(event(self.edge.clock.now()))

    def _office_hears(self, control: Control, body: bytes) -> None:
        batch = decode_batch(body)
        done, ack = self._transact(lambda: self.office.take(batch, self.timeline.now))
        if done:
            said = encode_ack(ack)
            self.lines["core"].carry(lambda: control.hear_ack(said))

    def ask(self, line: Line, deed: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Have the office do something over a network; the answer may not come back."""

        def arrived() -> None:
            done, answer = self._transact(deed)
            if done:
                line.carry(lambda: then(answer))

        line.carry(arrived)

    def _transact(self, deed: Callable[[], Any]) -> tuple[bool, Any]:
        """One transaction of the office, which may die before or after its commit."""
        if self.timeline.now_s < self.office_until_s:
            return False, None
        death, self.office_death = self.office_death, ""
        before = self.office.version
        answer = deed() if death != "before" else None
        if self.office.version != before:
            self.office.check()
            self.core.wake()
        if death:
            self.counts["office died"] += 1
            self.office_until_s = self.timeline.now_s + KEEPER_S
        return not death, answer

    def _look(self) -> None:
        self.timeline.later(LOOK_S, self._look)
        self.belt.tell()
        self.core.wake()
        for control in self.controls:
            self._claims(control)

    def _claims(self, control: Control) -> None:
        holder: dict[str, str] = {}
        for robot in control.state.robots.values():
            for point in {held.point for held in robot.held}:
                law(point not in holder, f"{robot.name} and {holder.get(point)} hold {point}")
                holder[point] = robot.name

    # ----------------------------------------------------------------------------- ending
    def play(self) -> None:
        """Play to the end.

        Raises:
            Broken: a law does not hold.
        """
        self._until(self.plan.calm_s)
        while left := self.unfinished():
            law(self.timeline.now_s < self.plan.calm_s + LIVELY_S, f"it never ends: {left}")
            self._until(self.timeline.now_s + LOOK_S)
        self._settle()

    def _until(self, end_s: float) -> None:
        while self.timeline.now_s < end_s:
            self.timeline.step()
            law(self.timeline.happened < HAPPENINGS_MAX, "it goes round in a circle")

    def unfinished(self) -> str:
        """What is left to do; empty: nothing."""
        people, office = self.people, self.office
        waits = [key for key in people.asked if key not in people.answers]
        open_ = [f"{o.id} {o.state}" for o in office.orders.values() if o.state not in ENDED]
        away = [f"{name} {t.state}" for name, t in office.totes.items() if t.state != "HOME"]
        streams = [] if self.edge and not len(self.edge.spool) else ["the edge's stream"]
        if office.rows.last > office.rows.acked:
            streams.append("the office's stream")
        if not any(control.alive and not control.state.transports for control in self.controls):
            streams.append("transports")
        taken = [code for code in office.parcels if code not in people.gone]
        return "; ".join((*waits, *open_, *away, *streams, *taken, *office.unbooked()))

    def _settle(self) -> None:
        """What the books say is what is there; everybody was told the truth."""
        people, office = self.people, self.office
        for name, tote in office.totes.items():
            law(people.units[name] == tote.units, f"{name}: {people.units[name]}, books: {tote}")
            at = self.robots.totes[name]
            law(at == tote.home[:-2], f"{name} is at {at}, books: {tote}")
        for order in office.orders.values():
            law(order.id in people.answers, f"{order.id} is of nobody")
            accepted = people.answers[order.id] == "accepted"
            law(accepted == (order.state != "REFUSED"), f"{order} was answered otherwise")
            picked = order.units if order.state == "SHIPPED" else 0
            law(people.hands[order.id] == picked, f"{order}: {people.hands[order.id]} picked")
        law(people.gone.keys() == office.parcels.keys(), "parcels that are not ours")
        law(all(count == 1 for count in people.gone.values()), f"gone twice: {people.gone}")
        law(people.bookings.keys() == office.parcels.keys(), f"labels: {people.bookings}")

    def close(self) -> str:
        """End the processes; the digest of all that the WCS said, where its journal is replayed."""
        self.end()
        return self._replayed()

    def end(self) -> None:
        """End the processes."""
        for control in self.controls:
            if control.alive:
                control.journal.close()
        if self.edge is not None:
            self.edge.spool.close()

    def _replayed(self) -> str:
        if self.plan.seed % REPLAYED:
            return ""
        played = replay(self.disks["control"].folder / "journal")
        law(played.difference is None, f"replayed otherwise: {played.difference}")
        alive = [to_json(control.state) for control in self.controls if control.alive]
        law(not alive or to_json(played.state) == alive[-1], "replayed to another state")
        return played.digest


def play(plan: Plan, folder: Path, plant: Plant | None = None) -> Outcome:
    """Play a plan; the files of its processes are made in the folder, which must be empty."""
    world = World(plan, folder, plant)
    outcome = Outcome(plan.seed, counts=world.counts)
    try:
        world.play()
    except Broken as broken:
        outcome.problem = str(broken)
    except Exception as error:  # noqa: BLE001 - whatever a run dies of is its result
        outcome.problem = f"{type(error).__name__}: {error}"
    try:
        outcome.digest = world.close()
    except Exception as error:  # noqa: BLE001 - the same
        outcome.problem = outcome.problem or f"{type(error).__name__}: {error}"
    outcome.virtual_s, outcome.happened = world.timeline.now_s, world.timeline.happened
    for name, line in world.lines.items():
        outcome.counts.update({f"{name} {what}": n for what, n in line.counts.items()})
    return outcome


def hours(outcomes: list[Outcome]) -> float:
    """Simulated hours of all runs."""
    return sum(outcome.virtual_s for outcome in outcomes) / HOUR_S
