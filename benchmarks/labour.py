"""Sixty people, seven days, three shifts, three kinds of work: the gap in 30 s; one JSON line.

Most have learned one or two of the three; some cannot come on a day, many wish for some; nights
are unwelcome. There is work for nearly all of them.

    gap_percent     (cost - bound) / cost after --seconds (30), median of the instances; and worst
    greedy_percent  the greedy roster's cost over the best
"""

import json
import sys
from statistics import median
from time import process_time

import numpy as np

from optimizer.labour import Person, Problem, Shift, solve
from optimizer.labour_check import faults
from optimizer.result import Limits

STAFF, DAYS, WORKS = 60, 7, 3
SHIFTS = (
    Shift(starts_min=360, ends_min=840),
    Shift(starts_min=840, ends_min=1320),
    Shift(starts_min=1320, ends_min=1800, unwelcome=True),
)


def week(seed: int) -> Problem:
    """A week of a warehouse."""
    chance = np.random.default_rng(seed)
    slots = [(day, shift) for day in range(DAYS) for shift in range(len(SHIFTS))]

    def person() -> Person:
        work = chance.permutation(WORKS)[: int(chance.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))]
        away = {(int(day), shift) for day in chance.permutation(DAYS)[: chance.integers(0, 2)]
                for shift in range(len(SHIFTS))}  # fmt: skip
        return Person(
            learned=frozenset(map(int, work)),
            shifts_min=3,
            shifts_max=5,
            away=frozenset(away),
            wishes={slot: int(chance.integers(1, 8)) for slot in slots if chance.random() < 0.3},
        )

    peak = chance.choice(DAYS, 2, replace=False)
    needs = {
        (day, shift, work): int(base + 2 * (day in peak) + chance.integers(-1, 2))
        for day, shift in slots
        for work, base in enumerate(((7, 5, 3), (6, 4, 2), (3, 2, 1))[shift])
    }
    return Problem(
        staff=tuple(person() for _ in range(STAFF)), shifts=SHIFTS, days=DAYS, needs=needs
    )


def run(instances: int, seconds: float) -> dict[str, object]:
    """All figures."""
    begun = process_time()
    gaps, greedy = [], []
    for seed in range(instances):
        problem = week(seed)
        found = solve(problem, limits=Limits(seconds=seconds))
        assert not faults(problem, found.plan)
        assert found.gap is not None
        gaps.append(100 * found.gap)
        greedy.append(100 * (found.stages["greedy"] / found.objective - 1))
    return {
        "benchmark": "labour",
        "instances": instances,
        "seconds": seconds,
        "gap_percent": round(median(gaps), 2),
        "worst_gap_percent": round(max(gaps), 2),
        "greedy_percent": round(median(greedy), 1),
        "cpu_s_an_instance": round((process_time() - begun) / instances, 1),
    }


if __name__ == "__main__":
    count = int(sys.argv[sys.argv.index("--instances") + 1]) if "--instances" in sys.argv else 3
    limit = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 30.0
    sys.stdout.write(json.dumps(run(count, limit)) + "\n")
