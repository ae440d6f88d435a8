"""Containers loaded by blocks: how full in a second, and every load checked; one JSON line.

Boxes are drawn in the manner of Bischoff and Ratcliff: a container of 587 x 233 x 220 cm, 3 to 20
kinds of boxes of 30-120 x 25-100 x 20-80 cm that stand on no side that is more than twice as tall
as the shortest, and as many of each as the volume of the container takes.

    mean_percent      mean volume loaded in --seconds (1), over all instances
    supported_percent the same with every box wholly on what is below
    greedy_percent    of the first load, in the same run
    by_kinds          the mean by how many kinds there are
    pallets_over      pallets built by those that volume and weight ask for, mean

`--instances N` of each number of kinds (5). The first load, which compiles, is not measured.
"""

import json
import sys
from dataclasses import replace
from math import prod
from statistics import mean
from time import process_time

import numpy as np

from optimizer import loading, loading_check, pallets, pallets_check
from optimizer.loading import Kind, Problem
from optimizer.result import Limits

KINDS = (3, 5, 8, 10, 12, 15, 20)
ROOM = (587, 233, 220)
PALLET = (120, 80)


def container(kinds: int, seed: int, *, supported: bool) -> Problem:
    """A container, and boxes of its volume."""
    chance = np.random.default_rng((kinds, seed))
    lows, highs = (30, 25, 20), (121, 101, 81)
    sides = [
        (int(a), int(b), int(c)) for a, b, c in chance.integers(lows, highs, (kinds, 3)).tolist()
    ]
    counts = [1] * kinds
    left = prod(ROOM) - sum(map(prod, sides))
    while True:
        kind = int(chance.integers(kinds))
        left -= prod(sides[kind])
        if left < 0:
            break
        counts[kind] += 1
    return Problem(
        kinds=tuple(
            Kind(
                sides=each,
                count=count,
                upright=(each[0] < 2 * min(each), each[1] < 2 * min(each), each[2] < 2 * min(each)),
            )
            for each, count in zip(sides, counts, strict=True)
        ),
        room=ROOM,
        supported=supported,
    )


def loaded(problem: Problem, limits: Limits) -> tuple[float, float]:
    """The shares of the container that are full at the end, and after the first load."""
    found = loading.solve(problem, limits=limits)
    assert not loading_check.faults(problem, found.plan)
    space = prod(problem.room)
    return 100 * (1 - found.objective / space), 100 * (1 - found.stages["greedy"] / space)


def mixed_pallets(seed: int) -> float:
    """Pallets of mixed cases, by those that volume and weight ask for."""
    chance = np.random.default_rng(seed)
    kinds = [
        Kind(
            sides=(int(a), int(b), int(c)), count=int(count), weight_g=int(a * b * c / 3),
            upright=(False, False, True), fragile=bool(chance.random() < 0.1),
        )
        for a, b, c, count in chance.integers((20, 15, 10, 3), (61, 41, 41, 20), (12, 4)).tolist()
    ]  # fmt: skip
    problem = pallets.Problem(kinds=tuple(kinds), base=PALLET, height_max=160, max_g=800_000)
    found = pallets.solve(problem, limits=Limits(seconds=3.0))
    assert not pallets_check.faults(problem, found.plan)
    assert found.bound
    return found.objective / found.bound


def run(instances: int, seconds: float) -> dict[str, object]:
    """All figures."""
    limits = Limits(seconds=seconds)
    for supported in (True, False):
        loaded(container(3, 99, supported=supported), Limits(iterations=3))
    begun = process_time()
    free: dict[int, list[tuple[float, float]]] = {}
    borne = []
    for kinds in KINDS:
        problems = [container(kinds, seed, supported=False) for seed in range(instances)]
        free[kinds] = [loaded(problem, limits) for problem in problems]
        borne += [loaded(replace(problem, supported=True), limits) for problem in problems]
    cpu_s = process_time() - begun
    every = [each for row in free.values() for each in row]
    return {
        "benchmark": "loading",
        "seconds": seconds,
        "instances": len(every),
        "mean_percent": round(mean(full for full, _ in every), 2),
        "worst_percent": round(min(full for full, _ in every), 2),
        "greedy_percent": round(mean(first for _, first in every), 2),
        "supported_percent": round(mean(full for full, _ in borne), 2),
        "by_kinds": {str(kinds): round(mean(f for f, _ in row), 2) for kinds, row in free.items()},
        "pallets_over": round(mean(mixed_pallets(seed) for seed in range(instances)), 3),
        "cpu_s_a_load": round(cpu_s / (2 * len(every)), 3),
    }


if __name__ == "__main__":
    count = int(sys.argv[sys.argv.index("--instances") + 1]) if "--instances" in sys.argv else 5
    limit = float(sys.argv[sys.argv.index("--seconds") + 1]) if "--seconds" in sys.argv else 1.0
    sys.stdout.write(json.dumps(run(count, limit)) + "\n")
