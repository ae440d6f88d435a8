"""The sourcing problem itself: its data, what a plan costs, and whether it can be carried out.

`cost_terms` and `violations` are written from the statement of the problem (see
`optimizer.sourcing`) and share nothing with the solvers, so they can judge them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ANY, WHOLE_LINES, ONE_SITE = 0, 1, 2  # how far an order may be parted
TOLERANCE = 1e-6


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
        line_splitting: whether one line may come from several nodes, of any order.
        policy: shape (o,), ANY, WHOLE_LINES or ONE_SITE; None: ANY for all.
        split_cost: shape (o,), for each node of an order beyond the first; None: nothing.
        capacity: shape (n,), units that a node can send; None: without end.
        parcels: shape (n,), parcels that a node can send; None: without end.
        parcel_terms: what parcel_cost is made of, by name; where it is finite they add up to it.
        unit_terms: what unit_cost is made of, likewise.
    """

    order_of_line: Ints
    sku_of_line: Ints
    units: Ints
    stock: Ints
    parcel_cost: Floats
    unit_cost: Floats
    backorder_cost: Floats
    line_splitting: bool = True
    policy: Ints | None = None
    split_cost: Floats | None = None
    capacity: Ints | None = None
    parcels: Ints | None = None
    parcel_terms: Mapping[str, Floats] = field(default_factory=dict)
    unit_terms: Mapping[str, Floats] = field(default_factory=dict)

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
        if self.policy is not None:
            expected["policy"] = (self.policy.shape, (orders,))
        if self.split_cost is not None:
            expected["split_cost"] = (self.split_cost.shape, (orders,))
        if self.capacity is not None:
            expected["capacity"] = (self.capacity.shape, (nodes,))
        if self.parcels is not None:
            expected["parcels"] = (self.parcels.shape, (nodes,))
        faults = [f"{k} is {got}, not {want}" for k, (got, want) in expected.items() if got != want]
        if faults:
            raise ValueError("; ".join(faults))
        if np.any(self.units < 1) or np.any(self.stock < 0):
            raise ValueError("units must be at least 1 and stock at least 0")
        if lines and not (0 <= self.order_of_line.min() <= self.order_of_line.max() < orders):
            raise ValueError(f"order_of_line must lie in [0, {orders})")
        if lines and not (0 <= self.sku_of_line.min() <= self.sku_of_line.max() < skus):
            raise ValueError(f"sku_of_line must lie in [0, {skus})")
        self._check_terms("parcel_cost", self.parcel_cost, self.parcel_terms)
        self._check_terms("unit_cost", self.unit_cost, self.unit_terms)

    def _check_terms(self, name: str, cost: Floats, terms: Mapping[str, Floats]) -> None:
        wrong = [term for term, values in terms.items() if values.shape != cost.shape]
        if wrong:
            raise ValueError(f"terms {wrong} do not have the shape {cost.shape} of {name}")
        if terms:
            total = np.sum(list(terms.values()), axis=0)
            if np.any(np.isfinite(cost) & ~np.isclose(total, cost, atol=TOLERANCE)):
                raise ValueError(f"the terms of {name} do not add up to it")

    def parts_lines(self, order: int) -> bool:
        """Whether a line of that order may come from several nodes."""
        return self.line_splitting and (self.policy is None or int(self.policy[order]) == ANY)

    def at_one_site(self, order: int) -> bool:
        """Whether all of that order must come from one node."""
        return self.policy is not None and int(self.policy[order]) == ONE_SITE

    def split_cost_of(self, order: int) -> float:
        """What each node of that order beyond the first costs."""
        return 0.0 if self.split_cost is None else float(self.split_cost[order])


def cost_terms(problem: Problem, plan: Ints) -> dict[str, float]:
    """What a plan costs, by name. A plan that ships over a forbidden pair costs inf."""
    ships = plan > 0
    opened = opened_of(problem, plan)
    unfilled = plan.sum(axis=1) == 0
    terms: dict[str, float] = {}
    for name, parcels in (problem.parcel_terms or {"parcels": problem.parcel_cost}).items():
        terms[name] = terms.get(name, 0.0) + float(parcels[opened].sum())
    for name, each in (problem.unit_terms or {"handling": problem.unit_cost}).items():
        terms[name] = terms.get(name, 0.0) + float((each[ships] * plan[ships]).sum())
    if problem.split_cost is not None:
        beyond = np.maximum(opened.sum(axis=1) - 1, 0)
        terms["split"] = float((problem.split_cost * beyond).sum())
    terms["backorders"] = float(problem.backorder_cost[unfilled].sum())
    allowed = np.isfinite(problem.parcel_cost[opened]).all()
    if not allowed or not np.isfinite(problem.unit_cost[ships]).all():
        terms["forbidden"] = float("inf")
    return terms


def opened_of(problem: Problem, plan: Ints) -> Flags:
    """Which orders a plan ships something of from which nodes, shape (o, n)."""
    opened = np.zeros(problem.parcel_cost.shape, dtype=bool)
    np.logical_or.at(opened, problem.order_of_line, plan > 0)
    return opened


def violations(problem: Problem, plan: Ints) -> list[str]:
    """What is wrong with a plan; an empty list if it can be carried out."""
    if plan.shape != (problem.units.size, problem.stock.shape[0]) or np.any(plan < 0):
        return [f"a plan has shape {plan.shape} or ships negative units"]
    total = plan.sum(axis=1)
    faults = [
        f"line {line}: {total[line]} of {problem.units[line]} units"
        for line in np.flatnonzero((total != 0) & (total != problem.units))
    ]
    used = np.zeros_like(problem.stock)
    np.add.at(used.T, problem.sku_of_line, plan)
    faults += [
        f"node {node}, SKU {sku}: ships {used[node, sku]} of {problem.stock[node, sku]}"
        for node, sku in np.argwhere(used > problem.stock)
    ]
    if problem.capacity is not None:
        faults += [
            f"node {node}: sends {plan[:, node].sum()} of {problem.capacity[node]} units"
            for node in np.flatnonzero(plan.sum(axis=0) > problem.capacity)
        ]
    if not np.isfinite(sum(cost_terms(problem, plan).values())):
        faults.append("a node ships what it may not")
    return faults + _parted(problem, plan)


def _parted(problem: Problem, plan: Ints) -> list[str]:
    faults = [
        f"line {line} is split"
        for line in np.flatnonzero((plan > 0).sum(axis=1) > 1)
        if not problem.parts_lines(int(problem.order_of_line[line]))
    ]
    opened = opened_of(problem, plan)
    if problem.parcels is not None:
        sent = opened.sum(axis=0)
        faults += [
            f"node {node}: sends {sent[node]} of {problem.parcels[node]} parcels"
            for node in np.flatnonzero(sent > problem.parcels)
        ]
    nodes = opened.sum(axis=1)
    return faults + [
        f"order {order} comes from {nodes[order]} nodes"
        for order in np.flatnonzero(nodes > 1)
        if problem.at_one_site(int(order))
    ]
