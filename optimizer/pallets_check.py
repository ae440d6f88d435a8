"""Whether pallets can be built as they are said to be: written without a line of who built them.

    faults(problem, pallets) -> what is wrong, in words; nothing if all is right

Space is looked at cell by cell between all edges of boxes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from optimizer.pallets import Problem, Stowed

SUPPORT = 0.75  # of a base, at least


def faults(problem: Problem, pallets: Sequence[Sequence[Stowed]]) -> list[str]:
    """What is wrong with them."""
    found = []
    times = Counter(box.kind for boxes in pallets for box in boxes)
    for number, kind in enumerate(problem.kinds):
        if times[number] not in {0, kind.count}:
            found.append(f"{times[number]} of {kind.count} boxes of kind {number}")
    for boxes in pallets:
        if sum(problem.kinds[box.kind].weight_g for box in boxes) > problem.max_g:
            found.append("a pallet is too heavy")
        found += _pallet(problem, boxes)
    return found


def _pallet(problem: Problem, boxes: Sequence[Stowed]) -> Iterator[str]:
    low = np.array([box.at for box in boxes])
    high = low + np.array([box.sides for box in boxes])
    if low.min() < 0 or (high.max(axis=0) > problem.room).any():
        yield "a box hangs over the edge, or is too high"
    edges = [np.unique(np.r_[low[:, axis], high[:, axis]]) for axis in range(3)]
    cells = np.zeros([len(edge) - 1 for edge in edges], dtype=np.int64)
    spans = []
    for number, box in enumerate(boxes):
        yield from _box(problem, box)
        x, y, z = (
            slice(*np.searchsorted(edges[axis], [low[number, axis], high[number, axis]]).tolist())
            for axis in range(3)
        )
        if cells[x, y, z].any():
            yield "boxes overlap"
        cells[x, y, z] = number + 1
        spans.append((x, y, z))
    for box, (x, y, z) in zip(boxes, spans, strict=True):
        if problem.kinds[box.kind].fragile and cells[x, y, z.stop :].any():
            yield "something lies above what is fragile"
        areas = np.outer(np.diff(edges[0])[x], np.diff(edges[1])[y])
        if z.start and areas[cells[x, y, z.start - 1] > 0].sum() < SUPPORT * areas.sum():
            yield "a box has too little below it"


def _box(problem: Problem, box: Stowed) -> Iterator[str]:
    kind = problem.kinds[box.kind]
    if Counter(box.sides) != Counter(kind.sides):
        yield f"a box of kind {box.kind} has another size"
    if box.sides[2] not in [
        side for side, may in zip(kind.sides, kind.upright, strict=True) if may
    ]:
        yield f"a box of kind {box.kind} stands on a side that it must not"
