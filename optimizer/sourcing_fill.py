"""One order against what is left of the network, in a compiled loop; and the table it reads.

The same dynamic programme as optimizer.sourcing_order, on arrays made once for a whole batch. What
an order wants of a SKU is a group of steps; a state says how many steps of each group are filled:

    lines that may be parted     as many steps as units, all of them or none
    lines that go whole          one step
    the same SKU, unit by unit   as many steps as lines, any number of them

A state remembers which state the last node that sends began with; the difference is what it sends.

Shapes: o orders, g groups, e sources (a group and a node that has some), p pairs (a node and a
SKU of its stock), n nodes. Orders with too many states, or with one SKU in two groups, are
`is_stuck`: they stay as they are, and are only given a floor under their cost.

Laws: what is filled fits what is left. Compiled and plain give the same, to the last bit.
"""

from typing import NamedTuple

import numpy as np

from optimizer.compiled import compiled
from optimizer.sourcing_problem import Flags, Floats, Ints

STATES_MAX = 4_096
GROUPS_MAX = 12
ENDLESS = 2**40


class Table(NamedTuple):
    """A batch as flat arrays. `x_first` has one more entry than there are x."""

    group_first: Ints  # (o + 1,): the groups of an order
    source_first: Ints  # (g + 1,): the sources of a group
    order_of: Ints  # (g,)
    steps: Ints  # (g,)
    units: Ints  # (g,) of a step
    back_cost: Floats  # (g,) of a step that is not filled
    is_whole: Flags  # (g,): all steps or none
    node: Ints  # (e,)
    pair: Ints  # (e,)
    cost: Floats  # (e,) of a step
    parcel_cost: Floats  # (o, n)
    split_cost: Floats  # (o,)
    one_site: Flags  # (o,)
    is_stuck: Flags  # (o,)
    pair_first: Ints  # (p + 1,)
    pair_order: Ints  # (e,): orders that want a pair
    node_first: Ints  # (n + 1,)
    node_order: Ints  # orders that want something of a node
    stock: Ints  # (p,)
    capacity: Ints  # (n,)
    parcels: Ints  # (n,)


class Left(NamedTuple):
    """What is left: of pairs, in units; of nodes, in units and in parcels."""

    stock: Ints
    capacity: Ints
    parcels: Ints


class Prices(NamedTuple):
    """What a unit of a pair, a unit sent and a parcel sent from a node are worth to others."""

    stock: Floats  # (p,)
    capacity: Floats  # (n,)
    parcels: Floats  # (n,)


class Scratch(NamedTuple):
    """Memory for one order at a time."""

    best: Floats
    held: Floats
    nothing: Floats
    origin: Ints  # (n, states)
    begun: Ints
    inner: Ints
    source_at: Ints  # (n, groups)
    nodes: Ints
    found: Ints  # (1,): how many `nodes`
    is_shut: Flags


def scratch_for(nodes: int) -> Scratch:
    """Memory for orders over so many nodes."""
    return Scratch(
        best=np.zeros(STATES_MAX),
        held=np.zeros(STATES_MAX),
        nothing=np.zeros(STATES_MAX),
        origin=np.zeros((nodes, STATES_MAX), dtype=np.int64),
        begun=np.zeros(STATES_MAX, dtype=np.int64),
        inner=np.zeros(GROUPS_MAX + 1, dtype=np.int64),
        source_at=np.full((nodes, GROUPS_MAX), -1, dtype=np.int64),
        nodes=np.zeros(nodes, dtype=np.int64),
        found=np.zeros(1, dtype=np.int64),
        is_shut=np.zeros(nodes, dtype=np.bool_),
    )


def no_prices(table: Table) -> Prices:
    """All worth nothing."""
    nodes = table.capacity.size
    return Prices(np.zeros(table.stock.size), np.zeros(nodes), np.zeros(nodes))


def all_left(table: Table) -> Left:
    """All that there is."""
    return Left(table.stock.copy(), table.capacity.copy(), table.parcels.copy())


@compiled
def fill(t: Table, s: Scratch, order: int, left: Left, prices: Prices, take: Ints) -> float:
    """Fill an order as cheaply as can be, prices included; `take` (e,) gets steps by source.

    Returns:
        the cost with prices. Exact, but where a node could not send all that it should: then the
        cheapest without that node.
    """
    first, last = t.group_first[order], t.group_first[order + 1]
    take[t.source_first[first] : t.source_first[last]] = 0
    s.inner[0] = 1
    for group in range(first, last):
        s.inner[group - first + 1] = s.inner[group - first] * (t.steps[group] + 1)
    _find_nodes(t, s, order, left)
    if t.one_site[order]:
        cost = _from_one(t, s, order, left, prices, take)
    else:
        _leave_unfilled(t, s, order)
        again = True
        cost = 0.0
        while again:
            cost = _over_nodes(t, s, order, left, prices)
            _read_back(t, s, order, take)
            again = _shut_full(t, s, order, left, take)
    for at in range(s.found[0]):
        s.is_shut[s.nodes[at]] = False
        for group in range(last - first):
            s.source_at[s.nodes[at], group] = -1
    return cost


@compiled
def _find_nodes(t: Table, s: Scratch, order: int, left: Left) -> None:
    """List the nodes that could send some of an order, and their sources by group."""
    s.found[0] = 0
    first, last = t.group_first[order], t.group_first[order + 1]
    for group in range(first, last):
        for source in range(t.source_first[group], t.source_first[group + 1]):
            node, units = t.node[source], t.units[group]
            most = min(left.stock[t.pair[source]], left.capacity[node])
            if most < units or left.parcels[node] < 1:
                continue
            known = False
            for other in range(group - first):
                known = known or s.source_at[node, other] >= 0
            if not known:
                s.nodes[s.found[0]] = node
                s.found[0] += 1
            s.source_at[node, group - first] = source


@compiled
def _leave_unfilled(t: Table, s: Scratch, order: int) -> None:
    """What it costs to leave a state unfilled; inf where a line would be filled in part."""
    first, last = t.group_first[order], t.group_first[order + 1]
    s.nothing[0] = 0.0
    for group in range(first, last):
        inner, steps = s.inner[group - first], t.steps[group]
        for digit in range(1, steps + 1):
            cost = digit * t.back_cost[group]
            if t.is_whole[group] and digit < steps:
                cost = np.inf
            for low in range(inner):
                s.nothing[digit * inner + low] = s.nothing[low] + cost


@compiled
def _over_nodes(t: Table, s: Scratch, order: int, left: Left, prices: Prices) -> float:
    """The least cost of filling all, one node after the other; `origin` tells how."""
    first, last = t.group_first[order], t.group_first[order + 1]
    states, split = s.inner[last - first], t.split_cost[order]
    s.best[:states] = np.inf
    for at in range(s.found[0]):
        node = s.nodes[at]
        if s.is_shut[node]:
            s.origin[at, :states] = -1
            continue
        parcel = t.parcel_cost[order, node] + prices.parcels[node]
        for state in range(states):
            more, new = s.best[state] + split, s.nothing[state]
            if new <= more:
                s.held[state], s.begun[state] = new + parcel, -(state + 2)
            else:
                s.held[state], s.begun[state] = more + parcel, state
        for group in range(first, last):
            source = s.source_at[node, group - first]
            if source >= 0:
                _take_steps(t, s, group, source, left, prices)
        for state in range(states):
            if s.held[state] < s.best[state]:
                s.best[state], s.origin[at, state] = s.held[state], s.begun[state]
            else:
                s.origin[at, state] = -1
    return float(min(s.best[states - 1], s.nothing[states - 1]))


@compiled
def _take_steps(t: Table, s: Scratch, group: int, source: int, left: Left, prices: Prices) -> None:
    """Steps of one more group may go to the node at hand."""
    order = t.order_of[group]
    first, last = t.group_first[order], t.group_first[order + 1]
    node, units, steps = t.node[source], t.units[group], t.steps[group]
    most = min(steps, min(left.stock[t.pair[source]], left.capacity[node]) // units)
    each = t.cost[source] + (prices.stock[t.pair[source]] + prices.capacity[node]) * units
    inner, states = s.inner[group - first], s.inner[last - first]
    for high in range(0, states, inner * (steps + 1)):
        for back in range(steps):
            digit = steps - back
            for low in range(inner):
                state = high + digit * inner + low
                for taken in range(1, min(digit, most) + 1):
                    begin = state - taken * inner
                    cost = s.held[begin] + taken * each
                    if cost < s.held[state]:
                        s.held[state], s.begun[state] = cost, s.begun[begin]


@compiled
def _read_back(t: Table, s: Scratch, order: int, take: Ints) -> None:
    """What each node sends in the cheapest way, from the last node back to the first."""
    first, last = t.group_first[order], t.group_first[order + 1]
    take[t.source_first[first] : t.source_first[last]] = 0
    state = s.inner[last - first] - 1
    if s.best[state] >= s.nothing[state]:
        return
    for back in range(s.found[0]):
        at = s.found[0] - 1 - back
        begun = s.origin[at, state]
        if begun == -1:
            continue
        before = begun if begun >= 0 else -begun - 2
        for group in range(first, last):
            inner, radix = s.inner[group - first], t.steps[group] + 1
            taken = state // inner % radix - before // inner % radix
            if taken > 0:
                take[s.source_at[s.nodes[at], group - first]] = taken
        state = before
        if begun < 0:
            return


@compiled
def _shut_full(t: Table, s: Scratch, order: int, left: Left, take: Ints) -> bool:
    """Shut the nodes that were to send more than they can; whether there are any."""
    found = False
    groups = t.group_first[order + 1] - t.group_first[order]
    for at in range(s.found[0]):
        node, sent = s.nodes[at], 0
        for group in range(groups):
            source = s.source_at[node, group]
            if source >= 0:
                sent += take[source] * t.units[t.group_first[order] + group]
        if sent > left.capacity[node]:
            s.is_shut[node] = True
            found = True
    return found


@compiled
def _from_one(t: Table, s: Scratch, order: int, left: Left, prices: Prices, take: Ints) -> float:
    """Try each node for all of it."""
    best, chosen = 0.0, -1
    for group in range(t.group_first[order], t.group_first[order + 1]):
        best += t.steps[group] * t.back_cost[group]
    for at in range(s.found[0]):
        cost = _at_one(t, s, s.nodes[at], left, prices, take, order)
        if cost < best:
            best, chosen = cost, at
    if chosen < 0:
        take[t.source_first[t.group_first[order]] : t.source_first[t.group_first[order + 1]]] = 0
        return float(best)
    return _at_one(t, s, s.nodes[chosen], left, prices, take, order)


@compiled
def _at_one(  # noqa: PLR0913, PLR0917 - arrays and numbers only
    t: Table, s: Scratch, node: int, left: Left, prices: Prices, take: Ints, order: int
) -> float:
    """What an order costs from that node; `take` gets what it sends."""
    first, last = t.group_first[order], t.group_first[order + 1]
    take[t.source_first[first] : t.source_first[last]] = 0
    cost, room = t.parcel_cost[order, node] + prices.parcels[node], left.capacity[node]
    for group in range(first, last):
        source, steps, units = s.source_at[node, group - first], t.steps[group], t.units[group]
        taken = 0
        if source >= 0:
            pair = t.pair[source]
            each = t.cost[source] + (prices.stock[pair] + prices.capacity[node]) * units
            taken = min(steps, min(left.stock[pair], room) // units)
            if each >= t.back_cost[group] or (t.is_whole[group] and taken < steps):
                taken = 0
            take[source] = taken
            room -= taken * units
            cost += taken * each
        cost += (steps - taken) * t.back_cost[group]
    return float(cost)


@compiled
def cost_of(t: Table, s: Scratch, order: int, take: Ints) -> float:
    """What an order costs as it is, without prices."""
    first, last = t.group_first[order], t.group_first[order + 1]
    cost, opened = 0.0, 0
    for group in range(first, last):
        unfilled = t.steps[group]
        for source in range(t.source_first[group], t.source_first[group + 1]):
            if take[source]:
                unfilled -= take[source]
                cost += take[source] * t.cost[source]
                if not s.is_shut[t.node[source]]:
                    s.is_shut[t.node[source]] = True
                    opened += 1
                    cost += t.parcel_cost[order, t.node[source]]
        cost += unfilled * t.back_cost[group]
    for source in range(t.source_first[first], t.source_first[last]):
        s.is_shut[t.node[source]] = False
    return float(cost + max(0, opened - 1) * t.split_cost[order])


@compiled
def give(t: Table, s: Scratch, order: int, take: Ints, left: Left, sign: int) -> None:
    """Take what an order has from what is left (sign -1), or give it back (sign 1)."""
    first, last = t.group_first[order], t.group_first[order + 1]
    for group in range(first, last):
        for source in range(t.source_first[group], t.source_first[group + 1]):
            if take[source]:
                node, moved = t.node[source], sign * take[source] * t.units[group]
                left.stock[t.pair[source]] += moved
                left.capacity[node] += moved
                if not s.is_shut[node]:
                    s.is_shut[node] = True
                    left.parcels[node] += sign
    for source in range(t.source_first[first], t.source_first[last]):
        s.is_shut[t.node[source]] = False
