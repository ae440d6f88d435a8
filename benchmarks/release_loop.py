"""A loop with stations, to try release on: it jams when too much is let in.

    induct ─> cell 0 ─> 1 ─> ... ─> 199 ─> (done? out) ─> 0 ...
                          │ ^
                     queue of 5, one at work

200 cells turn by one a tick. A tote needs some of ten stations; it leaves the loop where it finds
room in the queue, else goes round. Who is done waits for an empty cell to go back on, and holds up
its station meanwhile. With all cells full nothing comes out of any station: it stands for good.

A second a tick. Chance is drawn from the seed, the same totes whatever lets them in.
"""

from collections import deque
from dataclasses import dataclass, field
from random import Random

CELLS, STATIONS, QUEUE = 200, 10, 5
WORK_S = 12.0  # of a tote at a station, on average; drawn exponentially
WAVE_NEAR = 8.0  # how much likelier the stations of a wave are needed


@dataclass(slots=True)
class Tote:
    """One tote: what it still needs, by station."""

    number: int
    work: dict[int, int]
    made_s: int = 0
    let_in_s: int = 0


@dataclass(slots=True)
class Station:
    """A station: who queues, who is at work until when."""

    queue: deque[Tote] = field(default_factory=deque)
    at_work: Tote | None = None
    until_s: int = 0


class Loop:
    """The loop. `wants` makes the endless row of totes; `push` puts one on, `tick` passes time."""

    def __init__(self, seed: int, hot: float = 1.0, wave: int = 0) -> None:
        """`hot`: how much likelier station 0 is needed than another.

        `wave`: so many totes in a row mostly need three stations that are neighbours; 0: none do.
        """
        self.rng, self.wave = Random(seed), wave
        self.weights = [hot] + [1.0] * (STATIONS - 1)
        self.cells: list[Tote | None] = [None] * CELLS
        self.stations = [Station() for _ in range(STATIONS)]
        self.now_s = self.made = self.inside = 0
        self.load_s = [0] * STATIONS
        self.done: list[Tote] = []

    def wants(self) -> Tote:
        """The next tote of the row."""
        if self.wave and self.made % self.wave == 0:
            first = self.rng.randrange(STATIONS)
            self.weights = [
                WAVE_NEAR if (at - first) % STATIONS < 3 else 1.0 for at in range(STATIONS)
            ]
        count = self.rng.randint(1, 5)
        needs: set[int] = set()
        while len(needs) < count:
            needs.add(self.rng.choices(range(STATIONS), self.weights)[0])
        self.made += 1
        work = {at: max(1, round(self.rng.expovariate(1.0 / WORK_S))) for at in sorted(needs)}
        return Tote(self.made, work, made_s=self.now_s)

    @property
    def has_room(self) -> bool:
        """Whether the cell at the induct is empty."""
        return self.cells[self._cell(0)] is None

    def _cell(self, place: int) -> int:
        return (place - self.now_s) % CELLS

    def push(self, tote: Tote) -> None:
        """Let a tote in, at the induct."""
        assert self.has_room, "the cell is empty"
        self.cells[self._cell(0)] = tote
        tote.let_in_s = self.now_s
        self.inside += 1
        for at, work_s in tote.work.items():
            self.load_s[at] += work_s

    def tick(self) -> list[Tote]:
        """A second passes; who has left."""
        self.now_s += 1
        out = self._out(CELLS - 1)
        for number, station in enumerate(self.stations):
            place = 10 + number * (CELLS - 20) // STATIONS
            self._divert(number, station, place)
            self._serve(number, station, place + 1)
        return out

    def _out(self, place: int) -> list[Tote]:
        cell = self._cell(place)
        tote = self.cells[cell]
        if tote is None or tote.work:
            return []
        self.cells[cell] = None
        self.inside -= 1
        return [tote]

    def _divert(self, number: int, station: Station, place: int) -> None:
        cell = self._cell(place)
        tote = self.cells[cell]
        if tote is not None and number in tote.work and len(station.queue) < QUEUE:
            station.queue.append(tote)
            self.cells[cell] = None

    def _serve(self, number: int, station: Station, back: int) -> None:
        if station.at_work is not None and self.now_s >= station.until_s:
            cell = self._cell(back)
            if self.cells[cell] is None:
                tote, station.at_work = station.at_work, None
                self.load_s[number] -= tote.work.pop(number)
                self.cells[cell] = tote
        if station.at_work is None and station.queue:
            station.at_work = station.queue.popleft()
            station.until_s = self.now_s + station.at_work.work[number]
