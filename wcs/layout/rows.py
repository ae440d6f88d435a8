"""What every arc costs to one goal: the rows that robots are steered by.

    row[a]      the cost of taking arc a first and then the best way to the goal; FAR if none
    hops[i]     arcs from node i to the goal, when only moves count

A row is found by one search backwards from the goal, in buckets of equal cost (costs are small
whole numbers), turns between arcs counted. A robot at a node with a facing takes the arc with the
least turn + row; pushed off its way it needs no new plan, only another look at the row.

Rows are kept by goal and layer (what is closed to whom) as long as they fit into `rows_max`.

Source: R. B. Dial, "Algorithm 360: Shortest-path forest with topological ordering" (1969), on
arcs instead of nodes, so that turns have a cost.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from wcs.layout.roadmap import FACINGS, Flags, Ints, Roadmap

FAR = 2**30


@compiled
def search(  # noqa: PLR0913, PLR0917 - a graph in arrays
    goal: int,
    start: Ints,
    back_first: Ints,
    back: Ints,
    cost: Ints,
    facing: Ints,
    turn: Ints,
    shut: Flags,
    row: Ints,
    queue: Ints,
    link: Ints,
) -> None:
    """Fill `row` (a,) with costs to the goal; arcs with `shut` are not taken, but into it.

    `queue` has a bucket for every cost up to the dearest step, plus one; `link` chains what is in
    a bucket. Both are room to work in, shapes (dearest step + 1,) and (entries,).
    """
    size = len(queue)
    row[:] = FAR
    queue[:] = -1
    # an entry is written as often as it gets cheaper: slots are handed out one after the other
    arc_of = link[1]
    next_of = link[0]
    used = 0
    waiting = 0
    for k in range(back_first[goal], back_first[goal + 1]):
        a = back[k]
        row[a] = cost[a]
        bucket = cost[a] % size
        arc_of[used], next_of[used] = a, queue[bucket]
        queue[bucket] = used
        used += 1
        waiting += 1
    now = 0
    while waiting > 0:
        slot = queue[now % size]
        if slot < 0:
            now += 1
            continue
        queue[now % size] = next_of[slot]
        waiting -= 1
        a = arc_of[slot]
        if row[a] != now:
            continue
        node = start[a]
        if node == goal:
            continue
        for k in range(back_first[node], back_first[node + 1]):
            b = back[k]
            if shut[b]:
                continue
            longer = now + cost[b] + turn[(facing[a] - facing[b]) % FACINGS]
            if longer < row[b]:
                row[b] = longer
                bucket = longer % size
                arc_of[used], next_of[used] = b, queue[bucket]
                queue[bucket] = used
                used += 1
                waiting += 1


@compiled
def search_hops(
    goal: int, start: Ints, back_first: Ints, back: Ints, hops: NDArray[np.uint16], queue: Ints
) -> None:
    """Fill `hops` (n,) with the number of arcs to the goal; `queue` (n,) is room to work in."""
    hops[:] = 65535
    hops[goal] = 0
    queue[0] = goal
    done, used = 0, 1
    while done < used:
        node = queue[done]
        done += 1
        further = hops[node] + 1
        for k in range(back_first[node], back_first[node + 1]):
            near = start[back[k]]
            if hops[near] == 65535:  # noqa: PLR2004 - not seen yet
                hops[near] = further
                queue[used] = near
                used += 1


class Rows:
    """Rows of one roadmap, worked out when first asked for. A memo, not a state.

    Args:
        roadmap: the ways.
        shut: (layers, a) which arcs a layer does not take; without it there is one, all open.
        rows_max: how many rows are kept; then all are let go of at once.
    """

    def __init__(self, roadmap: Roadmap, shut: Flags | None = None, rows_max: int = 512) -> None:
        arcs = len(roadmap.start)
        self.roadmap = roadmap
        self.shut = np.zeros((1, arcs), np.bool_) if shut is None else shut
        self.table: Ints = np.empty((rows_max, arcs), np.int32)
        self._slots: dict[tuple[int, int], int] = {}
        dearest = int(roadmap.cost.max(initial=1)) + int(roadmap.turn.max())
        self._queue: Ints = np.empty(dearest + 1, np.int32)
        degree = int(np.diff(roadmap.back_first).max(initial=1))
        self._link: Ints = np.empty((2, arcs * (degree + 1) + 1), np.int32)

    def slot(self, goal: int, layer: int = 0) -> int:
        """Which row of `table` belongs to a goal; slots stay until the table is full."""
        found = self._slots.get((goal, layer))
        if found is None:
            if len(self._slots) == len(self.table):
                self._slots.clear()
            found = self._slots[goal, layer] = len(self._slots)
            ways = self.roadmap
            search(
                goal,
                ways.start,
                ways.back_first,
                ways.back,
                ways.cost,
                ways.facing,
                ways.turn,
                self.shut[layer],
                self.table[found],
                self._queue,
                self._link,
            )
        return found

    def row(self, goal: int, layer: int = 0) -> Ints:
        """(a,) the costs of all arcs to a goal."""
        found: Ints = self.table[self.slot(goal, layer)]
        return found
