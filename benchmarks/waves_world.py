"""Backlogs of orders and aisles of stock, by a seed, in the manner of the SBPO 2025 challenge.

What its 35 instances have in common was counted, and is drawn here: more SKUs than people order
often, about three places for each, ten times as much stock as is wanted, and a wave of a tenth to
four tenths of the backlog. They are of two sorts:

    ONE      orders of one line (all large ones are): 0.85 SKUs an order, 1.2 units a line
    BASKETS  orders of 2.8 lines on average, some of twenty: 2.5 SKUs an order, 1.4 units a line
"""

from typing import Literal, TypeAlias

import numpy as np

from optimizer.waves import Problem

Sort: TypeAlias = Literal["ONE", "BASKETS"]
SORTS: tuple[Sort, ...] = ("ONE", "BASKETS")
BASKETS_MAX = 3_000  # orders; larger backlogs of baskets are not in the challenge


def instance(orders: int, seed: int, sort: Sort = "ONE") -> Problem:
    """A backlog of so many orders; the aisles grow with less than their root, up to 482."""
    chance = np.random.default_rng((orders, seed, SORTS.index(sort)))
    is_one = sort == "ONE"
    aisles = int(min(482, max(5, 4 * orders**0.45)))
    skus = max(5, int(orders * (0.85 if is_one else 2.5)))
    rank = 1 / (np.arange(skus) + skus / 10) ** 0.8
    lines = np.ones(orders, dtype=np.int64)
    if not is_one:
        lines = np.minimum(25, chance.geometric(1 / 2.8, orders))
    order_of_line = np.repeat(np.arange(orders), lines)
    sku_of_line = chance.choice(skus, lines.sum(), p=rank / rank.sum())
    units_of_line = chance.geometric(0.84 if is_one else 0.72, lines.sum())
    places = np.minimum(8, chance.geometric(1 / 3.1, skus))
    wanted = int(units_of_line.sum())
    in_a_place = max(2.0, 10 * wanted / places.sum())
    return Problem(
        order_of_line=order_of_line,
        sku_of_line=sku_of_line.astype(np.int64),
        units_of_line=units_of_line.astype(np.int64),
        aisle_of_stock=chance.integers(0, aisles, places.sum()),
        sku_of_stock=np.repeat(np.arange(skus), places),
        units_of_stock=chance.geometric(1 / in_a_place, places.sum()),
        orders=orders,
        aisles=aisles,
        least=int(wanted * chance.uniform(0.06, 0.15)),
        most=int(wanted * chance.uniform(0.3, 0.42)),
    )
