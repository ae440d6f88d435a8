"""Sourcing against best known costs, a proven floor, rules, and the clock; one JSON line last.

    python -m benchmarks.sourcing --json [--only gap_2000 --only single_p99_ms] [--scale 1.0]

    gap_2000, gap_2000_60s, gap_1000, gap_200, gap_60   percent above the best known cost of the
                        published instances, after 10, 60, 60, 10 and 10 s; the mean where there
                        are several. `..._bound` is what is proven by the run itself: percent
                        between its cost and its own bound. `..._rules` and `..._myopic` are the
                        baselines of the same run: a rule, and each order in turn at its exact best
    saving_10000        percent cheaper than the rule on 10,000 orders x 100 nodes x 20,000 SKUs
                        of our own (benchmarks/sourcing_instances.py), in 120 s; `bound_gap_10000`
                        percent between that cost and the proven floor
    single_p99_ms       an order by itself over 100 nodes, at prices, up to 8 lines; `..._plain`
                        where nothing is compiled
    prices_share        percent of the gap between myopic and best that prices close for orders
                        taken one by one, as they come: prices of the day before on the orders of
                        this day (a country of our own, 2,000 x 30); `prices_share_known` with
                        prices of the same orders, on the published instance

Every plan is checked by optimizer.sourcing_problem.violations, which shares nothing with the
solvers. `--scale` makes all time limits shorter. Loops are compiled before a clock runs.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.sourcing_instances import Country, is_there, read
from optimizer import sourcing
from optimizer.compiled import IS_COMPILED
from optimizer.result import Limits, Solution
from optimizer.sourcing_batch import in_turn, prices_of, warm
from optimizer.sourcing_order import OneOrder
from optimizer.sourcing_problem import Ints, Problem, cost_terms, violations
from optimizer.sourcing_rules import by_rank
from optimizer.sourcing_single import fill_one

PUBLISHED = {
    "gap_2000": (["src_2000_30_5000_s1"], 10.0),
    "gap_2000_60s": (["src_2000_30_5000_s1"], 60.0),
    "gap_1000": (["src_1000_100_10000_s1"], 60.0),
    "gap_200": (["src_200_30_500_s11", "src_200_30_500_s12"], 10.0),
    "gap_60": ([f"src_60_12_200_s{seed}" for seed in (21, 22, 23)], 10.0),
}
Row = dict[str, float | str | None]


def cost(problem: Problem, plan: Ints) -> float:
    """What a plan costs; an error if it cannot be carried out."""
    if faults := violations(problem, plan):
        raise AssertionError(faults[:3])
    return sum(cost_terms(problem, plan).values())


def percent(part: float, whole: float) -> float:
    """Rounded."""
    return round(100 * part / whole, 3)


def published(name: str, scale: float) -> Row:
    """The gap on one or several published instances."""
    files, seconds = PUBLISHED[name]
    if not is_there():
        return {name: None, f"{name}_skipped": "the published instances are not there"}
    rows: dict[str, list[float]] = {}
    for file in files:
        instance = read(file)
        problem, best = instance.problem, instance.best or 1.0
        found = solved(problem, seconds * scale)
        late = found.runtime_s / (seconds * scale)
        figures = {
            name: percent(cost(problem, found.plan) - best, best),
            f"{name}_bound": 100 * (found.gap or 0.0),
            f"{name}_rules": percent(cost(problem, by_rank(problem, instance.rank)) - best, best),
            f"{name}_myopic": percent(cost(problem, in_turn(problem)) - best, best),
            f"{name}_of_limit": late,
        }
        for key, value in figures.items():
            rows.setdefault(key, []).append(value)
    return {key: round(float(np.mean(values)), 3) for key, values in rows.items()}


def solved(problem: Problem, seconds: float) -> Solution[Ints]:
    """The library's answer in time; what it says of itself must be so."""
    found = sourcing.solve(problem, limits=Limits(seconds=seconds), seed=1)
    assert abs(found.objective - cost(problem, found.plan)) < 1e-3
    return found


def large(scale: float) -> Row:
    """10,000 orders over 100 nodes beside the rule."""
    instance = Country(7, nodes=100, skus=20_000, orders=10_000).day(1)
    problem = instance.problem
    rules = cost(problem, by_rank(problem, instance.rank))
    myopic = cost(problem, in_turn(problem))
    found = solved(problem, 120.0 * scale)
    return {
        "saving_10000": percent(rules - found.objective, rules),
        "bound_gap_10000": round(100 * (found.gap or 0.0), 3),
        "myopic_saving_10000": percent(rules - myopic, rules),
        "seconds_10000": round(found.runtime_s, 1),
    }


def single(_scale: float) -> Row:
    """One order at a time over 100 nodes."""
    problem = Country(7, nodes=100, skus=20_000, orders=2_000).day(1).problem
    chance = np.random.default_rng(3)
    worth = chance.random(problem.stock.shape) * 200
    spent = []
    for order, lines in enumerate(sourcing.lines_of_orders(problem)):
        skus, units = np.unique(problem.sku_of_line[lines], return_counts=True)
        one = OneOrder(
            units=units.astype(np.int64),
            stock=np.ascontiguousarray(problem.stock[:, skus].T),
            parcel_cost=problem.parcel_cost[order],
            unit_cost=problem.unit_cost[lines[: skus.size]] + worth[:, skus].T,
            backorder_cost=problem.backorder_cost[lines[: skus.size]],
            line_splitting=True,
        )
        if not order:
            fill_one(one)
        began = time.perf_counter()
        fill_one(one)
        spent.append(time.perf_counter() - began)
    p99, p50 = (round(1000 * float(np.quantile(spent, q)), 3) for q in (0.99, 0.5))
    tail = "" if IS_COMPILED else "_plain"
    row: Row = {f"single_p99_ms{tail}": p99, f"single_p50_ms{tail}": p50}
    if IS_COMPILED:
        row |= plain("single_p99_ms")
    return row


def plain(key: str) -> Row:
    """The same measured where nothing is compiled."""
    environment = {**os.environ, "SOKO_COMPILED": "0"}
    words = [sys.executable, "-m", "benchmarks.sourcing", "--json", "--only", key]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return {name: value for name, value in row.items() if name.endswith("_plain")}


def share(scale: float) -> Row:
    """How much of the gap between myopic and best prices close, order by order."""
    country = Country(11, nodes=30, skus=5_000, orders=2_000)
    before, today = country.day(1).problem, country.day(2).problem
    row: Row = {"prices_share": _closed(before, today, 40.0 * scale)}
    if is_there():
        known = read("src_2000_30_5000_s1")
        row["prices_share_known"] = _closed(known.problem, known.problem, 0.0, known.best)
    return row


def _closed(before: Problem, today: Problem, seconds: float, best: float | None = None) -> float:
    myopic = cost(today, in_turn(today))
    prices = prices_of(before, rounds=200)
    online = cost(today, in_turn(today, *prices))
    best = solved(today, seconds).objective if best is None else best
    return percent(myopic - online, myopic - best)


KEYS: dict[str, Callable[[float], Row]] = {
    **{name: partial(published, name) for name in PUBLISHED},
    "saving_10000": large,
    "single_p99_ms": single,
    "prices_share": share,
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line of JSON (always so)")
    parser.add_argument("--only", action="append", choices=list(KEYS), help="several times")
    parser.add_argument("--scale", type=float, default=1.0, help="of all time limits")
    options = parser.parse_args(words)
    warm()
    row: Row = {"benchmark": "sourcing", "compiled": str(IS_COMPILED)}
    for key in options.only or list(KEYS):
        found = KEYS[key](options.scale)
        print(f"{key}: {found}", file=sys.stderr, flush=True)
        row |= found
    print(json.dumps(row))


if __name__ == "__main__":
    main()
