"""Waves chosen from backlogs of 50 to 45,000 orders; one JSON line at the end.

python -m benchmarks.waves [--sizes 50 200 1000 2000 10000 45000] [--seconds 60] [--seeds 2]

proven       share of the instances of at most 2,000 orders that are proven optimal
gap          by number of orders: mean gap to the own bound, or to the best of --long seconds
over_filling by number of orders: how many times the units an aisle of a wave that takes orders
             first come, first served, from all aisles that they touch (the baseline)
memory_mb    the most that the process ever held
"""

import argparse
import json
import resource
import statistics
import sys

import numpy as np

from benchmarks.waves_world import instance
from optimizer import waves
from optimizer.result import Limits, Status

PROVEN_TO = 2_000


def first_come(problem: waves.Problem) -> float:
    """Units for each aisle where orders are taken in their order, each SKU from its first aisle."""
    units = problem.units
    taken = np.flatnonzero(np.cumsum(units) <= max(problem.least, units[0]))
    first = np.full(problem.skus, -1, dtype=np.int64)
    first[problem.sku_of_stock[::-1]] = problem.aisle_of_stock[::-1]
    skus = problem.sku_of_line[np.isin(problem.order_of_line, taken)]
    aisles = np.unique(first[skus])
    return float(units[taken].sum() / max(1, np.count_nonzero(aisles >= 0)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Waves, measured.")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50, 200, 1000, 2000, 10000, 45000])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--long", type=float, default=0.0, help="a longer run to compare with")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="as always")
    args = parser.parse_args()
    proven, gaps, over = [], {}, {}
    for size in args.sizes:
        of_size, times = [], []
        for seed in range(1, args.seeds + 1):
            problem = instance(size, seed)
            found = waves.solve(problem, limits=Limits(seconds=args.seconds), seed=seed)
            sys.stderr.write(f"{size} {seed} {found.stages} {found.bound} {found.runtime_s:.1f}\n")
            best = found.bound
            if args.long:
                longer = waves.solve(problem, limits=Limits(seconds=args.long), seed=seed)
                best = longer.objective
            if size <= PROVEN_TO:
                proven.append(found.status is Status.OPTIMAL)
            if best:
                of_size.append(1 - found.objective / best)
            times.append(-found.objective / first_come(problem))
        gaps[size] = round(statistics.mean(of_size), 4) if of_size else None
        over[size] = round(statistics.mean(times), 2)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        json.dumps(
            {
                "proven": statistics.mean(proven) if proven else None,
                "gap": gaps,
                "over_filling": over,
                "memory_mb": memory_mb,
            }
        )
    )


if __name__ == "__main__":
    main()
