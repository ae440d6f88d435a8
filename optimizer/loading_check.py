"""Whether boxes stand as they are said to: written without a line of who put them there.

    faults(problem, plan) -> what is wrong, in words; nothing if all is right

What bears a box is added up from the rectangles that its base shares with tops below it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from optimizer.loading import Problem, Stowed

Ints = NDArray[np.int64]


def faults(problem: Problem, plan: Sequence[Stowed]) -> list[str]:
    """What is wrong with a plan."""
    return [*_counts(problem, plan), *_alone(problem, plan), *_together(problem, plan)]


def _counts(problem: Problem, plan: Sequence[Stowed]) -> Iterator[str]:
    for kind, count in sorted(Counter(box.kind for box in plan).items()):
        if count > problem.kinds[kind].count:
            yield f"{count} boxes of kind {kind}, there are {problem.kinds[kind].count}"
    grams = sum(problem.kinds[box.kind].weight_g for box in plan)
    if problem.max_g is not None and grams > problem.max_g:
        yield f"{grams} g, {problem.max_g} may be loaded"


def _alone(problem: Problem, plan: Sequence[Stowed]) -> Iterator[str]:
    for number, box in enumerate(plan):
        kind = problem.kinds[box.kind]
        if sorted(box.sides) != sorted(kind.sides):
            yield f"box {number} has another size"
        standing = {side for side, may in zip(kind.sides, kind.upright, strict=True) if may}
        if box.sides[2] not in standing:
            yield f"box {number} stands on a side that it must not"
        for at, side, room in zip(box.at, box.sides, problem.room, strict=True):
            if at < 0 or at + side > room:
                yield f"box {number} sticks out"
                break


def _together(problem: Problem, plan: Sequence[Stowed]) -> Iterator[str]:
    low = np.array([box.at for box in plan], dtype=np.int64).reshape(-1, 3)
    high = low + np.array([box.sides for box in plan], dtype=np.int64).reshape(-1, 3)
    for number, box in enumerate(plan):
        shared = np.minimum(high, high[number]) - np.maximum(low, low[number])
        shared[number] = 0
        over = (shared[:, 0] > 0) & (shared[:, 1] > 0)
        if (over & (shared[:, 2] > 0)).any():
            yield f"box {number} overlaps another"
        if problem.kinds[box.kind].fragile and (over & (low[:, 2] >= high[number, 2])).any():
            yield f"something lies above box {number}, which is fragile"
        if not problem.supported or box.at[2] == 0:
            continue
        under = over & (high[:, 2] == low[number, 2])
        if int((shared[under, 0] * shared[under, 1]).sum()) < box.sides[0] * box.sides[1]:
            yield f"box {number} is not supported"
