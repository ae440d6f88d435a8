"""A network of conveyors as it would run: belts, stops, diverts, on virtual time.

Units stand on belts in order; who is at the end of a belt is scanned there, once. At a SCAN node
it goes by the belt that was told, else through; at a STOP it waits to be told. The PLC itself lets
nothing on to a belt while that is full (zero pressure). At an exit somebody takes it off, every
`pace_s` seconds.

`check` looks at what must be true whatever the WCS thinks: nothing is sent to a full belt, every
unit is in one place, and what the WCS counts is what lies there.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from tests.wcs.fleet import START
from wcs import mfc
from wcs.messages import ParcelExpected, ParcelSorted
from wcs.mfc_graph import Belt, Network, Node
from wcs.state import Expected, Outbox, State

RING = ("S1", "S2", "S3", "S4")


def loop(lanes: int = 2, room: int = 6, feeds: tuple[str, ...] = ("A", "B")) -> Network:
    """A ring of four scanners; feeds come on at S1, S3; lanes leave at S2, the hospital at S4."""
    nodes = [Node(name=name, device="plc", through=f"r{name[1]}") for name in RING]
    belts = [
        Belt(name=f"r{n + 1}", start=RING[n], end=RING[(n + 1) % 4], room=room, seconds=6.0)
        for n in range(4)
    ]
    for n, feed in enumerate(feeds):
        nodes += [
            Node(name=f"in{feed}", device="plc", kind="STOP"),
            Node(name=f"M{feed}", device="plc", kind="STOP"),
        ]
        belts += [
            Belt(name=f"f{feed}", start=f"in{feed}", end=f"M{feed}", room=5, seconds=4.0),
            Belt(name=f"m{feed}", start=f"M{feed}", end=RING[2 * n % 4], room=1, seconds=1.0),
        ]
    for n in range(lanes):
        nodes.append(Node(name=f"L{n + 1}", device="plc", kind="EXIT"))
        belts.append(Belt(name=f"l{n + 1}", start="S2", end=f"L{n + 1}", room=3, seconds=3.0))
    nodes.append(Node(name="HOSP", device="plc", kind="HOSPITAL"))
    belts.append(Belt(name="lh", start="S4", end="HOSP", room=4, seconds=3.0))
    return Network(tuple(nodes), tuple(belts))


@dataclass(slots=True)
class Box:
    """A unit on a belt."""

    code: str
    at: datetime  # when it came on to its belt
    tracking: int = 0  # of its scan at the belt's end; 0: not scanned yet
    told: str = ""


class Hall:
    """The network with the WCS's decisions. Made by `Hall(network, seed)`."""

    def __init__(self, network: Network, seed: int = 0, *, no_read: float = 0.0) -> None:
        self.network, self.rng, self.no_read = network, Random(seed), no_read
        self.state = State(site="T1", started_at=START, now=START)
        self.now = START
        self.belts: dict[str, deque[Box]] = {name: deque() for name in network.belts}
        self.queues: dict[str, deque[str]] = {
            node.name: deque()
            for node in network.nodes.values()
            if node.kind == "STOP" and node.name.startswith("in")
        }
        self.entry: dict[str, Box | None] = dict.fromkeys(self.queues)
        self.pace_s: dict[str, float] = {}
        self.taken_at: dict[str, datetime] = {}
        self.stopped: set[str] = set()
        self.scans = 0
        self.arrived: dict[str, str] = {}  # exits by code
        self.said: list[ParcelSorted] = []
        self.codes = [0]
        self.ask: Callable[[UnitScanned | BeltChanged], Outbox] = self._ask
        self.deaf = False

    # ---------------------------------------------------------------------- what people do
    def bring(self, feed: str, lane: str | None, code: str = "") -> str:
        """Put a unit before a feed; `lane`: what the WMS has told of it."""
        self.codes[0] += 1
        code = code or f"{self.codes[0]:018}"
        if lane is not None:
            rows = self.state.sorting
            rows.rows += 1
            rows.expected[code] = Expected(lane=lane, number=rows.rows)
        self.queues[f"in{feed}"].append(code)
        return code

    def jam(self, belt: str, status: str = "JAM") -> None:
        """The belt stands, or moves again ("OPEN")."""
        (self.stopped.discard if status == "OPEN" else self.stopped.add)(belt)
        self.tell(belt, status)

    def tell(self, belt: str, status: str) -> None:
        """The PLC says how a belt is."""
        device = self.network.nodes[self.network.belts[belt].end].device
        self._carry_out(
            self.ask(BeltChanged(at=self.now, device=device, belt=belt, status=status))  # type: ignore[arg-type]
        )

    # ---------------------------------------------------------------------- time
    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.tick()

    def tick(self) -> None:
        self.now += timedelta(seconds=1)
        self.state.now = self.now
        for node in self.queues:
            self._induct(node)
        for name in self.belts:
            self._head(name)
        outbox = Outbox()
        mfc.run(self.state, self.network, outbox)
        self._carry_out(outbox)
        self.check()

    def _induct(self, node: str) -> None:
        if self.entry[node] is None and self.queues[node]:
            fresh = self.entry[node] = Box(self.queues[node].popleft(), self.now)
            self._scan(node, fresh)
        box = self.entry[node]
        if box is not None and box.told and self._room(box.told):
            self.entry[node] = None
            self._put(box, box.told)

    def _head(self, name: str) -> None:
        belt, boxes = self.network.belts[name], self.belts[name]
        if not boxes or name in self.stopped:
            return
        box, node = boxes[0], self.network.nodes[belt.end]
        if (self.now - box.at).total_seconds() < belt.seconds:
            return
        if node.kind in ("EXIT", "HOSPITAL"):
            last = self.taken_at.get(node.name, START)
            if (self.now - last).total_seconds() < self.pace_s.get(node.name, 1.0):
                return
            self.taken_at[node.name] = self.now
            boxes.popleft()
            assert box.code not in self.arrived, "one place"
            self.arrived[box.code] = node.name
            self._scan(node.name, box)
            return
        if not box.tracking:
            self._scan(node.name, box)
        target = box.told or node.through if node.kind == "SCAN" else box.told
        if target and target not in self.stopped and self._room(target):
            boxes.popleft()
            self._put(box, target)

    def _room(self, belt: str) -> bool:
        return len(self.belts[belt]) < self.network.belts[belt].room

    def _put(self, box: Box, belt: str) -> None:
        assert self._room(belt), f"{belt} is full"
        self.belts[belt].append(Box(box.code, self.now))

    def _scan(self, node: str, box: Box) -> None:
        self.scans += 1
        box.tracking = self.scans
        read = self.rng.random() >= self.no_read
        event = UnitScanned(
            at=self.now, device=self.network.nodes[node].device, node=node, tracking=box.tracking,
            status="GOOD" if read else "NO_READ", barcode=box.code if read else None,
        )  # fmt: skip
        self._carry_out(self.ask(event))

    def _ask(self, event: UnitScanned | BeltChanged) -> Outbox:
        outbox = Outbox()
        if not self.deaf:
            mfc.heard(self.state, self.network, event, outbox)
        return outbox

    def _carry_out(self, outbox: Outbox) -> None:
        self.said += [said for said in outbox.to_wms if isinstance(said, ParcelSorted)]
        for route in outbox.to_edge:
            assert isinstance(route, RouteUnit)
            load, room = self.state.conveying.load, self.network.belts[route.belt].room
            assert load[route.belt] <= room, f"{route.belt} has no room"
            for box in self._at(route.node):
                if box.tracking == route.tracking:
                    box.told = route.belt

    def _at(self, node: str) -> list[Box]:
        ends = [self.belts[b.name][0] for b in self.network.belts.values()
                if b.end == node and self.belts[b.name]]  # fmt: skip
        entry = self.entry.get(node)
        return [*ends, entry] if entry is not None else ends

    # ---------------------------------------------------------------------- laws
    def inside(self) -> int:
        return sum(map(len, self.belts.values()))

    def check(self) -> None:
        conveying = self.state.conveying
        counts: dict[str, int] = {}
        for unit in conveying.units.values():
            if unit.belt:
                counts[unit.belt] = counts.get(unit.belt, 0) + 1
        assert counts == {belt: n for belt, n in conveying.load.items() if n}, "load"
        codes = [box.code for boxes in self.belts.values() for box in boxes]
        assert len(codes) == len(set(codes)), "one place"
        for ring in self.network.ring_room:
            on = [b for b, its in self.network.ring_of.items() if its == ring and b[0] == "r"]
            places = sum(self.network.belts[belt].room for belt in on)
            assert sum(len(self.belts[belt]) for belt in on) < places, f"ring {ring} is full"


def expected(code: str, lane: str) -> ParcelExpected:
    return ParcelExpected(code=code, epc_hex="31AA", lane=lane)
