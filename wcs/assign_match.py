"""Who takes what: as many pairs as can be, and these as cheap as can be, by one flow.

    robots ──(cost of the pair)──> orders ──> station: one place after the other, each dearer
       └─── stays without ──────────────────────────────────────────────> done <──┘

Arrays in, arrays out; robots, orders and stations are numbers from 0. Only pairs that are worth
a look become edges: to each robot its nearest orders and to each order its nearest robots. On
random points twenty of them have found the optimum of all pairs (benchmarks/assignment.py).

Laws:
    one         a robot gets at most one order, an order at most one robot
    room        a station gets no more orders than it has places
    same        the same arrays give the same pairs: one thread, whole numbers

Costs are whole numbers of one unit of the caller's (here hundredths of seconds).

Source: R. K. Ahuja, T. L. Magnanti, J. B. Orlin, "Network Flows" (1993); the solver is OR-Tools'
cost-scaling push-relabel.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow  # type: ignore[import-untyped]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

NEAREST = 10  # edges that each robot and each order may have of its own


def nearest(robots: Floats, orders: Floats, most: int = NEAREST) -> tuple[Ints, Ints]:
    """The pairs that are worth a look.

    Args:
        robots: (n, 2) metres, where they will be free.
        orders: (m, 2) metres, where they begin.
        most: how many orders a robot, and how many robots an order brings in; more if several
            are as far.

    Returns:
        (p,) robots and (p,) orders, each pair once, by robot and then by order.
    """
    n, m = len(robots), len(orders)
    if min(n, m) <= most:
        return np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    x = robots[:, 0, None].astype(np.float32) - orders[None, :, 0].astype(np.float32)
    y = robots[:, 1, None].astype(np.float32) - orders[None, :, 1].astype(np.float32)
    x *= x
    y *= y
    x += y
    of_robot = np.partition(x, most - 1, axis=1)[:, most - 1, None]
    of_order = np.partition(x.T, most - 1, axis=1)[None, :, most - 1]
    i, j = np.nonzero(x <= np.maximum(of_robot, of_order))
    return i, j


def match(robot: Ints, order: Ints, cost: Ints, station: Ints, dues: list[list[int]]) -> Ints:
    """The pairs that are to be: their positions in the arrays of pairs.

    Args:
        robot: (p,) the robot of each pair.
        order: (p,) the order of each pair.
        cost: (p,) what the pair costs; may be below 0.
        station: (m,) the station where each order ends, or -1.
        dues: for each station what its next place costs, and the one after that, never less; as
            many as it has places.

    Returns:
        (k,) positions, ascending.
    """
    if not len(robot):
        return np.empty(0, np.int64)
    full = np.array([not due for due in dues] + [False])  # station -1 is the last
    at = np.flatnonzero(~full[station[order]])
    if not len(at):
        return at
    robot, order, cost = robot[at], order[at], cost[at]
    if (robot == robot[0]).all() or (order == order[0]).all():
        first = np.array([due[0] if due else 0 for due in dues] + [0])
        return at[[np.argmin(cost + first[station[order]])]]
    return at[_flow(robot, order, cost, station, dues)]


def _flow(robot: Ints, order: Ints, cost: Ints, station: Ints, dues: list[list[int]]) -> Ints:
    robots, mine = np.unique(robot, return_inverse=True)
    orders, its = np.unique(order, return_inverse=True)
    n, m, s = len(robots), len(orders), len(dues)
    done = n + m + s
    places = np.repeat(np.arange(s), [len(due) for due in dues])
    due = np.array([cost for due in dues for cost in due], dtype=np.int64)
    ends = station[orders]
    stay = 4 * int(np.ptp(cost) + (due.max() if len(due) else 0)) + 1
    low = int(cost.min())
    tails = [mine, n + np.arange(m), n + m + places, np.arange(n)]
    heads = [n + its, np.where(ends < 0, done, n + m + ends), np.full(len(due), done)]
    costs = [cost - low, np.zeros(m, np.int64), due, np.full(n, stay)]
    flow = min_cost_flow.SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate(tails),
        np.concatenate([*heads, np.full(n, done)]),
        np.ones(sum(map(len, tails)), np.int64),
        np.concatenate(costs),
    )
    flow.set_nodes_supplies(np.arange(done + 1), np.r_[np.ones(n), np.zeros(m + s), -n].astype(int))
    status = flow.solve()
    assert status == flow.OPTIMAL, f"every robot can stay without: {status}"
    found: Ints = np.flatnonzero(flow.flows(arcs[: len(cost)]))
    return found
