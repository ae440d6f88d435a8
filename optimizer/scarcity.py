"""What the last units of a node are worth to orders that are still to come.

An order decided now takes a unit that an order of tomorrow may need to go whole, in one parcel,
from near by. The price of a unit of a SKU at a node is what the loss of it costs on average:

    price[n, s] = P(demand that wants it there >= stock[n, s]) * mean regret

Demand is a sample of orders as they may come (those of past days, say). Each takes its cheapest
way at the prices of the round before: from one node or two. The units that want (n, s) make the
mean of a Poisson variable; the regret of a line is what its order's best way without that node
for that line costs more than the best, the price of the unit itself left out: a farther node, or
one more parcel. Prices change ways, and ways prices; some rounds, each halfway to what follows
from the one before, find prices that fit well enough.

What only one node has asks no price: whom it will fail is no matter of place. A line that a way
of its order does not send costs `regret_max`, which is a further parcel or two.

Shapes: l lines, o orders, n nodes, s SKUs. Costs in any one unit.

Source: the value of stock to later orders, from duals of a transportation problem: Y. Acimovic
and S. Graves, "Making Better Fulfillment Decisions on the Fly", M&SOM 17(1), 2015. Regret of
sampled orders instead of duals, as whole orders are not lines, and as an expected demand of half
a unit has a dual of nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optimizer.sourcing_problem import Floats, Ints

ROUNDS = 3
SKIP_LINES = 12  # orders with more go in parts in any case
CHUNK_ROWS = 4_000
EXACT_TERMS = 80  # of the Poisson sum; beyond that much stock, the normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Orders as they may come.

    Attributes:
        order_of_line: shape (l,), 0-based, ascending, each order with at least a line.
        sku_of_line: shape (l,).
        units: shape (l,), at least 1.
        parcel_cost: shape (o, n), what a parcel costs; inf where there is no way.
        unit_cost: shape (n,), handling.
        weight: how many orders to come each of these stands for.
    """

    order_of_line: Ints
    sku_of_line: Ints
    units: Ints
    parcel_cost: Floats
    unit_cost: Floats
    weight: float = 1.0


def prices(forecast: Forecast, stock: Ints, *, regret_max: float, rounds: int = ROUNDS) -> Floats:
    """The price of a unit by node and SKU, shape (n, s); 0 where there is none.

    Args:
        forecast: the orders to come until stock comes.
        stock: shape (n, s), free now.
        regret_max: what a line costs that has no other way; no price is higher.
        rounds: how often ways and prices follow from each other.
    """
    found = np.zeros(stock.shape)
    for number in range(rounds):
        flow, regret = np.zeros(stock.shape), np.zeros(stock.shape)
        for part in _parts(forecast):
            _count(forecast, part, stock, found, regret_max, flow, regret)
        mean = np.divide(regret, flow, out=np.zeros_like(regret), where=flow > 0)
        following = mean * at_least(stock, flow * forecast.weight)
        found = following if number == 0 else (found + following) / 2
    return np.where(stock > 0, np.minimum(found, regret_max), 0.0)


def at_least(count: Ints, mean: Floats) -> Floats:
    """The probability that a Poisson variable with that mean is at least `count`."""
    rest, term = np.ones(count.shape), np.exp(-mean)
    for below in range(min(int(count.max(initial=0)), EXACT_TERMS)):
        rest -= np.where(below < count, term, 0.0)
        term = term * mean / (below + 1)
    beyond = count > EXACT_TERMS
    away = (count - 0.5 - mean) / np.sqrt(np.maximum(mean, 1e-9))
    normal = 1 / (1 + np.exp(np.clip(1.5976 * away + 0.07056 * away**3, -50, 50)))
    found: Floats = np.where(beyond, normal, np.clip(rest, 0.0, 1.0))
    return found


def _parts(forecast: Forecast) -> Iterator[tuple[int, int]]:
    """Ranges of lines, whole orders each, small enough for the memory."""
    lines = forecast.order_of_line.size
    starts = np.flatnonzero(np.r_[True, np.diff(forecast.order_of_line) != 0])
    begin = 0
    for start in [*starts[1:].tolist(), lines]:
        if start - begin >= CHUNK_ROWS // 4 or start == lines:
            yield begin, start
            begin = start


def _count(  # noqa: PLR0913, PLR0917 - the last two are what it adds to
    forecast: Forecast,
    part: tuple[int, int],
    stock: Ints,
    price: Floats,
    regret_max: float,
    flow: Floats,
    regret: Floats,
) -> None:
    """Add the units that want each node's stock, and what each would lose without it."""
    lines = np.arange(*part)
    of_order, sku = forecast.order_of_line[lines], forecast.sku_of_line[lines]
    units = forecast.units[lines]
    there = units[:, None] <= stock[:, sku].T
    cost = units[:, None] * (forecast.unit_cost + price[:, sku].T)
    cost = np.where(there, cost, regret_max * units[:, None])
    first = np.flatnonzero(np.r_[True, np.diff(of_order) != 0])
    length = np.diff(np.r_[first, of_order.size])
    best, one, two = _Ways(forecast.parcel_cost[of_order[first]]).cheapest(cost, first)
    node = _node_of(cost, np.repeat(one, length), np.repeat(two, length))
    served = there[np.arange(lines.size), node]
    # each line again, in an order that may not have it from that node
    order = np.repeat(np.arange(first.size), length)
    asked = np.flatnonzero(served & (length[order] <= SKIP_LINES))
    if not asked.size:
        return
    size = length[order[asked]]
    begin = np.r_[0, np.cumsum(size)[:-1]]
    rows = np.arange(size.sum()) - np.repeat(begin, size) + np.repeat(first[order[asked]], size)
    other = cost[rows]
    at = begin + asked - first[order[asked]]
    other[at, node[asked]] = regret_max * units[asked]
    worse, _, _ = _Ways(forecast.parcel_cost[of_order[asked]]).cheapest(other, begin)
    paid = units[asked] * price[node[asked], sku[asked]]  # to the very unit that is priced
    more = np.clip(worse - best[order[asked]] + paid, 0, regret_max * units[asked])
    more[there[asked].sum(axis=1) <= 1] = 0.0  # it has no other place to come from
    np.add.at(flow, (node[asked], sku[asked]), units[asked])
    np.add.at(regret, (node[asked], sku[asked]), more)


class _Ways:
    """The ways of an order: all from one node, or from two. `parcel_cost` has shape (o, n)."""

    def __init__(self, parcel_cost: Floats) -> None:
        self._parcel_cost = parcel_cost

    def cheapest(self, cost: Floats, first: Ints) -> tuple[Floats, Ints, Ints]:
        """What the best way of each order costs, and its nodes; `first` is its first line.

        One node against all at a time: the arrays stay small enough for the cache.
        """
        rows = np.arange(first.size)
        best = np.full(first.size, np.inf)
        one, two = np.zeros((2, first.size), dtype=np.int64)
        for node in range(cost.shape[1]):
            ways = np.add.reduceat(np.minimum(cost[:, node:], cost[:, node, None]), first, axis=0)
            ways += self._parcel_cost[:, node:]
            ways[:, 1:] += self._parcel_cost[:, node, None]
            with_it = ways.argmin(axis=1)
            found = ways[rows, with_it]
            better = found < best
            best[better], one[better] = found[better], node
            two[better] = node + with_it[better]
        return best, one, two


def _node_of(cost: Floats, one: Ints, two: Ints) -> Ints:
    """The node of each line: the cheaper of the two of its order."""
    row = np.arange(one.size)
    return np.where(cost[row, one] <= cost[row, two], one, two)
