"""A network of conveyors as it runs: belts, scanners, stops, diverts, exits. It knows no wire.

    bring ──> stop ──told──> belt ──> scanner ──told, or through──> belt ──> … ──> exit: taken off
                             units in order, no more than it has room for

Units stand on a belt in order; who comes to its end is scanned there, once, `window_s` before it
has to be sent on. At a SCAN node it goes by the belt that was told, else through; at a STOP it
waits until it is told, and is said again every `again_s`. At an exit somebody takes it off, every
`pace_s` seconds.

Laws:
    one place   every unit is on one belt, before one feed, or has arrived
    room        nothing goes on to a belt that is full or stands (zero pressure)
    in order    nobody overtakes on a belt

Seconds of the clock that `now` comes from. Chance comes from the seed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, TypeAlias, get_args

from edge.machine_messages import BeltChanged, UnitScanned

Say: TypeAlias = Callable[[UnitScanned | BeltChanged], None]
BeltStatus: TypeAlias = Literal["OPEN", "JAM", "STOPPED", "FULL"]
_EXITS = ("EXIT", "HOSPITAL")
NUMBERS = 99_999  # of scans, then they begin again


@dataclass(frozen=True, slots=True)
class Node:
    """A row of [[nodes]]."""

    name: str
    device: str
    kind: str = "SCAN"
    through: str = ""


@dataclass(frozen=True, slots=True)
class Belt:
    """A row of [[belts]]."""

    name: str
    start: str
    end: str
    room: int
    seconds: float


@dataclass(slots=True)
class Box:
    """A unit on a belt, or at a feed."""

    code: str
    at: datetime  # when it came on to its belt
    tracking: int = 0  # of its scan at the belt's end; 0: not scanned yet
    leaves_at: datetime | None = None  # once it is scanned: the earliest
    said_at: datetime | None = None
    told: str = ""


@dataclass(slots=True)
class Conveyors:
    """A network and what is on it.

    Attributes:
        nodes, belts: of the site file, by name.
        say: hears every scan and every change, at once.
        now: the time of the last step.
        no_read: the share of labels that cannot be read.
        window_s: between scan and divert.
        again_s: how often who waits at a stop is said again; 0: never.
        pace_s: seconds between two units that are taken off, by exit; 1 where nothing is said.
        belt_of: what is on each belt, the first to come off first.
        queues: what was brought before each feed, and entry: who stands at it.
        arrived: exits by code.
    """

    nodes: Mapping[str, Node]
    belts: Mapping[str, Belt]
    say: Say
    now: datetime
    seed: int = 0
    no_read: float = 0.0
    window_s: float = 0.0
    again_s: float = 0.0
    pace_s: dict[str, float] = field(default_factory=dict)
    rng: Random = field(init=False)
    on: dict[str, deque[Box]] = field(init=False)
    queues: dict[str, deque[str]] = field(init=False)
    entry: dict[str, Box | None] = field(init=False)
    standing: dict[str, BeltStatus] = field(default_factory=dict)  # belts that do not run
    scans: int = 0
    arrived: dict[str, str] = field(default_factory=dict)
    _taken_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.on = {name: deque() for name in self.belts}
        fed = {belt.end for belt in self.belts.values()}
        feeds = [n for n, node in self.nodes.items() if node.kind == "STOP" and n not in fed]
        self.queues = {name: deque() for name in feeds}
        self.entry = dict.fromkeys(feeds)

    @classmethod
    def of_site(
        cls, site: Mapping[str, Any], device: str, say: Say, now: datetime, **more: Any
    ) -> "Conveyors":
        """The nodes and belts of one PLC, as its site file has them."""
        nodes = {row["name"]: Node(**row) for row in site["nodes"] if row["device"] == device}
        belts = {row["name"]: Belt(**row) for row in site["belts"] if row["end"] in nodes}
        return cls(nodes, belts, say, now, **more)

    # ---------------------------------------------------------------------- people and the WCS
    def bring(self, feed: str, code: str) -> None:
        """Put a unit before a feed."""
        self.queues[feed].append(code)

    def turn(self, belt: str, status: str) -> None:
        """A belt stands for a reason, or runs again ("OPEN"); that is said."""
        assert status in get_args(BeltStatus), f"{status} is no status of a belt"
        if status == "OPEN":
            self.standing.pop(belt, None)
        else:
            self.standing[belt] = status  # type: ignore[assignment]
        self.report(belt)

    def report(self, belt: str) -> None:
        """Say how a belt is."""
        device = self.nodes[self.belts[belt].end].device
        status = self.standing.get(belt, "OPEN")
        self.say(BeltChanged(at=self.now, device=device, belt=belt, status=status))

    def route(self, node: str, tracking: int, belt: str) -> None:
        """Tell the unit with that number, if it still is at that node, which belt it takes."""
        for box in self._at(node):
            if box.tracking == tracking:
                box.told = belt

    # ---------------------------------------------------------------------- time
    def step(self, now: datetime) -> None:
        """Everything that happens up to now."""
        self.now = now
        for node in self.queues:
            self._induct(node)
        for name in self.belts:
            self._run(name)

    def _induct(self, node: str) -> None:
        if self.entry[node] is None and self.queues[node]:
            fresh = self.entry[node] = Box(self.queues[node].popleft(), self.now)
            self._scan(node, fresh)
        box = self.entry[node]
        if box is None:
            return
        if box.told and self._has_room(box.told):
            self.entry[node] = None
            self._put(box, box.told)
        else:
            self._say_again(node, box)

    def _run(self, name: str) -> None:
        belt, boxes = self.belts[name], self.on[name]
        if not boxes or name in self.standing:
            return
        box, node = boxes[0], self.nodes[belt.end]
        way, window = timedelta(seconds=belt.seconds), timedelta(seconds=self.window_s)
        if node.kind in _EXITS:
            self._take_off(boxes, node, way)
            return
        if not box.tracking and self.now - box.at >= way - window:
            self._scan(node.name, box)
            box.leaves_at = max(box.at + way, self.now + window)
        if box.leaves_at is None or self.now < box.leaves_at:
            return
        target = box.told or node.through if node.kind == "SCAN" else box.told
        if target and self._has_room(target):
            boxes.popleft()
            self._put(box, target)
        elif node.kind == "STOP":
            self._say_again(node.name, box)

    def _take_off(self, boxes: deque[Box], node: Node, way: timedelta) -> None:
        last = self._taken_at.get(node.name)
        pace = timedelta(seconds=self.pace_s.get(node.name, 1.0))
        if self.now - boxes[0].at < way or (last is not None and self.now - last < pace):
            return
        self._taken_at[node.name] = self.now
        box = boxes.popleft()
        assert box.code not in self.arrived, f"{box.code} has arrived twice"
        self.arrived[box.code] = node.name
        self._scan(node.name, box)

    def _has_room(self, belt: str) -> bool:
        return belt not in self.standing and len(self.on[belt]) < self.belts[belt].room

    def _put(self, box: Box, belt: str) -> None:
        self.on[belt].append(Box(box.code, self.now))

    def _scan(self, node: str, box: Box) -> None:
        self.scans = self.scans % NUMBERS + 1
        box.tracking = self.scans
        self._say(node, box, is_read=self.rng.random() >= self.no_read)

    def _say_again(self, node: str, box: Box) -> None:
        if self.again_s and not box.told and box.said_at is not None:
            waited_s = (self.now - box.said_at).total_seconds()
            if waited_s >= self.again_s:
                self._say(node, box, is_read=True)

    def _say(self, node: str, box: Box, *, is_read: bool) -> None:
        box.said_at = self.now
        self.say(
            UnitScanned(
                at=self.now,
                device=self.nodes[node].device,
                node=node,
                tracking=box.tracking,
                status="GOOD" if is_read else "NO_READ",
                barcode=box.code if is_read else None,
            )
        )

    # ---------------------------------------------------------------------- what is where
    def _at(self, node: str) -> Iterable[Box]:
        for name, belt in self.belts.items():
            if belt.end == node:
                yield from (box for box in self.on[name] if box.tracking)
        if (entry := self.entry.get(node)) is not None:
            yield entry

    def inside(self) -> int:
        """Units on belts."""
        return sum(map(len, self.on.values()))

    def codes(self) -> list[str]:
        """Every unit that has not arrived, once for each place that it is in (so: once)."""
        waiting = [code for queue in self.queues.values() for code in queue]
        entering = [box.code for box in self.entry.values() if box is not None]
        return [*waiting, *entering, *(box.code for boxes in self.on.values() for box in boxes)]
