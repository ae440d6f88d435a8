"""One order by itself in microseconds, where loops are compiled.

The same order, the same answer in cost as optimizer.sourcing_order, which it falls back to where
nothing is compiled, or where the order is too large for the compiled loop. Prices of scarce stock
and of parcels are part of the costs that the caller gives.
"""

import numpy as np

from optimizer.compiled import IS_COMPILED
from optimizer.sourcing_fill import (
    ENDLESS,
    GROUPS_MAX,
    STATES_MAX,
    Left,
    Prices,
    Scratch,
    Table,
    fill,
    scratch_for,
)
from optimizer.sourcing_order import OneOrder, fill_order
from optimizer.sourcing_problem import Ints

_scratch: dict[int, Scratch] = {}  # by nodes: made once, for it is large


def fill_one(order: OneOrder) -> tuple[Ints, bool]:
    """Fill the lines of one order; as `fill_order`, but faster where it can be.

    Returns:
        units of each line from each node, shape (l, n), and whether that is proven cheapest.
    """
    parts = order.line_splitting & (order.units > 1)
    steps = np.where(parts, order.units, 1)
    lines, nodes = order.stock.shape
    is_large = lines > GROUPS_MAX or np.prod(steps + 1.0) > STATES_MAX
    if not IS_COMPILED or is_large or order.one_site:
        return fill_order(order)
    each = np.where(parts, 1, order.units)
    usable = (order.stock >= each[:, None]) & np.isfinite(order.unit_cost)
    usable &= np.isfinite(order.parcel_cost)
    group, node = np.nonzero(usable)
    take = np.zeros(group.size, dtype=np.int64)
    if nodes not in _scratch:
        _scratch[nodes] = scratch_for(nodes)
    stock = order.stock[group, node]
    room = np.full(nodes, ENDLESS, dtype=np.int64)
    nothing = np.zeros(nodes)
    table = Table(
        group_first=np.array([0, lines], dtype=np.int64),
        source_first=np.searchsorted(group, np.arange(lines + 1)).astype(np.int64),
        order_of=np.zeros(lines, dtype=np.int64),
        steps=steps,
        units=each,
        back_cost=order.backorder_cost / steps,
        is_whole=parts,
        node=node,
        pair=np.arange(group.size),
        cost=order.unit_cost[group, node] * each[group],
        parcel_cost=order.parcel_cost.reshape(1, -1),
        split_cost=np.array([float(order.split_cost)]),
        one_site=np.zeros(1, dtype=np.bool_),
        is_stuck=np.zeros(1, dtype=np.bool_),
        pair_first=room,
        pair_order=room,
        node_first=room,
        node_order=room,
        stock=stock,
        capacity=room,
        parcels=room,
    )
    left, prices = Left(stock, room, room), Prices(np.zeros(group.size), nothing, nothing)
    fill(table, _scratch[nodes], 0, left, prices, take)
    shipped = np.zeros(order.stock.shape, dtype=np.int64)
    shipped[group, node] = take * each[group]
    return shipped, True
