"""Solve the instances of test_sourcing_batch by loops, and print the plans: for a child process.

With `SOKO_COMPILED=0` nothing is compiled, so that the check need not wait for the compiler.
"""

import json
import sys
from functools import partial

import numpy as np

from optimizer.result import Limits, Stopwatch
from optimizer.sourcing_batch import improved, prices_of
from optimizer.sourcing_problem import Problem, cost_terms


def made(seed: int, orders: int = 8, nodes: int = 4, skus: int = 5) -> Problem:
    """A small batch of all kinds of orders, by a seed."""
    chance = np.random.default_rng(seed)
    lines = sorted(
        (order, int(sku))
        for order in range(orders)
        for sku in chance.choice(skus, size=int(chance.integers(1, 4)), replace=False)
    )
    of_order, of_sku = np.array(lines, dtype=np.int64).T
    parcel = chance.integers(20, 90, (orders, nodes)).astype(np.float64)
    parcel[chance.random((orders, nodes)) < 0.15] = np.inf
    return Problem(
        order_of_line=of_order,
        sku_of_line=of_sku,
        units=chance.integers(1, 4, of_sku.size),
        stock=chance.integers(0, 8, (nodes, skus)),
        parcel_cost=parcel,
        unit_cost=chance.integers(1, 9, (of_sku.size, nodes)).astype(np.float64),
        backorder_cost=np.full(of_sku.size, 300.0),
        policy=chance.integers(0, 3, orders),
        split_cost=chance.integers(0, 15, orders).astype(np.float64),
        capacity=chance.integers(6, 25, nodes),
        parcels=chance.integers(2, orders + 2, nodes),
    )


def _hear(told: list[tuple[float, float | None]], best: float, bound: float | None) -> None:
    told.append((best, bound))


def main() -> None:
    """For each seed: the plan, its cost, the bound, what was told, and the prices."""
    found = []
    for seed in (int(word) for word in sys.argv[2:]):
        problem = made(seed)
        first = np.zeros((problem.units.size, problem.stock.shape[0]), dtype=np.int64)
        told: list[tuple[float, float | None]] = []
        better = improved(
            problem,
            first,
            limits=Limits(iterations=int(sys.argv[1])),
            seed=seed,
            progress=partial(_hear, told),
            watch=Stopwatch(),
        )
        cost = sum(cost_terms(problem, better.plan).values())
        worth = [each.tolist() for each in prices_of(problem, 10)]
        found.append(
            {"seed": seed, "plan": better.plan.tolist(), "cost": cost, "bound": better.bound,
             "told": told, "prices": worth}
        )  # fmt: skip
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
