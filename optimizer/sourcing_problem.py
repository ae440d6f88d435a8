"""The sourcing problem itself: its data, what a plan costs, and whether it can be carried out.

`cost_terms` and `violations` are written from the statement of the problem (see
`optimizer.sourcing`) and share nothing with the solvers, so they can judge them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A batch of orders against the stock of the network.

    Attributes:
        order_of_line: shape (l,), 0-based.
        sku_of_line: shape (l,), 0-based.
        units: shape (l,), at least 1.
        stock: shape (n, s), free units, never negative.
        parcel_cost: shape (o, n); inf where that node may not serve that order.
        unit_cost: shape (l, n), a unit; inf where that node may not ship that line.
        backorder_cost: shape (l,), a line.
        line_splitting: whether one line may come from several nodes.
    """

    order_of_line: Ints
    sku_of_line: Ints
    units: Ints
    stock: Ints
    parcel_cost: Floats
    unit_cost: Floats
    backorder_cost: Floats
    line_splitting: bool = True

    def __post_init__(self) -> None:
        lines, (nodes, skus) = self.units.size, self.stock.shape
        orders = self.parcel_cost.shape[0]
        expected = {
            "order_of_line": (self.order_of_line.shape, (lines,)),
            "sku_of_line": (self.sku_of_line.shape, (lines,)),
            "parcel_cost": (self.parcel_cost.shape, (orders, nodes)),
            "unit_cost": (self.unit_cost.shape, (lines, nodes)),
            "backorder_cost": (self.backorder_cost.shape, (lines,)),
        }
        faults = [f"{k} is {got}, not {want}" for k, (got, want) in expected.items() if got != want]
        if faults:
            raise ValueError("; ".join(faults))
        if np.any(self.units < 1) or np.any(self.stock < 0):
            raise ValueError("units must be at least 1 and stock at least 0")
        if lines and not (0 <= self.order_of_line.min() <= self.order_of_line.max() < orders):
            raise ValueError(f"order_of_line must lie in [0, {orders})")
        if lines and not (0 <= self.sku_of_line.min() <= self.sku_of_line.max() < skus):
            raise ValueError(f"sku_of_line must lie in [0, {skus})")


def cost_terms(problem: Problem, plan: Ints) -> dict[str, float]:
    """What a plan costs, by name. A plan that ships over a forbidden pair costs inf."""
    ships = plan > 0
    opened = np.zeros(problem.parcel_cost.shape, dtype=bool)
    np.logical_or.at(opened, problem.order_of_line, ships)
    unfilled = plan.sum(axis=1) == 0
    return {
        "parcels": float(problem.parcel_cost[opened].sum()),
        "handling": float((problem.unit_cost[ships] * plan[ships]).sum()),
        "backorders": float(problem.backorder_cost[unfilled].sum()),
    }


def violations(problem: Problem, plan: Ints) -> list[str]:
    """What is wrong with a plan; an empty list if it can be carried out."""
    faults = []
    if plan.shape != (problem.units.size, problem.stock.shape[0]) or np.any(plan < 0):
        return [f"a plan has shape {plan.shape} or ships negative units"]
    total = plan.sum(axis=1)
    faults += [
        f"line {line}: {total[line]} of {problem.units[line]} units"
        for line in np.flatnonzero((total != 0) & (total != problem.units))
    ]
    used = np.zeros_like(problem.stock)
    np.add.at(used.T, problem.sku_of_line, plan)
    faults += [
        f"node {node}, SKU {sku}: ships {used[node, sku]} of {problem.stock[node, sku]}"
        for node, sku in np.argwhere(used > problem.stock)
    ]
    if not np.isfinite(sum(cost_terms(problem, plan).values())):
        faults.append("a node ships what it may not")
    if not problem.line_splitting and np.any((plan > 0).sum(axis=1) > 1):
        faults.append("a line is split")
    return faults
