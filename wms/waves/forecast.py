"""Forecast: people, stations and robots at work on a wave, on virtual time. Pure.

    walks ──> pickers ──> (sorters) ──> packers          totes ──> robots ──> stations ──> packers

Events are taken in the order of their time. A picker goes from stop to stop; an aisle has room for
so many, who comes then waits before it (congestion). A walk that passes a tote on begins when the
one before it has ended. What is picked for many orders is sorted; an order is packed when all of
it is there, the most urgent first. Everything takes its engineered time, so the same wave always
has the same forecast.

Times are seconds from the moment of release, lengths metres.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import TypeAlias
from uuid import UUID

Event: TypeAlias = tuple[float, int, int]  # when, in which turn, who


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long things take (engineered standards)."""

    metres_a_s: float = 1.1
    begin_s: float = 20.0
    place_s: float = 6.0
    line_s: float = 3.0
    unit_s: float = 1.5
    serial_s: float = 4.0
    tote_s: float = 4.0
    leave_s: float = 10.0
    sort_line_s: float = 5.0
    sort_unit_s: float = 1.5
    pack_order_s: float = 45.0
    pack_unit_s: float = 3.0
    trip_s: float = 75.0
    exchange_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Units of an order taken at a stop."""

    order: UUID
    aisle: int
    zone: str
    units: int
    by_serial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Stops in their order; `after` is the walk that must have ended before."""

    visits: tuple[Visit, ...]
    metres: float
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tote:
    """A tote that a robot brings, and what is taken from it there."""

    visits: tuple[Visit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A wave, and who works on it. `busy_s`: how long a picker still has to do before it."""

    walks: tuple[Walk, ...]
    totes: tuple[Tote, ...] = ()
    due_s: Mapping[UUID, float] = field(default_factory=dict)
    into_totes: bool = False
    sorted_later: bool = False
    pickers: int = 4
    sorters: int = 1
    packers: int = 2
    robots: int = 10
    stations: int = 2
    aisle_room: int = 2
    busy_s: float = 0.0
    times: Times = field(default_factory=Times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when until when a step is worked on, and how many seconds of work it is."""

    start_s: float
    finish_s: float
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What falls to a zone."""

    lines: int
    units: int
    work_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What will be: each step, each zone, the time lost in front of full aisles, what is late."""

    steps: Mapping[str, Span]
    zones: Mapping[str, Zone]
    congestion_s: float
    metres: float
    ready_s: Mapping[UUID, float]
    late: tuple[UUID, ...]

    @property
    def finish_s(self) -> float:
        """When the last is done."""
        return max((span.finish_s for span in self.steps.values()), default=0.0)


def forecast(problem: Problem) -> Forecast:
    """What will happen to that wave."""
    floor = _Floor(problem)
    ended = floor.walk_all()
    work_s = sum(_walk_s(problem, walk) for walk in problem.walks)
    steps: dict[str, Span] = {}
    picked: dict[UUID, float] = defaultdict(float)
    if problem.walks:
        steps["pick"] = Span(start_s=min(floor.began), finish_s=max(ended), work_s=work_s)
    arrived = _sorted(problem, ended, steps) if problem.sorted_later else ended
    for walk, at in zip(problem.walks, arrived, strict=True):
        for visit in walk.visits:
            picked[visit.order] = max(picked[visit.order], at)
    _robots(problem, steps, picked)
    ready = _pack(problem, picked, steps)
    late = sorted(
        (order for order, at in ready.items() if at > problem.due_s.get(order, float("inf"))),
        key=lambda order: (ready[order], order),
    )
    return Forecast(
        steps=steps,
        zones=_zones(problem),
        congestion_s=floor.waited_s,
        metres=sum(walk.metres for walk in problem.walks),
        ready_s=ready,
        late=tuple(late),
    )


class _Floor:
    """Pickers on their ways, and the aisles they are in."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._todo = deque(range(len(problem.walks)))
        self._ended = [-1.0] * len(problem.walks)
        self._queue: list[Event] = []
        self._turn = 0
        self._on: dict[int, tuple[int, int]] = {}  # picker: the walk, and the next stop
        self._in: dict[int, int] = {}  # picker: the aisle
        self._inside: dict[int, int] = defaultdict(int)
        self._before: dict[int, deque[tuple[int, float]]] = defaultdict(deque)
        self._idle: list[int] = []
        self.began = [0.0] * len(problem.walks)
        self.waited_s = 0.0

    def walk_all(self) -> list[float]:
        """When each walk has ended."""
        for picker in range(max(1, self._problem.pickers)):
            self._at(self._problem.busy_s, picker)
        while self._queue:
            now, _, picker = heappop(self._queue)
            self._go_on(now, picker)
        assert not self._todo, "every walk is walked"
        return self._ended

    def _at(self, when: float, picker: int) -> None:
        self._turn += 1
        heappush(self._queue, (when, self._turn, picker))

    def _go_on(self, now: float, picker: int) -> None:
        if picker not in self._on and not self._begin(now, picker):
            return
        number, stop = self._on[picker]
        walk = self._problem.walks[number]
        if stop == len(walk.visits):
            self._end(now, picker, number)
            return
        aisle = walk.visits[stop].aisle
        if self._in.get(picker) != aisle:
            self._leave(now, picker)
            if self._inside[aisle] >= self._problem.aisle_room:
                self._before[aisle].append((picker, now))
                return
            self._enter(picker, aisle)
        self._on[picker] = number, stop + 1
        leg_s = walk.metres / (len(walk.visits) + 1) / self._problem.times.metres_a_s
        self._at(now + leg_s + _visit_s(self._problem, walk.visits[stop]), picker)

    def _begin(self, now: float, picker: int) -> bool:
        for number in self._todo:
            after = self._problem.walks[number].after
            if after is None or 0 <= self._ended[after] <= now:
                self._todo.remove(number)
                self._on[picker] = number, 0
                self.began[number] = now
                self._at(now + self._problem.times.begin_s, picker)
                return False
        if self._todo:
            self._idle.append(picker)
        return False

    def _end(self, now: float, picker: int, number: int) -> None:
        walk, times = self._problem.walks[number], self._problem.times
        self._leave(now, picker)
        home_s = walk.metres / (len(walk.visits) + 1) / times.metres_a_s + times.leave_s
        self._ended[number] = now + home_s
        del self._on[picker]
        self._at(now + home_s, picker)
        for other in self._idle:  # a tote may have come that they wait for
            self._at(now + home_s, other)
        self._idle.clear()

    def _enter(self, picker: int, aisle: int) -> None:
        self._in[picker] = aisle
        self._inside[aisle] += 1

    def _leave(self, now: float, picker: int) -> None:
        aisle = self._in.pop(picker, None)
        if aisle is None:
            return
        self._inside[aisle] -= 1
        if self._before[aisle]:
            other, since = self._before[aisle].popleft()
            self.waited_s += now - since
            self._enter(other, aisle)
            self._at(now, other)


def _parts(problem: Problem) -> tuple[Walk | Tote, ...]:
    return (*problem.walks, *problem.totes)


def _visit_s(problem: Problem, visit: Visit) -> float:
    times = problem.times
    each_s = times.unit_s + (times.serial_s if visit.by_serial else 0.0)
    seconds = times.place_s + times.line_s + each_s * visit.units
    return seconds + (times.tote_s if problem.into_totes else 0.0)


def _walk_s(problem: Problem, walk: Walk) -> float:
    times = problem.times
    at_stops = sum(_visit_s(problem, visit) for visit in walk.visits)
    return times.begin_s + walk.metres / times.metres_a_s + at_stops + times.leave_s


def _served(jobs: Sequence[tuple[float, float]], servers: int) -> list[tuple[float, float]]:
    """When jobs (there from, seconds) begin and end that are taken in turn by so many."""
    free = [0.0] * max(1, servers)
    heapify(free)
    spans = []
    for there_s, seconds in jobs:
        start = max(there_s, heappop(free))
        heappush(free, start + seconds)
        spans.append((start, start + seconds))
    return spans


def _sorted(problem: Problem, ended: Sequence[float], steps: dict[str, Span]) -> list[float]:
    """When what each walk brought has been sorted."""
    times = problem.times
    order = sorted(range(len(ended)), key=lambda number: (ended[number], number))
    seconds = [
        sum(times.sort_line_s + times.sort_unit_s * visit.units for visit in walk.visits)
        for walk in problem.walks
    ]
    spans = _served([(ended[number], seconds[number]) for number in order], problem.sorters)
    done = list(ended)
    for number, (_, finish) in zip(order, spans, strict=True):
        done[number] = finish
    if spans:
        steps["sort"] = _span(spans, sum(seconds))
    return done


def _robots(problem: Problem, steps: dict[str, Span], picked: dict[UUID, float]) -> None:
    """Robots bring totes to stations, as they have room; people take from them there."""
    times = problem.times
    brought = _served([(0.0, times.trip_s)] * len(problem.totes), problem.robots)
    seconds = [
        times.exchange_s + sum(times.line_s + times.unit_s * visit.units for visit in tote.visits)
        for tote in problem.totes
    ]
    there = [(end, work) for (_, end), work in zip(brought, seconds, strict=True)]
    spans = _served(there, problem.stations)
    for tote, (_, finish) in zip(problem.totes, spans, strict=True):
        for visit in tote.visits:
            picked[visit.order] = max(picked[visit.order], finish)
    if spans:
        steps["station"] = _span(spans, sum(seconds))


def _pack(
    problem: Problem, picked: Mapping[UUID, float], steps: dict[str, Span]
) -> dict[UUID, float]:
    """When each order is packed: of those that are there, the most urgent first."""
    times = problem.times
    units: dict[UUID, int] = defaultdict(int)
    for part in _parts(problem):
        for visit in part.visits:
            units[visit.order] += visit.units
    coming = deque(sorted(picked, key=lambda order: (picked[order], order)))
    there: list[tuple[float, UUID]] = []
    free = [0.0] * max(1, problem.packers)
    heapify(free)
    spans: dict[UUID, tuple[float, float]] = {}
    while coming or there:
        now = heappop(free)
        if not there:
            now = max(now, picked[coming[0]])
        while coming and picked[coming[0]] <= now:
            order = coming.popleft()
            heappush(there, (problem.due_s.get(order, float("inf")), order))
        _, order = heappop(there)
        spans[order] = now, now + times.pack_order_s + times.pack_unit_s * units[order]
        heappush(free, spans[order][1])
    if spans:
        steps["pack"] = _span(list(spans.values()), sum(b - a for a, b in spans.values()))
    return {order: finish for order, (_, finish) in spans.items()}


def _span(spans: Sequence[tuple[float, float]], work_s: float) -> Span:
    return Span(
        start_s=min(start for start, _ in spans),
        finish_s=max(finish for _, finish in spans),
        work_s=work_s,
    )


def _zones(problem: Problem) -> dict[str, Zone]:
    visits: dict[str, list[Visit]] = defaultdict(list)
    for part in _parts(problem):
        for visit in part.visits:
            visits[visit.zone].append(visit)
    return {
        zone: Zone(
            lines=len(its),
            units=sum(visit.units for visit in its),
            work_s=sum(_visit_s(problem, visit) for visit in its),
        )
        for zone, its in sorted(visits.items())
    }
