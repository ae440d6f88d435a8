"""What every run plays on: the WCS, the edge and the machines, each with its keeper.

Control and edge are processes on machines of their own: each dies and is started again by its
keeper. What stays is what it had committed, what lies on the networks, and what is really there.
Whose WMS asks for transports is said by who plays on it: simulators.swarm.world has its pure core,
simulators.swarm.house.world the whole of it.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from edge.batches import decode_batch, encode_ack
from edge.drivers.vda5050_profile import Robot as RobotName
from edge.stream import Ack, Batch, Storage
from simulators.swarm.control import Control, Death
from simulators.swarm.devices import STATE_EVERY_S, Belt, Robots
from simulators.swarm.disk import Disk
from simulators.swarm.edge import Edge
from simulators.swarm.laws import law
from simulators.swarm.line import Line
from simulators.swarm.mishaps import calm, happen
from simulators.swarm.plan import ROBOTS, Item, Plan
from simulators.swarm.pump import Pump
from simulators.swarm.site import SITE, plant_of
from simulators.swarm.timeline import MachineClock, Timeline
from wcs.replay import replay
from wcs.state import to_json

KEEPER_S = 20.0  # from a fall to the next start
REPLAYED = 4  # one seed in so many has its whole journal replayed: it takes as long again
HAPPENINGS_MAX = 150_000  # an hour has some thousands


class Machines(ABC):
    """All but the office and its people."""

    def __init__(
        self, plan: Plan, folder: Path, totes: Mapping[str, str], site: str = SITE
    ) -> None:
        """`totes`: at which node each stands."""
        self.plan, self.timeline, self.counts = plan, Timeline(), Counter[str]()
        self.site, self.plant = site, plant_of(site)
        self.lines = {
            name: Line(
                self.timeline, plan.weather, Random(f"{plan.seed}/{name}"), ordered=name == "air"
            )
            for name in ("core", "edge", "air", "hand", "shop")
        }
        self.clocks = {name: MachineClock(self.timeline) for name in ("control", "edge")}
        self.disks = {name: Disk(folder / name) for name in ("control", "edge")}
        self.robots = Robots(self.timeline, self.plant, dict(totes), plan.seed)
        self.robots.say = self._robot_says
        self.belt = Belt(self.timeline)
        self.belt.hear = lambda event, mark: self.edge is not None and self.edge.say(event, mark)
        self.belt.now = lambda: self.edge.clock.now() if self.edge is not None else None
        self.controls: list[Control] = []
        self._last_words = b""  # of the last that died, until another one begins
        self.edge: Edge | None = None
        self._edge_boots = 0

    def begin(self, rows: Storage) -> None:
        """Start everything. `rows`: what the office says."""
        self.begin_saying(rows)
        self.start_control()
        self._start_edge()

    def begin_saying(self, rows: Storage) -> None:
        """The office is connected."""
        self.core = Pump(
            self.timeline, self.lines["core"], rows,
            lambda body: self._controls(lambda one: one.hear_stream("wms", body)),
        )  # fmt: skip

    def plan_items(self) -> None:
        """What was drawn will happen."""
        for item in self.plan.items:
            self.timeline.later(item.at_s, lambda item=item: happen(self, item))  # type: ignore[misc]
        self.timeline.later(self.plan.calm_s, lambda: calm(self))

    @abstractmethod
    def office_takes(self, batch: Batch) -> Ack | None:
        """The office does what is new in a batch; None: it is dead."""

    @abstractmethod
    def want(self, item: Item) -> None:
        """Somebody wants something."""

    @abstractmethod
    def kill_office(self, death: Death) -> None:
        """It dies of its next transaction, before or after its commit; "": it does not."""

    @abstractmethod
    def play(self) -> None:
        """Play to the end.

        Raises:
            Broken: a law does not hold.
        """

    @abstractmethod
    def carrier_is(self, *, up: bool) -> None:
        """The carrier answers, or does not."""

    # --------------------------------------------------------------------------- processes
    def start_control(self, words: bytes = b"") -> None:
        """Start the WCS; `words`: the state that it must come back with, if that is known."""
        disk = self.disks["control"]
        if disk.is_full:  # it dies of its first write
            self.timeline.later(KEEPER_S, lambda: self.start_control(words))
            return
        control = Control(self.timeline, self.clocks["control"], disk, self.site)
        is_next = self._last_words == words  # no other has begun, and written, meanwhile
        law(
            not (words and is_next) or control.began_as == words, "the WCS came back as another one"
        )
        self._last_words = b""
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
        words = self._last_words = control.last_words
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

    def tag(self, event: Callable[[Any], Any]) -> bool:
        """A reader at the gate says something, if the edge is there to hear it."""
        return self.edge is not None and self.edge.say(event(self.edge.clock.now()))

    def _office_hears(self, control: Control, body: bytes) -> None:
        ack = self.office_takes(decode_batch(body))
        if ack is not None:
            said = encode_ack(ack)
            self.lines["core"].carry(lambda: control.hear_ack(said))

    def claims(self, control: Control) -> None:
        """No point is held by two."""
        holder: dict[str, str] = {}
        for robot in control.state.robots.values():
            for point in {held.point for held in robot.held}:
                law(point not in holder, f"{robot.name} and {holder.get(point)} hold {point}")
                holder[point] = robot.name

    def until(self, end_s: float) -> None:
        """Let happen what happens up to then."""
        while self.timeline.now_s < end_s:
            self.timeline.step()
            law(self.timeline.happened < HAPPENINGS_MAX, "it goes round in a circle")

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
