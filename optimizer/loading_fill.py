"""Filling: block after block into the largest boxes of empty space, until nothing more fits.

What is empty is known as its maximal boxes ("spaces", which may overlap). The one nearest to a
corner of the room is filled next, at that corner, with the block that leaves least: its volume,
times the share of the space that can still be used by the lengths of boxes beside it. What a
space can hold no more is forgotten.

With `supported`, what lies on something lies on it wholly: the space above a block is as wide as
the block, and spaces are filled at their lower corners.

Shapes: k kinds; a state has room for as many spaces and blocks as its arrays have rows.

Source: F. Parreño, R. Alvarez-Valdes, J. Tamarit, J. Oliveira, "A Maximal-Space Algorithm for the
Container Loading Problem", INFORMS J. on Computing 20(3), 2008; what a block leaves: I. Araya,
M. Riff, "A beam search approach to the container loading problem", C&OR 43, 2014.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import compiled
from optimizer.loading_blocks import UP, Blocks, Ints, Load

Floats = NDArray[np.float64]

SPACES_MAX = 400
SPACES, PLACED, VOLUME = 0, 1, 2  # of `State.sums`
ALONE = 0.2  # a block of n boxes is worth n ** -0.2 of its volume


class State(NamedTuple):
    """A load that is being made. Its arrays are written to.

    Attributes:
        spaces: shape (n, 6): the lower corner and the upper one.
        left: boxes of each kind that are left, and grams; shape (k + 1,).
        placed: shape (n, 4): a block, and its lower corner.
        sums: spaces, blocks placed, and the volume of their boxes; shape (3,).
    """

    spaces: Ints
    left: Ints
    placed: Ints
    sums: Ints

    def copy(self) -> "State":
        """The same, in arrays of its own."""
        return State(*[rows.copy() for rows in self])


class World(NamedTuple):
    """What does not change while a load is made.

    Attributes:
        sides, volume, need, fragile: of the blocks.
        worth: what a block's volume counts, by how many boxes it has; shape (b,).
        reach: shape (3, longest + 1): the most of a length that boxes can use, by axis.
        room: its three sides.
        least: of each axis, the shortest side of any box; shape (3,).
        supported: shape (1,), whether what lies on something lies on it wholly.
    """

    sides: Ints
    volume: Ints
    need: Ints
    fragile: Ints
    worth: Floats
    reach: Ints
    room: Ints
    least: Ints
    supported: Ints


def world_of(load: Load, blocks: Blocks, *, supported: bool) -> World:
    """The arrays of a load."""
    boxes = blocks.need[:, :-1].sum(axis=1)
    return World(
        sides=blocks.sides,
        volume=blocks.volume,
        need=blocks.need,
        fragile=blocks.fragile,
        worth=blocks.volume * boxes**-ALONE,
        reach=np.array([_reach(load, axis) for axis in (0, 1, 2)]),
        room=load.room,
        least=load.turned[:, 1:4].min(axis=0),
        supported=np.array([supported], dtype=np.int64),
    )


def empty(load: Load) -> State:
    """Nothing loaded yet."""
    state = State(
        spaces=np.zeros((SPACES_MAX, 6), dtype=np.int64),
        left=load.supply.copy(),
        placed=np.zeros((int(load.supply[:-1].sum()) + 1, 4), dtype=np.int64),
        sums=np.array([1, 0, 0], dtype=np.int64),
    )
    state.spaces[0, 3:] = load.room
    return state


def _reach(load: Load, axis: int) -> Ints:
    """For each length, the most of it that boxes side by side can fill."""
    longest = int(load.room.max())
    can = np.zeros(longest + 1, dtype=bool)
    can[0] = True
    sides = sorted({int(side) for side in load.turned[:, 1 + axis]})
    for length in range(1, longest + 1):
        can[length] = any(side <= length and can[length - side] for side in sides)
    lengths = np.arange(longest + 1)
    found: Ints = np.maximum.accumulate(np.where(can, lengths, 0))
    return found


@compiled
def complete(world: World, state: State) -> int:
    """Fill what is empty; the volume that is loaded then."""
    best = np.zeros(1, dtype=np.int64)
    while choose(world, state, best) > 0:
        place(world, state, best[0])
    return int(state.sums[VOLUME])


@compiled
def choose(world: World, state: State, best: Ints) -> int:
    """Write the best blocks for the next space, the best first; how many. 0: nothing fits more.

    The space comes to stand first of all; those before it that nothing fits into are gone.
    """
    score = np.zeros(best.size)
    while state.sums[SPACES] > 0:
        _to_front(world, state)
        found = 0
        room = state.spaces[0, 3:] - state.spaces[0, :3]
        for block in range(world.volume.size):
            least = score[-1] if found == best.size else 0.0
            if world.volume[block] <= least:
                break
            if world.worth[block] > least and _fits(world, state, block, room):
                worth = world.worth[block] * _usable(world, block, room)
                if worth > least:
                    found += found < best.size
                    _insert(best, score, found - 1, block, worth)
        if found:
            return found
        state.sums[SPACES] -= 1
        state.spaces[0] = state.spaces[state.sums[SPACES]]
    return 0


@compiled
def _insert(best: Ints, score: Floats, at: int, block: int, worth: float) -> None:
    """Write a block where it belongs among the best, of which the one at `at` goes."""
    while at > 0 and score[at - 1] < worth:
        score[at], best[at] = score[at - 1], best[at - 1]
        at -= 1
    score[at], best[at] = worth, block


@compiled
def _usable(world: World, block: int, room: Ints) -> float:
    """The share of a space that boxes can fill, with that block at its corner."""
    usable = 1.0
    for axis in range(3):
        side = world.sides[block, axis]
        usable *= (side + world.reach[axis, room[axis] - side]) / room[axis]
    return usable


@compiled
def _fits(world: World, state: State, block: int, room: Ints) -> bool:
    for axis in range(3):
        if world.sides[block, axis] > room[axis]:
            return False
    for kind in range(state.left.size):  # noqa: SIM110 - compiled
        if world.need[block, kind] > state.left[kind]:
            return False
    return True


@compiled
def _to_front(world: World, state: State) -> None:
    """Put the space that is nearest to a corner of the room first."""
    best, least, size = 0, -1, 0.0
    for at in range(state.sums[SPACES]):
        far, volume = 0, 1.0
        for axis in range(3):
            low, high = state.spaces[at, axis], state.spaces[at, axis + 3]
            volume *= high - low
            if axis == UP and world.supported[0]:
                far += low
            else:
                far += min(low, world.room[axis] - high)
        if least < 0 or far < least or (far == least and volume > size):
            best, least, size = at, far, volume
    for axis in range(6):
        value = state.spaces[0, axis]
        state.spaces[0, axis] = state.spaces[best, axis]
        state.spaces[best, axis] = value


@compiled
def place(world: World, state: State, block: int) -> None:
    """Put a block into the first space, at its corner nearest to one of the room."""
    box = np.zeros(6, dtype=np.int64)
    for axis in range(3):
        low, high = state.spaces[0, axis], state.spaces[0, axis + 3]
        is_low = low <= world.room[axis] - high or (axis == UP and world.supported[0] == 1)
        box[axis] = low if is_low else high - world.sides[block, axis]
        box[axis + 3] = box[axis] + world.sides[block, axis]
    at = state.sums[PLACED]
    state.placed[at, 0] = block
    state.placed[at, 1:] = box[:3]
    state.sums[PLACED] += 1
    state.sums[VOLUME] += world.volume[block]
    for kind in range(state.left.size):
        state.left[kind] -= world.need[block, kind]
    _cut(world, state, box, world.fragile[block])


@compiled
def _cut(world: World, state: State, box: Ints, fragile: int) -> None:
    """Take a box out of all spaces; what is left of each is as large as can be.

    Above what is fragile nothing is left.
    """
    count = state.sums[SPACES]
    fresh = np.zeros((6 * count, 6), dtype=np.int64)
    made, kept = 0, 0
    for at in range(count):
        space = state.spaces[at]
        if _is_apart(space, box):
            if kept != at:
                state.spaces[kept] = space
            kept += 1
            continue
        for axis in range(3):
            if box[axis] - space[axis] >= world.least[axis]:
                fresh[made] = space
                fresh[made, axis + 3] = box[axis]
                made += 1
            bears = axis != UP or not fragile
            if bears and space[axis + 3] - box[axis + 3] >= world.least[axis]:
                fresh[made] = space
                fresh[made, axis] = box[axis + 3]
                if axis == UP and world.supported[0]:
                    for flat in range(2):
                        fresh[made, flat] = max(space[flat], box[flat])
                        fresh[made, flat + 3] = min(space[flat + 3], box[flat + 3])
                made += 1
    state.sums[SPACES] = _kept(state.spaces, kept, fresh, made)


@compiled
def _is_apart(one: Ints, other: Ints) -> bool:
    for axis in range(3):  # noqa: SIM110 - compiled
        if one[axis] >= other[axis + 3] or one[axis + 3] <= other[axis]:
            return True
    return False


@compiled
def _kept(spaces: Ints, kept: int, fresh: Ints, made: int) -> int:
    """Add those spaces that lie in no other one; how many there are then."""
    for one in range(made):
        inside = False
        for other in range(kept):
            if _within(fresh[one], spaces[other]):
                inside = True
                break
        for other in range(made):
            if inside:
                break
            if other != one and _within(fresh[one], fresh[other]):
                inside = other < one or not _within(fresh[other], fresh[one])
        if not inside and kept < len(spaces):
            spaces[kept] = fresh[one]
            kept += 1
    return kept


@compiled
def _within(one: Ints, other: Ints) -> bool:
    for axis in range(3):
        if one[axis] < other[axis] or one[axis + 3] > other[axis + 3]:
            return False
    return True
