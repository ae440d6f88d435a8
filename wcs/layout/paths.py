"""What every arc of a plant costs to one goal, with the turn between each pair of arcs.

    row[i]    milliseconds from the start of arc i to the goal, taking it first; FAR: no way

Found by one search backwards from the goal, in whole numbers: the loop in plain Python and the
compiled one, which large plants are given where numba is installed, find the same.

wcs.layout.rows does the same for turns by sixteenths and grids; here each turn is the angle that
it has.

Source: E. W. Dijkstra (1959), on arcs instead of points, so that turns have a cost; compiled as
label correcting from a queue: R. Bellman (1958), E. F. Moore (1959).
"""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from optimizer.compiled import IS_COMPILED, compiled
from wcs.layout.roadmap import Flags, Ints
from wcs.layout.rows import FAR

COMPILED_FROM = 400  # arcs; below that the plain loop is as fast


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Which arc can be driven before which, and what it then costs. Milliseconds.

    Attributes:
        first, before, step: arcs before arc i stand from first[i] to first[i + 1]; `step` is what
            such an arc and the turn into i cost.
    """

    first: Ints
    before: Ints
    step: Ints

    @classmethod
    def of(
        cls,
        before: Sequence[Sequence[int]],
        arc_ms: Sequence[int],
        turn_ms: Mapping[tuple[int, int], int],
    ) -> "Steps":
        """`before[i]` are the arcs that lead to where arc i starts."""
        counts = [len(arcs) for arcs in before]
        pairs = [(j, i) for i, arcs in enumerate(before) for j in arcs]
        return cls(
            first=np.cumsum([0, *counts]).astype(np.int32),
            before=np.array([j for j, _ in pairs], np.int32),
            step=np.array([arc_ms[j] + turn_ms[j, i] for j, i in pairs], np.int32),
        )


def row_to(goal: Sequence[tuple[int, int]], steps: Steps, is_open: Flags) -> "array[int]":
    """The costs of all arcs.

    Args:
        goal: arcs that enter the goal, and what each costs there.
        steps: what can be driven one after the other.
        is_open: (a,) arcs that may be taken.
    """
    if IS_COMPILED and len(is_open) >= COMPILED_FROM:
        row: Ints = np.full(len(is_open), FAR, np.int32)
        queue: Ints = np.empty(len(is_open) + 1, np.int32)
        ends = np.array(goal, np.int32).reshape(-1, 2)
        _relax(ends, steps.first, steps.before, steps.step, is_open, row, queue)
        return array("i", row.tobytes())
    return _plain(goal, steps, is_open.tolist())


def _plain(goal: Sequence[tuple[int, int]], steps: Steps, is_open: list[bool]) -> "array[int]":
    row = array("i", [FAR]) * len(is_open)
    first, before, step = steps.first.tolist(), steps.before.tolist(), steps.step.tolist()
    heap: list[tuple[int, int]] = []
    for i, cost in goal:
        heappush(heap, (cost, i))
    while heap:
        cost, i = heappop(heap)
        if cost >= row[i] or not is_open[i]:
            continue
        row[i] = cost
        for k in range(first[i], first[i + 1]):
            if (longer := cost + step[k]) < row[before[k]]:
                heappush(heap, (longer, before[k]))
    return row


@compiled
def _relax(  # noqa: PLR0913, PLR0917 - a graph in arrays
    goal: Ints,
    first: Ints,
    before: Ints,
    step: Ints,
    is_open: Flags,
    row: Ints,
    queue: Ints,
) -> None:
    """Fill `row` (a,), given as FAR; `queue` (a + 1,) is room to work in."""
    size = len(queue)
    waits = np.zeros(len(row), np.bool_)
    head, tail = 0, 0
    for k in range(len(goal)):
        i = goal[k, 0]
        if is_open[i] and goal[k, 1] < row[i]:
            row[i] = goal[k, 1]
            if not waits[i]:
                waits[i] = True
                queue[tail] = i
                tail = (tail + 1) % size
    while head != tail:
        i = queue[head]
        head = (head + 1) % size
        waits[i] = False
        for k in range(first[i], first[i + 1]):
            j = before[k]
            longer = row[i] + step[k]
            if is_open[j] and longer < row[j]:
                row[j] = longer
                if not waits[j]:
                    waits[j] = True
                    queue[tail] = j
                    tail = (tail + 1) % size
