"""Waves by whole-number programmes: one for each number of aisles that may have a better one.

With the number of aisles fixed the densest wave is the one with most units, and a better wave than
the best so far needs a whole number of them. So each programme asks for that many at least: it
finds a better wave, or there is none of so many aisles. The linear programme beside it tells the
prices of goods at which `waves_bound` proves its roofs.
"""

from datetime import timedelta

import numpy as np
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer.waves_bound import Rows
from optimizer.waves_problem import Book, Bools, Floats, Problem, Side, Wave

FOREVER_S = 1e6
NODES = 200_000  # of the search tree, where no time is set


class Programme:
    """Orders and aisles that are in or not; made once, asked for many numbers of aisles."""

    def __init__(self, problem: Problem, book: Book, rows: Rows, *, whole: bool) -> None:
        self._problem, self._book, self._count = problem, book, rows.count
        model = self._model = mathopt.Model()
        model.objective.is_maximize = True

        def variable(most: float) -> mathopt.Variable:
            return model.add_variable(lb=0.0, ub=most, is_integer=whole)

        self._orders = [variable(float(units > 0)) for units in book.units.tolist()]
        self._aisles = [variable(1.0) for _ in range(problem.aisles)]
        self._units = model.add_linear_constraint(ub=float(problem.most))
        for order, units in zip(self._orders, book.units.tolist(), strict=True):
            self._units.set_coefficient(order, float(units))
            model.objective.set_linear_coefficient(order, float(units))
        self._number = model.add_linear_constraint()
        for aisle in self._aisles:
            self._number.set_coefficient(aisle, 1.0)
        self._rows = [model.add_linear_constraint(ub=0.0) for _ in range(rows.count)]
        self._fill(rows.orders, self._orders, 1.0)
        self._fill(rows.aisles, self._aisles, -1.0)

    def _fill(self, entries: Side, variables: list[mathopt.Variable], sign: float) -> None:
        for owner, row, units in zip(
            entries.owner.tolist(), entries.key.tolist(), entries.units.tolist(), strict=True
        ):
            self._rows[row].set_coefficient(variables[owner], sign * units)

    def best(
        self, count: int, least: int, budget_s: float, seed: int
    ) -> tuple[Wave | None, float | None]:
        """A wave of so many aisles and at least so many units; and a roof over any of them."""
        self._units.lower_bound = float(least)
        result = self._solved(count, budget_s, seed)
        if result is None:
            return None, None
        if result.termination.reason in {
            mathopt.TerminationReason.INFEASIBLE,
            mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,
        }:
            return None, -np.inf
        roof = float(result.termination.objective_bounds.dual_bound)
        if not result.has_primal_feasible_solution():
            return None, roof if np.isfinite(roof) else None
        orders, aisles = (
            np.array(result.variable_values(each)) > 1 / 2 for each in (self._orders, self._aisles)
        )
        return Wave(orders, aisles), roof

    def filled(self, aisles: Bools, budget_s: float, seed: int) -> Wave | None:
        """The most units of orders that these aisles fill."""
        for variable, is_in in zip(self._aisles, aisles.tolist(), strict=True):
            variable.lower_bound = variable.upper_bound = float(is_in)
        wave, _ = self.best(int(aisles.sum()), 0, budget_s, seed)
        for variable in self._aisles:
            variable.lower_bound, variable.upper_bound = 0.0, 1.0
        return wave

    def prices(self, count: int, budget_s: float) -> Floats | None:
        """What a unit of each row is worth to waves of so many aisles; none where time is up."""
        self._units.lower_bound = 0.0
        result = self._solved(count, budget_s, 0)
        if result is None or not result.has_dual_feasible_solution() or not self._rows:
            return None
        duals: Floats = np.maximum(0.0, np.array(result.dual_values(self._rows)))
        return duals

    def _solved(self, count: int, budget_s: float, seed: int) -> mathopt.SolveResult | None:
        self._number.lower_bound = self._number.upper_bound = float(count)
        is_endless = budget_s >= FOREVER_S
        try:
            return mathopt.solve(
                self._model,
                mathopt.SolverType.HIGHS,
                params=mathopt.SolveParameters(
                    time_limit=timedelta(seconds=min(budget_s, FOREVER_S)),
                    node_limit=NODES if is_endless else None,
                    random_seed=seed,
                    relative_gap_tolerance=0.0,
                    absolute_gap_tolerance=0.999,
                ),
            )
        except (RuntimeError, ValueError, AttributeError):  # the best so far stands
            return None
