"""What else moves at a site, for the twin: doors and lifts, conveyors with their sorters, people.

Each is a pure model of `simulators`, spoken to in the messages of the edge: commands in, events
out, nothing between. The PLCs of these cells number what they say, as real ones do.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random

from edge.device_commands import Divert, ReleaseCarton
from edge.machine_messages import PortalReport, PortalWanted
from edge.messages import CartonArrived, CartonScanned, CartonSorted
from simulators.conveyor import CellState, ConveyorCell, Standing
from simulators.portals import PortalModel
from simulators.sorter import Confirmation, Delivered, SorterConfig

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
