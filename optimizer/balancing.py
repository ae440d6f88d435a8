"""Balance stock of one SKU over sites: what goes from which surplus to which need.

    maximise   Σ moved units × (what a filled need is worth - what the move costs)

As a flow of least cost: every need is filled from a surplus at the cost of the move, or not, at
what it is worth; a surplus that nobody is worth it stays. Flows of least cost have whole-number
optima, so the plan is optimal and the bound is its cost. A lot smaller than `units_min` is not
worth a box: such flows are dropped, and the problem solved again without them.

Costs are minor units of money a unit of goods; whole numbers.

Source: Ahuja, Magnanti, Orlin, Network Flows, 1993, chapter 9.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optimizer.result import Solution, Status, Stopwatch

Ints = NDArray[np.int64]
ROUNDS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """n sites with too much, m sites with too little, of one SKU.

    Attributes:
        surplus: units that may leave, shape (n,).
        need: units that are wanted, shape (m,).
        cost: of moving one unit, shape (n, m).
        worth: of filling one unit of a need, shape (m,).
        units_min: a move of fewer units is not made.
    """

    surplus: Ints
    need: Ints
    cost: Ints
    worth: Ints
    units_min: int = 1
    allowed: NDArray[np.bool_] = field(default_factory=lambda: np.ones((0, 0), dtype=bool))


def solve(problem: Problem) -> Solution[Ints]:
    """The best moves; the plan has shape (n, m)."""
    watch = Stopwatch()
    allowed = problem.allowed.copy()
    if allowed.shape != problem.cost.shape:
        allowed = np.ones(problem.cost.shape, dtype=bool)
    plan = _flow(problem, allowed)
    bound = _cost(problem, plan)
    for _ in range(ROUNDS_MAX):
        small = (plan > 0) & (plan < problem.units_min)
        if not small.any():
            break
        allowed &= ~small
        plan = _flow(problem, allowed)
    plan[(plan > 0) & (plan < problem.units_min)] = 0
    moves, unmet = _terms(problem, plan)
    return Solution(
        status=Status.OPTIMAL if moves + unmet <= bound else Status.FEASIBLE,
        plan=plan,
        objective=moves + unmet,
        bound=bound,
        runtime_s=watch.elapsed_s,
        seed=0,
        terms={"moves": moves, "unmet": unmet},
    )


def _terms(problem: Problem, plan: Ints) -> tuple[float, float]:
    unmet = problem.need - plan.sum(axis=0)
    return float((plan * problem.cost).sum()), float((unmet * problem.worth).sum())


def _cost(problem: Problem, plan: Ints) -> float:
    return sum(_terms(problem, plan))


def _flow(problem: Problem, allowed: NDArray[np.bool_]) -> Ints:
    """Surpluses 0 … n-1, nobody n, needs n+1 … n+m, and n+m+1: where what stays stays."""
    n, m = problem.cost.shape
    nobody, stay = n, n + m + 1
    # a web process need not have it before somebody asks
    from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]  # noqa: PLC0415

    flow = min_cost_flow.SimpleMinCostFlow()
    rows, columns = np.nonzero(allowed & (problem.cost < problem.worth[None, :]))
    room = np.minimum(problem.surplus[rows], problem.need[columns])
    pairs = flow.add_arcs_with_capacity_and_unit_cost(
        rows, n + 1 + columns, room, problem.cost[rows, columns]
    )
    sites = np.arange(n)
    flow.add_arcs_with_capacity_and_unit_cost(
        sites, np.full(n, stay), problem.surplus, np.zeros(n, dtype=np.int64)
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.full(m, nobody), n + 1 + np.arange(m), problem.need, problem.worth
    )
    wanted = int(problem.need.sum())
    flow.add_arc_with_capacity_and_unit_cost(nobody, stay, wanted, 0)
    supplies = np.concatenate(
        [problem.surplus, [wanted], -problem.need, [-int(problem.surplus.sum())]]
    )
    flow.set_nodes_supplies(np.arange(n + m + 2), supplies)
    status = flow.solve()
    assert status == flow.OPTIMAL, status
    plan = np.zeros((n, m), dtype=np.int64)
    if len(rows):
        plan[rows, columns] = flow.flows(pairs)
    return plan
