"""Which orders are released together, and through which aisles: most units for each aisle entered.

    maximise  units of the orders / aisles      every order whole, from the chosen aisles alone,
                                                least <= units <= most

Of aisles that are chosen the best orders are found by filling; of a price of an aisle, both by a
whole-number programme (units - price * aisles): Dinkelbach. Its best is a floor for the next price,
and where it is zero no wave is better: that is the proof. Before it come aisles added one by one
(a beam), which is the answer where there are too many orders for the programme or the time is up.
Only orders that can be whole are weighed, and of them no more than `most` units could ever hold.

The objective is negative: -units / aisles; its bound likewise. An iteration is a price.

Source: W. Dinkelbach, "On nonlinear fractional programming", Management Science 13(7), 1967; the
problem as in the SBPO 2025 challenge.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DEFAULT = Limits(seconds=60.0)
WIDTH = 8  # partial choices of aisles that go on
TRIED = 24  # aisles that are tried next to each of them
ROWS_MAX = 40_000  # lines of orders that the programme is made of
LEAST = 1e-9
FOREVER_S = 1e6
ROUGH = 0.2  # gap of the first programmes: any better wave makes a better price
BEAM = 0.25  # of the time is the beam's


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Lines of orders and stock of aisles; `sku`s are numbers from 0.

    Attributes:
        order_of_line, sku_of_line, units_of_line: shape (l,).
        aisle_of_stock, sku_of_stock, units_of_stock: shape (s,).
        orders, aisles: how many there are.
        least, most: units of the wave.
    """

    order_of_line: Ints
    sku_of_line: Ints
    units_of_line: Ints
    aisle_of_stock: Ints
    sku_of_stock: Ints
    units_of_stock: Ints
    orders: int
    aisles: int
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"units must lie in 0 <= least <= most: {self.least}, {self.most}")
        for name, numbers, count in (
            ("order_of_line", self.order_of_line, self.orders),
            ("aisle_of_stock", self.aisle_of_stock, self.aisles),
        ):
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
                raise ValueError(f"{name} must lie in [0, {count})")
        if np.any(self.units_of_line < 1) or np.any(self.units_of_stock < 0):
            raise ValueError("units of lines must be at least 1, of stock at least 0")

    @property
    def units(self) -> Ints:
        """Of each order, shape (orders,)."""
        return np.bincount(
            self.order_of_line, weights=self.units_of_line, minlength=self.orders
        ).astype(np.int64)

    def stock(self, aisles: Bools) -> Ints:
        """What these aisles hold of each SKU."""
        there = aisles[self.aisle_of_stock]
        return np.bincount(
            self.sku_of_stock[there], weights=self.units_of_stock[there], minlength=self.skus
        ).astype(np.int64)

    @property
    def skus(self) -> int:
        """One more than the highest number."""
        return 1 + int(max(self.sku_of_line.max(initial=-1), self.sku_of_stock.max(initial=-1)))


@dataclass(frozen=True, slots=True)
class Wave:
    """Which orders (orders,) and which aisles (aisles,)."""

    orders: Bools
    aisles: Bools


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[Wave]:
    """The wave. Infeasible where no whole orders have `least` units together: `why`."""
    watch = Stopwatch()
    search = _Search(problem, limits, watch, progress)
    search.beam()
    stages = {"beam": -search.ratio}
    bound = search.dinkelbach(seed)
    stages["dinkelbach"] = -search.ratio
    is_best = bound is not None and -bound <= search.ratio + LEAST
    status = Status.OPTIMAL if is_best else Status.FEASIBLE
    why: tuple[str, ...] = ()
    if search.best is None and problem.least > 0:
        status = Status.INFEASIBLE
        why = (f"no whole orders were found that have {problem.least} units together",)
    nothing = Wave(np.zeros(problem.orders, dtype=bool), np.zeros(problem.aisles, dtype=bool))
    objective = -search.ratio if search.best else 0.0
    return Solution(
        status=status,
        plan=search.best or nothing,
        objective=objective,
        bound=bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"units_per_aisle": objective},
        stages=stages,
        why=why,
    )


class _Search:
    """The best wave so far, and how it is made better."""

    def __init__(
        self, problem: Problem, limits: Limits, watch: Stopwatch, progress: Progress
    ) -> None:
        self.problem, self.limits, self.watch, self.progress = problem, limits, watch, progress
        self.units = problem.units
        self.best: Wave | None = None
        self.ratio = 0.0
        by_order = np.argsort(problem.order_of_line, kind="stable")
        self.sku, self.wanted = problem.sku_of_line[by_order], problem.units_of_line[by_order]
        ends = np.arange(problem.orders + 1)
        self.first = np.searchsorted(problem.order_of_line[by_order], ends)
        every = problem.stock(np.ones(problem.aisles, dtype=bool))
        lacking = every[problem.sku_of_line] < problem.units_of_line
        self.can_be = (self.units > 0) & (self.units <= problem.most)
        self.can_be[problem.order_of_line[lacking]] = False

    def filled(self, aisles: Bools) -> Bools:
        """Orders that are filled from these aisles, the largest first."""
        stock = self.problem.stock(aisles)
        lacking = stock[self.problem.sku_of_line] < self.problem.units_of_line
        fits = self.can_be.copy()
        fits[self.problem.order_of_line[lacking]] = False
        chosen, left = np.zeros(self.problem.orders, dtype=bool), self.problem.most
        candidates = np.flatnonzero(fits)
        for order in candidates[np.argsort(-self.units[candidates], kind="stable")].tolist():
            lines = slice(self.first[order], self.first[order + 1])
            skus, wanted = self.sku[lines], self.wanted[lines]
            if self.units[order] <= left and np.all(stock[skus] >= wanted):
                np.subtract.at(stock, skus, wanted)
                if np.all(stock[skus] >= 0):
                    chosen[order] = True
                    left -= int(self.units[order])
                else:  # one SKU on two lines
                    np.add.at(stock, skus, wanted)
        return chosen

    def keep(self, wave: Wave) -> float:
        """Remember a wave if it is the best; its units for each aisle, 0 if it is too small."""
        units = int(self.units[wave.orders].sum())
        count = max(1, int(wave.aisles.sum()))
        if units < self.problem.least or units == 0:
            return 0.0
        ratio = units / count
        if ratio > self.ratio + LEAST:
            self.ratio, self.best = ratio, wave
            self.progress(-ratio, None)
        return ratio

    def _is_over(self, part: float = 1.0, done: int = 0) -> bool:
        seconds = self.limits.seconds
        is_late = seconds is not None and self.watch.elapsed_s >= seconds * part
        return is_late or self.limits.is_over(self.watch, done)

    def beam(self) -> None:
        """Add aisles one by one, those that make most orders whole, until all are in."""
        problem = self.problem
        worth = self._worth_of_aisles()
        states = [np.zeros(problem.aisles, dtype=bool)]
        for size in range(1, problem.aisles + 1):
            if self._is_over(BEAM) or problem.most / size <= self.ratio:
                break
            tried: dict[bytes, tuple[float, Bools]] = {}
            for state in states:
                for aisle in np.argsort(-np.where(state, -1.0, worth), kind="stable")[:TRIED]:
                    if state[aisle] or self._is_over(BEAM):
                        continue
                    aisles = state.copy()
                    aisles[aisle] = True
                    if aisles.tobytes() not in tried:
                        chosen = self.filled(aisles)
                        self.keep(Wave(chosen, aisles))
                        tried[aisles.tobytes()] = float(self.units[chosen].sum()), aisles
            ranked = sorted(tried.values(), key=lambda each: -each[0])
            states = [aisles for _, aisles in ranked[:WIDTH]] or states
        everything = np.ones(problem.aisles, dtype=bool)
        if self.best is None:
            self.keep(Wave(self.filled(everything), everything))

    def _worth_of_aisles(self) -> NDArray[np.float64]:
        """How much of what is wanted each aisle holds."""
        problem = self.problem
        mine = self.can_be[problem.order_of_line]
        wanted = np.bincount(
            problem.sku_of_line[mine], weights=problem.units_of_line[mine], minlength=problem.skus
        )
        useful = np.minimum(problem.units_of_stock, wanted[problem.sku_of_stock])
        return np.bincount(
            problem.aisle_of_stock, weights=useful.astype(np.float64), minlength=problem.aisles
        ).astype(np.float64)

    def dinkelbach(self, seed: int) -> float | None:
        """Better waves by the programme, price after price; a floor under the objective, if any."""
        rows = int(np.count_nonzero(self.can_be[self.problem.order_of_line]))
        if not self.can_be.any():
            return 0.0
        if rows > ROWS_MAX or self._is_over():
            return None
        model = _Model(self.problem, self.can_be, self.units)
        worth = np.sort(self._worth_of_aisles())[::-1]
        fewest = 1 + int(np.searchsorted(np.cumsum(worth), self.problem.least))
        prices, gap = 0, ROUGH
        bound: float | None = None
        while not self._is_over(done=prices):
            prices += 1
            before = self.ratio
            wave, over = model.best(before, self.limits.left_s(self.watch), gap, seed)
            if wave is not None:
                self.keep(wave)
            if over is None:
                return bound
            if over <= LEAST * max(1.0, before):
                return -self.ratio if self.ratio else 0.0
            floor = -(before + over / fewest)  # a wave needs so many aisles
            bound = floor if bound is None else max(bound, floor)
            if self.ratio <= before + LEAST:
                if not gap:
                    return bound
                gap = 0.0
        return bound


class _Model:
    """Units less a price for each aisle; made once, asked for many prices."""

    def __init__(self, problem: Problem, can_be: Bools, units: Ints) -> None:
        self.problem = problem
        model = self.model = mathopt.Model()
        model.objective.is_maximize = True
        self.orders = {int(each): model.add_binary_variable() for each in np.flatnonzero(can_be)}
        self.aisles = [model.add_binary_variable() for _ in range(problem.aisles)]
        total = model.add_linear_constraint(lb=float(problem.least), ub=float(problem.most))
        for order, variable in self.orders.items():
            model.objective.set_linear_coefficient(variable, float(units[order]))
            total.set_coefficient(variable, float(units[order]))
        self._stock(can_be)

    def _stock(self, can_be: Bools) -> None:
        """No more is taken of a SKU than the chosen aisles hold."""
        problem = self.problem
        mine = can_be[problem.order_of_line]
        wanted = _summed(
            problem.sku_of_line[mine], problem.order_of_line[mine], problem.units_of_line[mine]
        )
        held = _summed(problem.sku_of_stock, problem.aisle_of_stock, problem.units_of_stock)
        rows: dict[int, mathopt.LinearConstraint] = {}
        total: dict[int, int] = {}
        for (sku, order), units in wanted.items():
            if sku not in rows:
                rows[sku], total[sku] = self.model.add_linear_constraint(ub=0.0), 0
            rows[sku].set_coefficient(self.orders[order], float(units))
            total[sku] += units
        for (sku, aisle), units in held.items():
            if sku in rows:
                rows[sku].set_coefficient(self.aisles[aisle], -float(min(units, total[sku])))

    def best(
        self, price: float, budget_s: float, gap: float, seed: int
    ) -> tuple[Wave | None, float | None]:
        """The best wave at that price of an aisle, and a bound over units less prices of any."""
        for variable in self.aisles:
            self.model.objective.set_linear_coefficient(variable, -price)
        try:
            result = mathopt.solve(
                self.model,
                mathopt.SolverType.HIGHS,
                params=mathopt.SolveParameters(
                    time_limit=timedelta(seconds=min(budget_s, FOREVER_S)),
                    random_seed=seed,
                    relative_gap_tolerance=gap,
                ),
            )
        except (RuntimeError, ValueError, AttributeError):  # the best so far stands
            return None, None
        if result.termination.reason == mathopt.TerminationReason.INFEASIBLE:
            return None, -np.inf
        over = float(result.termination.objective_bounds.dual_bound)
        if not result.has_primal_feasible_solution():
            return None, over if np.isfinite(over) else None
        wave = Wave(
            np.zeros(self.problem.orders, dtype=bool), np.zeros(self.problem.aisles, dtype=bool)
        )
        values = result.variable_values(list(self.orders.values()))
        wave.orders[list(self.orders)] = np.array(values) > 1 / 2
        wave.aisles[:] = np.array(result.variable_values(self.aisles)) > 1 / 2
        return wave, over if np.isfinite(over) else None


def _summed(sku: Ints, where: Ints, units: Ints) -> dict[tuple[int, int], int]:
    """Units by SKU and place."""
    total: dict[tuple[int, int], int] = {}
    for each, at, some in zip(sku.tolist(), where.tolist(), units.tolist(), strict=True):
        total[each, at] = total.get((each, at), 0) + some
    return total
