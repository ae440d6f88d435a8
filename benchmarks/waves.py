"""Waves chosen from backlogs of 50 to 45,000 orders; one JSON line at the end.

python -m benchmarks.waves [--sizes 50 200 1000 2000 10000 45000] [--sorts ONE BASKETS]
                           [--seconds 60] [--long 600] [--seeds 2] [--first-seed 1]

--sorts has EVEN_ONE and EVEN_BASKETS too, which are not measured unless they are named.

By sort of orders (benchmarks/waves_world.py) and by how many there are:

proven       share of the instances that are proven optimal within --seconds
gap          mean gap to the bound that was proven on the way
to_long      mean gap to the best of a run of --long seconds; none without it
over_turn    how many times the units an aisle of a wave of as many units that takes orders first
             come, first served, each SKU from the first of its aisles that is entered already
seconds      mean, until the answer; latest: the longest; cpu_seconds: what of it the machine gave,
             which on a busy one is little
memory_mb    the most that was held until then
proven_2000  share of all instances of at most 2,000 orders

Every wave is checked here by code that the solver does not share. Single sizes can be run alone,
so that each has the machine to itself.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from typing import Any

from benchmarks.waves_world import EVEN_BASKETS_MAX, SORTS, Sort, instance
from optimizer import waves
from optimizer.result import Limits, Solution, Status

PROVEN_TO = 2_000


def in_turn(problem: waves.Problem, units: int) -> float:
    """Units for each aisle where orders go in their turn until there are so many units."""
    there: dict[int, list[int]] = {}
    for aisle, sku in zip(
        problem.aisle_of_stock.tolist(), problem.sku_of_stock.tolist(), strict=True
    ):
        there.setdefault(sku, []).append(aisle)
    entered: set[int] = set()
    total, before = 0, -1
    for order, sku, some in zip(
        problem.order_of_line.tolist(), problem.sku_of_line.tolist(),
        problem.units_of_line.tolist(), strict=True,
    ):  # fmt: skip
        if order != before and total >= units:
            break
        before = order
        total += some
        if not entered & set(there[sku]):
            entered.add(there[sku][0])
    return total / max(1, len(entered))


def check(problem: waves.Problem, found: Solution[waves.Wave]) -> None:
    """A wave is whole, within its limits, and worth what is said."""
    held: dict[int, int] = {}
    for aisle, sku, some in zip(
        problem.aisle_of_stock, problem.sku_of_stock, problem.units_of_stock, strict=True
    ):
        if found.plan.aisles[aisle]:
            held[int(sku)] = held.get(int(sku), 0) + int(some)
    units = 0
    for order, sku, some in zip(
        problem.order_of_line, problem.sku_of_line, problem.units_of_line, strict=True
    ):
        if found.plan.orders[order]:
            units += int(some)
            held[int(sku)] = held.get(int(sku), 0) - int(some)
    assert min(held.values()) >= 0, "more is taken than lies there"
    assert problem.least <= units <= problem.most, f"{units} units"
    assert abs(units / int(found.plan.aisles.sum()) + found.objective) < 1e-6


def measured(sort: Sort, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """What one size of one sort came to."""
    names = ("proven", "gap", "over_turn", "seconds", "cpu_seconds")
    rows: dict[str, list[float]] = {name: [] for name in names}
    to_long = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        problem = instance(size, seed, sort)
        before_s = time.process_time()
        found = waves.solve(problem, limits=Limits(seconds=args.seconds), seed=seed)
        rows["cpu_seconds"].append(time.process_time() - before_s)
        check(problem, found)
        stages = {name: round(-value, 3) for name, value in found.stages.items()}
        sys.stderr.write(
            f"{sort} {size} seed {seed}: {found.status} {-found.objective:.3f} of at most "
            f"{-(found.bound or 0):.3f} {stages} {found.runtime_s:.1f} s, "
            f"{rows['cpu_seconds'][-1]:.1f} s of the machine\n"
        )
        units = int(problem.units[found.plan.orders].sum())
        rows["proven"].append(float(found.status is Status.OPTIMAL))
        rows["gap"].append(1 - found.objective / found.bound if found.bound else 0.0)
        rows["over_turn"].append(-found.objective / in_turn(problem, units))
        rows["seconds"].append(found.runtime_s)
        if args.long and found.status is not Status.OPTIMAL:
            longer = waves.solve(problem, limits=Limits(seconds=args.long), seed=seed)
            check(problem, longer)
            sys.stderr.write(
                f"  long: {longer.status} {-longer.objective:.3f} of at most "
                f"{-(longer.bound or 0):.3f} {longer.runtime_s:.1f} s\n"
            )
            to_long.append(max(0.0, 1 - found.objective / longer.objective))
    told: dict[str, Any] = {name: round(statistics.mean(each), 4) for name, each in rows.items()}
    told["latest"] = round(max(rows["seconds"]), 1)
    told["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if args.long:
        told["to_long"] = round(statistics.mean(to_long), 4) if to_long else 0.0
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Waves, measured.")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50, 200, 1000, 2000, 10000, 45000])
    parser.add_argument("--sorts", nargs="*", choices=SORTS, default=["ONE", "BASKETS"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--long", type=float, default=0.0, help="a longer run to compare with")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="as always")
    args = parser.parse_args()
    waves.solve(instance(5, 0), limits=Limits(iterations=1))  # compiled before it counts
    told: dict[str, Any] = {}
    small = []
    for sort in args.sorts:
        for size in args.sizes:
            if sort == "EVEN_BASKETS" and size > EVEN_BASKETS_MAX:
                continue
            row = told.setdefault(sort, {})[str(size)] = measured(sort, size, args)
            if size <= PROVEN_TO:
                small.append(row["proven"])
    told["proven_2000"] = round(statistics.mean(small), 4) if small else None
    print(json.dumps(told))


if __name__ == "__main__":
    main()
