"""Which site ships which order line.

An order's lines may come from one node (a DC, a store) or from several. Every node that takes
part sends a parcel, which costs `parcel_cost`; every unit costs `unit_cost` (handling, weight,
the value of scarce stock at that node). A line that is not filled costs `backorder_cost`. Lines
are filled whole or not at all; a line larger than any node's stock may be split over nodes.

    minimise    sum parcel_cost[o, n] y[o, n]  +  sum unit_cost[l, n] x[l, n]
                + sum backorder_cost[l] z[l]
    subject to  sum_n x[l, n] = units[l] (1 - z[l])       each line whole, or not
                x[l, n] <= units[l] y[order of l, n]      a node that ships opens a parcel
                sum_l x[l, n] <= stock[n, sku]            nobody ships what is not there

Two stages. First each order by itself, in the order given, on what the ones before have left:
lines against nodes is a facility location problem, and for up to SUBSET_LINES_MAX lines a
dynamic programme over subsets of lines is exact. Then the whole batch as a MIP, with the first
plan as a hint, until it is proven or time is up. The better of the two is returned; if the
solver fails, the first stands.

Shapes: l lines, o orders, n nodes, s SKUs. Costs in any one unit (Soko: minor units of money).

Source: the subset recurrence is that of Dreyfus and Wagner (1971) for one level; see also
Y. Acimovic and S. Graves, "Making Better Fulfillment Decisions on the Fly", M&SOM 17(1), 2015.
"""

import numpy as np

from optimizer.result import Solution, Status, Stopwatch
from optimizer.sourcing_order import fill_order
from optimizer.sourcing_problem import Ints, Problem, cost_terms, violations

__all__ = ["Problem", "cost_terms", "one_by_one", "solve", "violations"]

TOLERANCE = 1e-6


def solve(problem: Problem, *, budget_s: float = 2.0, seed: int = 0) -> Solution[Ints]:
    """The cheapest plan found within the budget; never raises for want of stock.

    Args:
        problem: what to decide.
        budget_s: seconds for the second stage; with 0 only the first is run.
        seed: given to the MIP solver.

    Returns:
        a solution whose plan has shape (l, n): units of each line from each node.
    """
    watch = Stopwatch()
    plan, exact = one_by_one(problem)
    objective = sum(cost_terms(problem, plan).values())
    stages = {"one_by_one": objective}
    bound = objective if exact and problem.parcel_cost.shape[0] <= 1 else None
    if bound is None and budget_s > 0 and problem.units.size:
        from optimizer.sourcing_mip import improve  # noqa: PLC0415 - takes a second to import

        better, bound = improve(problem, plan, budget_s=budget_s, seed=seed)
        if better is not None and not violations(problem, better):
            stages["mip"] = sum(cost_terms(problem, better).values())
            if stages["mip"] < objective - TOLERANCE:
                plan, objective = better, stages["mip"]
    proven = bound is not None and objective - bound <= TOLERANCE * max(1.0, abs(objective))
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        plan=plan,
        objective=objective,
        bound=None if bound is None else min(bound, objective),
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms=cost_terms(problem, plan),
        stages=stages,
    )


def one_by_one(problem: Problem) -> tuple[Ints, bool]:
    """Each order by itself, in turn, on the stock that is left; and whether each was exact."""
    left = problem.stock.copy()
    plan = np.zeros((problem.units.size, left.shape[0]), dtype=np.int64)
    exact = True
    for order in range(problem.parcel_cost.shape[0]):
        lines = np.flatnonzero(problem.order_of_line == order)
        if lines.size == 0:
            continue
        skus, of_line = np.unique(problem.sku_of_line[lines], return_inverse=True)
        if skus.size < lines.size:  # the same SKU twice: decided line by line, on what is left
            exact = False
            for line in lines:
                shipped, _ = _fill(problem, order, np.array([line]), left, plan[lines])
                plan[line] = shipped[0]
                left[:, problem.sku_of_line[line]] -= shipped[0]
            continue
        shipped, order_exact = _fill(problem, order, lines, left, plan[:0])
        exact &= order_exact
        plan[lines] = shipped
        left[:, skus[of_line]] -= shipped.T
    return plan, exact


def _fill(
    problem: Problem, order: int, lines: Ints, left: Ints, shipped_before: Ints
) -> tuple[Ints, bool]:
    """Fill these lines of one order; nodes it already ships from cost no further parcel."""
    parcel_cost = np.where(
        shipped_before.any(axis=0) if shipped_before.size else False,
        0.0,
        problem.parcel_cost[order],
    )
    return fill_order(
        units=problem.units[lines],
        stock=left[:, problem.sku_of_line[lines]].T,
        parcel_cost=parcel_cost,
        unit_cost=np.where(
            np.isfinite(problem.parcel_cost[order]), problem.unit_cost[lines], np.inf
        ),
        backorder_cost=problem.backorder_cost[lines],
        line_splitting=problem.line_splitting,
    )
