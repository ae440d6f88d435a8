"""Robots matched with orders: how near to the best of all pairs, and how fast; one JSON line.

Random points in a hall. The reference in the same run is the best of all pairs (the same flow
over every pair, no pair left out), the baseline is nearest-first, as fleets are often run.

    ratio     cost of our pairs by the cost of the best ones
    ms        of choosing the pairs and solving, median
    t8_*      those of 1,000 x 1,500: at most 1.02, and 50 ms
    greedy_*  the same of nearest-first

A shift on the demo's plant is played as well, with 30 robots that are matched as the engine does:
`shift_orders_an_hour`, and metres driven empty for an order.
"""

import json
import sys
from statistics import median
from time import process_time

import numpy as np

from tests.wcs.fleet import START, Weather, World, tokyo
from wcs.assign_match import Floats, Ints, match, nearest

SIZES = ((50, 100), (200, 400), (500, 1000), (1000, 1500))
HALL_M = (200.0, 120.0)
ROUNDS = 5
LOADS = 60


def costs(robots: Floats, orders: Floats, i: Ints, j: Ints) -> Ints:
    """Hundredths of metres of pairs."""
    apart = np.hypot(*(robots[i] - orders[j]).T)
    found: Ints = np.rint(100 * apart).astype(np.int64)
    return found


def greedy(robots: Floats, orders: Floats) -> int:
    """What nearest-first costs: always the shortest pair that is left."""
    apart = np.hypot(*(robots[:, None, :] - orders[None, :, :]).transpose(2, 0, 1))
    m, free, open_ = len(orders), set(range(len(robots))), set(range(len(orders)))
    total = 0.0
    for key in np.argsort(apart, axis=None).tolist():
        i, j = divmod(key, m)
        if i in free and j in open_:
            free.discard(i)
            open_.discard(j)
            total += float(apart[i, j])
            if not free or not open_:
                break
    return round(100 * total)


def all_pairs(robots: Floats, orders: Floats) -> int:
    """The cost of the best of all pairs."""
    i, j = nearest(robots, orders, max(len(robots), len(orders)))
    cost = costs(robots, orders, i, j)
    found = match(i, j, cost, np.full(len(orders), -1), [])
    return int(cost[found].sum())


def one_size(n: int, m: int, rounds: int) -> dict[str, float]:
    """Ratios and milliseconds of a size."""
    ours_ms, greedy_ms, ratio, greedy_ratio = [], [], [], []
    for seed in range(rounds):
        chance = np.random.default_rng(seed)
        robots, orders = chance.uniform(0, HALL_M, (n, 2)), chance.uniform(0, HALL_M, (m, 2))
        begun = process_time()
        i, j = nearest(robots, orders)
        cost = costs(robots, orders, i, j)
        found = match(i, j, cost, np.full(m, -1), [])
        ours_ms.append(1e3 * (process_time() - begun))
        begun = process_time()
        short = greedy(robots, orders)
        greedy_ms.append(1e3 * (process_time() - begun))
        best = all_pairs(robots, orders)
        assert len(found) == n
        ratio.append(int(cost[found].sum()) / best)
        greedy_ratio.append(short / best)
    return {
        "robots": n, "orders": m, "ratio": max(ratio), "ms": median(ours_ms),
        "greedy_ratio": median(greedy_ratio), "greedy_ms": median(greedy_ms),
    }  # fmt: skip


def shift() -> dict[str, float]:
    """A busy hour of the demo's plant."""
    world = World(tokyo(), 1, Weather(lost=0.0, stall=0.0))
    world.check = False
    world.fetch_and_return(LOADS, 1)
    world.work_off(20_000)
    virtual_s = (world.now - START).total_seconds()
    ends = [report for report in world.heard if report.state == "FINISHED"]
    return {
        "shift_orders_an_hour": len(ends) / virtual_s * 3600,
        "shift_metres_an_order": sum(report.metres for report in ends) / len(ends),
    }


def rounded(found: dict[str, float]) -> dict[str, float]:
    """For people."""
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    rounds = ROUNDS if "--quick" not in sys.argv else 1
    sizes = [rounded(one_size(n, m, rounds)) for n, m in SIZES]
    last = {f"t8_{name}": sizes[-1][name] for name in ("ratio", "ms", "greedy_ratio", "greedy_ms")}
    found = {"benchmark": "assignment", **last, "sizes": sizes, **rounded(shift())}
    sys.stdout.write(json.dumps(found) + "\n")
