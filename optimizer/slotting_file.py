"""Slotting in files (`soko plan solve`): the fields of the problem, matrices as lists of rows.

    {"kind": "slotting", "picks": [9, 1], "depot_m": [4, 30], "between_m": [[0, 13], [13, 0]],
     "together": [[0, 2], [2, 0]], "allowed": [[true, true], [true, true]], "now": [1, 0]}

What is told is the place of each SKU, and the moves that pay, most for the work first.
"""

from collections.abc import Mapping
from typing import Any

from optimizer import slotting
from optimizer.plain import made, plain
from optimizer.problems import Kind
from optimizer.result import Limits, Progress, Solution


def _read(file: Mapping[str, Any]) -> slotting.Problem:
    problem = made(slotting.Problem, file)
    assert isinstance(problem, slotting.Problem)
    return problem


def _solved(
    problem: slotting.Problem, limits: Limits, seed: int, progress: Progress
) -> Solution[slotting.Ints]:
    return slotting.solve(problem, limits=limits, seed=seed, progress=progress)


def _told(problem: slotting.Problem, place: slotting.Ints) -> dict[str, Any]:
    return {
        "places": place.tolist(),
        "moves": plain(slotting.moves_worth(problem, most=place.size)),
    }


KIND = Kind(read=_read, solve=_solved, told=_told)
