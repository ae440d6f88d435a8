"""The orders of a day that is played: drawn from a seed, the same in each scenario.

Who only looks at days that were played needs no more than this, and none of what plays them.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from optimizer.scenarios import Order, Snapshot

COPIES_MAX = 16  # of demand


@dataclass(frozen=True, slots=True)
class Drawn:
    """An order of the day. `name` is the same in each scenario."""

    name: str
    order: Order


def draw(of: Snapshot, seed: int) -> list[Drawn]:
    """The orders of a day, by the moment they come."""
    if not of.orders_per_day:
        return []
    chance = np.random.default_rng(seed)
    which = chance.integers(len(of.orders), size=of.orders_per_day)
    luck = chance.random((of.orders_per_day, COPIES_MAX + 1))
    of_region: dict[str, list[Order]] = defaultdict(list)
    for order in of.orders:
        of_region[order.region].append(order)
    found = []
    for number, at in enumerate(which):
        order = of.orders[at]
        factor = (of.demand or {}).get(order.region, 1.0)
        copies = min(COPIES_MAX, int(factor + luck[number, 0]))
        for copy in range(copies):
            again = of_region[order.region]
            one = order if not copy else again[int(luck[number, copy] * len(again))]
            found.append(Drawn(f"{number}.{copy}", one))
    return sorted(found, key=lambda each: (each.order.minute, each.name))
