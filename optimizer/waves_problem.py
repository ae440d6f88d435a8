"""Orders that want goods, aisles that hold them; and the same as arrays that loops go through.

Lines of one order and stock of one aisle are summed by SKU. An order that no stock fills, or that
is larger than a wave may be, is left out; so is stock that nobody wants.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Lines of orders and stock of aisles; `sku`s are numbers from 0.

    Attributes:
        order_of_line, sku_of_line, units_of_line: shape (l,).
        aisle_of_stock, sku_of_stock, units_of_stock: shape (s,).
        orders, aisles: how many there are.
        least, most: units of the wave.
    """

    order_of_line: Ints
    sku_of_line: Ints
    units_of_line: Ints
    aisle_of_stock: Ints
    sku_of_stock: Ints
    units_of_stock: Ints
    orders: int
    aisles: int
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"units must lie in 0 <= least <= most: {self.least}, {self.most}")
        for name, numbers, count in (
            ("order_of_line", self.order_of_line, self.orders),
            ("aisle_of_stock", self.aisle_of_stock, self.aisles),
        ):
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
                raise ValueError(f"{name} must lie in [0, {count})")
        for name, several in (("line", self._lines), ("stock", self._stocks)):
            if len({each.shape for each in several}) != 1 or several[0].ndim != 1:
                raise ValueError(f"arrays of a {name} must have one shape (n,)")
            if several[1].size and several[1].min() < 0:
                raise ValueError(f"sku_of_{name} must be at least 0")
        if np.any(self.units_of_line < 1) or np.any(self.units_of_stock < 0):
            raise ValueError("units of lines must be at least 1, of stock at least 0")

    @property
    def _lines(self) -> tuple[Ints, Ints, Ints]:
        return self.order_of_line, self.sku_of_line, self.units_of_line

    @property
    def _stocks(self) -> tuple[Ints, Ints, Ints]:
        return self.aisle_of_stock, self.sku_of_stock, self.units_of_stock

    @property
    def units(self) -> Ints:
        """Of each order, shape (orders,)."""
        return np.bincount(
            self.order_of_line, weights=self.units_of_line, minlength=self.orders
        ).astype(np.int64)

    @property
    def skus(self) -> int:
        """One more than the highest number."""
        return 1 + int(max(self.sku_of_line.max(initial=-1), self.sku_of_stock.max(initial=-1)))


@dataclass(frozen=True, slots=True)
class Wave:
    """Which orders (orders,) and which aisles (aisles,)."""

    orders: Bools
    aisles: Bools


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Entries (key, units) of each of so many owners: those of `i` are first[i] to first[i + 1]."""

    first: Ints
    key: Ints
    units: Ints

    @property
    def owner(self) -> Ints:
        """Whose each entry is."""
        return np.repeat(np.arange(self.first.size - 1), np.diff(self.first))


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A problem as loops want it.

    Attributes:
        lines: of orders, by SKU; none of an order that cannot be in a wave.
        stock: of aisles, by SKU; no more than is wanted of it altogether.
        units: shape (orders,), 0 for an order that cannot be in a wave.
        turn: the orders that can, the largest first.
        wanted: shape (skus,).
    """

    lines: Side
    stock: Side
    units: Ints
    turn: Ints
    wanted: Ints


def book_of(problem: Problem) -> Book:
    """The arrays of a problem."""
    skus = max(1, problem.skus)
    lines = side(problem.order_of_line, problem.sku_of_line, problem.units_of_line,
                 problem.orders, skus)  # fmt: skip
    stock = side(problem.aisle_of_stock, problem.sku_of_stock, problem.units_of_stock,
                 problem.aisles, skus)  # fmt: skip
    there = np.bincount(stock.key, weights=stock.units, minlength=skus)
    units = problem.units
    can_be = (units > 0) & (units <= problem.most)
    can_be[lines.owner[there[lines.key] < lines.units]] = False
    units = np.where(can_be, units, 0)
    mine = can_be[lines.owner]
    lines = side(lines.owner[mine], lines.key[mine], lines.units[mine], problem.orders, skus)
    wanted = np.bincount(lines.key, weights=lines.units, minlength=skus).astype(np.int64)
    some = (wanted[stock.key] > 0) & (stock.units > 0)
    capped = np.minimum(stock.units, wanted[stock.key])[some]
    turn = np.flatnonzero(can_be)
    return Book(
        lines=lines,
        stock=side(stock.owner[some], stock.key[some], capped, problem.aisles, skus),
        units=units,
        turn=turn[np.argsort(-units[turn], kind="stable")],
        wanted=wanted,
    )


def side(owner: Ints, key: Ints, units: Ints, owners: int, keys: int) -> Side:
    """Entries summed by owner and key, in their order."""
    both, at = np.unique(owner * keys + key, return_inverse=True)
    summed = np.bincount(at, weights=units, minlength=both.size).astype(np.int64)
    whose = both // keys
    return Side(first=np.searchsorted(whose, np.arange(owners + 1)), key=both % keys, units=summed)
