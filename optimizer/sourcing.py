"""Which site ships which order line.

An order's lines may come from one node (a DC, a store) or from several. Every node that takes
part sends a parcel, which costs `parcel_cost`; every unit costs `unit_cost` (handling, weight,
the value of scarce stock at that node). A line that is not filled costs `backorder_cost`. Lines
are filled whole or not at all; where it may be parted, a line may come from several nodes.

    minimise    sum parcel_cost[o, n] y[o, n]  +  sum unit_cost[l, n] x[l, n]
                + sum backorder_cost[l] z[l]  +  sum split_cost[o] (sum_n y[o, n] - 1)+
    subject to  sum_n x[l, n] = units[l] (1 - z[l])       each line whole, or not
                x[l, n] <= units[l] y[order of l, n]      a node that ships opens a parcel
                sum_l x[l, n] <= stock[n, sku]            nobody ships what is not there
                sum_l x[l, n] <= capacity[n]              nor more than a node can send
                sum_o y[o, n] <= parcels[n]               in units, or in parcels
                sum_n y[o, n] <= 1                        for orders that may not be parted

First each order by itself, in the order given, on what the ones before have left: lines against
nodes is a facility location problem, and while lines and units are few a dynamic programme over
what is filled is exact (optimizer.sourcing_order). Then the whole batch, until it is proven or
time is up: prices, search and MIPs (optimizer.sourcing_batch). The better is returned; whatever
fails, the first stands.

Shapes: l lines, o orders, n nodes, s SKUs. Costs in any one unit (Soko: minor units of money).

Source: the recurrence is that of Dreyfus and Wagner (1971) for one level; see also
Y. Acimovic and S. Graves, "Making Better Fulfillment Decisions on the Fly", M&SOM 17(1), 2015.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from optimizer.compiled import IS_COMPILED
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard
from optimizer.sourcing_order import OneOrder, fill_order
from optimizer.sourcing_problem import (
    ANY,
    ONE_SITE,
    WHOLE_LINES,
    Floats,
    Ints,
    Problem,
    cost_terms,
    violations,
)

__all__ = [
    "ANY",
    "ONE_SITE",
    "UNITS_MAX",
    "WHOLE_LINES",
    "Problem",
    "best_for",
    "cost_terms",
    "lines_of_orders",
    "one_by_one",
    "solve",
    "violations",
]  # fmt: skip

TOLERANCE = 1e-6
UNITS_MAX = 2**62
FEW, MANY = 25, 500  # orders of a batch
TINY = 3_000  # lines times nodes: some 30 orders over 35 nodes
TREE_NODES = 1_000  # of the MIP of a tiny batch, where steps are limited

Better: TypeAlias = tuple[Ints, float | None, dict[str, float]]  # plan, bound, stages


def solve(
    problem: Problem,
    *,
    budget_s: float = 2.0,
    seed: int = 0,
    limits: Limits | None = None,
    progress: Progress = unheard,
) -> Solution[Ints]:
    """The cheapest plan found within the limits; never raises for want of stock.

    Args:
        problem: what to decide.
        budget_s: seconds, where no limits are given; with 0 only the first stage is run.
        seed: of all chance.
        limits: iterations are steps of ruin and recreate (a tiny batch is a MIP, and has nodes
            of its tree); with them and no seconds the answer is the same wherever it is asked.
        progress: told of each better plan or bound.

    Returns:
        a solution whose plan has shape (l, n): units of each line from each node.
    """
    watch = Stopwatch()
    limits = Limits(seconds=budget_s) if limits is None else limits
    plan, exact = _first(problem)
    objective = sum(cost_terms(problem, plan).values())
    stages = {"one_by_one": objective}
    bound = objective if exact and problem.parcel_cost.shape[0] <= 1 else None
    progress(objective, bound)
    if problem.units.size and not limits.is_over(watch, 0, objective, bound):
        by = _by_mip if _is_tiny(problem) else _by_all
        better, found, more = by(problem, plan, limits, watch, (seed, progress))
        bound = bound if found is None else found
        stages |= more
        cost = sum(cost_terms(problem, better).values())
        if cost < objective - TOLERANCE and not violations(problem, better):
            plan, objective = better, cost
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


def _is_tiny(problem: Problem) -> bool:
    """Whether a MIP alone decides it soon; then nothing is compiled for it."""
    return bool(problem.units.size * problem.stock.shape[0] <= TINY)


def _by_mip(
    problem: Problem, plan: Ints, limits: Limits, watch: Stopwatch, how: tuple[int, Progress]
) -> Better:
    from optimizer.sourcing_mip import improve  # noqa: PLC0415 - takes a second to import

    seed, progress = how
    nodes = None if limits.iterations is None else TREE_NODES
    left_s = limits.left_s(watch)
    better, bound = improve(problem, plan, budget_s=left_s, seed=seed, nodes=nodes)
    if better is None:
        return plan, bound, {}
    cost = sum(cost_terms(problem, better).values())
    progress(cost, bound)
    return better, bound, {"mip": cost}


def _by_all(
    problem: Problem, plan: Ints, limits: Limits, watch: Stopwatch, how: tuple[int, Progress]
) -> Better:
    from optimizer.sourcing_batch import improved  # noqa: PLC0415 - it loads the compiler

    seed, progress = how
    found = improved(problem, plan, limits=limits, seed=seed, progress=progress, watch=watch)
    return found.plan, found.bound, found.stages


def _first(problem: Problem) -> tuple[Ints, bool]:
    """A plan at once: each order by itself, in a compiled loop where they are many."""
    if IS_COMPILED and problem.parcel_cost.shape[0] >= MANY:
        from optimizer.sourcing_batch import in_turn  # noqa: PLC0415 - it loads the compiler

        return in_turn(problem), False
    return one_by_one(problem)


def one_by_one(problem: Problem) -> tuple[Ints, bool]:
    """Each order by itself, in turn, on the stock that is left; and whether each was exact."""
    left = problem.stock.copy()
    endless = np.full(left.shape[0], UNITS_MAX, dtype=np.int64)
    room = endless if problem.capacity is None else problem.capacity.copy()
    parcels = endless.copy() if problem.parcels is None else problem.parcels.copy()
    plan = np.zeros((problem.units.size, left.shape[0]), dtype=np.int64)
    exact = True
    for order, lines in enumerate(lines_of_orders(problem)):
        if lines.size:
            full = np.flatnonzero(parcels < 1).tolist()
            plan[lines], order_exact = best_for(problem, order, lines, left, room, full)
            parcels -= plan[lines].any(axis=0)
            exact &= order_exact
            np.subtract.at(left.T, problem.sku_of_line[lines], plan[lines])
            room -= plan[lines].sum(axis=0)
    return plan, exact


def lines_of_orders(problem: Problem) -> list[Ints]:
    """The lines of each order."""
    by_order = np.argsort(problem.order_of_line, kind="stable")
    ends = np.searchsorted(
        problem.order_of_line[by_order], np.arange(problem.parcel_cost.shape[0] + 1)
    )
    return [by_order[ends[at] : ends[at + 1]] for at in range(ends.size - 1)]


def best_for(
    problem: Problem, order: int, lines: Ints, left: Ints, room: Ints, without: Sequence[int] = ()
) -> tuple[Ints, bool]:
    """The best plan of one order by itself.

    Args:
        problem: the batch.
        order: which of its orders.
        lines: the lines of that order.
        left: units left, shape (n, s).
        room: units that each node can still send, shape (n,).
        without: nodes that must not take part.

    Returns:
        units of each of these lines from each node, and whether that is proven cheapest.
    """
    closed = np.zeros(room.size, dtype=bool)
    closed[list(without)] = True
    exact = True
    while True:
        parcel_cost = np.where(closed, np.inf, problem.parcel_cost[order])
        usable = np.minimum(left, room[:, None])
        shipped, proven = _whole_order(problem, order, lines, usable, parcel_cost)
        full = shipped.sum(axis=0) > room
        if not full.any():
            return shipped, exact and proven
        closed |= full
        exact = False


def _whole_order(
    problem: Problem, order: int, lines: Ints, left: Ints, parcel_cost: Floats
) -> tuple[Ints, bool]:
    skus, of_line = np.unique(problem.sku_of_line[lines], return_inverse=True)
    if skus.size == lines.size or problem.at_one_site(order):
        return _fill(problem, order, lines, left, parcel_cost)
    # the same SKU twice: decided line by line, on what is left
    left = left.copy()
    plan = np.zeros((lines.size, left.shape[0]), dtype=np.int64)
    for at, line in enumerate(lines):
        opened = plan.any(axis=0)
        more = problem.split_cost_of(order) if opened.any() else 0.0
        costs = np.where(opened, 0.0, parcel_cost + more)
        plan[at], _ = _fill(problem, order, np.array([line]), left, costs)
        left[:, skus[of_line[at]]] -= plan[at]
    return plan, False


def _filler(problem: Problem) -> Callable[[OneOrder], tuple[Ints, bool]]:
    """What fills one order: a compiled loop where orders are more than a few."""
    if not IS_COMPILED or problem.parcel_cost.shape[0] <= FEW:
        return fill_order
    from optimizer.sourcing_single import fill_one  # noqa: PLC0415 - it loads the compiler

    return fill_one


def _fill(
    problem: Problem, order: int, lines: Ints, left: Ints, parcel_cost: Floats
) -> tuple[Ints, bool]:
    """Fill these lines of one order, with these costs of a parcel."""
    allowed = np.isfinite(problem.parcel_cost[order])
    return _filler(problem)(
        OneOrder(
            units=problem.units[lines],
            stock=left[:, problem.sku_of_line[lines]].T,
            parcel_cost=parcel_cost,
            unit_cost=np.where(
                allowed & np.isfinite(parcel_cost), problem.unit_cost[lines], np.inf
            ),
            backorder_cost=problem.backorder_cost[lines],
            line_splitting=problem.parts_lines(order),
            split_cost=problem.split_cost_of(order),
            one_site=problem.at_one_site(order),
            sku=problem.sku_of_line[lines],
        )
    )
