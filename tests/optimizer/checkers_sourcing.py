"""Judges a sourcing plan by the statement of the problem, line by line, in plain Python.

It shares nothing with optimizer.sourcing_problem but the field names.
"""

import math
from collections import defaultdict

from optimizer.sourcing_problem import ANY, ONE_SITE, Problem


def judged(problem: Problem, plan: list[list[int]]) -> tuple[float, list[str]]:
    """What a plan costs, and what is wrong with it."""
    cost = sum(_line_cost(problem, line, row) for line, row in enumerate(plan))
    faults = [fault for line, row in enumerate(plan) for fault in _of_line(problem, line, row)]
    stock: dict[tuple[int, int], int] = defaultdict(int)
    sites: dict[int, set[int]] = defaultdict(set)
    for line, row in enumerate(plan):
        for node, units in enumerate(row):
            stock[node, int(problem.sku_of_line[line])] += units
            if units:
                sites[int(problem.order_of_line[line])].add(node)
    faults += [
        f"stock of {sku} at {n}" for (n, sku), u in stock.items() if u > problem.stock[n, sku]
    ]
    for order, nodes in sites.items():
        cost += sum(float(problem.parcel_cost[order, node]) for node in nodes)
        if problem.split_cost is not None:
            cost += float(problem.split_cost[order]) * (len(nodes) - 1)
        if problem.policy is not None and problem.policy[order] == ONE_SITE and len(nodes) > 1:
            faults.append(f"order {order} is parted")
    faults += _of_nodes(problem, plan, sites)
    return cost, faults if math.isfinite(cost) else [*faults, "a parcel where none may be"]


def _line_cost(problem: Problem, line: int, row: list[int]) -> float:
    if sum(row) == 0:
        return float(problem.backorder_cost[line])
    return sum(float(problem.unit_cost[line, n]) * units for n, units in enumerate(row) if units)


def _of_line(problem: Problem, line: int, row: list[int]) -> list[str]:
    order, faults = int(problem.order_of_line[line]), []
    policy = ANY if problem.policy is None else int(problem.policy[order])
    if min(row) < 0 or sum(row) not in {0, int(problem.units[line])}:
        faults.append(f"line {line} is filled in part")
    is_parted = sum(units > 0 for units in row) > 1
    if is_parted and (policy != ANY or not problem.line_splitting):
        faults.append(f"line {line} is parted")
    return faults


def _of_nodes(problem: Problem, plan: list[list[int]], sites: dict[int, set[int]]) -> list[str]:
    faults = []
    for node in range(problem.stock.shape[0]):
        opened = sum(node in nodes for nodes in sites.values())
        if problem.parcels is not None and opened > problem.parcels[node]:
            faults.append(f"parcels of {node}")
        if problem.capacity is not None and sum(r[node] for r in plan) > problem.capacity[node]:
            faults.append(f"capacity of {node}")
    return faults
