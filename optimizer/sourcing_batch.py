"""A batch decided together, as well as there is time for: prices, search, and MIPs of parts.

    improved(problem, plan, limits, seed, progress) -> Found

1. Prices and a floor (optimizer.sourcing_search), with a plan made at the prices every few rounds.
2. Ruin and recreate, from the best plan.
3. A MIP (optimizer.sourcing_mip): of the whole batch while it is small; else of some orders that
   want the same stock, the others left as they are, again and again.

By seconds each has its share of the time, so that an answer is there at any moment. By
iterations (steps of ruin and recreate) and without seconds the MIP is left out, so that the
answer depends on the seed alone.

Law: what is returned is never dearer than the plan that was given, and its bound never above it.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.compiled import IS_COMPILED
from optimizer.result import Limits, Progress, Stopwatch, unheard
from optimizer.sourcing_fill import (
    ENDLESS,
    Left,
    Prices,
    all_left,
    cost_of,
    give,
    no_prices,
    scratch_for,
)
from optimizer.sourcing_parts import part_of, related
from optimizer.sourcing_problem import Floats, Ints, Problem, cost_terms, violations
from optimizer.sourcing_search import (
    RUINED_MAX,
    Search,
    Usage,
    moved,
    priced,
    relaxed,
    ruin_and_recreate,
)
from optimizer.sourcing_table import Tabled

RELAX_MAX, RELAX_BY_STEPS = 300, 60  # rounds of prices; with a limit of steps
PLAN_EVERY = 20
CHUNK = 200 if IS_COMPILED else 20  # steps between two looks at the clock
CHUNK_BY_STEPS = 20  # and where steps are counted, the same compiled or not
SLOW_S = 0.002  # of an order, a round, where nothing is compiled
RELAX_SHARE, SEARCH_SHARE = 0.25, 0.75  # of the time, until when
IDLE_MAX, SHRINK, SHARE_MIN = 8, 0.6, 1e-3  # of the steps of prices
SMALL_STEPS = 20_000  # before the MIP of a small batch
WHOLE_MAX = 6_000  # sources of a batch that is one MIP
ROUND_S, ROUND_ORDERS = 6.0, 250
LONG, SHORT, LESS, MORE = 0.8, 0.3, 0.8, 1.2  # rounds that take long get fewer orders
THRESHOLD = 0.2  # of what an order costs in the mean
TOLERANCE, TOLD = 1e-6, 1e-4
ENDLESS_S = 60.0  # of a search that nobody limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it: the plan (l, n), a proven floor or None, the cost after each stage."""

    plan: Ints
    bound: float | None
    stages: dict[str, float]


def improved(
    problem: Problem, plan: Ints, *, limits: Limits, seed: int, progress: Progress, watch: Stopwatch
) -> Found:
    """A plan at least as good as this one, within the limits.

    Args:
        problem: what to decide.
        plan: a plan that can be carried out, shape (l, n).
        limits: iterations are steps of ruin and recreate.
        seed: of all chance.
        progress: told of better plans and bounds.
        watch: since when seconds count.
    """
    batch = _Batch(problem, plan, limits, seed, progress, watch)
    if batch.has_time_for_loops():
        batch.relax()
        batch.search()
    if limits.iterations is None:
        batch.solve_parts()
    return Found(plan=batch.plan, bound=batch.bound, stages=batch.stages)


class _Batch:
    """The best so far, and what it is made better with."""

    def __init__(
        self,
        problem: Problem,
        plan: Ints,
        limits: Limits,
        seed: int,
        progress: Progress,
        watch: Stopwatch,
    ) -> None:
        self.problem, self.plan = problem, plan
        self.limits, self.seed, self.watch = limits, seed, watch
        self.progress = progress
        self.cost = sum(cost_terms(problem, plan).values())
        self.stages: dict[str, float] = {}
        self.bound: float | None = None
        self.tabled = Tabled(problem)
        self.t = self.tabled.table
        self.scratch = scratch_for(self.t.capacity.size)
        self.prices = no_prices(self.t)
        self.is_small = self.t.node.size <= WHOLE_MAX
        free = np.flatnonzero(~self.t.is_stuck & (np.diff(self.t.group_first) > 0))
        size = np.diff(self.t.group_first)[free]
        self.turn = free[np.argsort(-size, kind="stable")].astype(np.int64)

    def has_time_for_loops(self) -> bool:
        """Whether the compiled searches are worth it: they are not where they are not compiled."""
        if not self.turn.size or self.limits.iterations == 0:
            return False
        loop_s = SLOW_S * self.t.split_cost.size
        return IS_COMPILED or loop_s * PLAN_EVERY < self.limits.left_s(self.watch)

    def over(self, share: float = 1.0) -> bool:
        """Whether that share of the time is over, or what there is is good enough."""
        limits = self.limits
        if limits.seconds is not None and self.watch.elapsed_s >= share * limits.seconds:
            return True
        return limits.is_over(self.watch, 0, self.cost, self.bound)

    def better(self, plan: Ints, stage: str) -> bool:
        """Keep a plan if it can be carried out and is cheaper."""
        cost = sum(cost_terms(self.problem, plan).values())
        is_better = cost < self.cost - TOLERANCE and not violations(self.problem, plan)
        if is_better:
            self.plan, self.cost = plan, cost
            self.progress(cost, self.bound)
        self.stages[stage] = self.cost
        return is_better

    def floor(self, bound: float) -> bool:
        """Keep a bound if it is higher."""
        bound = min(bound, self.cost)
        if self.bound is not None and bound <= self.bound + TOLERANCE:
            return False
        self.bound = bound
        return True

    # ------------------------------------------------------------------ prices

    def relax(self, rounds: int = RELAX_MAX) -> None:
        """Prices, a floor, and plans at the prices."""
        t, s = self.t, self.scratch
        every = Left(t.stock, np.full(t.capacity.size, ENDLESS, dtype=np.int64), t.parcels)
        usage = Usage(np.zeros_like(t.stock), np.zeros_like(t.capacity), np.zeros_like(t.parcels))
        take = np.zeros(t.node.size, dtype=np.int64)
        now, share, idle = no_prices(t), 1.0, 0
        rounds = rounds if self.limits.iterations is None else RELAX_BY_STEPS
        for number in range(rounds):
            if self.over(RELAX_SHARE):
                break
            bound = float(relaxed(t, s, every, now, take, usage))
            if self.floor(bound):
                idle = 0
                self.prices = Prices(now.stock.copy(), now.capacity.copy(), now.parcels.copy())
            else:
                idle += 1
            if idle >= IDLE_MAX:
                share, idle = share * SHRINK, 0
            if number % PLAN_EVERY == PLAN_EVERY - 1:
                self._plan_at(now)
            if share < SHARE_MIN:
                break
            moved(t, now, usage, share * max(self.cost - bound, 1e-9 * abs(self.cost)))
        self._plan_at(self.prices)
        self.progress(self.cost, self.bound)

    def _plan_at(self, prices: Prices) -> None:
        """Fill the orders at these prices, those that want most first."""
        left, take = self._stuck()
        priced(self.t, self.scratch, self.turn, left, prices, take)
        self.better(self.tabled.plan_of(take), "prices")

    def _stuck(self) -> tuple[Left, Ints]:
        """What is left, and taken, while only those orders have something that cannot move."""
        left, take = all_left(self.t), self.tabled.take_of(self.plan)
        for order in self.turn.tolist():
            first, last = self.t.group_first[order], self.t.group_first[order + 1]
            take[self.t.source_first[first] : self.t.source_first[last]] = 0
        for order in np.flatnonzero(self.t.is_stuck).tolist():
            give(self.t, self.scratch, order, take, left, -1)
        return left, take

    # ------------------------------------------------------------------ ruin and recreate

    def search(self) -> None:
        """Ruin and recreate, until its share of the time is over, or all steps are taken."""
        search, left = self.begun()
        threshold = THRESHOLD * float(search.costs.mean())
        steps = self.limits.iterations
        if steps is None:
            steps = SMALL_STEPS if self.is_small else None
        usual = CHUNK if self.limits.iterations is None else CHUNK_BY_STEPS
        began_s, done, told = self.watch.elapsed_s, 0, self.cost
        while not self.over(SEARCH_SHARE) and (steps is None or done < steps):
            chunk = usual if steps is None else min(usual, steps - done)
            rest = self._rest(began_s) if steps is None else 1 - done / steps
            ruin_and_recreate(self.t, self.scratch, left, search, chunk, threshold * rest**2)
            done += chunk
            if search.total[1] < told * (1 - TOLD):
                told = float(search.total[1])
                self.progress(told, self.bound)
        self.better(self.tabled.plan_of(search.best), "search")

    def _rest(self, began_s: float) -> float:
        """The share of the search's time that is still to come."""
        end_s = SEARCH_SHARE * (self.limits.seconds or ENDLESS_S)
        return max(0.0, (end_s - self.watch.elapsed_s) / max(TOLERANCE, end_s - began_s))

    def begun(self) -> tuple[Search, Left]:
        """The best plan as the search has it, and what it leaves."""
        t, orders = self.t, self.t.split_cost.size
        take, left = self.tabled.take_of(self.plan), all_left(t)
        costs = np.zeros(orders)
        for order in range(orders):
            give(t, self.scratch, order, take, left, -1)
            costs[order] = cost_of(t, self.scratch, order, take)
        search = Search(
            take=take,
            best=take.copy(),
            costs=costs,
            total=np.full(2, costs.sum()),
            state=np.array([self.seed % 2**31], dtype=np.int64),
            before=np.zeros_like(take),
            chosen=np.zeros(RUINED_MAX, dtype=np.int64),
            is_chosen=np.zeros(orders, dtype=np.bool_),
            none=no_prices(t),
            half=Prices(*(each / 2 for each in self.prices)),
            full=self.prices,
        )
        return search, left

    # ------------------------------------------------------------------ MIPs

    def solve_parts(self) -> None:
        """The whole batch as a MIP if it is small; else parts of it, until time is up."""
        from optimizer.sourcing_mip import improve  # noqa: PLC0415 - takes a second to import

        if self.is_small:
            left_s = self.limits.left_s(self.watch)
            if self.over():
                return
            plan, bound = improve(self.problem, self.plan, budget_s=left_s, seed=self.seed)
            if plan is not None:
                self.better(plan, "mip")
            if bound is not None and self.floor(bound):
                self.progress(self.cost, self.bound)
            return
        chance, size = np.random.default_rng(self.seed), ROUND_ORDERS
        while not self.over():
            began_s = self.watch.elapsed_s
            left_s = min(ROUND_S, self.limits.left_s(self.watch))
            part, lines = part_of(
                self.problem, self.plan, related(self.tabled, self.plan, chance, size)
            )
            plan, _ = improve(part, self.plan[lines], budget_s=left_s, seed=self.seed)
            if plan is not None:
                whole = self.plan.copy()
                whole[lines] = plan
                self.better(whole, "parts")
            took = (self.watch.elapsed_s - began_s) / ROUND_S
            size = max(20, int(size * (LESS if took > LONG else MORE if took < SHORT else 1)))


def prices_of(problem: Problem, rounds: int = RELAX_MAX) -> tuple[Floats, Floats]:
    """What a unit of stock (n, s) and a parcel (n,) are worth to the orders of a batch."""
    plan = in_turn(problem)
    watch = Stopwatch()
    batch = _Batch(problem, plan, Limits(), 0, unheard, watch)
    batch.relax(rounds)
    stock = np.zeros(problem.stock.shape)
    stock[batch.tabled.pair_node, batch.tabled.pair_sku] = batch.prices.stock
    return stock, batch.prices.parcels


def in_turn(
    problem: Problem, stock_prices: Floats | None = None, parcel_prices: Floats | None = None
) -> Ints:
    """Each order as it comes, at its cheapest on what is left, at these prices; shape (l, n).

    Orders too large for the table stay unfilled.
    """
    tabled = Tabled(problem)
    t, prices = tabled.table, no_prices(tabled.table)
    if stock_prices is not None:
        prices.stock[:] = stock_prices[tabled.pair_node, tabled.pair_sku]
    if parcel_prices is not None:
        prices.parcels[:] = parcel_prices
    turn = np.flatnonzero(~t.is_stuck).astype(np.int64)
    take = np.zeros(t.node.size, dtype=np.int64)
    priced(t, scratch_for(t.capacity.size), turn, all_left(t), prices, take)
    return tabled.plan_of(take)


def warm() -> None:
    """Compile the loops, where they are compiled: some seconds, once after an installation."""
    if not IS_COMPILED:
        return
    single = np.ones(2, dtype=np.int64)
    problem = Problem(
        order_of_line=np.arange(2),
        sku_of_line=np.zeros(2, dtype=np.int64),
        units=single,
        stock=np.ones((2, 1), dtype=np.int64),
        parcel_cost=np.array([[1.0, 2.0], [1.0, 9.0]]),
        unit_cost=np.zeros((2, 2)),
        backorder_cost=np.full(2, 100.0),
    )
    batch = _Batch(problem, in_turn(problem), Limits(iterations=1), 0, unheard, Stopwatch())
    batch.relax(1)
    search, left = batch.begun()
    ruin_and_recreate(batch.t, batch.scratch, left, search, 1, 0.0)
