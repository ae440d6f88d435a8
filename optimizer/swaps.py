"""引当振替: who has time to spare gives units to who has not, and gets others in their stead.

    urgent u  --take-->  donor's hold d  --move-->  units elsewhere r  that d can still wait for

An urgent demand that gets nothing costs what it costs to leave it so (`unmet_cost`). A donor is
given from `rest` exactly what is taken from it, so nobody has less than before.

    minimise    sum take_cost[u, d] f[u, d] + sum move_cost[d, r] g[d, r] + sum unmet_cost[u] z[u]
    subject to  sum_d f[u, d] + z[u] = need[u]
                sum_u f[u, d] = sum_r g[d, r] <= has[d]
                sum_d g[d, r] <= rest[r]

a minimum cost flow: whole numbers, proven cheapest. What would break a promise is forbidden: a
negative entry of `may_take` or `may_move` is no way. Where `rest[r]` is what an urgent demand
itself gives up (`given_up_by[r] = u`), it is there only as far as that demand was served; the
flow is solved again without what is not.

Shapes: u urgent demands, d donors, r replacements. Costs are whole, in minor units.

Source: A. V. Goldberg and R. E. Tarjan, cost scaling, as in OR-Tools' SimpleMinCostFlow.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]

from optimizer.result import Solution, Status, Stopwatch

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NOBODY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Who lacks what, who has it, and what else there is; all of one kind of goods, or not.

    Attributes:
        need, unmet_cost: shape (u,), units and what each unit costs if it is not given.
        has: shape (d,).
        rest: shape (r,).
        take_cost, may_take: shape (u, d).
        move_cost, may_move: shape (d, r).
        given_up_by: shape (r,), the urgent demand that gives that up when it is served, or NOBODY.
    """

    need: Ints
    unmet_cost: Ints
    has: Ints
    rest: Ints
    take_cost: Ints
    may_take: Flags
    move_cost: Ints
    may_move: Flags
    given_up_by: Ints

    def __post_init__(self) -> None:
        u, d, r = self.need.size, self.has.size, self.rest.size
        expected = {
            "unmet_cost": (self.unmet_cost.shape, (u,)),
            "take_cost": (self.take_cost.shape, (u, d)),
            "may_take": (self.may_take.shape, (u, d)),
            "move_cost": (self.move_cost.shape, (d, r)),
            "may_move": (self.may_move.shape, (d, r)),
            "given_up_by": (self.given_up_by.shape, (r,)),
        }
        faults = [f"{k} is {got}, not {want}" for k, (got, want) in expected.items() if got != want]
        if faults:
            raise ValueError("; ".join(faults))
        if min((int(a.min(initial=0)) for a in (self.need, self.has, self.rest)), default=0) < 0:
            raise ValueError("units must be at least 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Units taken, shape (u, d), and units moved, shape (d, r)."""

    take: Ints
    move: Ints


def solve(problem: Problem) -> Solution[Plan]:
    """The cheapest exchange; doing nothing is one."""
    watch = Stopwatch()
    asked = problem
    while True:
        plan = _flow(asked)
        served = plan.take.sum(axis=1)
        used = plan.move.sum(axis=0)
        limit = _there(problem, served)
        if np.all(used <= limit):
            break
        asked = replace(asked, rest=np.minimum(asked.rest, limit))
    terms = cost_terms(problem, plan)
    objective = float(sum(terms.values()))
    proven = asked is problem
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        plan=plan,
        objective=objective,
        bound=objective if proven else None,
        runtime_s=watch.elapsed_s,
        seed=0,
        terms=terms,
    )


def cost_terms(problem: Problem, plan: Plan) -> dict[str, float]:
    """What an exchange costs, by name."""
    unmet = problem.need - plan.take.sum(axis=1)
    return {
        "take": float((problem.take_cost * plan.take).sum()),
        "move": float((problem.move_cost * plan.move).sum()),
        "unmet": float((problem.unmet_cost * unmet).sum()),
    }


def violations(problem: Problem, plan: Plan) -> list[str]:
    """What is wrong with a plan; written from the statement of the problem."""
    faults = []
    if plan.take.min(initial=0) < 0 or plan.move.min(initial=0) < 0:
        faults.append("negative units")
    taken, moved = plan.take.sum(axis=0), plan.move.sum(axis=1)
    faults += [f"donor {d}: gives {taken[d]}, gets {moved[d]}"
               for d in np.flatnonzero(taken != moved)]  # fmt: skip
    faults += [f"donor {d}: has {problem.has[d]}" for d in np.flatnonzero(taken > problem.has)]
    served = plan.take.sum(axis=1)
    faults += [f"urgent {u}: too much" for u in np.flatnonzero(served > problem.need)]
    over = plan.move.sum(axis=0) > _there(problem, served)
    faults += [f"rest {r}: not there" for r in np.flatnonzero(over)]
    if (plan.take[~problem.may_take] > 0).any() or (plan.move[~problem.may_move] > 0).any():
        faults.append("a promise is broken")
    return faults


def _there(problem: Problem, served: Ints) -> Ints:
    """Units of each replacement that are really there when so much was served."""
    limit = problem.rest.copy()
    for r, u in enumerate(problem.given_up_by):
        if u != NOBODY:
            limit[r] = min(int(limit[r]), int(served[u]))
    return limit


def _flow(problem: Problem) -> Plan:
    u, d, r = problem.need.size, problem.has.size, problem.rest.size
    urgent, into, out, rest, sink = 0, u, u + d, u + 2 * d, u + 2 * d + r
    flow = min_cost_flow.SimpleMinCostFlow()
    takes = _arcs(flow, problem.may_take, problem.take_cost, problem.need, (urgent, into))
    for at in range(d):
        flow.add_arc_with_capacity_and_unit_cost(into + at, out + at, int(problem.has[at]), 0)
    moves = _arcs(flow, problem.may_move, problem.move_cost, problem.has, (out, rest))
    for at in range(r):
        flow.add_arc_with_capacity_and_unit_cost(rest + at, sink, int(problem.rest[at]), 0)
    for at in range(u):
        units = int(problem.need[at])
        flow.add_arc_with_capacity_and_unit_cost(
            urgent + at, sink, units, int(problem.unmet_cost[at])
        )
        flow.set_node_supply(urgent + at, units)
    flow.set_node_supply(sink, -int(problem.need.sum()))
    status = flow.solve()
    assert status == flow.OPTIMAL, status  # leaving all unmet is always possible
    take, move = np.zeros((u, d), dtype=np.int64), np.zeros((d, r), dtype=np.int64)
    for pair, arc in takes.items():
        take[pair] = flow.flow(arc)
    for pair, arc in moves.items():
        move[pair] = flow.flow(arc)
    return Plan(take=take, move=move)


def _arcs(
    flow: min_cost_flow.SimpleMinCostFlow,
    may: Flags,
    cost: Ints,
    most: Ints,
    nodes: tuple[int, int],
) -> dict[tuple[int, int], int]:
    return {
        (int(a), int(b)): flow.add_arc_with_capacity_and_unit_cost(
            nodes[0] + int(a), nodes[1] + int(b), int(most[a]), int(cost[a, b])
        )
        for a, b in np.argwhere(may)
    }
