"""One order against the network: which nodes, which lines from each.

Up to SUBSET_LINES_MAX lines: exact. `g[S]` is the least cost of filling the set S of lines with
the nodes looked at so far; a further node pays its parcel once and may then take any lines:

    h = parcel + min(g + split, b);  for each line l: h[S + l] = min(h[S + l], h[S] + cost[l]);
    g = min(g, h)

which is O(nodes x lines x 2^lines); `b[S]` is the cost of back-ordering S, and the first node
pays no `split`. An order that must come from one node tries each. More lines: nodes are opened,
closed and swapped one at a time while that pays (local search on the set of open nodes, each line
going to its cheapest open node). Lines that no single node can fill are split first, over as few
nodes as can be, and those nodes then cost no further parcel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SUBSET_LINES_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOrder:
    """An order whose lines are all of different SKUs, but where `one_site`: then they may repeat.

    Attributes:
        units: shape (l,).
        stock: shape (l, n), free units of each line's SKU at each node.
        parcel_cost: shape (n,).
        unit_cost: shape (l, n), a unit; inf forbids.
        backorder_cost: shape (l,), a line.
        line_splitting: whether a line that no node can fill alone may be split.
        split_cost: for each node beyond the first.
        one_site: whether all must come from one node.
        sku: shape (l,), which lines are of the same SKU; only asked with `one_site`.
    """

    units: Ints
    stock: Ints
    parcel_cost: Floats
    unit_cost: Floats
    backorder_cost: Floats
    line_splitting: bool = True
    split_cost: float = 0.0
    one_site: bool = False
    sku: Ints | None = None


def fill_order(order: OneOrder) -> tuple[Ints, bool]:
    """Fill the lines of one order.

    Returns:
        units of each line from each node, shape (l, n), and whether that is proven cheapest.
    """
    if order.one_site:
        return _from_one_site(order)
    shipped = np.zeros(order.stock.shape, dtype=np.int64)
    line_cost = _line_cost(order)
    parcel_cost, exact = order.parcel_cost.copy(), True
    if order.line_splitting:
        for line in np.flatnonzero(~np.isfinite(line_cost).any(axis=1)):
            usable = np.where(np.isfinite(order.unit_cost[line]), order.stock[line], 0)
            if usable.sum() < order.units[line]:
                continue
            exact = False
            shipped[line] = _split(int(order.units[line]), usable, order.unit_cost[line])
            parcel_cost[shipped[line] > 0] = 0.0
    whole = np.flatnonzero(shipped.sum(axis=1) == 0)
    if not exact:  # what is opened already is no node more
        parcel_cost[shipped.any(axis=0)] = -order.split_cost
    first = order.split_cost if not exact else 0.0
    costs = _Costs(
        line=line_cost[whole],
        parcel=parcel_cost,
        backorder=order.backorder_cost[whole],
        split=order.split_cost,
        first=first,
    )
    if whole.size <= SUBSET_LINES_MAX:
        node_of_line = _by_subsets(costs)
    else:
        exact = False
        node_of_line = _by_local_search(costs)
    for line, node in zip(whole, node_of_line, strict=True):
        if node >= 0:
            shipped[line, node] = order.units[line]
    return shipped, exact


@dataclass(frozen=True, slots=True, kw_only=True)
class _Costs:
    """Of whole lines: line (l, n), parcel (n,), backorder (l,); a node more; the first node."""

    line: Floats
    parcel: Floats
    backorder: Floats
    split: float
    first: float


def _line_cost(order: OneOrder) -> Floats:
    able = order.stock >= order.units[:, None]
    return np.where(able, order.unit_cost * order.units[:, None], np.inf)


def _from_one_site(order: OneOrder) -> tuple[Ints, bool]:
    """Try each node; each gives its lines in turn what it has. Exact unless SKUs repeat."""
    shipped = np.zeros(order.stock.shape, dtype=np.int64)
    sku = np.arange(order.units.size) if order.sku is None else order.sku
    repeats = np.unique(sku).size < sku.size
    best, best_cost = None, float(order.backorder_cost.sum())
    line_cost = _line_cost(order)
    for node in np.flatnonzero(np.isfinite(order.parcel_cost)):
        column = line_cost[:, node].copy()
        if repeats:
            left = dict(zip(sku.tolist(), order.stock[:, node].tolist(), strict=True))
            for line, units in enumerate(order.units.tolist()):
                if left[int(sku[line])] < units:
                    column[line] = np.inf
                elif column[line] < order.backorder_cost[line]:
                    left[int(sku[line])] -= units
        cost = float(order.parcel_cost[node] + np.minimum(column, order.backorder_cost).sum())
        filled = column < order.backorder_cost
        if cost < best_cost and filled.any():
            best, best_cost = (int(node), filled), cost
    if best is not None:
        shipped[best[1], best[0]] = order.units[best[1]]
    return shipped, not repeats


def _split(units: int, usable: Ints, unit_cost: Floats) -> Ints:
    """Take from the nodes that hold most, so that few take part; the cheaper of equals first."""
    taken = np.zeros_like(usable)
    order = np.lexsort((np.where(np.isfinite(unit_cost), unit_cost, np.inf), -usable))
    for node in order:
        taken[node] = min(int(usable[node]), units)
        units -= int(taken[node])
        if units == 0:
            break
    return taken


def _by_subsets(costs: _Costs) -> list[int]:
    """The cheapest node of each line, -1 for a back-order; exact."""
    lines = costs.line.shape[0]
    useful = np.flatnonzero(np.isfinite(costs.parcel) & np.isfinite(costs.line).any(axis=0))
    nothing = np.zeros(1)  # b: every line of the subset is back-ordered
    for line in range(lines):
        nothing = np.concatenate([nothing, nothing + costs.backorder[line]])
    best = np.full(nothing.size, np.inf)
    history: list[_Step] = []
    for node in useful:
        start = np.minimum(best + costs.split, nothing + costs.first)
        layers = [start + costs.parcel[node]]
        for line in range(lines):
            layers.append(_take(layers[-1], line, float(costs.line[line, node])))
        history.append(_Step(int(node), best, layers))
        best = np.minimum(best, layers[-1])
    if best[-1] >= nothing[-1]:
        return [-1] * lines
    return _read_back(lines, history, costs, nothing)


@dataclass(frozen=True, slots=True)
class _Step:
    """A node as it was looked at: the least costs before it, and after each line."""

    node: int
    before: Floats
    layers: list[Floats]


def _take(cost: Floats, line: int, line_cost: float) -> Floats:
    """One more line may go to the node at hand."""
    if not np.isfinite(line_cost):
        return cost
    pairs = cost.reshape(-1, 2, 1 << line)
    with_line = np.minimum(pairs[:, 1], pairs[:, 0] + line_cost)
    return np.stack([pairs[:, 0], with_line], axis=1).reshape(-1)


def _read_back(lines: int, history: list[_Step], costs: _Costs, nothing: Floats) -> list[int]:
    """Follow the minima from the full set of lines back to where all the rest is back-ordered."""
    node_of_line = [-1] * lines
    subset = (1 << lines) - 1
    for step in reversed(history):
        if step.layers[-1][subset] >= step.before[subset]:
            continue
        for line in reversed(range(lines)):
            if step.layers[line + 1][subset] < step.layers[line][subset]:
                node_of_line[line] = step.node
                subset ^= 1 << line
        if nothing[subset] + costs.first <= step.before[subset] + costs.split:
            break
    return node_of_line


def _by_local_search(costs: _Costs) -> list[int]:
    """The cheapest open node of each line, for a set of open nodes that no single step betters."""
    nodes = costs.line.shape[1]
    useful = [int(n) for n in range(nodes) if np.isfinite(costs.parcel[n])]
    opened: frozenset[int] = frozenset()
    cost = float(costs.backorder.sum())
    while True:
        steps = [opened | {n} for n in useful if n not in opened]
        steps += [opened - {n} for n in opened]
        steps += [(opened - {n}) | {m} for n in opened for m in useful if m not in opened]
        found = [_cost_of(step, costs) for step in steps]
        if not found or min(found) >= cost - 1e-9:
            break
        cost = min(found)
        opened = steps[found.index(cost)]
    chosen = sorted(opened)
    if not chosen:
        return [-1] * costs.line.shape[0]
    columns = costs.line[:, chosen]
    cheapest = columns.argmin(axis=1)
    filled = columns.min(axis=1) < costs.backorder
    return [chosen[at] if ok else -1 for at, ok in zip(cheapest, filled, strict=True)]


def _cost_of(opened: frozenset[int], costs: _Costs) -> float:
    if not opened:
        return float(costs.backorder.sum())
    nodes = sorted(opened)
    lines = np.minimum(costs.line[:, nodes].min(axis=1), costs.backorder)
    beyond = costs.first + costs.split * (len(nodes) - 1)
    return float(lines.sum() + costs.parcel[nodes].sum() + beyond)
