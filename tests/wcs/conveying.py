"""A network of conveyors (simulators.conveyor_network) with the WCS's decisions, on virtual time.

`check` looks at what must be true whatever the WCS thinks: nothing is sent to a full belt, every
unit is in one place, and what the WCS counts is what lies there.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta

from edge.machine_messages import BeltChanged, RouteUnit, UnitScanned
from simulators import conveyor_network as played
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


class Hall:
    """The network with the WCS's decisions. Made by `Hall(network, seed)`."""

    def __init__(self, network: Network, seed: int = 0, *, no_read: float = 0.0) -> None:
        self.network = network
        self.state = State(site="T1", started_at=START, now=START)
        nodes = {n.name: played.Node(**asdict(n)) for n in network.nodes.values()}
        belts = {b.name: played.Belt(**asdict(b)) for b in network.belts.values()}
        self.plc = played.Conveyors(nodes, belts, self._hear, START, seed=seed, no_read=no_read)
        self.rng, self.belts, self.queues = self.plc.rng, self.plc.on, self.plc.queues
        self.arrived, self.pace_s = self.plc.arrived, self.plc.pace_s
        self.inside = self.plc.inside
        self.said: list[ParcelSorted] = []
        self.codes = [0]
        self.ask: Callable[[UnitScanned | BeltChanged], Outbox] = self._ask
        self.deaf = False

    @property
    def now(self) -> datetime:
        return self.plc.now

    # ---------------------------------------------------------------------- what people do
    def bring(self, feed: str, lane: str | None, code: str = "") -> str:
        """Put a unit before a feed; `lane`: what the WMS has told of it."""
        self.codes[0] += 1
        code = code or f"{self.codes[0]:018}"
        if lane is not None:
            rows = self.state.sorting
            rows.rows += 1
            rows.expected[code] = Expected(lane=lane, number=rows.rows)
        self.plc.bring(f"in{feed}", code)
        return code

    def jam(self, belt: str, status: str = "JAM") -> None:
        """The belt stands, or moves again ("OPEN")."""
        self.plc.turn(belt, status)

    # ---------------------------------------------------------------------- time
    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.tick()

    def tick(self) -> None:
        now = self.state.now = self.now + timedelta(seconds=1)
        self.plc.step(now)
        outbox = Outbox()
        mfc.run(self.state, self.network, outbox)
        self._carry_out(outbox)
        self.check()

    def _hear(self, event: UnitScanned | BeltChanged) -> None:
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
            self.plc.route(route.node, route.tracking, route.belt)

    # ---------------------------------------------------------------------- laws
    def check(self) -> None:
        conveying = self.state.conveying
        counts: dict[str, int] = {}
        for unit in conveying.units.values():
            if unit.belt:
                counts[unit.belt] = counts.get(unit.belt, 0) + 1
        assert counts == {belt: n for belt, n in conveying.load.items() if n}, "load"
        codes = self.plc.codes()
        assert len(codes) == len(set(codes)), "one place"
        for belt, boxes in self.belts.items():
            assert len(boxes) <= self.network.belts[belt].room, f"{belt} has no room"
        for ring in self.network.ring_room:
            on = [b for b, its in self.network.ring_of.items() if its == ring and b[0] == "r"]
            places = sum(self.network.belts[belt].room for belt in on)
            assert sum(len(self.belts[belt]) for belt in on) < places, f"ring {ring} is full"


def expected(code: str, lane: str) -> ParcelExpected:
    return ParcelExpected(code=code, epc_hex="31AA", lane=lane)
