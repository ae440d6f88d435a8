"""A conveyor with a decision point, and the cell that it makes with the sorter at its end.

    put -> queue -> [decision point] -> belt -> sorter (simulators.sorter) -> lanes
                    waits for a release

Laws:
    one place     every carton stands in exactly one place
    safe default  without a release a carton waits
    once          a task is carried out once, however often it is written; one that is older
                  than the last is refused
    together      conveyor and sorter are one value, so a carton cannot fall between them

Tracking numbers are never used again, and the whole state goes to JSON and back. A label is
in the cell at most once, so that `put` may be repeated. Units: seconds of the clock that `now`
comes from. It knows no wire: see live_conveyor.

Source: RFC 1982 (serial number arithmetic) for the task numbers of the command register.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from pydantic import TypeAdapter

from simulators.sorter import Confirmation, Delivered, Sorter, SorterConfig, SorterState

_TASKS = 1 << 16  # a task number is one register; 0 means none
_NEWER = 1 << 15


class CommandResult(IntEnum):
    """What the conveyor's PLC answers to a task."""

    RELEASED = 1
    NO_SUCH_CARTON = 2
    STALE_TASK = 3
    FAULT = 4


@dataclass(slots=True)
class Standing:
    """The carton at the decision point."""

    tracking: int
    code: str


@dataclass(slots=True)
class Travelling:
    """A carton on the belt, and when it reaches the end."""

    code: str
    due_at: datetime


@dataclass(slots=True)
class LineState:
    """All that a conveyor's PLC remembers."""

    queue: list[str] = field(default_factory=list)
    standing: Standing | None = None
    belt: list[Travelling] = field(default_factory=list)
    next_tracking: int = 1
    last_task: int = 0
    last_result: int = 0
    fault: bool = False


class ConveyorLine:
    """A belt behind a decision point: cartons queue, one stands there until it is released."""

    def __init__(self, travel_s: float, state: LineState) -> None:
        self._travel = timedelta(seconds=travel_s)
        self.state = state

    def put(self, code: str) -> None:
        """Lay a carton on the belt, behind those that wait."""
        self.state.queue.append(code)

    def step(self) -> Standing | None:
        """Let the first of the queue move up; the carton that has just come to stand, if any."""
        state = self.state
        if state.standing is not None or not state.queue:
            return None
        state.standing = Standing(tracking=state.next_tracking, code=state.queue.pop(0))
        state.next_tracking += 1
        return state.standing

    def command(self, task: int, tracking: int, now: datetime) -> CommandResult:
        """Release the carton that stands here, if it is that one. A task is carried out once."""
        state = self.state
        if task == state.last_task:
            return CommandResult(state.last_result)
        if not 0 < (task - state.last_task) % _TASKS < _NEWER:
            return CommandResult.STALE_TASK
        result = self._release(tracking, now)
        state.last_task, state.last_result = task, int(result)
        return result

    def _release(self, tracking: int, now: datetime) -> CommandResult:
        state = self.state
        if state.fault:
            return CommandResult.FAULT
        if state.standing is None or state.standing.tracking != tracking:
            return CommandResult.NO_SUCH_CARTON
        state.belt.append(Travelling(code=state.standing.code, due_at=now + self._travel))
        state.standing = None
        return CommandResult.RELEASED

    def ready(self, now: datetime) -> bool:
        """Whether a carton has reached the end of the belt. The others stay behind it."""
        return bool(self.state.belt) and self.state.belt[0].due_at <= now

    def take(self) -> str:
        """Take the first carton off the end of the belt."""
        return self.state.belt.pop(0).code

    def next_event_at(self) -> datetime | None:
        """When the first carton on the belt reaches the end."""
        return self.state.belt[0].due_at if self.state.belt else None

    def codes(self) -> Iterator[str]:
        """Every carton on it."""
        yield from self.state.queue
        if self.state.standing is not None:
            yield self.state.standing.code
        yield from (carton.code for carton in self.state.belt)


@dataclass(slots=True)
class CellState:
    """A conveyor and its sorter at one moment, as one value: a carton cannot fall between."""

    stream: str  # names this PLC's memory: a fresh one counts sequences from 1 again
    seen_at: datetime
    line: LineState = field(default_factory=LineState)
    sorter: SorterState = field(default_factory=SorterState)


cell_json: TypeAdapter[CellState] = TypeAdapter(CellState)


class ConveyorCell:
    """A conveyor line that ends on a sorter."""

    def __init__(self, travel_s: float, config: SorterConfig, state: CellState) -> None:
        self.state = state
        self.line = ConveyorLine(travel_s, state.line)
        self.sorter = Sorter(config, state.sorter)

    def put(self, code: str) -> bool:
        """Lay a carton on the belt, unless it is somewhere here already."""
        if code in self.codes():
            return False
        self.line.put(code)
        return True

    def take_from_lane(self, lane: str, code: str) -> bool:
        """Take a carton out of a lane; whether it was there."""
        if code not in self.sorter.state.lanes[lane]:
            return False
        self.sorter.state.lanes[lane].remove(code)
        return True

    def step(self, now: datetime) -> list[Standing | Confirmation | Delivered]:
        """Everything that happens up to now."""
        said: list[Standing | Confirmation | Delivered] = []
        if (standing := self.line.step()) is not None:
            said.append(standing)
        while self.line.ready(now) and self.sorter.has_room():
            self.sorter.induct(self.line.take(), now)
        said.extend(self.sorter.step(now))
        self.state.seen_at = now
        return said

    def wake(self, now: datetime) -> None:
        """Go on after a stop: what was on its way then still has as far to go as it had."""
        stood = now - self.state.seen_at
        for carton in self.line.state.belt:
            carton.due_at += stood
        if self.sorter.state.held_since is None:
            self.sorter.shift(stood)
        self.state.seen_at = now

    def next_event_at(self) -> datetime | None:
        """When something happens next without anybody's doing."""
        belt = self.line.next_event_at() if self.sorter.has_room() else None
        times = [time for time in (belt, self.sorter.next_event_at()) if time is not None]
        return min(times, default=None)

    def codes(self) -> list[str]:
        """Every carton in the cell, once for each place that it is in (so: once)."""
        return [*self.line.codes(), *self.sorter.codes()]
