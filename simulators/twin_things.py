"""What else moves at a site, for the twin: doors, lifts, conveyors, hired fleets, people.

Each is a pure model of `simulators`, spoken to in the messages of the edge: commands in, events
out, nothing between. The PLCs of these cells number what they say, as real ones do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import TypeAlias

from edge.device_commands import Divert, ReleaseCarton
from edge.machine_messages import (
    BeltChanged,
    FleetMission,
    FleetReport,
    PortalReport,
    PortalWanted,
    RouteUnit,
    UnitScanned,
)
from edge.messages import CartonArrived, CartonScanned, CartonSorted, DeviceStatus
from simulators.conveyor import CellState, ConveyorCell, Standing
from simulators.conveyor_network import Belt, Box, Conveyors, Node
from simulators.portals import PortalModel
from simulators.raas import Provider
from simulators.sorter import Confirmation, Delivered, SorterConfig

Event: TypeAlias = (
    PortalReport
    | CartonArrived
    | CartonScanned
    | CartonSorted
    | UnitScanned
    | BeltChanged
    | DeviceStatus
    | FleetReport
)
_SAID = {"state", "robot", "metres", "price_minor", "currency", "reason"}
EMPTIED_AT = 30  # cartons in a lane: people carry them away


class Portals:
    """The doors and lifts of a site."""

    def __init__(self, portals: Sequence[tuple[str, str, bool]]) -> None:
        """`portals`: name, device, and whether it closes behind people (a door does)."""
        self.models = {name: PortalModel(name, closes=closes) for name, _, closes in portals}
        self._devices = {name: device for name, device, _ in portals}
        self._told: dict[str, tuple[object, ...]] = {}

    def hear(self, said: PortalWanted, now: datetime) -> None:
        """Somebody is to have it, or nobody any more."""
        self.models[said.portal].want(said.session, said.position, said.until_at, now)
        self._told.pop(said.portal, None)  # a lease that was renewed is said, too

    def step(self, now: datetime) -> Iterator[PortalReport]:
        """Let time pass; what has changed."""
        for name, model in self.models.items():
            model.step(now)
            gist = model.status, model.session, model.at
            if self._told.get(name) != gist:
                self._told[name] = gist
                yield PortalReport(
                    at=now,
                    device=self._devices[name],
                    portal=name,
                    status=model.status,
                    session=model.session,
                    position=model.at,
                    until_at=model.until_at,
                )


class Line:
    """A conveyor that ends on a sorter, and people who empty its lanes."""

    def __init__(self, device: str, point: str, sorter: str, cell: ConveyorCell) -> None:
        self.device, self.point, self.sorter, self.cell = device, point, sorter, cell
        self.sorted: list[tuple[str, str]] = []  # lane and code
        self._tasks = 0

    @classmethod
    def of(cls, names: tuple[str, str, str], seconds: float, config: SorterConfig) -> "Line":
        """A line that nothing lies on. `names`: conveyor, its decision point, sorter."""
        state = CellState(stream=names[0], seen_at=datetime.min.replace(tzinfo=UTC))
        return cls(*names, ConveyorCell(seconds, config, state))

    def hear(self, said: ReleaseCarton | Divert, now: datetime) -> None:
        """Let the carton in; or this is its lane."""
        if isinstance(said, Divert):
            self.cell.sorter.reply(said.tracking, said.lane, now)
        else:
            self._tasks = self._tasks % 65_535 + 1
            self.cell.line.command(self._tasks, said.tracking, now)

    def step(self, now: datetime) -> Iterator[CartonArrived | CartonScanned | CartonSorted]:
        """Let time pass; what the PLC tells of it."""
        for said in self.cell.step(now):
            if isinstance(said, Standing):
                tracking = said.tracking
                yield CartonArrived(at=now, device=self.device, point=self.point, tracking=tracking)
            elif isinstance(said, Confirmation):
                yield self._told(said)
                self.cell.sorter.acknowledge(said.sequence, now)
            else:
                self._laid(said)

    def _laid(self, said: Delivered) -> None:
        self.sorted.append((said.lane, said.code))
        lane = self.cell.sorter.state.lanes[said.lane]
        if len(lane) >= EMPTIED_AT:
            lane.clear()

    def _told(self, said: Confirmation) -> CartonScanned | CartonSorted:
        kind = CartonScanned if said.kind == "SCANNED" else CartonSorted
        return kind(
            at=said.at,
            device=self.sorter,
            tracking=said.tracking,
            status=said.status,  # type: ignore[arg-type]
            barcode=said.barcode,
            lap=said.lap,
            lane=None if kind is CartonScanned else said.lane,
        )


class Net:
    """A network of conveyors, and people who bring what is to be sorted."""

    def __init__(
        self, nodes: Iterable[Node], belts: Iterable[Belt], now: datetime, *, window_s: float
    ) -> None:
        """A network that nothing lies on. `window_s`: between a scan and what it decides."""
        self._said: list[UnitScanned | BeltChanged] = []
        self.conveyors = Conveyors(
            {node.name: node for node in nodes},
            {belt.name: belt for belt in belts},
            self._said.append,
            now,
            window_s=window_s,
        )
        self.exits = [n for n, node in self.conveyors.nodes.items() if node.kind == "EXIT"]
        self.feeds = [*self.conveyors.queues]
        self._brought = 0

    def lay(self, code: str, belt: str, since: datetime, scan: UnitScanned) -> None:
        """A unit is on a belt since then; or it stands at a feed, as it was scanned there."""
        if belt:
            self.conveyors.on[belt].append(Box(code, since))
        elif scan.node in self.conveyors.entry:
            self.conveyors.entry[scan.node] = Box(code, since, tracking=scan.tracking)

    def bring(self, code: str) -> None:
        """Put a unit before a feed, each in turn."""
        self._brought += 1
        self.conveyors.bring(self.feeds[self._brought % len(self.feeds)], code)

    def hear(self, said: RouteUnit) -> None:
        """The belt of a unit."""
        self.conveyors.route(said.node, said.tracking, said.belt)

    def step(self, now: datetime) -> Iterator[UnitScanned | BeltChanged]:
        """Let time pass; what the PLC tells of it."""
        self.conveyors.step(now)
        yield from self._said
        self._said.clear()


class Hired:
    """Fleets of others, by the missions that they take; each answers from the first second on."""

    def __init__(self, fleets: Mapping[str, int]) -> None:
        """`fleets`: by device, how many missions each does at a time."""
        self._providers = {name: Provider(robots=robots) for name, robots in fleets.items()}
        self._told = dict.fromkeys(fleets, -1)  # the last change that was said; -1: nothing yet

    def hear(self, said: FleetMission, now: datetime) -> None:
        """A mission that is wanted, or is not any more."""
        provider = self._providers[said.device]
        if said.wanted:
            asked = {"load": said.load, "source": said.source, "destination": said.destination}
            provider.put(said.mission, asked, now)
        else:
            provider.cancel(said.mission, now)

    def step(self, now: datetime) -> Iterator[DeviceStatus | FleetReport]:
        """Let time pass; what they say."""
        for device, provider in self._providers.items():
            if self._told[device] < 0:
                yield DeviceStatus(at=now, device=device, status="UP", detail="")
            provider.step(now)
            news = provider.changes(max(0, self._told[device]))
            self._told[device] = news["next"]
            for one in news["missions"]:
                said = {k: v for k, v in one.items() if k in _SAID}
                yield FleetReport(at=now, device=device, mission=one["id"], **said)


@dataclass(slots=True)
class Things:
    """All of them, as the WCS speaks with them."""

    portals: Portals
    lines: Sequence[Line]
    net: Net | None
    hired: Hired

    def hear(self, command: object, now: datetime) -> None:
        """Carry a command out, if it is for one of these."""
        if isinstance(command, PortalWanted):
            self.portals.hear(command, now)
        elif isinstance(command, FleetMission):
            self.hired.hear(command, now)
        elif isinstance(command, RouteUnit) and self.net is not None:
            self.net.hear(command)
        elif isinstance(command, ReleaseCarton | Divert):
            for line in self.lines:
                if command.device in (line.device, line.sorter):
                    line.hear(command, now)

    def step(self, now: datetime) -> Iterator[Event]:
        """Let time pass; what they tell of it."""
        yield from self.portals.step(now)
        for line in self.lines:
            yield from line.step(now)
        if self.net is not None:
            yield from self.net.step(now)
        yield from self.hired.step(now)

    def arrived(self) -> int:
        """Cartons and units that have come to an end."""
        units = len(self.net.conveyors.arrived) if self.net is not None else 0
        return units + sum(len(line.sorted) for line in self.lines)


class Crossings:
    """People who cross: for a while nobody drives on to the point where they are."""

    def __init__(self, points: Sequence[str], per_hour: float, rng: Random) -> None:
        self._points, self._per_hour, self._rng = points, per_hour, rng
        self.until: dict[str, float] = {}

    def next_in_s(self) -> float:
        """How long it is until somebody crosses."""
        return self._rng.expovariate(self._per_hour / 3_600.0)

    def cross(self, at: float) -> str:
        """Somebody does: where."""
        self.until = {point: until for point, until in self.until.items() if until > at}
        point = self._rng.choice(self._points)
        self.until[point] = max(at + self._rng.uniform(4.0, 25.0), self.until.get(point, 0.0))
        return point
