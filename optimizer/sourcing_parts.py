"""Parts of a batch: orders that stand in each other's way, alone on what the others leave.

orders = related(tabled, plan, chance, 250)
part, lines = part_of(problem, plan, orders)     a smaller problem, and its lines in the batch
"""

import numpy as np

from optimizer.sourcing_fill import Table
from optimizer.sourcing_problem import Flags, Ints, Problem, opened_of
from optimizer.sourcing_table import Tabled

BY_STOCK = 0.5  # of the steps from order to order; else by the parcels of a node
NEAR_MAX, AT_NODE = 12, 6
TRIES = 50


def related(tabled: Tabled, plan: Ints, chance: np.random.Generator, size: int) -> Ints:
    """Some orders that want the same stock, or have parcels from the same nodes; ascending."""
    t, opened = tabled.table, opened_of(tabled.problem, plan)
    first = np.flatnonzero(np.diff(t.group_first) > 0)
    listed = [int(first[chance.integers(first.size)])]
    chosen = set(listed)
    for _ in range(TRIES * size):
        if len(listed) >= size:
            break
        of = listed[int(chance.integers(len(listed)))]
        for order in _near(t, opened, of, chance):
            if order not in chosen and len(listed) < size:
                chosen.add(order)
                listed.append(order)
    return np.array(sorted(chosen), dtype=np.int64)


def _near(t: Table, opened: Flags, of: int, chance: np.random.Generator) -> list[int]:
    """Orders that could have what this one could have: a SKU of a node, or a parcel from it."""
    first, last = t.source_first[t.group_first[of]], t.source_first[t.group_first[of + 1]]
    if first == last:
        return []
    source = int(chance.integers(first, last))
    if chance.random() < BY_STOCK:
        pair = t.pair[source]
        near = t.pair_order[t.pair_first[pair] : t.pair_first[pair + 1]]
        return [int(order) for order in near[:NEAR_MAX]]
    node = t.node[source]
    there = t.node_order[t.node_first[node] : t.node_first[node + 1]]
    some = chance.choice(there, size=min(AT_NODE, there.size), replace=False)
    return [int(order) for order in some if opened[order, node]]


def part_of(problem: Problem, plan: Ints, orders: Ints) -> tuple[Problem, Ints]:
    """The problem of some orders alone, on what the others leave; and which lines are theirs."""
    p = problem
    number = np.full(p.parcel_cost.shape[0], -1)
    number[orders] = np.arange(orders.size)
    mine = number[p.order_of_line] >= 0
    lines = np.flatnonzero(mine).astype(np.int64)
    skus, sku_of_line = np.unique(p.sku_of_line[lines], return_inverse=True)
    others = np.where(mine[:, None], 0, plan)
    used = np.zeros_like(p.stock.T)
    np.add.at(used, p.sku_of_line, others)
    part = Problem(
        order_of_line=number[p.order_of_line[lines]],
        sku_of_line=sku_of_line.astype(np.int64),
        units=p.units[lines],
        stock=np.ascontiguousarray((p.stock - used.T)[:, skus]),
        parcel_cost=p.parcel_cost[orders],
        unit_cost=p.unit_cost[lines],
        backorder_cost=p.backorder_cost[lines],
        line_splitting=p.line_splitting,
        policy=None if p.policy is None else p.policy[orders],
        split_cost=None if p.split_cost is None else p.split_cost[orders],
        capacity=None if p.capacity is None else p.capacity - others.sum(axis=0),
        parcels=None if p.parcels is None else p.parcels - opened_of(p, others).sum(axis=0),
    )
    return part, lines
