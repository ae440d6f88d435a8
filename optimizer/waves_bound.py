"""How dense a wave can be at most: a proof by prices of goods, for each number of aisles.

Each row says that orders take no more than the chosen aisles hold:

    of a SKU    all that the orders take of it <= what the aisles hold
    of a line   what an order takes           <= what the aisles hold, no aisle more than that line

The second kind follows from the first for whole orders and not for parts of them, so it is what
makes the bound sharp. At prices of the rows the best orders and the best `k` aisles choose
themselves, each alone; what they come to is a floor under nothing and a roof over the units of any
wave of `k` aisles. Prices are moved against what is taken too much (subgradients, Polyak's steps)
until the roof is below what a better wave needs, or does not fall any more.

A number of aisles is `alive` as long as a better wave may have it. No number alive: the proof.
Units are whole, so a wave of k aisles that is better has at least floor(k * ratio) + 1 of them.

Source: M. Held, P. Wolfe, H. Crowder, "Validation of subgradient optimization", Mathematical
Programming 6, 1974.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from optimizer.compiled import IS_COMPILED, compiled
from optimizer.waves_problem import Book, Bools, Floats, Ints, Problem, Side, side

STEPS = 100 if IS_COMPILED else 5  # until it is seen how far a roof has fallen
AT_ONCE = 4_000_000  # entries of rows that steps go through before the clock is asked
FELL = 2e-4  # a roof that falls by less in so many steps has come to rest
LINES_MAX = 600_000  # entries of rows of lines: beyond, of SKUs only
START = 0.3  # the price of a unit of each row at first
GAIN = 1e-5  # of the roof: what counts as one
PATIENCE, SHORTER = 12, 0.6  # after so many steps without a gain they are so much shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What orders take of each row, and what aisles hold of it."""

    orders: Side
    aisles: Side
    count: int


def rows_of(problem: Problem, book: Book) -> Rows:
    """The rows of a problem; those that others imply are left out."""
    lines, stock, skus = book.lines, book.stock, book.wanted.size
    alone = np.diff(lines.first) == 1
    times = np.bincount(lines.key, minlength=skus)
    of_alone = np.bincount(lines.key[alone[lines.owner]], minlength=skus)
    places = np.bincount(stock.key, minlength=skus)
    scarce = np.bincount(stock.key[stock.units < book.wanted[stock.key]], minlength=skus) > 0
    by_line = (times > 1) & (of_alone < times)
    if int(places[lines.key[by_line[lines.key]]].sum()) > LINES_MAX:
        by_line[:] = False
    by_sku = (times > 0) & (scarce | ~by_line)
    sku_row = np.cumsum(by_sku) - 1
    mine = by_line[lines.key]
    line_row = by_sku.sum() + np.arange(np.count_nonzero(mine))
    count = int(by_sku.sum() + line_row.size)
    taken, held = by_sku[lines.key], by_sku[stock.key]
    order = np.argsort(stock.key, kind="stable")
    first = np.searchsorted(stock.key[order], np.arange(skus + 1))
    sku, want = lines.key[mine], lines.units[mine]
    of = np.repeat(np.arange(sku.size), places[sku])  # each line with each place of its goods
    ends = np.cumsum(places[sku])
    at = order[first[sku[of]] + np.arange(of.size) - (ends - places[sku])[of]]
    return Rows(
        orders=side(
            np.concatenate([lines.owner[taken], lines.owner[mine]]),
            np.concatenate([sku_row[lines.key[taken]], line_row]),
            np.concatenate([lines.units[taken], want]),
            problem.orders, max(1, count),
        ),
        aisles=side(
            np.concatenate([stock.owner[held], stock.owner[at]]),
            np.concatenate([sku_row[stock.key[held]], line_row[of]]),
            np.concatenate([stock.units[held], np.minimum(stock.units[at], want[of])]),
            problem.aisles, max(1, count),
        ),
        count=count,
    )  # fmt: skip


@compiled
def _roof(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    first: Ints, row: Ints, takes: Ints, units: Ints, afirst: Ints, arow: Ints, holds: Ints,
    price: Floats, roofs: Floats, k: int, over: Floats,
) -> float:  # fmt: skip
    """What the best orders and the best `k` aisles come to; `over`: what they have too much."""
    over[:] = 0.0
    total = 0.0
    for order in range(units.size):
        gain = float(units[order])
        for at in range(first[order], first[order + 1]):
            gain -= price[row[at]] * takes[at]
        if gain > 0.0:
            total += gain
            for at in range(first[order], first[order + 1]):
                over[row[at]] -= takes[at]
    worth = np.zeros(afirst.size - 1)
    for aisle in range(worth.size):
        for at in range(afirst[aisle], afirst[aisle + 1]):
            worth[aisle] += price[arow[at]] * holds[at]
    turn = np.argsort(-worth)
    roof = total
    for j in range(worth.size):
        total += worth[turn[j]]
        roofs[j + 1] = min(roofs[j + 1], total)
        if j < k:
            roof = total
            for at in range(afirst[turn[j]], afirst[turn[j] + 1]):
                over[arow[at]] += holds[at]
    return roof


@compiled
def _stepped(price: Floats, over: Floats, length: float) -> bool:
    """Move prices by so much against what is over; whether any can move."""
    norm = 0.0
    for at in range(price.size):
        if price[at] > 0.0 or over[at] < 0.0:
            norm += over[at] * over[at]
    if norm > 0.0:
        for at in range(price.size):
            price[at] = max(0.0, price[at] - length / norm * over[at])
    return norm > 0.0


@compiled
def _descend(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    first: Ints, row: Ints, takes: Ints, units: Ints, afirst: Ints, arow: Ints, holds: Ints,
    price: Floats, best: Floats, roofs: Floats, k: int, wanted: float, state: Floats, steps: int,
) -> None:  # fmt: skip
    """Move prices so that the roof over `k` aisles falls; roofs[j] is kept for every j.

    `state` is the lowest roof at k, the size of the next step, and the steps since the last gain.
    """
    over = np.zeros(price.size)
    for _ in range(steps):
        roof = _roof(first, row, takes, units, afirst, arow, holds, price, roofs, k, over)
        state[2] += 1
        if roof < state[0] * (1 - GAIN) or state[0] == np.inf:
            state[2] = 0.0
        if roof < state[0]:
            state[0] = roof
            best[:] = price
        if roofs[k] < wanted:
            return
        if state[2] >= PATIENCE:
            state[1] *= SHORTER
            state[2] = 0.0
            price[:] = best
            continue
        if not _stepped(price, over, state[1] * max(roof - wanted + 1.0, 0.0)):
            return


class Bound:
    """Roofs over the units of waves, by their number of aisles."""

    def __init__(self, problem: Problem, book: Book) -> None:
        self._problem, self._book = problem, book
        self.rows = rows_of(problem, book)
        everything = min(problem.most, int(book.units.sum()))
        self.roofs = np.full(problem.aisles + 1, float(everything))
        self.roofs[0] = 0.0
        self._price = np.full(max(1, self.rows.count), START)
        self._rested: set[int] = set()

    def needed(self, ratio: float) -> Ints:
        """Units that a wave must have to be better, by its number of aisles."""
        count = np.arange(self.roofs.size)
        more = np.floor(count * ratio * (1 + 1e-12) + 1e-9) + 1
        need: Ints = np.maximum(more, max(1, self._problem.least)).astype(np.int64)
        return need

    def alive(self, ratio: float) -> Bools:
        """Which numbers of aisles a better wave may have, shape (aisles + 1,)."""
        may: Bools = np.floor(self.roofs + 1e-6) >= self.needed(ratio)
        may[0] = False
        return may

    def ratio(self, found: float) -> float:
        """No wave is denser."""
        may = self.alive(found)
        count = np.flatnonzero(may)
        return max(found, float((np.floor(self.roofs[count] + 1e-6) / count).max(initial=0.0)))

    def densest(self, ratio: float) -> int:
        """The number of aisles, of those that are alive, whose roof is the densest wave."""
        count = np.flatnonzero(self.alive(ratio))
        return int(count[np.argmax(np.floor(self.roofs[count] + 1e-6) / count)])

    def lower(self, ratio: float, is_over: Callable[[], bool]) -> None:
        """Bring the roofs down: first where the densest wave may be, until all have come to rest.

        `is_over` is asked now and then.
        """
        while not is_over():
            may = self.alive(ratio)
            may[list(self._rested)] = False
            count = np.flatnonzero(may)
            if not count.size:
                return
            k = int(count[np.argmax(np.floor(self.roofs[count]) / count)])
            self._lower(k, float(self.needed(ratio)[k]), is_over)
            self._rested.add(k)

    def at(self, price: Floats) -> None:
        """Roofs at prices that somebody else found; the next steps go on from them."""
        if price.size == self._price.size:
            self._price = price.copy()
            self._descend(0, np.inf, price.copy(), np.array([np.inf, 1.0, 0.0]), 1)
            self._rested.clear()

    def _lower(self, k: int, wanted: float, is_over: Callable[[], bool]) -> None:
        best = self._price.copy()
        state = np.array([np.inf, 1.0, 0.0])
        before = np.inf
        entries = self.rows.orders.key.size + self.rows.aisles.key.size
        at_once = max(1, min(STEPS, AT_ONCE // max(1, entries)))
        while True:
            for _ in range(0, STEPS, at_once):
                if is_over():
                    self._price = best
                    return
                self._descend(k, wanted, best, state, at_once)
                if self.roofs[k] < wanted:
                    break
            low = float(self.roofs[k])
            if low < wanted or before - low < FELL * low:
                break
            before = low
        self._price = best

    def _descend(self, k: int, wanted: float, best: Floats, state: Floats, steps: int) -> None:
        orders, aisles = self.rows.orders, self.rows.aisles
        _descend(
            orders.first, orders.key, orders.units, self._book.units, aisles.first, aisles.key,
            aisles.units, self._price, best, self.roofs, k, wanted, state, steps,
        )  # fmt: skip
