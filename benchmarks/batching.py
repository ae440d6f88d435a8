"""Orders batched for carts, beside first come and savings; one JSON line at the end.

    python -m benchmarks.batching [--instances 100] [--seconds 10] [--workers 2] [--json]
                                  [--orders 20 40] [--carts 30 75] [--storage uniform class]

Instances in the manner of Henn and Waescher (benchmarks/batching_world.py): each number of orders
with each cart, seed by seed, until there are so many. Of each: first come, savings, half a second
and ten seconds of annealing and set partitioning, all in the same run. A hundred take nine minutes
with two workers on two quiet cores; whoever measures beside others says so.

    savings_under_fcfs      mean share by which savings are shorter than first come
    under_savings_half_s    mean share by which half a second is shorter than savings
    under_savings_10s       the same of --seconds
    optimal_20              share of the instances with 20 orders that are proven optimal
    proven                  share of all instances that are
    savings_s               the longest that savings took, in seconds of the processor
    over_limit              the longest that a run took, as a share of its limit
    got_processor           the least share of its time that a run of --seconds had the processor
    backlog_*               5,000 orders: savings in seconds of the processor, all in seconds, and
                            by how much savings are under first come, and --backlog under them
"""

import argparse
import json
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context

from benchmarks.batching_world import CARTS, ORDERS, STORED, instance
from optimizer import batching
from optimizer.result import Limits, Status

HALF_S = 0.5
BACKLOG = 5_000


def measured(which: tuple[int, int, int, str], seconds: float) -> dict[str, float]:
    """The figures of an instance: orders, cart, seed and storage."""
    problem = instance(*which)
    begun_s = time.process_time()
    savings = batching.solve(problem)
    savings_s = time.process_time() - begun_s
    quick = batching.solve(problem, limits=Limits(seconds=HALF_S), seed=which[2])
    begun_s = time.process_time()
    best = batching.solve(problem, limits=Limits(seconds=seconds), seed=which[2])
    return {
        "orders": which[0],
        "capacity": which[1],
        "seed": which[2],
        "savings_under_fcfs": 1 - savings.objective / savings.stages["first_come"],
        "under_savings_half_s": 1 - quick.objective / savings.objective,
        "under_savings_10s": 1 - best.objective / savings.objective,
        "proven": float(best.status is Status.OPTIMAL),
        "savings_s": savings_s,
        "over_limit": max(quick.runtime_s / HALF_S, best.runtime_s / seconds),
        "got_processor": (time.process_time() - begun_s) / best.runtime_s,
    }


def backlog(seconds: float) -> dict[str, float]:
    """Very many orders at once."""
    problem = instance(BACKLOG, max(CARTS), 1)
    begun_s = time.process_time()
    savings = batching.solve(problem)
    savings_s = time.process_time() - begun_s
    best = batching.solve(problem, limits=Limits(seconds=seconds), seed=1)
    return {
        "backlog_savings_s": round(savings_s, 2),
        "backlog_s": round(best.runtime_s, 2),
        "backlog_savings_under_fcfs": round(
            1 - savings.objective / savings.stages["first_come"], 4
        ),
        "backlog_under_savings": round(1 - best.objective / savings.objective, 4),
    }


def warm() -> None:
    """Compile, and load the solvers."""
    for orders in (min(ORDERS), max(ORDERS)):
        batching.solve(instance(orders, min(CARTS), 0), limits=Limits(iterations=20))


def summary(rows: list[dict[str, float]]) -> dict[str, float | None]:
    """The figures of all instances."""
    names = ("savings_under_fcfs", "under_savings_half_s", "under_savings_10s", "proven")
    of_20 = [row["proven"] for row in rows if row["orders"] == min(ORDERS)]
    return {
        **{name: round(statistics.mean(row[name] for row in rows), 4) for name in names},
        "optimal_20": statistics.mean(of_20) if of_20 else None,
        "savings_s": round(max(row["savings_s"] for row in rows), 3),
        "over_limit": round(max(row["over_limit"] for row in rows), 2),
        "got_processor": round(min(row["got_processor"] for row in rows), 2),
        "instances": len(rows),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Batches of orders, measured.")
    parser.add_argument("--instances", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1, help="more than cores: figures are worse")
    parser.add_argument("--orders", type=int, nargs="*", default=list(ORDERS))
    parser.add_argument("--carts", type=int, nargs="*", default=list(CARTS))
    parser.add_argument("--storage", nargs="*", default=STORED[:1], choices=STORED)
    parser.add_argument("--backlog", type=float, default=20.0, help="seconds; 0: none")
    parser.add_argument("--json", action="store_true", help="the last line only")
    args = parser.parse_args()
    all_ = product(range(1, args.instances + 1), args.orders, args.carts, args.storage)
    chosen = [(orders, cart, seed, stored) for seed, orders, cart, stored in all_]
    chosen = chosen[: args.instances]
    rows = []
    warm()  # before there are workers, so that none compiles
    with ProcessPoolExecutor(args.workers, get_context("spawn"), warm) as pool:
        for row in pool.map(measured, chosen, [args.seconds] * len(chosen)):
            rows.append(row)
            if not args.json:
                sys.stderr.write(f"{row}\n")
    figures = summary(rows) | (backlog(args.backlog) if args.backlog else {})
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
