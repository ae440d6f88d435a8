"""A wave by search: aisles come, go and change places, and orders are filled from them.

Aisles are added first by what they hold of what is still wanted, until the wave is large enough;
then by annealing, in cycles. What a choice of aisles is worth is `units - price * aisles`, the
price being the best units for each aisle so far; a wave that is too small pays for what it lacks.
Orders are filled the largest first, so that small ones fill what is left; in every other cycle
those first that have most units a line, which leave most to others where stock is scarce.

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
def moved(first: Ints, sku: Ints, units: Ints, have: Ints, aisle: int, sign: int) -> None:
    """Add what an aisle holds to what there is, or take it away."""
    for at in range(first[aisle], first[aisle + 1]):
        have[sku[at]] += sign * units[at]


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
def anneal(  # noqa: C901, PLR0912, PLR0913, PLR0917 - the inner loop
    line_first: Ints, line_sku: Ints, line_units: Ints, units: Ints, turn: Ints, first: Ints,
    sku: Ints, stock: Ints, inside: Bools, best: Bools, have: Ints, left: Ints, least: int,
    most: int, ratio: float, warmth: float, luck: Floats,
) -> float:  # fmt: skip
    """So many moves from `inside` (it and `have` change); the best ratio, its aisles in `best`."""
    aisles = inside.size
    chosen = np.zeros(units.size, dtype=np.bool_)
    count = 0
    for each in range(aisles):
        count += inside[each]
    left[:] = have
    total = filled(line_first, line_sku, line_units, units, turn, left, most, chosen)
    energy = ratio * count - total + max(0, least - total) * LACKING
    for at in range(luck.shape[0]):
        come, go = -1, -1
        if luck[at, 0] < ADD:
            come = int(luck[at, 1] * aisles)
            if inside[come]:
                continue
        if count and (luck[at, 0] < SWAP or luck[at, 0] >= ADD):
            go = nth_of(inside, int(luck[at, 2] * count))
        after = count + (come >= 0) - (go >= 0)
        if after == 0:
            continue
        if come >= 0:
            moved(first, sku, stock, have, come, 1)
        if go >= 0:
            moved(first, sku, stock, have, go, -1)
        left[:] = have
        total = filled(line_first, line_sku, line_units, units, turn, left, most, chosen)
        other = ratio * after - total + max(0, least - total) * LACKING
        if other <= energy or luck[at, 3] < exp((energy - other) / (warmth * max(ratio, 1.0))):
            count, energy = after, other
            if come >= 0:
                inside[come] = True
            if go >= 0:
                inside[go] = False
            if total >= least and total > ratio * count * (1 + 1e-12):
                ratio = total / count
                best[:] = inside
                energy = 0.0
        else:
            if come >= 0:
                moved(first, sku, stock, have, come, -1)
            if go >= 0:
                moved(first, sku, stock, have, go, 1)
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

    def round(self, warmth: float) -> None:
        """ROUND moves."""
        skus, before = self._book.wanted.size, self.ratio
        self.ratio = anneal(
            *self._lines, self._turn, *self._stock, self.inside, self.best, self._have(self.inside),
            np.zeros(skus, dtype=np.int64), max(1, self._problem.least), self._problem.most,
            self.ratio, warmth, self._chance.random((ROUND, 4)),
        )  # fmt: skip
        if self.ratio > before:
            self._best_turn = self._turn

    def wave(self, aisles: Bools) -> Wave:
        """Orders that are filled from these aisles."""
        chosen = np.zeros(self._problem.orders, dtype=bool)
        filled(*self._lines, self._best_turn, self._have(aisles), self._problem.most, chosen)
        return Wave(chosen, aisles.copy())

    def _have(self, aisles: Bools) -> Ints:
        stock = self._book.stock
        mine = aisles[stock.owner]
        return np.bincount(
            stock.key[mine], weights=stock.units[mine], minlength=self._book.wanted.size
        ).astype(np.int64)
