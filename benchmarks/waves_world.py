"""Backlogs of orders and aisles of stock, by a seed, in the manner of the SBPO 2025 challenge.

SKUs sell by rank; an order has one to four of them, mostly one unit each; a SKU lies in one to
three aisles, a few units in each. A wave holds a quarter to a half of what the backlog wants, no
more than MOST units.
"""

import numpy as np

from optimizer.waves import Problem

MOST = 5_000


def instance(orders: int, seed: int) -> Problem:
    """A backlog: about as many SKUs as orders, an aisle for each ten orders, at most 480."""
    chance = np.random.default_rng((orders, seed))
    skus, aisles = max(10, int(orders * 0.85)), min(480, max(5, orders // 10))
    rank = 1 / (np.arange(skus) + 20)
    lines = chance.integers(1, 5, orders)
    order_of_line = np.repeat(np.arange(orders), lines)
    sku_of_line = chance.choice(skus, lines.sum(), p=rank / rank.sum())
    units_of_line = 1 + chance.geometric(0.8, lines.sum()) // 2
    places = chance.integers(1, 4, skus)
    sku_of_stock = np.repeat(np.arange(skus), places)
    wanted = int(units_of_line.sum())
    return Problem(
        order_of_line=order_of_line,
        sku_of_line=sku_of_line.astype(np.int64),
        units_of_line=units_of_line.astype(np.int64),
        aisle_of_stock=chance.integers(0, aisles, places.sum()),
        sku_of_stock=sku_of_stock,
        units_of_stock=chance.integers(1, 8, places.sum()),
        orders=orders,
        aisles=aisles,
        least=min(MOST, wanted) // 4,
        most=min(MOST, wanted // 2),
    )
