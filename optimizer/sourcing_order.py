"""One order against the network: which nodes, how much of which lines from each.

While it has no more than STATES_MAX states, exact. A state says how much of each line is filled:
all or nothing of a line that goes whole, any number of units of one that may be parted. `g[S]` is
the least cost of filling S with the nodes looked at so far; a further node pays its parcel once
and may then fill any lines, as far as it has them:

    h = parcel + min(g + split, b);  for each line l and number t: h[S + t of l] = min(.., h[S] +
    cost[l] t);  g = min(g, h)

which is O(nodes x lines x states); `b[S]` is the cost of back-ordering what S has of whole lines,
and the first node pays no `split`. An order that must come from one node tries each.

Beyond, only lines that no single node can fill are parted, as a state if that is few enough, else
first of all, over as few nodes as can be, which then cost no further parcel. And with still more
lines nodes are opened, closed and swapped one at a time while that pays (local search on the set
of open nodes, each line going to its cheapest open node).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

STATES_MAX = 2_048  # 11 lines of a unit, 6 of two
PARTED_MAX = 12  # lines of more units are many steps to try


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOrder:
    """An order whose lines are all of different SKUs, but where `one_site`: then they may repeat.

    Attributes:
        units: shape (l,).
        stock: shape (l, n), free units of each line's SKU at each node.
        parcel_cost: shape (n,).
        unit_cost: shape (l, n), a unit; inf forbids.
        backorder_cost: shape (l,), a line.
        line_splitting: whether a line may come from several nodes.
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
    line_cost = _line_cost(order)
    nobody = ~np.isfinite(line_cost).any(axis=1)
    may = order.line_splitting & (order.units > 1)
    must = nobody & may
    few = order.units <= PARTED_MAX
    for parted in (may, must):
        if few[parted].all() and _states(order.units, parted) <= STATES_MAX:
            return _by_states(order, line_cost, parted), bool((parted == may).all())
    return _parted_first(order, line_cost, must), False


def _states(units: Ints, parted: Flags) -> int:
    return int(np.prod(np.where(parted, units + 1, 2).astype(np.float64)).clip(max=2**62))


def _parted_first(order: OneOrder, line_cost: Floats, nobody: Flags) -> Ints:
    """Part the lines that must be, then find nodes for the others by local search."""
    shipped = np.zeros(order.stock.shape, dtype=np.int64)
    parcel_cost, first = order.parcel_cost.copy(), 0.0
    for line in np.flatnonzero(nobody):
        usable = np.where(np.isfinite(order.unit_cost[line]), order.stock[line], 0)
        if usable.sum() >= order.units[line]:
            shipped[line] = _split(int(order.units[line]), usable, order.unit_cost[line])
    if shipped.any():  # what is opened already costs no parcel, and is no node more
        parcel_cost[shipped.any(axis=0)] = -order.split_cost
        first = order.split_cost
    whole = np.flatnonzero(shipped.sum(axis=1) == 0)
    costs = _Costs(
        line=line_cost[whole],
        parcel=parcel_cost,
        backorder=order.backorder_cost[whole],
        split=order.split_cost,
        first=first,
    )
    for line, node in zip(whole, _by_local_search(costs), strict=True):
        if node >= 0:
            shipped[line, node] = order.units[line]
    return shipped


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


def _by_states(order: OneOrder, line_cost: Floats, parted: Flags) -> Ints:
    """The cheapest units of each line from each node; exact but for parting the other lines."""
    shipped = np.zeros(order.stock.shape, dtype=np.int64)
    radix = np.where(parted, order.units + 1, 2).tolist()
    inner = np.cumprod([1, *radix]).tolist()  # by how much a step of a line moves the state
    most = np.where(parted[:, None], np.minimum(order.stock, order.units[:, None]), 1)
    most[~np.isfinite(np.where(parted[:, None], order.unit_cost, line_cost))] = 0
    step = np.where(parted[:, None], order.unit_cost, line_cost)
    nothing = np.zeros(1)  # b: what the state has of each line is back-ordered, all or nothing
    for line, steps in enumerate(radix):
        between = np.full(nothing.size * (steps - 2), np.inf)
        nothing = np.concatenate([nothing, between, nothing + order.backorder_cost[line]])
    best = np.full(nothing.size, np.inf)
    history: list[_Step] = []
    for node in np.flatnonzero(np.isfinite(order.parcel_cost) & most.any(axis=0)):
        start = np.minimum(best + order.split_cost, nothing)
        layers = [start + order.parcel_cost[node]]
        for line, steps in enumerate(radix):
            shape = (-1, steps, inner[line])
            layers.append(_take(layers[-1], shape, int(most[line, node]), float(step[line, node])))
        history.append(_Step(int(node), best, layers))
        best = np.minimum(best, layers[-1])
    if best[-1] >= nothing[-1]:
        return shipped
    state = nothing.size - 1
    for at in reversed(history):
        if at.layers[-1][state] >= at.before[state]:
            continue
        for line in reversed(range(len(radix))):
            cost = float(step[line, at.node])
            taken = _taken(at.layers[line], at.layers[line + 1][state], state, inner[line], cost)
            shipped[line, at.node] = taken if parted[line] else taken * order.units[line]
            state -= taken * inner[line]
        if nothing[state] <= at.before[state] + order.split_cost:
            break
    return shipped


@dataclass(frozen=True, slots=True)
class _Step:
    """A node as it was looked at: the least costs before it, and after each line."""

    node: int
    before: Floats
    layers: list[Floats]


def _take(cost: Floats, shape: tuple[int, int, int], most: int, each: float) -> Floats:
    """Up to so many steps of one more line may go to the node at hand."""
    if not most:
        return cost
    before = cost.reshape(shape)
    found = before.copy()
    for taken in range(1, most + 1):
        with_it = before[:, :-taken] + taken * each
        np.minimum(found[:, taken:], with_it, out=found[:, taken:])
    return found.reshape(-1)


def _taken(before: Floats, cost: float, state: int, inner: int, each: float) -> int:
    """How many steps of a line led to that cost of that state."""
    taken = 0
    while (before[state] if not taken else before[state - taken * inner] + taken * each) > cost:
        taken += 1
    return taken


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
