"""What is let in next, and how much at a time: the limit that throughput likes best is found.

    pool ──(admit)──> area: stations, a loop, robots ──> done
              ^                                           │
              └────── limit <── Tuner <── throughput <────┘

Too little work in an area starves its stations; too much blocks it, in the end for good. Between
them lies a limit that nobody knows beforehand, so it is looked for. There are two kinds:

    CONWIP      so many jobs at a time, whatever they need
    workload    so many seconds of work at a time for each station; of all that waits, what fills
                the gaps best goes first: work counts for as much as its station lacks

The search goes by levels of the limit, each 15 % above the one below. It climbs from the least
one by three levels at a time as long as throughput gains, and from then on stays with the lowest
level that is nearly as good as the best, and looks at a neighbour now and then.

Laws:
    room         never more jobs than the area has room for, less `SPARE`: what goes round has
                 somewhere to go, so nothing stands still for good
    not hungry   throughput is believed only of times in which the limit was what held work back
    down         when throughput breaks down, the limit is lowered at once
    age          the limit of a job grows while it waits, to twice as much in `old_s` and so on:
                 it goes some day, whatever else there is

Seconds; jobs a second.

Source: M. L. Spearman, D. L. Woodruff, W. J. Hopp, "CONWIP" (1990); workload control in the manner
of H. C. W. Bechte; a search among the neighbours of the best, R. Combes, A. Proutière, "Unimodal
Bandits" (2014).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

STEP = 1.15  # between two levels
CLIMB = 3  # levels at a time, until throughput gains no more …
GAIN = 1.05  # … than this
EXPLORE = 4  # windows between two looks at a neighbour
TRUST = 0.2  # of a new measurement, at least
BROKEN = 0.6  # of the best throughput: less is a breakdown
SETTLE, WINDOW, WINDOW_MIN = 1.0, 2.0, 60  # jobs by jobs in the area; and at least so many
PATIENCE = 4.0  # a window takes at most so many times what it should
SPARE = 0.1  # of the room stays free
LOOK = 300  # jobs that are compared
WORK_NEAR = 0.92  # of the best throughput, by work a station: the rest would cost much lead time


@dataclass(slots=True)
class Tuner:
    """The search for one limit. Plain numbers: it is part of a state."""

    low: float
    high: float
    near: float = 0.98  # of the best throughput: the lowest level that has it is taken
    level: int = 0
    is_climbing: bool = True
    rates: dict[int, float] = field(default_factory=dict)  # throughput by level
    counts: dict[int, int] = field(default_factory=dict)  # windows by level
    windows: int = 0
    is_settling: bool = True
    since_s: float | None = None
    done: int = 0
    is_hungry: bool = False

    @property
    def limit(self) -> float:
        """The limit that holds now."""
        return self._value(self.level)

    def _value(self, level: int) -> float:
        return min(self.low * STEP**level, self.high)

    def starved(self) -> None:
        """There was nothing to let in though the limit allowed it."""
        self.is_hungry = True

    def finished(self, jobs: int, inside: int, now_s: float) -> None:
        """So many jobs are done, and so many are inside; also to be told with 0 now and then."""
        if self.since_s is None:
            self._begin(now_s)
        assert self.since_s is not None
        self.done += jobs
        if self.is_hungry:
            self._begin(now_s)  # it says nothing about the limit
            return
        if self.is_settling:
            if self.done >= SETTLE * max(inside, 1):
                self._begin(now_s, is_settling=False)
            elif self._is_broken(inside, now_s):
                self._learn(self.done / (now_s - self.since_s), now_s)
        elif self.done >= max(WINDOW * inside, WINDOW_MIN) or self._is_broken(inside, now_s):
            self._learn(self.done / max(now_s - self.since_s, 1e-9), now_s)

    def _begin(self, now_s: float, *, is_settling: bool = True) -> None:
        self.since_s, self.done, self.is_hungry = now_s, 0, False
        self.is_settling = is_settling

    def _is_broken(self, inside: int, now_s: float) -> bool:
        """Whether the window should have been over long ago."""
        best, since_s = max(self.rates.values(), default=0.0), self.since_s
        if not best or since_s is None:
            return False
        return now_s - since_s > PATIENCE * max(WINDOW * inside, WINDOW_MIN) / best

    # -------------------------------------------------------------------------- learning
    def _learn(self, rate: float, now_s: float) -> None:
        count = self.counts.get(self.level, 0)
        known = self.rates.get(self.level, rate)
        self.rates[self.level] = known + (rate - known) * max(1.0 / (count + 1), TRUST)
        self.counts[self.level] = count + 1
        self.windows += 1
        before = self.level
        self.level = self._next(rate)
        self._begin(now_s, is_settling=self.level != before)

    def _next(self, rate: float) -> int:
        best = max(self.rates.values())
        if best <= 0.0:  # it stood, whatever the limit was: begin anew
            self.rates, self.counts, self.is_climbing = {}, {}, True
            return 0
        if rate < BROKEN * best and self.level:
            self.is_climbing = False
            self.rates[self.level] = rate  # at once, whatever was known of it
            return self._leader() if self._leader() < self.level else self.level - 1
        if self.is_climbing:
            below = max((self.rates[n] for n in self.rates if n < self.level), default=0.0)
            if rate >= GAIN * below and self.limit < self.high:
                return self._most(self.level + CLIMB)
            self.is_climbing = False
        leader = self._leader()
        if self.windows % EXPLORE:
            return leader
        sides = [n for n in (leader - 1, leader + 1) if n >= 0 and n == self._most(n)]
        return min(sides, key=lambda n: (self.counts.get(n, 0), n), default=leader)

    def _leader(self) -> int:
        good = self.near * max(self.rates.values())
        return min(level for level, rate in self.rates.items() if rate >= good)

    def _most(self, level: int) -> int:
        """The level, or the first one that is at the upper end."""
        while level > 0 and self._value(level - 1) >= self.high:
            level -= 1
        return level


def tuner_for(room: int) -> Tuner:
    """A search for how many jobs an area with so much room likes."""
    most = max(1.0, (1.0 - SPARE) * room)
    return Tuner(low=max(1.0, most / 16), high=most)


def work_tuner_for(way_s: float) -> Tuner:
    """A search for how much work a station likes to which the way is so long.

    It begins where a station has work for as long as the next one needs to come (Little's law).
    """
    return Tuner(low=way_s, high=20.0 * way_s, near=WORK_NEAR)


# ------------------------------------------------------------------------------- letting in
@dataclass(frozen=True, slots=True)
class Job:
    """Something that waits to be let in."""

    id: str
    since_s: float
    work: Mapping[str, float] = field(default_factory=dict)  # seconds of work by station
    priority: int = 0  # higher goes first


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an area takes."""

    jobs: float  # CONWIP, or the room
    work_s: float = inf  # of each station
    old_s: float = inf  # seconds of waiting that are worth once more the limit of work


def admit(
    pool: Sequence[Job], inside: int, load_s: Mapping[str, float], limits: Limits, now_s: float
) -> Job | None:
    """The job that is to be let in now, or None.

    Args:
        pool: what waits, oldest first.
        inside: how many jobs are inside.
        load_s: the work that is inside for each station.
        limits: how much may be.
        now_s: by the clock that `since_s` comes from.
    """
    if not pool or inside + 1 > limits.jobs:
        return None
    if limits.work_s == inf:
        return max(pool[:LOOK], key=lambda job: job.priority)  # of equals the oldest
    highest = max(job.priority for job in pool[:LOOK])
    fits = [
        (_excess(job, load_s, limits.work_s * (1.0 + (now_s - job.since_s) / limits.old_s)), n)
        for n, job in enumerate(pool[:LOOK])
        if job.priority == highest
    ]
    excess, n = min(fits)
    return pool[n] if excess < 0.0 or not inside else None


def _excess(job: Job, load_s: Mapping[str, float], most_s: float) -> float:
    """How much less even the stations' work would be, below 0 if it would be more so."""
    return sum(
        work_s * (load_s.get(at, 0.0) + work_s / 2 - most_s) for at, work_s in job.work.items()
    )


def load_of(works: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The work for each station of all that is inside."""
    load_s: dict[str, float] = {}
    for work in works:
        for at, work_s in work.items():
            load_s[at] = load_s.get(at, 0.0) + work_s
    return load_s
