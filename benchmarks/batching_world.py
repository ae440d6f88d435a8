"""Orders to be batched, in the manner of Henn and Waescher: one block, stops anywhere in it.

Ten aisles of 45 cells a side, 5 from an aisle to the next, a cell each 1, the first cell 1 from
the cross-aisle; the depot at the front of the first aisle. Orders of 5 to 25 units, each unit at
a place drawn uniformly, or by class: 52 % of the units lie in the first aisle, 36 % in the next
three, 12 % in the others; carts of 30 to 75 units. All by a seed. Lengths are in cells.

Source: S. Henn and G. Waescher, "Tabu search heuristics for the order batching problem in manual
order picking systems", European J. Operational Research 222(3), 2012.
"""

import numpy as np

from optimizer.batching import Problem
from optimizer.layout import Block

AISLES, CELLS, PITCH = 10, 45, 5.0
UNITS = (5, 25)
ORDERS = (20, 40, 60, 80, 100)
CARTS = (30, 45, 60, 75)
STORED = ("uniform", "class")
BY_CLASS = np.array([0.52] + [0.36 / 3] * 3 + [0.12 / 6] * 6)  # of the units, by aisle


def instance(orders: int, capacity: int, seed: int, stored: str = "uniform") -> Problem:
    """Orders by a seed, and the carts that they are picked into."""
    chance = np.random.default_rng((orders, capacity, seed))
    size = chance.integers(UNITS[0], UNITS[1] + 1, orders)
    units = int(size.sum())
    if stored == "uniform":
        aisle = chance.integers(0, AISLES, units)
    else:
        aisle = chance.choice(AISLES, units, p=BY_CLASS)
    return Problem(
        block=Block(aisles=AISLES, aisle_length_m=CELLS + 1.0, aisle_pitch_m=PITCH),
        aisle=aisle,
        depth_m=chance.integers(1, CELLS + 1, units).astype(np.float64),
        order_of_stop=np.repeat(np.arange(orders), size),
        size_of_order=size,
        capacity=capacity,
    )
