"""Batches made shorter by annealing: an order goes to another batch, or two change places.

What makes it longer is taken too, the less likely the longer and the later; so it does not stop
at the first arrangement that no single change improves. The length of each batch is exact
(`optimizer.batching_walks`), and kept in a table under a number of the set of its orders (Zobrist:
the exclusive or of random numbers, one for each order), since the same sets come again and again.
The table is also where `optimizer.batching_partition` finds batches to choose among.

ROUND changes are tried at one temperature. Laws: a batch fits its cart or is one order alone; the
same random numbers give the same batches, compiled or not.

Source: S. Kirkpatrick, C. Gelatt, M. Vecchi, Science 220, 1983; shift and swap for batches: S. Henn
and V. Schmid, Computers & Industrial Engineering 66, 2013; A. Zobrist, 1970.
"""

from math import exp
from typing import NamedTuple

import numpy as np

from optimizer.batching_walks import WORD, Floats, Ground, Ints, length_m, lengths_m
from optimizer.compiled import compiled

ROUND = 100  # changes that are tried at one temperature
SHIFTS = 0.5  # of them so many are shifts, the others are swaps
KNOWN = 1 << 20  # batches that are remembered
FULL = 0.6  # of the table; more is not put into it
PROBES = 32
LEAST_M = 1e-9  # what is not less by that is no less
COLUMNS_MAX = 5 * WORD  # orders of which the sets are kept

LOAD, COUNT = 0, 1


class Carts(NamedTuple):
    """The batches, and of each order in which it is.

    Attributes:
        batch: shape (o,).
        held: shape (b, 2), the load and how many orders.
        members: shape (b, widest), which orders.
        key: shape (b,), the number of the set.
        metres: shape (b,).
    """

    batch: Ints
    held: Ints
    members: Ints
    key: Ints
    metres: Floats


class Known(NamedTuple):
    """The table: `key` (0: free), `metres`, `sets` (bits of the orders), `used[0]` of it."""

    key: Ints
    metres: Floats
    sets: Ints
    used: Ints


class Orders(NamedTuple):
    """`bits` of the places, `size`, the random number `key` of each; `most`: capacity, orders."""

    bits: Ints
    size: Ints
    key: Ints
    most: Ints


class World(NamedTuple):
    """The batches as they are now, and the best that there were.

    Attributes:
        best: shape (o,), the batch of each order.
        total_m: shape (2,), of now and of the best.
    """

    ground: Ground
    orders: Orders
    carts: Carts
    known: Known
    best: Ints
    total_m: Floats


def keys_of(orders: int, seed: int) -> Ints:
    """A random number for each order."""
    return np.random.default_rng(seed).integers(1, 1 << WORD, orders, dtype=np.int64)


def world_of(ground: Ground, orders: Orders, batch_of_order: Ints, known: Known) -> World:
    """A world that begins with these batches; a few more may be opened."""
    n = orders.size.size
    batches = min(n, int(batch_of_order.max(initial=-1)) + 3)
    carts = Carts(
        batch=batch_of_order.astype(np.int64),
        held=np.zeros((batches, 2), dtype=np.int64),
        members=np.full((batches, _orders_a_batch(orders)), -1, dtype=np.int64),
        key=np.zeros(batches, dtype=np.int64),
        metres=np.zeros(batches),
    )
    bits = np.zeros((batches, *orders.bits.shape[1:]), dtype=np.int64)
    for order, batch in enumerate(batch_of_order.tolist()):
        carts.members[batch, carts.held[batch, COUNT]] = order
        carts.held[batch] += (orders.size[order], 1)
        carts.key[batch] ^= orders.key[order]
        bits[batch] |= orders.bits[order]
    carts.metres[:] = lengths_m(ground, bits)
    total_m = float(carts.metres.sum())
    best = carts.batch.copy()
    return World(ground, orders, carts, known, best, np.array([total_m, total_m]))


def nothing_known(orders: int, size: int = KNOWN) -> Known:
    """An empty table; of very many orders it does not keep which they are."""
    words = -(-orders // WORD) if orders <= COLUMNS_MAX else 0
    return Known(
        np.zeros(size, dtype=np.int64), np.zeros(size), np.zeros((size, words), dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )  # fmt: skip


def _orders_a_batch(orders: Orders) -> int:
    """No batch has more orders than that."""
    capacity, orders_max = orders.most.tolist()
    fitting = np.searchsorted(np.cumsum(np.sort(orders.size)), capacity, side="right")
    return max(1, min(int(fitting), int(orders_max)))


@compiled
def try_changes(world: World, chance: Floats, warmth_m: float) -> None:
    """Try a change for each row of `chance`, shape (n, 4) in [0, 1); keeps the best up to date."""
    carts = world.carts
    n, batches = carts.batch.size, carts.metres.size
    for row in range(chance.shape[0]):
        one, other = int(chance[row, 0] * n), -1
        there = int(chance[row, 2] * batches)
        if chance[row, 1] >= SHIFTS:
            other = int(chance[row, 2] * n)
            there = carts.batch[other]
        if not is_change(world, one, other, there):
            continue
        here = carts.batch[one]
        here_m = changed_m(world, here, one, other)
        there_m = changed_m(world, there, other, one)
        more_m = here_m + there_m - carts.metres[here] - carts.metres[there]
        if more_m > 0 and chance[row, 3] >= exp(-more_m / warmth_m):
            continue
        change(world, here, one, other, here_m)
        change(world, there, other, one, there_m)
        world.total_m[0] += more_m
        if world.total_m[0] < world.total_m[1] - LEAST_M:
            world.total_m[1] = world.total_m[0]
            world.best[:] = carts.batch


@compiled
def is_change(world: World, one: int, other: int, there: int) -> bool:
    """Whether `one` can go to the batch `there`, for `other` (-1: for none), and it differs."""
    carts = world.carts
    here = carts.batch[one]
    if here == there or not fits(world, there, other, one):
        return False
    if other >= 0:
        return fits(world, here, one, other)
    return bool(carts.held[here, COUNT] > 1 or carts.held[there, COUNT] > 0)


@compiled
def fits(world: World, batch: int, out: int, into: int) -> bool:
    """Whether the batch fits its cart with `into` and without `out` (-1: none)."""
    orders, held = world.orders, world.carts.held
    load, count = held[batch, LOAD] + orders.size[into], held[batch, COUNT] + 1
    if out >= 0:
        load -= orders.size[out]
        count -= 1
    return bool(count == 1 or (load <= orders.most[0] and count <= orders.most[1]))


@compiled
def changed_m(world: World, batch: int, out: int, into: int) -> float:
    """How long the batch is without `out` and with `into` (-1: none)."""
    known = world.known
    key = world.carts.key[batch]
    if out >= 0:
        key ^= world.orders.key[out]
    if into >= 0:
        key ^= world.orders.key[into]
    if key == 0:
        return 0.0
    at = key % known.key.size
    for _ in range(PROBES):
        if known.key[at] == key:
            return float(known.metres[at])
        if known.key[at] == 0:
            break
        at = (at + 1) % known.key.size
    is_kept = known.key[at] == 0 and known.used[0] < FULL * known.key.size
    bits = places_of(world, batch, out, into, at if is_kept else -1)
    metres = length_m(world.ground, bits)
    if is_kept:
        known.key[at], known.metres[at] = key, metres
        known.used[0] += 1
    return metres


@compiled
def places_of(world: World, batch: int, out: int, into: int, at: int) -> Ints:
    """The places of the batch without `out` and with `into`; its orders are noted at `at`."""
    orders, carts, sets = world.orders, world.carts, world.known.sets
    bits = np.zeros(orders.bits.shape[1:], dtype=np.int64)
    count = carts.held[batch, COUNT]
    for place in range(count + 1):
        order = carts.members[batch, place] if place < count else into
        if order == out or order < 0:
            continue
        bits |= orders.bits[order]
        if at >= 0 and sets.shape[1]:
            sets[at, order // WORD] |= 1 << (order % WORD)
    return bits


@compiled
def change(world: World, batch: int, out: int, into: int, metres: float) -> None:
    """Take `out` from the batch and put `into` to it (-1: none)."""
    orders, carts = world.orders, world.carts
    count = carts.held[batch, COUNT]
    if out >= 0:
        for place in range(count):
            if carts.members[batch, place] == out:
                carts.members[batch, place] = carts.members[batch, count - 1]
        count -= 1
        carts.held[batch, LOAD] -= orders.size[out]
        carts.key[batch] ^= orders.key[out]
    if into >= 0:
        carts.members[batch, count] = into
        count += 1
        carts.held[batch, LOAD] += orders.size[into]
        carts.key[batch] ^= orders.key[into]
        carts.batch[into] = batch
    carts.held[batch, COUNT] = count
    carts.metres[batch] = metres
