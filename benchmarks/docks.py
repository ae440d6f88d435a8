"""Eighty trucks at twelve doors: how near to the bound in 15 s, and a late truck; one JSON line.

A day of 16 hours in quarters of an hour. Trucks come in two waves, last half an hour to two
hours, and some are due soon; a third of the doors is too low for some. Doors cost their way.

    gap_percent      (cost - bound) / cost after --seconds (15), median of the instances; and worst
    greedy_percent   the first plan (the first come, where it costs least) over the best
    replan_s         until the plan is made again with a truck two hours late, half a gap allowed
    moved            trucks that have another door or time then; moved_anew when it is made anew
"""

import json
import sys
from dataclasses import replace
from statistics import median
from time import process_time

import numpy as np

from optimizer.docks import Door, Problem, Slot, Truck, solve
from optimizer.docks_check import cost, faults
from optimizer.result import Limits, Solution

TRUCKS, DOORS, STEPS = 80, 12, 64
REPLAN = Limits(seconds=3.0, gap=0.01)
Plan = tuple[Slot | None, ...]


def day(seed: int) -> Problem:
    """A day of trucks."""
    chance = np.random.default_rng(seed)
    trucks = []
    for wave in chance.choice([10.0, 34.0], TRUCKS):
        arrives = int(np.clip(chance.normal(wave, 8), 0, STEPS - 20))
        lasts = int(chance.integers(2, 9))
        way = [None if door < DOORS // 3 and chance.random() < 0.3 else int(w)
               for door, w in enumerate(chance.integers(0, 12, DOORS))]  # fmt: skip
        trucks.append(
            Truck(
                arrives=arrives, lasts=lasts, due=arrives + lasts + int(chance.integers(0, 9)),
                late=int(chance.integers(2, 12)), waits=1, way=tuple(way),
            )
        )  # fmt: skip
    return Problem(trucks=tuple(trucks), doors=(Door(closes=STEPS + 32),) * DOORS)


def checked(problem: Problem, limits: Limits) -> Solution[Plan]:
    """The solution; nothing is wrong with it."""
    found = solve(problem, limits=limits)
    assert not faults(problem, found.plan)
    assert cost(problem, found.plan) == found.objective
    return found


def late_truck(problem: Problem, plan: Plan) -> tuple[float, int, int]:
    """Seconds to plan again at noon, trucks that move, and those that would without care."""
    now = STEPS // 3
    begun = frozenset(n for n, slot in enumerate(plan) if slot and slot.starts < now)
    late = next(
        n for n, truck in enumerate(problem.trucks) if n not in begun and truck.arrives > now
    )
    trucks = list(problem.trucks)
    trucks[late] = replace(trucks[late], arrives=trucks[late].arrives + 8)
    again = replace(problem, trucks=tuple(trucks), before=plan, fixed=begun, move=20)
    found = checked(again, REPLAN)
    anew = checked(replace(again, move=0), REPLAN)
    moved = sum(one != other for one, other in zip(plan, found.plan, strict=True))
    return found.runtime_s, moved, sum(a != b for a, b in zip(plan, anew.plan, strict=True))


def run(instances: int, seconds: float) -> dict[str, object]:
    """All figures."""
    begun = process_time()
    gaps, greedy, again = [], [], []
    for seed in range(instances):
        problem = day(seed)
        found = checked(problem, Limits(seconds=seconds))
        assert found.gap is not None
        gaps.append(100 * found.gap)
        greedy.append(100 * (found.stages["first"] / found.objective - 1))
        again.append(late_truck(problem, found.plan))
    return {
        "benchmark": "docks",
        "instances": instances,
        "seconds": seconds,
        "gap_percent": round(median(gaps), 3),
        "worst_gap_percent": round(max(gaps), 3),
        "greedy_percent": round(median(greedy), 1),
        "replan_s": round(median(seconds for seconds, _, _ in again), 2),
        "moved": median(moved for _, moved, _ in again),
        "moved_anew": median(anew for _, _, anew in again),
        "cpu_s_an_instance": round((process_time() - begun) / instances, 1),
    }


if __name__ == "__main__":
    count = int(sys.argv[sys.argv.index("--instances") + 1]) if "--instances" in sys.argv else 5
    limit = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 15.0
    sys.stdout.write(json.dumps(run(count, limit)) + "\n")
