"""Prices, and ruin and recreate: the compiled searches over a whole batch.

**Prices** (Lagrange). Stock, parcels and units of a node that the batch wants more of than there is
get a price; each order by itself is then solved exactly at these prices, and the sum, less what
all there is would fetch, is a floor under the cost of any plan. Prices move along what was asked
too much or too little of, by Polyak's step towards the best plan known; they shrink their steps
when the floor does not rise.

**Ruin and recreate.** An order, and some that have what it could have had, give back all; each is
then filled again in some turn, at prices in some measure. It stays if it is cheaper, or dearer by
less than a threshold that sinks.

Laws: a floor is never above the cost of a plan. A plan is never dearer than that it began with.

Source: A. M. Geoffrion, "Lagrangean relaxation for integer programming", 1974; M. Held, P. Wolfe
and H. Crowder, "Validation of subgradient optimization", 1974; G. Schrimpf et al., "Record
breaking optimization results using the ruin and recreate principle", 2000.
"""

from typing import NamedTuple

import numpy as np

from optimizer.compiled import compiled
from optimizer.sourcing_fill import (
    Left,
    Prices,
    Scratch,
    Table,
    cost_of,
    fill,
    give,
)
from optimizer.sourcing_problem import Flags, Floats, Ints

RUINED_MAX = 16
PROBES = 12


class Usage(NamedTuple):
    """What a plan takes of pairs and of nodes, in units, and in parcels."""

    stock: Ints
    capacity: Ints
    parcels: Ints


@compiled
def relaxed(t: Table, s: Scratch, every: Left, prices: Prices, take: Ints, usage: Usage) -> float:
    """The floor at these prices; `usage` is what the orders would take there."""
    usage.stock[:] = 0
    usage.capacity[:] = 0
    usage.parcels[:] = 0
    floor = 0.0
    for order in range(t.split_cost.size):
        if t.is_stuck[order]:
            floor += floor_of(t, order, prices)
            continue
        floor += fill(t, s, order, every, prices, take)
        give(t, s, order, take, Left(usage.stock, usage.capacity, usage.parcels), 1)
    for pair in range(t.stock.size):
        floor -= prices.stock[pair] * t.stock[pair]
    for node in range(t.capacity.size):
        floor -= prices.capacity[node] * t.capacity[node] + prices.parcels[node] * t.parcels[node]
    return floor


@compiled
def floor_of(t: Table, order: int, prices: Prices) -> float:
    """A floor under the cost of an order that is too large: each group by itself, one parcel."""
    first, last = t.group_first[order], t.group_first[order + 1]
    cost, parcel, unfilled = 0.0, np.inf, 0.0
    for group in range(first, last):
        least = t.back_cost[group]
        unfilled += t.steps[group] * t.back_cost[group]
        for source in range(t.source_first[group], t.source_first[group + 1]):
            node = t.node[source]
            price = prices.stock[t.pair[source]] + prices.capacity[node]
            least = min(least, t.cost[source] + price * t.units[group])
            parcel = min(parcel, t.parcel_cost[order, node] + prices.parcels[node])
        cost += t.steps[group] * least
    return float(min(unfilled, cost + max(0.0, min(parcel, unfilled))))


@compiled
def moved(t: Table, prices: Prices, usage: Usage, to_go: float) -> None:
    """Move the prices by Polyak's step: `to_go` is the share of the way to the best plan."""
    norm = 0.0
    for pair in range(t.stock.size):
        over = usage.stock[pair] - t.stock[pair]
        if over > 0 or prices.stock[pair] > 0:
            norm += float(over) * over
    for node in range(t.capacity.size):
        over = usage.capacity[node] - t.capacity[node]
        if over > 0 or prices.capacity[node] > 0:
            norm += float(over) * over
        over = usage.parcels[node] - t.parcels[node]
        if over > 0 or prices.parcels[node] > 0:
            norm += float(over) * over
    if norm == 0:
        return
    step = to_go / norm
    for pair in range(t.stock.size):
        over = usage.stock[pair] - t.stock[pair]
        prices.stock[pair] = max(0.0, prices.stock[pair] + step * over)
    for node in range(t.capacity.size):
        over = usage.capacity[node] - t.capacity[node]
        prices.capacity[node] = max(0.0, prices.capacity[node] + step * over)
        over = usage.parcels[node] - t.parcels[node]
        prices.parcels[node] = max(0.0, prices.parcels[node] + step * over)


@compiled
def priced(t: Table, s: Scratch, turn: Ints, left: Left, prices: Prices, take: Ints) -> None:
    """Fill these orders in turn at these prices, on what is left."""
    for at in range(turn.size):
        fill(t, s, turn[at], left, prices, take)
        give(t, s, turn[at], take, left, -1)


class Search(NamedTuple):
    """What ruin and recreate works on.

    `costs` (o,) are those of the orders in `take`; `total` is their sum, and the best that there
    was, which `best` is; `state` is the state of chance.
    """

    take: Ints
    best: Ints
    costs: Floats
    total: Floats  # (2,): now, best
    state: Ints  # (1,)
    before: Ints  # (e,): what the ruined had
    chosen: Ints  # (RUINED_MAX,)
    is_chosen: Flags  # (o,)
    none: Prices
    half: Prices
    full: Prices


@compiled
def chance(state: Ints, below: int) -> int:
    """A number from 0 to below - 1."""
    state[0] = (state[0] * 1103515245 + 12345) & 0x7FFFFFFF
    return int((state[0] >> 7) % below)


@compiled
def ruin_and_recreate(
    t: Table, s: Scratch, left: Left, search: Search, steps: int, threshold: float
) -> None:
    """Some steps of the search."""
    for _ in range(steps):
        seed = chance(search.state, t.split_cost.size)
        if t.is_stuck[seed]:
            continue
        count = _choose(t, search, seed, 2 + chance(search.state, RUINED_MAX - 2))
        old = _ruin(t, s, left, search, count)
        _shuffle(t, search, count)
        new = _recreate(t, s, left, search, count)
        luck = threshold * chance(search.state, 1024) / 1024
        if new < old + luck:
            for at in range(count):
                order = search.chosen[at]
                search.costs[order] = cost_of(t, s, order, search.take)
            search.total[0] += new - old
            if search.total[0] < search.total[1] - 1e-7:
                search.total[1] = search.total[0]
                search.best[:] = search.take
        else:
            _put_back(t, s, left, search, count)
        for at in range(count):
            search.is_chosen[search.chosen[at]] = False


@compiled
def _ruin(t: Table, s: Scratch, left: Left, search: Search, count: int) -> float:
    """Take all from the chosen; what they cost."""
    old = 0.0
    for at in range(count):
        order = search.chosen[at]
        old += search.costs[order]
        first = t.source_first[t.group_first[order]]
        last = t.source_first[t.group_first[order + 1]]
        search.before[first:last] = search.take[first:last]
        give(t, s, order, search.take, left, 1)
    return old


@compiled
def _recreate(t: Table, s: Scratch, left: Left, search: Search, count: int) -> float:
    """Fill the chosen again in turn, at no, half or full prices; what they cost now."""
    kind, new = chance(search.state, 3), 0.0
    for at in range(count):
        order = search.chosen[at]
        prices = search.none if kind == 0 else search.half if kind == 1 else search.full
        fill(t, s, order, left, prices, search.take)
        give(t, s, order, search.take, left, -1)
        new += cost_of(t, s, order, search.take)
    return new


@compiled
def _put_back(t: Table, s: Scratch, left: Left, search: Search, count: int) -> None:
    """Give the chosen what they had."""
    for at in range(count):
        give(t, s, search.chosen[at], search.take, left, 1)
    for at in range(count):
        order = search.chosen[at]
        first = t.source_first[t.group_first[order]]
        last = t.source_first[t.group_first[order + 1]]
        search.take[first:last] = search.before[first:last]
        give(t, s, order, search.take, left, -1)


@compiled
def _choose(t: Table, search: Search, seed: int, most: int) -> int:
    """An order, and some that want what it could have; listed in `chosen`."""
    search.chosen[0] = seed
    search.is_chosen[seed] = True
    count = 1
    for _ in range(PROBES * 4):
        if count >= most:
            break
        of = search.chosen[chance(search.state, count)]
        first = t.source_first[t.group_first[of]]
        sources = t.source_first[t.group_first[of + 1]] - first
        if sources == 0:
            continue
        source = first + chance(search.state, sources)
        if chance(search.state, 4) > 0:
            pair = t.pair[source]
            begin, end = t.pair_first[pair], t.pair_first[pair + 1]
            other = t.pair_order[begin + chance(search.state, end - begin)]
        else:
            node = t.node[source]
            begin, end = t.node_first[node], t.node_first[node + 1]
            other = t.node_order[begin + chance(search.state, end - begin)]
        if not search.is_chosen[other] and not t.is_stuck[other]:
            search.chosen[count] = other
            search.is_chosen[other] = True
            count += 1
    return count


@compiled
def _shuffle(t: Table, search: Search, count: int) -> None:
    """The turn in which the chosen are filled: by chance, or those that want most first."""
    for at in range(count - 1):
        other = at + chance(search.state, count - at)
        search.chosen[at], search.chosen[other] = search.chosen[other], search.chosen[at]
    if chance(search.state, 2):
        return
    for at in range(1, count):
        back, order = at, search.chosen[at]
        size = t.group_first[order + 1] - t.group_first[order]
        while back > 0:
            other = search.chosen[back - 1]
            if t.group_first[other + 1] - t.group_first[other] >= size:
                break
            search.chosen[back] = other
            back -= 1
        search.chosen[back] = order
