"""How much to keep of one SKU at one site: the levels that cost least in the long run.

    solve(Problem)     (s, S): looked at every period; at s or below, order up to S
    solve_rq(Problem)  (r, Q): looked at always; when it falls to r, order Q
    newsvendor         bought once, before the demand is known

What counts is the position: on hand, on order, less what is owed. A position y costs on average

    cost(y) = hold * E[units left after a lead time] + short * E[units owed then]

a period, and an order `fixed`. Demand is a row of probabilities, of 0, 1, 2 ... units a period;
`poisson` and `spread` make such rows from a mean, `service_short` a `short` from a service level.
The best levels are exact: the search for s and S stops where it is proven that nothing better
follows. An infinite demand is cut where less than a billionth is left.

Units of goods; costs in any one unit.

Source: Y.-S. Zheng, A. Federgruen, "Finding Optimal (s, S) Policies Is About As Simple As
Evaluating a Single Policy", Operations Research 39(4), 1991; A. Federgruen, Y.-S. Zheng, "An
Efficient Algorithm for Computing an Optimal (r, Q) Policy", Operations Research 40(4), 1992.
"""

from dataclasses import dataclass
from math import ceil, lgamma, log, log1p
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Floats = NDArray[np.float64]
DEFAULT = Limits()

TAIL = 1e-10
UNITS_MAX = 200_000  # of the demand of a lead time: beyond, count in packs


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A SKU at a site.

    Attributes:
        demand: the probability of 0, 1, 2 ... units in a period.
        lead_periods: whole periods from order to arrival.
        hold: for a unit that is kept for a period.
        short: for a unit that is owed for a period.
        fixed: for an order, however large.
    """

    demand: Floats
    lead_periods: int = 0
    hold: float
    short: float
    fixed: float = 0.0

    def __post_init__(self) -> None:
        if self.demand.ndim != 1 or (self.demand < 0).any() or abs(self.demand.sum() - 1) > 1e-6:  # noqa: PLR2004 - rounding
            raise ValueError("demand must be probabilities that add up to 1")
        if self.hold <= 0 or self.short <= 0:
            raise ValueError("without a price of keeping and of owing any level would do")
        if self.fixed < 0 or self.lead_periods < 0:
            raise ValueError("fixed and lead_periods must be at least 0")
        if self.demand.size * (self.lead_periods + 1) > UNITS_MAX:
            raise ValueError(f"more than {UNITS_MAX} units in a lead time: count in packs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """At `low` or below, order up to `high`."""

    low: int
    high: int


# ------------------------------------------------------------------------------------- demand
def poisson(mean: float) -> Floats:
    """The demand of many customers who come by chance and take one."""
    return spread(mean, mean)


def spread(mean: float, variance: float) -> Floats:
    """A demand of that mean and variance: negative binomial; no narrower than Poisson.

    Lumpy demand, of which most periods have none, is a wide one.
    """
    if mean <= 0:
        return np.ones(1)
    if mean > UNITS_MAX:
        raise ValueError(f"more than {UNITS_MAX} units in a period: count in packs")
    top = ceil(mean + 12 * max(variance, mean) ** 0.5 + 30 * max(1.0, variance / mean))
    units = np.arange(min(top, UNITS_MAX - 1) + 1)
    factorial = np.array([lgamma(n + 1) for n in units])
    if variance <= mean * (1 + 1e-9):
        logs = units * log(mean) - mean - factorial
    else:
        size = mean * mean / (variance - mean)
        gammas = np.array([lgamma(n + size) for n in units]) - lgamma(size)
        often = log(mean / variance), log1p(-mean / variance)
        logs = gammas - factorial + size * often[0] + units * often[1]
    found = np.exp(logs)
    kept = int(np.searchsorted(found.cumsum(), 1 - TAIL)) + 1
    found = found[:kept]
    share: Floats = found / found.sum()
    return share


def convolved(demand: Floats, periods: int) -> Floats:
    """The demand of so many periods together."""
    found = np.ones(1)
    for _ in range(periods):
        found = np.convolve(found, demand)
        found = found[: int(np.searchsorted(found.cumsum(), 1 - TAIL)) + 1]
    total: Floats = found / found.sum()
    return total


def service_short(service: float, hold: float) -> float:
    """The price of owing a unit under which that share of periods without any is best."""
    if not 0 < service < 1:
        raise ValueError(f"a service level lies between 0 and 1, not at {service}")
    return hold * service / (1 - service)


class _Cost:
    """cost(y) of a position y, by the demand of the time until an order would be there."""

    def __init__(self, demand: Floats, hold: float, short: float) -> None:
        self._mean = float(demand @ np.arange(demand.size))
        self._hold, self._short = hold, short
        self._left = np.r_[0.0, demand.cumsum().cumsum()]  # E[(y - D)+] for y = 0 ... size
        self.best = int(np.searchsorted(demand.cumsum(), short / (short + hold) - 1e-12))

    def __call__(self, position: int) -> float:
        last = self._left.size - 1
        if position <= last:
            left = float(self._left[position]) if position > 0 else 0.0
        else:
            left = float(self._left[last]) + position - last
        return self._hold * left + self._short * (self._mean - position + left)


# --------------------------------------------------------------------------------- the levels
def newsvendor(demand: Floats, *, hold: float, short: float) -> tuple[int, float]:
    """How many to buy once, and what that costs on average."""
    cost = _Cost(demand, hold, short)
    return cost.best, cost(cost.best)


def newsvendor_normal(mean: float, sd: float, *, hold: float, short: float) -> tuple[float, float]:
    """The same of a demand that is normally distributed."""
    if sd == 0:
        return mean, 0.0
    z = NormalDist().inv_cdf(short / (short + hold))
    return mean + z * sd, (hold + short) * sd * NormalDist().pdf(z)


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[Levels]:
    """The (s, S) policy that costs least a period, in the long run; exact, whatever the limits."""
    del limits
    watch = Stopwatch()
    if problem.demand[0] >= 1 - TAIL:
        return _solution(watch, seed, Levels(low=-1, high=0), 0.0, 0.0)
    search = _Search(problem)
    found = search.run()
    objective = search.cost_of(found)
    progress(objective, objective)
    orders = problem.fixed / search.periods(found.high - found.low)
    return _solution(watch, seed, found, objective, orders)


def cost_of(problem: Problem, levels: Levels) -> float:
    """What any (s, S) policy costs a period, in the long run."""
    return _Search(problem).cost_of(levels)


class _Search:
    """Zheng and Federgruen: S upwards as long as it may be better, s following."""

    def __init__(self, problem: Problem) -> None:
        self._fixed, self._demand = problem.fixed, problem.demand
        owed = convolved(problem.demand, problem.lead_periods + 1)
        self._cost = _Cost(owed, problem.hold, problem.short)
        self._often = np.array([1 / (1 - problem.demand[0])])  # periods spent d below S
        self._known: dict[int, float] = {}

    def run(self) -> Levels:
        """The best of all."""
        low = high = self._cost.best
        while True:
            low -= 1
            best = self.cost_of(Levels(low=low, high=high))
            if best <= self._at(low):
                break
        top = high + 1
        while self._at(top) <= best:
            if self.cost_of(Levels(low=low, high=top)) < best:
                high = top
                while self.cost_of(Levels(low=low, high=high)) <= self._at(low + 1):
                    low += 1
                best = self.cost_of(Levels(low=low, high=high))
            top += 1
        return Levels(low=low, high=high)

    def cost_of(self, levels: Levels) -> float:
        """Between two orders the position is d below S for `often[d]` periods on average."""
        width = levels.high - levels.low
        periods = self.periods(width)
        positions = range(levels.high, levels.low, -1)
        held = float(self._often[:width] @ np.array([self._at(each) for each in positions]))
        return (self._fixed + held) / periods

    def periods(self, width: int) -> float:
        """Periods from an order to the next."""
        while self._often.size < width:
            n = self._often.size
            reach = min(n, self._demand.size - 1)
            before = self._often[n - reach : n][::-1] @ self._demand[1 : reach + 1]
            self._often = np.r_[self._often, before / (1 - self._demand[0])]
        return float(self._often[:width].sum())

    def _at(self, position: int) -> float:
        if position not in self._known:
            self._known[position] = self._cost(position)
        return self._known[position]


def _solution(
    watch: Stopwatch, seed: int, levels: Levels, objective: float, orders: float
) -> Solution[Levels]:
    return Solution(
        status=Status.OPTIMAL,
        plan=levels,
        objective=objective,
        bound=objective,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"orders": orders, "stock": objective - orders},
    )


def solve_rq(problem: Problem, *, seed: int = 0) -> Solution[Levels]:
    """The (r, Q) policy that costs least a period when units go one by one: low r, high r + Q.

    `demand` is that of a period, and `lead_periods` of them that of a lead time.
    """
    watch = Stopwatch()
    rate = float(problem.demand @ np.arange(problem.demand.size))
    if rate == 0:
        return _solution(watch, seed, Levels(low=-1, high=0), 0.0, 0.0)
    cost = _Cost(convolved(problem.demand, problem.lead_periods), problem.hold, problem.short)
    low, high = cost.best - 1, cost.best
    total = problem.fixed * rate + cost(high)
    while True:
        below, above = cost(low), cost(high + 1)
        if min(below, above) >= total / (high - low):
            break
        total += min(below, above)
        low, high = (low - 1, high) if below <= above else (low, high + 1)
    objective = total / (high - low)
    orders = problem.fixed * rate / (high - low)
    return _solution(watch, seed, Levels(low=low, high=high), objective, orders)
