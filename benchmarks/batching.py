"""Orders batched for carts, beside first come and savings; one JSON line at the end.

    python -m benchmarks.batching [--seeds 5] [--seconds 10] [--orders 20 40] [--carts 30 75]

Instances in the manner of Henn and Waescher (benchmarks/batching_world.py). Of each: first come,
savings, half a second and ten seconds of annealing and set partitioning, all in the same run.

    savings_under_fcfs      mean share by which savings are shorter than first come
    under_savings_half_s    mean share by which half a second is shorter than savings
    under_savings_10s       the same of --seconds
    optimal_20              share of the instances with 20 orders that are proven optimal
    proven                  share of all instances that are
    savings_s               the longest that savings took, in seconds of the processor
    over_limit              the longest that a run took, as a share of its limit
"""

import argparse
import json
import statistics
import sys
import time

from benchmarks.batching_world import CARTS, ORDERS, instance
from optimizer import batching
from optimizer.result import Limits, Status

HALF_S = 0.5


def measured(orders: int, capacity: int, seed: int, seconds: float) -> dict[str, float]:
    """The figures of an instance."""
    problem = instance(orders, capacity, seed)
    begun_s = time.process_time()
    savings = batching.solve(problem)
    savings_s = time.process_time() - begun_s
    quick = batching.solve(problem, limits=Limits(seconds=HALF_S), seed=seed)
    best = batching.solve(problem, limits=Limits(seconds=seconds), seed=seed)
    return {
        "orders": orders,
        "capacity": capacity,
        "seed": seed,
        "savings_under_fcfs": 1 - savings.objective / savings.stages["first_come"],
        "under_savings_half_s": 1 - quick.objective / savings.objective,
        "under_savings_10s": 1 - best.objective / savings.objective,
        "proven": float(best.status is Status.OPTIMAL),
        "savings_s": savings_s,
        "over_limit": max(quick.runtime_s / HALF_S, best.runtime_s / seconds),
    }


def summary(rows: list[dict[str, float]]) -> dict[str, float | None]:
    """The figures of all instances."""
    names = ("savings_under_fcfs", "under_savings_half_s", "under_savings_10s", "proven")
    of_20 = [row["proven"] for row in rows if row["orders"] == min(ORDERS)]
    return {
        **{name: round(statistics.mean(row[name] for row in rows), 4) for name in names},
        "optimal_20": statistics.mean(of_20) if of_20 else None,
        "savings_s": round(max(row["savings_s"] for row in rows), 3),
        "over_limit": round(max(row["over_limit"] for row in rows), 2),
        "instances": len(rows),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Batches of orders, measured.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--orders", type=int, nargs="*", default=list(ORDERS))
    parser.add_argument("--carts", type=int, nargs="*", default=list(CARTS))
    parser.add_argument("--json", action="store_true", help="the last line only")
    args = parser.parse_args()
    for orders in (min(ORDERS), max(ORDERS)):  # compiles, and loads the solvers
        batching.solve(instance(orders, min(CARTS), 0), limits=Limits(iterations=20))
    rows = []
    for orders in args.orders:
        for capacity in args.carts:
            for seed in range(1, args.seeds + 1):
                rows.append(measured(orders, capacity, seed, args.seconds))
                if not args.json:
                    sys.stderr.write(f"{rows[-1]}\n")
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
