"""A wave by search: aisles come, go and change places, and orders are filled from them.

Aisles are added first by what they hold of what is still wanted, until the wave is large enough;
then by annealing, in cycles. What a choice of aisles is worth is `units - price * aisles`, the
price being the best units for each aisle so far; a wave that is too small pays for what it lacks.

    a move    changes what is there of the goods of one aisle or two: only orders of these goods
              become whole, or cease to be; what whole orders want beyond what is there is lost
    a wave    where that says that there is a better one its orders are filled, the largest first,
              so that small ones fill what is left; in every other cycle those first that have most
              units a line, which leave most to others where stock is scarce

So a move costs what the aisle holds, not a pass over the orders, and only what was filled counts.
By how much the first is more than the second is learned on the way and taken off.

A round is ROUND moves, with its own numbers of chance: the same seed makes the same waves.
"""

from math import exp

import numpy as np

from optimizer.compiled import compiled
from optimizer.waves_problem import Book, Bools, Floats, Ints, Problem, Wave

ROUND = 256
HOT, COLD = 0.6, 0.02  # temperatures, in prices of an aisle
LACKING = 1.5  # what a unit costs that a wave lacks
SWAP, ADD = 0.6, 0.8  # shares of moves: those above take an aisle away
LEARNED, KEPT = 0.5, 0.998  # how fast what is taken off is learned, and forgotten
WHOLE, LOST, SHIFT = 0, 1, 2  # units of whole orders, of those what is lost, and what is taken off


@compiled
def filled(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    first: Ints, sku: Ints, wanted: Ints, units: Ints, turn: Ints, left: Ints, most: int,
    chosen: Bools,
) -> int:  # fmt: skip
    """Fill orders in their turn from what is `left` (it is used up); how many units they are."""
    total = 0
    for order in turn:
        if total + units[order] > most:
            continue
        fits = True
        for at in range(first[order], first[order + 1]):
            if left[sku[at]] < wanted[at]:
                fits = False
                break
        if fits:
            for at in range(first[order], first[order + 1]):
                left[sku[at]] -= wanted[at]
            total += units[order]
            chosen[order] = True
    return total


@compiled
def moved(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    first: Ints, sku: Ints, stock: Ints, line_first: Ints, line_sku: Ints, line_units: Ints,
    units: Ints, sku_first: Ints, sku_order: Ints, sku_units: Ints, most_wanted: Ints, have: Ints,
    missing: Ints, demand: Ints, state: Floats, aisle: int, sign: int,
) -> None:  # fmt: skip
    """Add what an aisle holds to what there is, or take it away; what becomes of the orders.

    `missing` is how many lines of each order are short, `demand` what whole orders want.
    """
    for at in range(first[aisle], first[aisle + 1]):
        s = sku[at]
        before = have[s]
        after = before + sign * stock[at]
        have[s] = after
        state[LOST] += max(0, demand[s] - after) - max(0, demand[s] - before)
        if min(before, after) >= most_wanted[s]:
            continue
        for of in range(sku_first[s], sku_first[s + 1]):
            wants = sku_units[of]
            if (before >= wants) == (after >= wants):
                continue
            order = sku_order[of]
            if sign < 0 and missing[order] == 0:
                state[WHOLE] -= units[order]
            missing[order] -= sign
            if sign > 0 and missing[order] == 0:
                state[WHOLE] += units[order]
            if missing[order] == (0 if sign > 0 else 1):
                for its in range(line_first[order], line_first[order + 1]):
                    t = line_sku[its]
                    wanted = demand[t] + sign * line_units[its]
                    state[LOST] += max(0, wanted - have[t]) - max(0, demand[t] - have[t])
                    demand[t] = wanted


@compiled
def nth_of(inside: Bools, nth: int) -> int:
    """The number of the nth aisle that is inside."""
    for each in range(inside.size):
        if inside[each]:
            if nth == 0:
                return each
            nth -= 1
    return -1


@compiled
def anneal(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - the inner loop
    line_first: Ints, line_sku: Ints, line_units: Ints, units: Ints, turn: Ints, first: Ints,
    sku: Ints, stock: Ints, sku_first: Ints, sku_order: Ints, sku_units: Ints, most_wanted: Ints,
    likely: Floats, inside: Bools, best: Bools, have: Ints, missing: Ints, demand: Ints,
    state: Floats, left: Ints, least: int, most: int, ratio: float, warmth: float, luck: Floats,
) -> float:  # fmt: skip
    """So many moves from `inside` (it and what follows from it change); the best ratio.

    Its aisles are in `best`.
    """
    aisles = inside.size
    chosen = np.zeros(units.size, dtype=np.bool_)
    count = 0
    for each in range(aisles):
        count += inside[each]
    total = min(float(most), state[WHOLE] - state[LOST] - state[SHIFT])
    energy = ratio * count - total + max(0.0, least - total) * LACKING
    for at in range(luck.shape[0]):
        state[SHIFT] *= KEPT
        come, go = -1, -1
        if luck[at, 0] < ADD:
            if luck[at, 1] < 1 / 2:  # any of them, or rather one that holds much
                come = int(2 * luck[at, 1] * aisles)
            else:
                come = min(aisles - 1, int(np.searchsorted(likely, 2 * luck[at, 1] - 1)))
            if inside[come]:
                continue
        if count and (luck[at, 0] < SWAP or luck[at, 0] >= ADD):
            go = nth_of(inside, int(luck[at, 2] * count))
        after = count + (come >= 0) - (go >= 0)
        if after == 0:
            continue
        for aisle, sign in ((come, 1), (go, -1)):
            if aisle >= 0:
                moved(
                    first, sku, stock, line_first, line_sku, line_units, units, sku_first,
                    sku_order, sku_units, most_wanted, have, missing, demand, state, aisle, sign,
                )  # fmt: skip
        total = min(float(most), state[WHOLE] - state[LOST] - state[SHIFT])
        other = ratio * after - total + max(0.0, least - total) * LACKING
        if other <= energy or luck[at, 3] < exp((energy - other) / (warmth * max(ratio, 1.0))):
            count, energy = after, other
            if come >= 0:
                inside[come] = True
            if go >= 0:
                inside[go] = False
            if total >= least and total > ratio * count * (1 + 1e-12):
                left[:] = have
                units_now = filled(
                    line_first, line_sku, line_units, units, turn, left, most, chosen
                )  # fmt: skip
                off = min(float(most), state[WHOLE] - state[LOST]) - units_now
                state[SHIFT] += LEARNED * (max(0.0, off) - state[SHIFT])
                if units_now >= least and units_now > ratio * count * (1 + 1e-12):
                    ratio = units_now / count
                    best[:] = inside
                    energy = 0.0
        else:
            for aisle, sign in ((go, 1), (come, -1)):
                if aisle >= 0:
                    moved(
                        first, sku, stock, line_first, line_sku, line_units, units, sku_first,
                        sku_order, sku_units, most_wanted, have, missing, demand, state, aisle,
                        sign,
                    )  # fmt: skip
    return ratio


class Search:
    """The aisles that are looked at now, and the best there were."""

    def __init__(self, problem: Problem, book: Book, seed: int) -> None:
        self._problem, self._book = problem, book
        self._chance = np.random.default_rng(seed)
        lines = np.maximum(1, np.diff(book.lines.first))[book.turn]
        dense = book.turn[np.argsort(-book.units[book.turn] / lines, kind="stable")]
        self._turns = book.turn, dense
        self._turn = self._best_turn = book.turn
        self._lines = book.lines.first, book.lines.key, book.lines.units, book.units
        self._stock = book.stock.first, book.stock.key, book.stock.units
        by_sku = np.argsort(book.lines.key, kind="stable")
        most_wanted = np.zeros(book.wanted.size, dtype=np.int64)
        np.maximum.at(most_wanted, book.lines.key, book.lines.units)
        self._by_sku = (
            np.searchsorted(book.lines.key[by_sku], np.arange(book.wanted.size + 1)),
            book.lines.owner[by_sku], book.lines.units[by_sku], most_wanted,
        )  # fmt: skip
        held = np.bincount(book.stock.owner, weights=book.stock.units, minlength=problem.aisles)
        self._likely = np.cumsum(held) / max(1.0, held.sum())
        self.state = np.zeros(3)
        self._have, self.demand = (np.zeros(book.wanted.size, dtype=np.int64) for _ in range(2))
        self._missing = np.zeros(problem.orders, dtype=np.int64)
        self.inside = np.zeros(problem.aisles, dtype=bool)
        self.best = np.zeros(problem.aisles, dtype=bool)
        self.ratio = 0.0

    def begin(self) -> None:
        """Add the aisle that holds most of what is still wanted, while that makes waves better."""
        book, owner = self._book, self._book.stock.owner
        self.inside[:] = False
        wanted = book.wanted.copy()
        while not self.inside.all():
            useful = np.minimum(book.stock.units, wanted[book.stock.key])
            gain = np.bincount(owner, weights=useful, minlength=self.inside.size)
            gain[self.inside] = -1
            aisle = int(np.argmax(gain))
            if gain[aisle] <= 0:
                return
            mine = slice(int(book.stock.first[aisle]), int(book.stock.first[aisle + 1]))
            wanted[book.stock.key[mine]] -= useful[mine]
            self.inside[aisle] = True
            wave = self.wave(self.inside)
            total, count = int(book.units[wave.orders].sum()), int(self.inside.sum())
            if total < max(1, self._problem.least):
                continue
            if total <= self.ratio * count:
                return
            self.ratio, self.best[:] = total / count, self.inside

    def cycle(self, number: int) -> None:
        """Begin anew from the best, filling orders in the turn of that cycle."""
        self._turn = self._turns[number % len(self._turns)]
        if self.ratio:
            self.inside[:] = self.best
        self.state[:] = 0.0
        self._have[:], self.demand[:] = 0, 0
        self._missing[:] = np.diff(self._book.lines.first)
        for aisle in np.flatnonzero(self.inside).tolist():
            moved(
                *self._stock, *self._lines, *self._by_sku, self._have, self._missing, self.demand,
                self.state, aisle, 1,
            )  # fmt: skip

    def round(self, warmth: float) -> None:
        """ROUND moves; a cycle was begun before the first."""
        before = self.ratio
        self.ratio = anneal(
            *self._lines, self._turn, *self._stock, *self._by_sku, self._likely, self.inside,
            self.best, self._have, self._missing, self.demand, self.state,
            np.zeros(self._book.wanted.size, dtype=np.int64), max(1, self._problem.least),
            self._problem.most, self.ratio, warmth, self._chance.random((ROUND, 4)),
        )  # fmt: skip
        if self.ratio > before:
            self._best_turn = self._turn

    def wave(self, aisles: Bools) -> Wave:
        """Orders that are filled from these aisles."""
        stock = self._book.stock
        mine = aisles[stock.owner]
        have = np.bincount(
            stock.key[mine], weights=stock.units[mine], minlength=self._book.wanted.size
        ).astype(np.int64)
        chosen = np.zeros(self._problem.orders, dtype=bool)
        filled(*self._lines, self._best_turn, have, self._problem.most, chosen)
        return Wave(chosen, aisles.copy())
