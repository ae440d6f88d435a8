"""Levels of stock: the same as a public library's, how fast, and against rules of thumb; one JSON.

SKUs of all speeds, Poisson and wide demand, with lead times of 0 to 3 periods.

    worst_relative   greatest relative difference of cost from stockpyl: (s, S), (r, Q), newsvendor
    equal_levels     share of those where s and S, or r and Q, are the same as well
    ours_ms, theirs_ms   CPU milliseconds for an (s, S), median
    rule_percent     what the economic lot and a normal safety stock cost over the exact levels

stockpyl comes with the extra `oracles`: `pip install -e '.[oracles]'`.
"""

import json
import math
import sys
import warnings
from statistics import NormalDist, mean, median
from time import process_time

import numpy as np

from optimizer import replenishment
from optimizer.replenishment import Levels, Problem

COUNT = 60 if "--quick" not in sys.argv else 10


def skus() -> list[tuple[float, float, float]]:
    """Mean demand, price of owing a unit, price of an order."""
    chance = np.random.default_rng(8)
    return [
        (float(np.exp(chance.uniform(-1, 3.7))), float(chance.uniform(2, 40)),
         float(chance.uniform(1, 100)))
        for _ in range(COUNT)
    ]  # fmt: skip


def by_rule(problem: Problem) -> Levels:
    """The lot of Harris and a safety stock as if demand were normal."""
    units = np.arange(problem.demand.size)
    rate = float(problem.demand @ units)
    sd = math.sqrt(float(problem.demand @ units**2) - rate**2)
    periods = problem.lead_periods + 1
    z = NormalDist().inv_cdf(problem.short / (problem.short + problem.hold))
    low = math.ceil(periods * rate + z * sd * math.sqrt(periods))
    lot = max(1, round(math.sqrt(2 * problem.fixed * rate / problem.hold)))
    return Levels(low=low, high=low + lot)


def compared() -> dict[str, object]:
    """Ours and theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own affair
        from stockpyl import newsvendor, rq, ss  # noqa: PLC0415
    apart, same, ours_ms, theirs_ms = [], [], [], []
    for rate, short, fixed in skus():
        problem = Problem(demand=replenishment.poisson(rate), hold=1.0, short=short, fixed=fixed)
        begun = process_time()
        found = replenishment.solve(problem)
        ours_ms.append(1e3 * (process_time() - begun))
        begun = process_time()
        low, high, cost = ss.s_s_discrete_exact(1.0, short, fixed, True, rate)  # noqa: FBT003
        theirs_ms.append(1e3 * (process_time() - begun))
        apart.append(abs(found.objective / cost - 1))
        same.append((found.plan.low, found.plan.high) == (low, high))
        lead = Problem(
            demand=problem.demand,
            hold=1.0,
            short=short,
            fixed=fixed,
            lead_periods=1 + len(same) % 3,
        )
        always = replenishment.solve_rq(lead)
        r, q, cost = rq.r_q_poisson_exact(1.0, short, fixed, rate, lead.lead_periods)
        apart.append(abs(always.objective / cost - 1))
        same.append((always.plan.low, always.plan.high - always.plan.low) == (r, q))
        _, cost = newsvendor.newsvendor_poisson(1.0, short, rate)
        once = replenishment.newsvendor(problem.demand, hold=1.0, short=short)[1]
        apart.append(abs(once / cost - 1))
    return {
        "worst_relative": float(f"{max(apart):.2g}"),
        "equal_levels": round(mean(same), 3),
        "ours_ms": round(median(ours_ms), 2),
        "theirs_ms": round(median(theirs_ms), 2),
    }


def rules() -> float:
    """Per cent that rules of thumb cost more, mean."""
    over = []
    for number, (rate, short, fixed) in enumerate(skus()):
        problem = Problem(
            demand=replenishment.spread(rate, rate * (1 + number % 4)), lead_periods=number % 4,
            hold=1.0, short=short, fixed=fixed,
        )  # fmt: skip
        best = replenishment.solve(problem)
        over.append(replenishment.cost_of(problem, by_rule(problem)) / best.objective - 1)
    return round(100 * mean(over), 2)


if __name__ == "__main__":
    found = {"benchmark": "replenishment", "skus": COUNT, **compared(), "rule_percent": rules()}
    sys.stdout.write(json.dumps(found) + "\n")
