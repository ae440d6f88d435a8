"""Waves in files (`soko plan solve`): the fields of the problem, an entry for each line and place.

    {"kind": "waves", "orders": 2, "aisles": 2, "least": 1, "most": 9,
     "order_of_line": [0, 1], "sku_of_line": [0, 0], "units_of_line": [2, 1],
     "aisle_of_stock": [0, 1], "sku_of_stock": [0, 0], "units_of_stock": [3, 9]}

What is told are the numbers of the orders and of the aisles; the picture has a column an aisle, as
high as the units that lie in it, those of the wave in colour.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from optimizer import pictures, waves
from optimizer.plain import made
from optimizer.problems import Kind
from optimizer.result import Limits, Progress, Solution


def _read(file: Mapping[str, Any]) -> waves.Problem:
    problem = made(waves.Problem, file)
    assert isinstance(problem, waves.Problem)
    return problem


def _solved(
    problem: waves.Problem, limits: Limits, seed: int, progress: Progress
) -> Solution[waves.Wave]:
    return waves.solve(problem, limits=limits, seed=seed, progress=progress)


def _told(_problem: waves.Problem, plan: waves.Wave) -> dict[str, list[int]]:
    return {
        "orders": np.flatnonzero(plan.orders).tolist(),
        "aisles": np.flatnonzero(plan.aisles).tolist(),
    }


def _drawn(problem: waves.Problem, plan: waves.Wave) -> str:
    held = np.bincount(
        problem.aisle_of_stock, weights=problem.units_of_stock, minlength=problem.aisles
    )
    high = max(1.0, float(held.max(initial=0)))
    marks = [
        pictures.rectangle(
            (aisle, high - units, 0.8, units, 1 if plan.aisles[aisle] else -1), f"aisle {aisle}"
        )
        for aisle, units in enumerate(held.tolist())
    ]
    title = f"{int(plan.orders.sum())} orders from {int(plan.aisles.sum())} aisles"
    return pictures.document(max(1, problem.aisles), high, title, marks)


KIND = Kind(read=_read, solve=_solved, told=_told, drawn=_drawn)
