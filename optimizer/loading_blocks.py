"""Blocks: boxes put together that are loaded as if they were one box.

    simple   one kind, turned one way, nx by ny by nz of them
    joined   two blocks side by side, end to end or one on the other, nearly without a gap

Blocks are rows of arrays, the largest first, so that a search can stop at the first that is too
small to be better. Made once for a load; the loops are compiled where numba is installed.

Shapes: b blocks, k kinds. `need` has k + 1 columns: boxes of each kind, and grams.
Lengths are whole units of any kind.

Source: M. Fanslau, A. Bortfeldt, "A Tree Search Algorithm for Solving the Container Loading
Problem", INFORMS J. on Computing 22(2), 2010.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled

Ints = NDArray[np.int64]

SIMPLE_SHARE = 0.6  # of all blocks; the others are joined
TRIES_A_BLOCK = 400  # pairs that are looked at, for each block there may be
NEARLY_FULL = 98  # per cent of a joined block that need not bear anything
KEY_SIZE = 1 << 40
UP = 2  # the axis


class Blocks(NamedTuple):
    """All blocks of a load.

    Attributes:
        sides: shape (b, 3).
        volume: of the boxes in it, shape (b,), descending.
        need: shape (b, k + 1), boxes of each kind and grams.
        made: shape (b, 7): kind, nx, ny, nz and the sides of one box; or -1, the first block,
            the second, and the axis along which they stand.
        fragile: 1 where nothing may lie above, shape (b,).
    """

    sides: Ints
    volume: Ints
    need: Ints
    made: Ints
    fragile: Ints


class Load(NamedTuple):
    """What is to be loaded, in arrays.

    Attributes:
        turned: shape (t, 5): a kind, the sides of its box as it may lie, and whether it is fragile.
        grams: of a box of each kind, shape (k,).
        supply: boxes of each kind that there are, and grams that may be loaded; shape (k + 1,).
        room: its three sides.
    """

    turned: Ints
    grams: Ints
    supply: Ints
    room: Ints


def turns_of(
    sides: tuple[int, int, int], upright: tuple[bool, bool, bool]
) -> list[tuple[int, int, int]]:
    """The ways in which a box may lie, each once; `upright[i]`: side i may stand."""
    turns = (turn for turn in permutations((0, 1, 2)) if upright[turn[2]])
    return list(dict.fromkeys((sides[a], sides[b], sides[c]) for a, b, c in turns))


def blocks_of(load: Load, *, count_max: int, tight: bool) -> Blocks:
    """Simple and joined blocks that go into the room, the largest first.

    Args:
        load: the boxes and the room.
        count_max: how many blocks at most.
        tight: a joined block has no gap at all, so what lies on it is borne everywhere.
    """
    kinds = load.grams.size
    found = Blocks(
        sides=np.zeros((count_max, 3), dtype=np.int64),
        volume=np.zeros(count_max, dtype=np.int64),
        need=np.zeros((count_max, kinds + 1), dtype=np.int64),
        made=np.zeros((count_max, 7), dtype=np.int64),
        fragile=np.zeros(count_max, dtype=np.int64),
    )
    keys = np.zeros(4 * count_max, dtype=np.int64)
    count = _simple(load, found, keys, int(count_max * SIMPLE_SHARE))
    found = _sorted(found, count, count_max)
    count = _joined(load, found, keys, count, 100 if tight else NEARLY_FULL)
    return _sorted(found, count, count)


def _sorted(found: Blocks, count: int, size: int) -> Blocks:
    """The largest first, in arrays of that size."""
    order = np.argsort(-found.volume[:count], kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    made = []
    for rows in found:
        fresh = np.zeros((size, *rows.shape[1:]), dtype=np.int64)
        fresh[:count] = rows[:count][order]
        made.append(fresh)
    joined = np.flatnonzero(made[3][:, 0] < 0)
    made[3][joined, 1:3] = place[made[3][joined, 1:3]]
    return Blocks(*made)


@compiled
def _is_new(keys: Ints, sides: Ints, need: Ints) -> bool:
    """Whether no block had these sides and boxes before; remembered from now on."""
    key = 1
    for value in sides:
        key = (key * 1_000_003 + value) % KEY_SIZE
    for value in need:
        key = (key * 1_000_003 + value) % KEY_SIZE
    key += 1
    at = key % keys.size
    while keys[at] != 0:
        if keys[at] == key:
            return False
        at = (at + 1) % keys.size
    keys[at] = key
    return True


@compiled
def _simple(load: Load, found: Blocks, keys: Ints, count_max: int) -> int:
    """Write the simple blocks; how many. Those with few boxes come first, of every kind."""
    room = load.room
    count = 0
    for size in range(1, 1 + load.supply[:-1].max()):
        for row in range(len(load.turned)):
            kind, x, y, z, fragile = load.turned[row]
            if size > load.supply[kind] or size * load.grams[kind] > load.supply[-1]:
                continue
            for nx in range(1, min(size, room[0] // x) + 1):
                if size % nx:
                    continue
                across = size // nx
                for ny in range(1, min(across, room[1] // y) + 1):
                    nz = across // ny
                    if across % ny or nz * z > room[2] or count == count_max or fragile * nz > 1:
                        continue
                    found.need[count, :] = 0
                    found.need[count, kind] = size
                    found.need[count, -1] = size * load.grams[kind]
                    found.sides[count, 0] = nx * x
                    found.sides[count, 1] = ny * y
                    found.sides[count, 2] = nz * z
                    if not _is_new(keys, found.sides[count], found.need[count]):
                        continue
                    found.volume[count] = size * x * y * z
                    found.fragile[count] = fragile
                    found.made[count, 0] = kind
                    found.made[count, 1] = nx
                    found.made[count, 2] = ny
                    found.made[count, 3] = nz
                    found.made[count, 4] = x
                    found.made[count, 5] = y
                    found.made[count, 6] = z
                    count += 1
    return count


@compiled
def _joined(load: Load, found: Blocks, keys: Ints, count: int, per_cent: int) -> int:
    """Write the joined blocks after the simple ones; how many there are of both."""
    count_max = len(found.volume)
    tries = TRIES_A_BLOCK * count_max
    last = 0
    while last < count < count_max and tries > 0:
        for first in range(last + 1):
            for axis in range(3):
                tries -= 1
                if count == count_max:
                    return count
                if _join(load, found, (first, last, axis, count), per_cent) and _is_new(
                    keys, found.sides[count], found.need[count]
                ):
                    count += 1
        last += 1
    return count


@compiled
def _join(load: Load, found: Blocks, of: tuple[int, int, int, int], per_cent: int) -> bool:
    """Write the block of a first and a second along an axis, if there may be one."""
    first, second, axis, at = of
    if axis == UP and found.fragile[first]:
        return False
    space = 1
    for side in range(3):
        one, other = found.sides[first, side], found.sides[second, side]
        long = one + other if side == axis else max(one, other)
        if long > load.room[side]:
            return False
        found.sides[at, side] = long
        space *= long
    volume = found.volume[first] + found.volume[second]
    if 100 * volume < per_cent * space:
        return False
    for kind in range(load.supply.size):
        need = found.need[first, kind] + found.need[second, kind]
        if need > load.supply[kind]:
            return False
        found.need[at, kind] = need
    found.volume[at] = volume
    found.fragile[at] = max(found.fragile[first], found.fragile[second])
    found.made[at, :] = 0
    found.made[at, 0] = -1
    found.made[at, 1] = first
    found.made[at, 2] = second
    found.made[at, 3] = axis
    return True
