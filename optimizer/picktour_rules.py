"""Ways to walk a round that people know by heart, and how any order of stops is made better.

    s_shape      block by block, the furthest first; up one aisle, down the next
    largest_gap  block by block; first what lies nearer to its back, from the cross-aisle behind it,
                 then what lies nearer to its front, parted in each aisle at the largest gap
    improved     any order, with parts of it turned round or put elsewhere while that is shorter

All answer an order of the stops: their indices, shape (n,). Between two stops one walks the
shortest way, so nobody walks further than the rule says. They are what an exact tour is measured
against (optimizer.picktour), and what is made better where there are too many cross-aisles for one.
Lengths are metres.

Source: R. W. Hall, "Distance approximations for routing manual pickers in a warehouse", IIE
Transactions 25(4), 1993; several blocks: Roodbergen and de Koster, 2001. Or-opt: I. Or, 1976.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.layout import Block, walking_distances_m

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PART_MAX = 3  # stops that are put elsewhere together
LEAST_M = 1e-9  # what is not less by that is no less


def from_depot_m(block: Block, aisle: Ints, depth_m: Floats, depot_aisle: int) -> Floats:
    """Distances between the depot (index 0) and the stops (from 1 on), shape (n + 1, n + 1)."""
    return walking_distances_m(
        block, np.concatenate([[depot_aisle], aisle]), np.concatenate([[0.0], depth_m])
    )


def walked_m(distance_m: Floats, order: Ints) -> float:
    """How long the round is from the depot through the stops in that order, and back."""
    path = np.concatenate([[0], order + 1, [0]])
    return float(distance_m[path[:-1], path[1:]].sum())


def s_shape(block: Block, aisle: Ints, depth_m: Floats) -> Ints:
    """Up one aisle and down the next, the furthest block first."""
    order: list[int] = []
    leftward = False
    for mine in _blocks(block, depth_m):
        aisles = sorted({int(each) for each in aisle[mine]}, reverse=leftward)
        for turn, number in enumerate(aisles):
            inside = mine[aisle[mine] == number]
            by_depth = inside[np.argsort(depth_m[inside], kind="stable")]
            order += (by_depth if turn % 2 == 0 else by_depth[::-1]).tolist()
        leftward = not leftward
    return np.array(order, dtype=np.int64)


def largest_gap(block: Block, aisle: Ints, depth_m: Floats) -> Ints:
    """What is nearer to the back of a block first, then what is nearer to its front."""
    order: list[int] = []
    cuts_m = block.cuts_m
    for number, mine in enumerate(_blocks(block, depth_m), start=2):
        low_m, high_m = cuts_m[-number], cuts_m[-number + 1]
        near: list[int] = []
        for each in sorted({int(one) for one in aisle[mine]}):
            inside = mine[aisle[mine] == each]
            by_depth = inside[np.argsort(depth_m[inside], kind="stable")]
            gaps = np.diff(np.concatenate([[low_m], depth_m[by_depth], [high_m]]))
            at = int(gaps.argmax())
            near = [*by_depth[:at].tolist(), *near]
            order += by_depth[at:][::-1].tolist()
        order += near
    return np.array(order, dtype=np.int64)


def _blocks(block: Block, depth_m: Floats) -> list[Ints]:
    """The stops of each block, the furthest block first; those of the last cut are in the last."""
    of_stop = np.searchsorted(np.array(block.cross_aisles_m), depth_m, side="right")
    return [
        np.flatnonzero(of_stop == number).astype(np.int64)
        for number in reversed(range(len(block.cross_aisles_m) + 1))
    ]


def improved(distance_m: Floats, order: Ints) -> Ints:
    """The order, with parts turned round or put elsewhere for as long as that is shorter."""
    path = np.concatenate([[0], order + 1, [0]]).astype(np.int64)
    while _turn(distance_m, path) or _put_elsewhere(distance_m, path):
        pass
    return path[1:-1] - 1


def _turn(distance_m: Floats, path: Ints) -> bool:
    """2-opt, one pass: whether anything was turned round."""
    better = False
    n = path.size
    for i in range(n - 3):
        for j in range(i + 2, n - 1):
            a, b, c, d = path[i], path[i + 1], path[j], path[j + 1]
            saved = distance_m[a, b] + distance_m[c, d] - distance_m[a, c] - distance_m[b, d]
            if saved > LEAST_M:
                path[i + 1 : j + 1] = path[i + 1 : j + 1][::-1].copy()
                better = True
    return better


def _put_elsewhere(distance_m: Floats, path: Ints) -> bool:
    """Or-opt, one pass: whether some stops in a row were put between two others."""
    n = path.size
    for length in range(1, PART_MAX + 1):
        for i in range(1, n - length):
            first, last = path[i], path[i + length - 1]
            before, after = path[i - 1], path[i + length]
            out = distance_m[before, first] + distance_m[last, after] - distance_m[before, after]
            for j in range(n - 1):
                if i - 1 <= j < i + length:
                    continue
                a, b = path[j], path[j + 1]
                into = distance_m[a, first] + distance_m[last, b] - distance_m[a, b]
                if out - into > LEAST_M:
                    part = path[i : i + length].copy()
                    rest = np.concatenate((path[:i], path[i + length :]))
                    at = j + 1 if j < i else j + 1 - length
                    path[:at] = rest[:at]
                    path[at : at + length] = part
                    path[at + length :] = rest[at:]
                    return True
    return False
