"""Which orders are released together, and through which aisles: most units for each aisle entered.

    maximise  units of the orders / aisles      every order whole, from the chosen aisles alone,
                                                least <= units <= most

    search    waves_search   aisles come, go and change places, orders are filled: the answer
    bound     waves_bound    for each number of aisles a roof over its units, by prices of goods
    exact     waves_exact    programmes for the numbers of aisles whose roof is not low enough

A better wave than the best so far must have a number of aisles that is still alive; when none is,
the best is proven. Dinkelbach's price of an aisle is the best ratio so far: the search is led by it
and each number of aisles has from it the units that a better wave needs.

The objective is negative: -units / aisles; its bound likewise. An iteration is a round of
`waves_search.ROUND` moves; the proof is not counted in them.

Source: W. Dinkelbach, "On nonlinear fractional programming", Management Science 13(7), 1967; the
problem as in the SBPO 2025 challenge.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard
from optimizer.waves_bound import Bound
from optimizer.waves_problem import Book, Problem, Wave, book_of
from optimizer.waves_search import COLD, HOT, Search

if TYPE_CHECKING:
    from optimizer.waves_exact import Programme

__all__ = ["DEFAULT", "Problem", "Wave", "solve"]

DEFAULT = Limits(seconds=60.0)
LEAST = 1e-9
LOOKED, PROVED = 0.25, 0.9  # shares of the time at which the search and the proof end
LARGE_LOOKED = 0.8  # where there is no programme
LAST = 0.97  # of the time: the orders of the last aisles are chosen exactly after it
CYCLES = 6  # of annealing without a gain, each longer, and the search rests
LONGER = 1.7
FILLED_FIRST, FILLED_LAST = 0.05, 0.5  # of the time that is left, at most: the proof needs it more
FELL = 1.0  # units that a roof must fall by, or the linear programme has no more to say
ENTRIES_MAX = 80_000  # of the rows of a programme


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[Wave]:
    """The wave. Infeasible where no whole orders have `least` units together: `why`."""
    watch = Stopwatch()
    run = _Run(problem, limits, watch, seed, progress)
    stages = {}
    run.search.begin()
    run.told()
    stages["greedy"] = -run.ratio
    run.look(LOOKED if run.is_small else LARGE_LOOKED, CYCLES)
    run.fill(FILLED_FIRST)
    stages["search"] = -run.ratio
    run.prove(PROVED)
    stages["exact"] = -run.ratio
    if run.is_open() and limits.seconds is not None:
        run.look(LAST, None)
        run.fill(FILLED_LAST)
    bound = -run.bound.ratio(run.ratio)
    best = run.best
    units = int(problem.units[best.orders].sum())
    objective = -units / max(1, int(best.aisles.sum()))
    why: tuple[str, ...] = ()
    status = Status.FEASIBLE if run.is_open() else Status.OPTIMAL
    if units < max(1, problem.least) and problem.least > 0:
        status = Status.INFEASIBLE
        why = (f"no whole orders were found that have {problem.least} units together",)
    return Solution(
        status=status,
        plan=best,
        objective=objective,
        bound=None if status is Status.INFEASIBLE else bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"units_per_aisle": objective},
        stages=stages,
        why=why,
    )


class _Run:
    """The best wave so far, what is proven of it, and how the time is spent."""

    def __init__(
        self, problem: Problem, limits: Limits, watch: Stopwatch, seed: int, progress: Progress
    ) -> None:
        self._problem, self._limits, self._watch = problem, limits, watch
        self._seed, self._progress = seed, progress
        self._book: Book = book_of(problem)
        self._found: Wave | None = None  # by a programme; the search finds its orders anew
        self._rounds, self._cycle = 0, -1
        self._programme: Programme | None = None
        self.search = Search(problem, self._book, seed)
        self.bound = Bound(problem, self._book)
        rows = self.bound.rows
        self.is_small = rows.orders.key.size + rows.aisles.key.size <= ENTRIES_MAX

    @property
    def ratio(self) -> float:
        return self.search.ratio

    def is_open(self) -> bool:
        """Whether there may be a better wave."""
        return bool(self.bound.alive(self.ratio).any())

    @property
    def best(self) -> Wave:
        if self._found is not None:
            return self._found
        return self.search.wave(self.search.best)

    def told(self) -> None:
        if self.ratio:
            self._progress(-self.ratio, -self.bound.ratio(self.ratio))

    def _is_over(self, share: float = 1.0) -> bool:
        """Whether that share of the time is over, or the wave is as good as was asked for."""
        seconds = self._limits.seconds
        over = seconds is not None and self._watch.elapsed_s >= seconds * share
        best, low = (-self.ratio, -self.bound.ratio(self.ratio)) if self.ratio else (None, None)
        return over or replace(self._limits, iterations=None).is_over(self._watch, 0, best, low)

    def look(self, share: float, cycles: int | None) -> None:
        """Anneal, cycle after cycle, until so many have found nothing better."""
        since, shortest = 0, self._problem.aisles + 16
        started_s = self._watch.elapsed_s
        while (cycles is None or since < cycles) and self.is_open():
            before, length = self.ratio, round(shortest * LONGER ** min(since, CYCLES))
            self._cycle += 1
            self.search.cycle(self._cycle)
            for nth in range(length):
                if self._is_over(share) or self._rounds == self._limits.iterations:
                    return
                self.search.round(HOT * (COLD / HOT) ** self._gone(nth / length, started_s, share))
                self._rounds += 1
                if self.ratio > before + LEAST:
                    self._found, since = None, -1
            since += 1
            if self.ratio > before + LEAST:
                self.told()

    def _gone(self, part: float, started_s: float, share: float) -> float:
        """How far a cycle has come, by its rounds or by the time that there is for it."""
        if self._limits.seconds is None:
            return part
        had_s = max(self._limits.seconds * share - started_s, LEAST)
        return min(1.0, max(part, (self._watch.elapsed_s - started_s) / had_s))

    def prove(self, share: float) -> None:
        """Bring the roofs down until no number of aisles is alive, or the time is up."""
        prices = (1 + LOOKED) / 2 if self.is_small else 1.0
        self.bound.lower(self.ratio, lambda: self._is_over(prices * share))
        self.told()
        if not self.is_small or not self.is_open() or self._is_over(share):
            return
        from optimizer.waves_exact import Programme  # noqa: PLC0415 - half a second, only here

        linear = Programme(self._problem, self._book, self.bound.rows, whole=False)
        while self.is_open() and not self._is_over(share):
            count = self.bound.densest(self.ratio)
            before = float(self.bound.roofs[count])
            prices_of = linear.prices(count, self._left_s(share))
            if prices_of is None:
                break
            self.bound.at(prices_of)
            if self.bound.roofs[count] > before - FELL:
                break
        self.told()
        if not self._is_over(share):
            self._exact(share)

    @property
    def _whole(self) -> "Programme":
        if self._programme is None:
            from optimizer.waves_exact import Programme  # noqa: PLC0415 - as above

            self._programme = Programme(self._problem, self._book, self.bound.rows, whole=True)
        return self._programme

    def fill(self, share: float) -> None:
        """Choose the orders of the best aisles exactly, in that share of the time that is left."""
        if self.is_small and self.ratio and self._found is None and self.is_open():
            left_s = self._left_s(1.0)
            wave = self._whole.filled(self.search.best, left_s * share, self._seed)
            if wave is not None:
                self._keep(wave)

    def _exact(self, share: float) -> None:
        whole = self._whole
        while self.is_open() and not self._is_over(share):
            count = self.bound.densest(self.ratio)
            least = int(self.bound.needed(self.ratio)[count])
            wave, roof = whole.best(count, least, self._left_s(share), self._seed)
            if wave is not None:
                self._keep(wave)
            if roof is None:
                return
            before = float(self.bound.roofs[count])
            self.bound.roofs[count] = min(before, roof)
            self.told()
            if wave is None and self.bound.alive(self.ratio)[count]:
                return  # the time was up

    def _keep(self, wave: Wave) -> None:
        ratio = float(self._problem.units[wave.orders].sum() / wave.aisles.sum())
        if ratio > self.ratio + LEAST:
            self._found = wave
            self.search.ratio, self.search.best[:] = ratio, wave.aisles

    def _left_s(self, share: float) -> float:
        if self._limits.seconds is None:
            return float("inf")
        return max(0.01, self._limits.seconds * share - self._watch.elapsed_s)
