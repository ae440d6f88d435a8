"""One order against the network: which nodes, which lines from each.

Up to SUBSET_LINES_MAX lines: exact. `g[S]` is the least cost of filling the set S of lines with
the nodes looked at so far; a further node pays its parcel once and may then take any lines:

    h = g + parcel;   for each line l:  h[S + l] = min(h[S + l], h[S] + cost[l]);   g = min(g, h)

which is O(nodes x lines x 2^lines). A back-order is a node without a parcel. More lines: nodes
are opened, closed and swapped one at a time while that pays (local search on the set of open
nodes, each line going to its cheapest open node). Lines that no single node can fill are split
first, over as few nodes as can be, and those nodes then cost no further parcel.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SUBSET_LINES_MAX = 9


def fill_order(
    *,
    units: Ints,
    stock: Ints,
    parcel_cost: Floats,
    unit_cost: Floats,
    backorder_cost: Floats,
    line_splitting: bool,
) -> tuple[Ints, bool]:
    """Fill the lines of one order, all of different SKUs.

    Args:
        units: shape (l,).
        stock: shape (l, n), free units of each line's SKU at each node.
        parcel_cost: shape (n,).
        unit_cost: shape (l, n), a unit; inf forbids.
        backorder_cost: shape (l,), a line.
        line_splitting: whether a line that no node can fill alone may be split.

    Returns:
        units of each line from each node, shape (l, n), and whether that is proven cheapest.
    """
    shipped = np.zeros(stock.shape, dtype=np.int64)
    line_cost = np.where(stock >= units[:, None], unit_cost * units[:, None], np.inf)
    parcel_cost = parcel_cost.copy()
    exact = True
    if line_splitting:
        for line in np.flatnonzero(~np.isfinite(line_cost).any(axis=1)):
            usable = np.where(np.isfinite(unit_cost[line]), stock[line], 0)
            if usable.sum() < units[line]:
                continue
            exact = False
            shipped[line] = _split(int(units[line]), usable, unit_cost[line])
            parcel_cost[shipped[line] > 0] = 0.0
    whole = np.flatnonzero(shipped.sum(axis=1) == 0)
    if whole.size <= SUBSET_LINES_MAX:
        node_of_line = _by_subsets(line_cost[whole], parcel_cost, backorder_cost[whole])
    else:
        exact = False
        node_of_line = _by_local_search(line_cost[whole], parcel_cost, backorder_cost[whole])
    for line, node in zip(whole, node_of_line, strict=True):
        if node >= 0:
            shipped[line, node] = units[line]
    return shipped, exact


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


def _by_subsets(line_cost: Floats, parcel_cost: Floats, backorder_cost: Floats) -> list[int]:
    """The cheapest node of each line, -1 for a back-order; exact."""
    lines = line_cost.shape[0]
    useful = np.flatnonzero(np.isfinite(parcel_cost) & np.isfinite(line_cost).any(axis=0))
    best = np.zeros(1)  # g over subsets; at first every line is back-ordered
    for line in range(lines):
        best = np.concatenate([best, best + backorder_cost[line]])
    history: list[tuple[int, Floats, list[Floats]]] = []
    for node in useful:
        layers = [best + parcel_cost[node]]
        for line in range(lines):
            layers.append(_take(layers[-1], line, line_cost[line, node]))
        history.append((int(node), best, layers))
        best = np.minimum(best, layers[-1])
    return _read_back(lines, history)


def _take(cost: Floats, line: int, line_cost: float) -> Floats:
    """One more line may go to the node at hand."""
    if not np.isfinite(line_cost):
        return cost
    pairs = cost.reshape(-1, 2, 1 << line)
    with_line = np.minimum(pairs[:, 1], pairs[:, 0] + line_cost)
    return np.stack([pairs[:, 0], with_line], axis=1).reshape(-1)


def _read_back(lines: int, history: list[tuple[int, Floats, list[Floats]]]) -> list[int]:
    """Follow the minima from the full set of lines back to the empty one."""
    node_of_line = [-1] * lines
    subset = (1 << lines) - 1
    for node, before, layers in reversed(history):
        if layers[-1][subset] >= before[subset]:
            continue
        for line in reversed(range(lines)):
            if layers[line + 1][subset] < layers[line][subset]:
                node_of_line[line] = node
                subset ^= 1 << line
    return node_of_line


def _by_local_search(line_cost: Floats, parcel_cost: Floats, backorder_cost: Floats) -> list[int]:
    """The cheapest open node of each line, for a set of open nodes that no single step betters."""
    nodes = line_cost.shape[1]
    useful = [int(n) for n in range(nodes) if np.isfinite(parcel_cost[n])]
    opened: frozenset[int] = frozenset()
    cost = float(backorder_cost.sum())
    while True:
        steps = [opened | {n} for n in useful if n not in opened]
        steps += [opened - {n} for n in opened]
        steps += [(opened - {n}) | {m} for n in opened for m in useful if m not in opened]
        costs = [_cost_of(step, line_cost, parcel_cost, backorder_cost) for step in steps]
        if not costs or min(costs) >= cost - 1e-9:
            break
        cost = min(costs)
        opened = steps[costs.index(cost)]
    chosen = sorted(opened)
    if not chosen:
        return [-1] * line_cost.shape[0]
    columns = line_cost[:, chosen]
    cheapest = columns.argmin(axis=1)
    filled = columns.min(axis=1) < backorder_cost
    return [chosen[at] if ok else -1 for at, ok in zip(cheapest, filled, strict=True)]


def _cost_of(
    opened: frozenset[int], line_cost: Floats, parcel_cost: Floats, backorder_cost: Floats
) -> float:
    if not opened:
        return float(backorder_cost.sum())
    nodes = sorted(opened)
    lines = np.minimum(line_cost[:, nodes].min(axis=1), backorder_cost)
    return float(lines.sum() + parcel_cost[nodes].sum())
