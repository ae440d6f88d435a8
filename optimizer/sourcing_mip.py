"""The whole batch of orders as one MIP, solved by HiGHS through MathOpt.

Only pairs of line and node that can be used become variables. Units are whole numbers by
themselves at the corners of what is left once parcels and lines are chosen, but a solver may stop
elsewhere, so they are said to be. Rows for stock exist only where the demand of the batch can
exceed it.

MathOpt, not pywraplp: there HiGHS returns wrong duals and loses its incumbent at a time limit.
HiGHS is not told a number of threads: it answers that with an error that MathOpt cannot carry.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer.result import Stopwatch
from optimizer.sourcing_problem import Problem

Ints = NDArray[np.int64]


BUILD_SHARE = 0.5  # of the time: what takes longer to build will not be solved in the rest
SOLVE_SHARE = 0.95  # of what is left: a solver looks at its clock now and then


def improve(
    problem: Problem, hint: Ints, *, budget_s: float, seed: int, nodes: int | None = None
) -> tuple[Ints | None, float | None]:
    """A plan at least as good as what the solver finds in time, and a bound under every plan.

    Args:
        problem: what to decide.
        hint: a feasible plan, shape (l, n).
        budget_s: seconds, of building and of solving; inf: no limit.
        seed: of the solver's random choices.
        nodes: of its search tree, at most; with these and no seconds it always ends alike.

    Returns:
        the plan, shape (l, n), or None if the solver found none; and the bound, or None.
    """
    watch = Stopwatch()
    try:
        model = _Model(problem, watch, BUILD_SHARE * budget_s)
    except TimeoutError:
        return None, None
    left_s = SOLVE_SHARE * (budget_s - watch.elapsed_s)
    parameters = mathopt.SolveParameters(
        time_limit=timedelta(seconds=left_s) if np.isfinite(left_s) else None,
        node_limit=nodes,
        random_seed=seed,
        relative_gap_tolerance=0,
    )
    try:
        result = mathopt.solve(
            model.model,
            mathopt.SolverType.HIGHS,
            params=parameters,
            model_params=mathopt.ModelSolveParameters(solution_hints=[model.hint(hint)]),
        )
    except (RuntimeError, ValueError, AttributeError):  # the first plan stands; see the docstring
        return None, None
    bound = float(result.termination.objective_bounds.dual_bound)
    plan = model.plan(result) if result.has_primal_feasible_solution() else None
    return plan, bound if np.isfinite(bound) else None


class _Model:
    """The MIP and its variables by what they mean."""

    def __init__(self, problem: Problem, watch: Stopwatch, build_s: float) -> None:
        self.problem = problem
        self.model = mathopt.Model()
        self.parcel: dict[tuple[int, int], mathopt.Variable] = {}
        self.units: dict[tuple[int, int], mathopt.Variable] = {}
        self.unfilled: dict[int, mathopt.Variable] = {}
        self.of_order: dict[int, list[mathopt.Variable]] = {}
        self.beyond: dict[int, mathopt.Variable] = {}
        costs = []
        for line in range(problem.units.size):
            if watch.elapsed_s > build_s:
                raise TimeoutError("no time to build the model")
            costs.append(self._line(line))
        costs += [
            problem.parcel_cost[order, node] * opened
            for (order, node), opened in self.parcel.items()
        ]
        self._stock()
        self._capacity()
        costs += [self._parted(order) for order in range(problem.parcel_cost.shape[0])]
        self.model.minimize(mathopt.fast_sum(costs))

    def _line(self, line: int) -> mathopt.LinearExpression:
        problem, model = self.problem, self.model
        order, sku = int(problem.order_of_line[line]), int(problem.sku_of_line[line])
        wanted, parts = int(problem.units[line]), problem.parts_lines(order)
        is_free = parts and wanted == 1  # whole by itself where the units are
        unfilled = self.unfilled[line] = model.add_variable(lb=0, ub=1, is_integer=not is_free)
        cost = [problem.backorder_cost[line] * unfilled]
        sources = []
        allowed = np.isfinite(problem.parcel_cost[order]) & np.isfinite(problem.unit_cost[line])
        allowed &= problem.stock[:, sku] >= (1 if parts else wanted)
        for node in np.flatnonzero(allowed).tolist():
            usable = min(wanted, int(problem.stock[node, sku]))
            per_unit = float(problem.unit_cost[line, node])
            if (order, node) not in self.parcel:
                self.parcel[order, node] = model.add_binary_variable()
                self.of_order.setdefault(order, []).append(self.parcel[order, node])
            if parts:
                units = self.units[line, node] = model.add_integer_variable(lb=0, ub=usable)
                model.add_linear_constraint(units <= usable * self.parcel[order, node])
                sources.append(1.0 * units)
            else:
                units = self.units[line, node] = model.add_binary_variable()
                model.add_linear_constraint(units <= self.parcel[order, node])
                sources.append(wanted * units)
                per_unit *= wanted
            cost.append(per_unit * units)
        model.add_linear_constraint(mathopt.fast_sum(sources) + wanted * unfilled == wanted)
        return mathopt.fast_sum(cost)

    def _stock(self) -> None:
        problem = self.problem
        takers: dict[tuple[int, int], list[tuple[int, mathopt.Variable]]] = {}
        for (line, node), units in self.units.items():
            sku = int(problem.sku_of_line[line])
            takers.setdefault((node, sku), []).append((self._each(line), units))
        demand = np.zeros(problem.stock.shape[1], dtype=np.int64)
        np.add.at(demand, problem.sku_of_line, problem.units)
        for (node, sku), lines in takers.items():
            if demand[sku] > problem.stock[node, sku]:
                self.model.add_linear_constraint(
                    mathopt.fast_sum(each * units for each, units in lines)
                    <= int(problem.stock[node, sku])
                )

    def _capacity(self) -> None:
        most, room = self.problem.parcels, self.problem.capacity
        if most is not None:
            by_node: dict[int, list[mathopt.Variable]] = {}
            for (_, node), opened in self.parcel.items():
                by_node.setdefault(node, []).append(opened)
            for node, parcels in by_node.items():
                if len(parcels) > most[node]:
                    self.model.add_linear_constraint(mathopt.fast_sum(parcels) <= int(most[node]))
        if room is None:
            return
        senders: dict[int, list[tuple[int, mathopt.Variable]]] = {}
        for (line, node), units in self.units.items():
            senders.setdefault(node, []).append((self._each(line), units))
        wanted = int(self.problem.units.sum())
        for node, lines in senders.items():
            if wanted > room[node]:
                self.model.add_linear_constraint(
                    mathopt.fast_sum(each * units for each, units in lines) <= int(room[node])
                )

    def _parted(self, order: int) -> mathopt.LinearExpression:
        """What an order costs for each node beyond its first; or that it has no other."""
        opened = self.of_order.get(order, [])
        if len(opened) <= 1:
            return mathopt.fast_sum([])
        if self.problem.at_one_site(order):
            self.model.add_linear_constraint(mathopt.fast_sum(opened) <= 1)
            return mathopt.fast_sum([])
        price = self.problem.split_cost_of(order)
        if price <= 0:
            return mathopt.fast_sum([])
        beyond = self.beyond[order] = self.model.add_variable(lb=0)
        self.model.add_linear_constraint(beyond >= mathopt.fast_sum(opened) - 1)
        return price * beyond

    def _each(self, line: int) -> int:
        parts = self.problem.parts_lines(int(self.problem.order_of_line[line]))
        return 1 if parts else int(self.problem.units[line])

    def hint(self, plan: Ints) -> mathopt.SolutionHint:
        """The plan as values of all variables."""
        problem = self.problem
        opened = np.zeros(problem.parcel_cost.shape, dtype=bool)
        np.logical_or.at(opened, problem.order_of_line, plan > 0)
        values = {v: float(plan[at]) / self._each(at[0]) for at, v in self.units.items()}
        values |= {v: float(opened[at]) for at, v in self.parcel.items()}
        values |= {v: float(plan[line].sum() == 0) for line, v in self.unfilled.items()}
        nodes = opened.sum(axis=1)
        values |= {v: float(max(0, nodes[order] - 1)) for order, v in self.beyond.items()}
        return mathopt.SolutionHint(variable_values=values)

    def plan(self, result: mathopt.SolveResult) -> Ints:
        """The units of the solution, rounded to the whole numbers that they are."""
        plan = np.zeros((self.problem.units.size, self.problem.stock.shape[0]), dtype=np.int64)
        values = result.variable_values(list(self.units.values()))
        for (line, node), value in zip(self.units, values, strict=True):
            plan[line, node] = round(value * self._each(line))
        return plan
