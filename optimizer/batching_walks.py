"""How long the shortest walk is that serves some orders: asked some million times.

Which places an order visits is kept as bits, so the places of a batch are the places of its orders
or-ed together. A *piece* is a part of an aisle between two cross-aisles; bit k of a piece is its
k-th depth that any order visits, WORD of them in a word.

    bits[order, piece, word]  -- or -->  bits of a batch  -- low, high, gap of pieces -->  length

The length is found by the same steps over the same states as in `optimizer.picktour`, without the
tour: for one batch by a compiled loop, for many at once with arrays. Both give the same; where
numba is missing the arrays are faster, else the loop is. Lengths are metres.

Source: see `optimizer.picktour`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.compiled import IS_COMPILED, compiled
from optimizer.layout import Block
from optimizer.picktour_states import NO_WAY, TIMES, WALKS, across, table, up

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Used = NDArray[np.bool_]

WORD = 62  # bits that a signed word of 64 holds without its sign
AT_ONCE = 1024  # batches that are measured together with arrays


class Ground(NamedTuple):
    """A warehouse as the loops see it.

    Attributes:
        depth_m: shape (pieces, words * WORD), from the low end of the piece; rising; inf: no place.
        piece_m: shape (pieces,), how long each is.
        moves: shape (m, 3), the state before, the state after and the choice of each step.
        first: shape (k + 1,), where in `moves` the steps of each kind begin: the sections, then
            the corners without the depot, then with it.
        sizes: sections an aisle, aisles, the depot's aisle, states, the state that is closed.
        pitch_m: from an aisle to the next.
    """

    depth_m: Floats
    piece_m: Floats
    moves: Ints
    first: Ints
    sizes: Ints
    pitch_m: float


@dataclass(frozen=True, slots=True)
class Stops:
    """Stops of orders: the aisle, the depth and the order of each, shape (n,)."""

    aisle: Ints
    depth_m: Floats
    order: Ints


def ground_of(block: Block, depot_aisle: int, stops: Stops, orders: int) -> tuple[Ground, Ints]:
    """The ground, and the places that each order visits: shape (orders, pieces, words)."""
    cuts_m = np.array(block.cuts_m)
    sections = cuts_m.size - 1
    section = np.searchsorted(cuts_m[1:-1], stops.depth_m, side="right")
    piece = stops.aisle * sections + section
    above_m = stops.depth_m - cuts_m[section]
    pieces = block.aisles * sections
    found = [np.unique(above_m[piece == each]) for each in range(pieces)]
    words = max(1, -(-max(each.size for each in found) // WORD))
    depth_m = np.full((pieces, words * WORD), np.inf)
    for each, depths in enumerate(found):
        depth_m[each, : depths.size] = depths
    bits = np.zeros((orders, pieces, words), dtype=np.int64)
    for order, at, depth in zip(stops.order, piece, above_m, strict=True):
        bit = int(np.searchsorted(depth_m[at], depth))
        bits[order, at, bit // WORD] |= 1 << (bit % WORD)
    moves, first, states, closed = moves_of(sections)
    ground = Ground(
        depth_m=depth_m,
        piece_m=np.tile(np.diff(cuts_m), block.aisles),
        moves=moves,
        first=first,
        sizes=np.array([sections, block.aisles, depot_aisle, states, closed], dtype=np.int64),
        pitch_m=float(block.aisle_pitch_m),
    )
    return ground, bits


def kinds_of(corners: int, *, at_depot: bool) -> list[int]:
    """The kinds of the decisions to go on to the next aisle, corner by corner."""
    kinds = list(range(corners - 1, 2 * corners - 1))
    if at_depot:
        kinds[0] += corners
    return kinds


def moves_of(sections: int) -> tuple[Ints, Ints, int, int]:
    """All steps by the kind of the decision, where each kind begins, and how many states.

    The last number is that of the state of a closed tour.
    """
    corners = sections + 1
    states = table(corners)
    numbers = [[up(section, walk) for walk in range(WALKS)] for section in range(sections)]
    for at_depot in (False, True):
        for corner in range(corners):
            steps = range(TIMES)
            numbers += [[across(corners, corner, times, at_depot=at_depot) for times in steps]]
    moves: list[tuple[int, int, int]] = []
    first = [0]
    for kind in numbers:
        for choice, number in enumerate(kind):
            row = states.after[number]
            moves += [(at, int(row[at]), choice) for at in np.flatnonzero(row != NO_WAY).tolist()]
        first.append(len(moves))
    return (
        np.array(moves, dtype=np.int64), np.array(first, dtype=np.int64), states.after.shape[1],
        states.closed,
    )  # fmt: skip


def lengths_m(ground: Ground, bits: Ints) -> Floats:
    """Of each batch, given the places that it visits: shape (n, pieces, words) to (n,)."""
    if IS_COMPILED:
        return each_length_m(ground, bits)
    found = [
        lengths_by_arrays_m(ground, bits[at : at + AT_ONCE])
        for at in range(0, bits.shape[0], AT_ONCE)
    ]
    return np.concatenate(found) if found else np.zeros(0)


@compiled
def each_length_m(ground: Ground, bits: Ints) -> Floats:
    """Of each batch, one after the other: shape (n,)."""
    found = np.zeros(bits.shape[0])
    for at in range(bits.shape[0]):
        found[at] = length_m(ground, bits[at])
    return found


@compiled
def length_m(ground: Ground, bits: Ints) -> float:
    """The shortest walk through the places that are set in `bits`, shape (pieces, words)."""
    sections, aisles, depot, states, closed = ground.sizes
    left, right, some = depot, depot, False
    for piece in range(sections * aisles):
        if np.any(bits[piece]):
            some = True
            left, right = min(left, piece // sections), max(right, piece // sections)
    if not some:
        return 0.0
    cost = np.full(WALKS, np.inf)
    so_far = np.full(states, np.inf)
    onward = np.full(states, np.inf)
    so_far[0] = 0.0
    for aisle in range(left, right + 1):
        for kind in range(2 * sections + 1):
            if kind < sections:
                piece = aisle * sections + kind
                walks_m(ground.depth_m[piece], bits[piece], ground.piece_m[piece], cost)
            else:
                for times in range(TIMES):
                    cost[times] = times * ground.pitch_m if aisle < right or not times else np.inf
            step(ground, kind_of(ground, aisle, kind), so_far, cost, onward)
            so_far, onward = onward, so_far
    return float(so_far[closed])


@compiled
def kind_of(ground: Ground, aisle: int, decision: int) -> int:
    """The kind of a decision in an aisle: the depot's is another one, at the front."""
    sections, depot = ground.sizes[0], ground.sizes[2]
    if aisle == depot and decision == sections:
        return int(decision + sections + 1)
    return decision


@compiled
def step(ground: Ground, kind: int, so_far: Floats, cost: Floats, onward: Floats) -> None:
    """The least cost of each state after a decision, into `onward`."""
    onward[:] = np.inf
    for row in range(ground.first[kind], ground.first[kind + 1]):
        then = ground.moves[row, 1]
        onward[then] = min(onward[then], so_far[ground.moves[row, 0]] + cost[ground.moves[row, 2]])


@compiled
def walks_m(depth_m: Floats, words: Ints, piece_m: float, cost: Floats) -> None:
    """What each way to walk a piece costs (`picktour_states.NONE` to BOTH_ENDS), into `cost`."""
    low = high = -1.0
    gap = 0.0
    for number in range(words.size):
        word, at = words[number], number * WORD
        while word:
            if word & 1:
                if high < 0:
                    low = depth_m[at]
                else:
                    gap = max(gap, depth_m[at] - high)
                high = depth_m[at]
            word >>= 1
            at += 1
    cost[0] = 0.0 if high < 0 else np.inf
    cost[1] = piece_m
    cost[2] = 2 * piece_m
    cost[3] = 2 * high if high >= 0 else np.inf
    cost[4] = 2 * (piece_m - low) if high >= 0 else np.inf
    cost[5] = 2 * (piece_m - gap) if high > low else np.inf


def lengths_by_arrays_m(ground: Ground, bits: Ints) -> Floats:
    """The same as `each_length_m`, all batches at once."""
    sections, aisles, depot, states, closed = ground.sizes.tolist()
    cost, used = _walks_by_arrays_m(ground, bits)
    n = bits.shape[0]
    of_aisle = np.any(used.reshape(n, aisles, sections), axis=2)
    somewhere = of_aisle.any(axis=1)
    number = np.arange(aisles)
    left = np.minimum(np.where(of_aisle, number, aisles).min(axis=1), depot)
    right = np.maximum(np.where(of_aisle, number, -1).max(axis=1), depot)
    so_far = np.full((states, n), np.inf)
    so_far[0] = 0.0
    for aisle in range(aisles):
        inside = (left <= aisle) & (aisle <= right)
        after = so_far
        times = _times_m(ground.pitch_m, aisle < right)
        for decision in range(2 * sections + 1):
            prices = cost[aisle * sections + decision] if decision < sections else times
            kind = kind_of(ground, aisle, decision)
            onward = np.full((states, n), np.inf)
            for before, then, choice in ground.moves[ground.first[kind] : ground.first[kind + 1]]:
                np.minimum(onward[then], after[before] + prices[choice], out=onward[then])
            after = onward
        so_far = np.where(inside, after, so_far)
    return np.where(somewhere, so_far[closed], 0.0)


def _times_m(pitch_m: float, goes_on: NDArray[np.bool_]) -> Floats:
    """What it costs to go on to the next aisle, by how often; behind the last one nobody does."""
    times = np.arange(TIMES)[:, None]
    return np.where(goes_on | (times == 0), times * pitch_m, np.inf)


def _walks_by_arrays_m(ground: Ground, bits: Ints) -> tuple[Floats, Used]:
    """What ways cost, shape (pieces, WALKS, n); and what pieces are used, shape (n, pieces)."""
    n, pieces, words = bits.shape
    set_ = (bits[..., None] >> np.arange(WORD) & 1).astype(bool).reshape(n, pieces, words * WORD)
    used = np.any(set_, axis=2)
    depth_m = np.where(np.isfinite(ground.depth_m), ground.depth_m, 0.0)
    last = np.maximum.accumulate(np.where(set_, depth_m, -np.inf), axis=2)
    high, low = last[..., -1], np.where(set_, depth_m, np.inf).min(axis=2)
    with np.errstate(invalid="ignore"):
        gaps = np.where(set_[..., 1:], depth_m[:, 1:] - last[..., :-1], 0.0)
        gap = np.where(np.isfinite(gaps), gaps, 0.0).max(axis=2, initial=0.0)
        piece_m = ground.piece_m
        ways = [
            np.where(used, np.inf, 0.0),
            np.broadcast_to(piece_m, used.shape),
            np.broadcast_to(2 * piece_m, used.shape),
            np.where(used, 2 * high, np.inf),
            np.where(used, 2 * (piece_m - low), np.inf),
            np.where(used & (high > low), 2 * (piece_m - gap), np.inf),
        ]
    return np.stack(ways).transpose(2, 0, 1).copy(), used
