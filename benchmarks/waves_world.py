"""Backlogs of orders and aisles of stock, by a seed, in the manner of the SBPO 2025 challenge.

What its 50 published instances have in common was counted, and is drawn here:

    aisles    are unlike: few hold much, many little (a gamma; deviation 0.55 to 0.8 of the mean)
    goods     most lie in one place or two, some in a third of the aisles (a log-normal); the more
              often they are ordered, the more places; a place holds all that is wanted, or nearly
    demand    eight of ten goods are ordered once, few very often (a zeta); nothing lies there that
              nobody wants
    orders    of one line, or of two, three and more (1 + a log-normal); what is ordered together
              lies in one aisle three times as often as by chance
    a wave    has from some 0.1 to some 0.35 of the units that wait

It publishes three sites, and so does this: HEAVY (170 aisles, 12 units a place), WIDE (400 aisles,
4 units) and, for large backlogs of one-line orders, LARGE (483 aisles, 6 places for each of the
goods). Odd seeds are HEAVY, even ones WIDE. Backlogs of baskets above 3,000 orders are not in the
challenge; they are drawn from LARGE.

    ONE, BASKETS             as above
    EVEN_ONE, EVEN_BASKETS   goods spread evenly over all aisles, at most eight places for each: no
                             aisle is better than another, which nobody's store is; kept to compare
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator

from optimizer.waves import Problem
from optimizer.waves_problem import Floats, Ints

Sort: TypeAlias = Literal["ONE", "BASKETS", "EVEN_ONE", "EVEN_BASKETS"]
SORTS: tuple[Sort, ...] = ("ONE", "BASKETS", "EVEN_ONE", "EVEN_BASKETS")
EVEN_BASKETS_MAX = 3_000
LARGE_FROM = {"ONE": 14_000, "BASKETS": 3_000}
LINES_MAX, UNITS_MAX = 60, 50  # of an order; of a line


@dataclass(frozen=True, slots=True)
class Site:
    """What a store is like.

    Attributes:
        aisles: how many; those without goods that are wanted are not told.
        likeness: of aisles; the shape of a gamma.
        places: of goods: middle and deviation of the logarithm, and its slope by times ordered.
        in_place: units: likewise, without a slope.
        times: how fast goods are rarer that are ordered more often; the exponent of a zeta.
        near: how often a line is of goods that lie where the first one does.
        lines: of an order beyond the first: middle and deviation of the logarithm.
        units: of a line; the exponent of a zeta.
    """

    aisles: int
    likeness: float
    places: tuple[float, float, float]
    in_place: tuple[float, float]
    times: float
    near: float
    lines: tuple[float, float]
    units: float


HEAVY = Site(170, 1.56, (0.15, 1.11, 0.4), (1.6, 1.25), 2.8, 0.25, (0.22, 1.0), 2.7)
WIDE = Site(400, 3.3, (0.15, 1.33, 0.7), (0.8, 1.1), 4.2, 0.07, (-0.2, 0.85), 3.3)
LARGE = Site(483, 3.5, (0.6, 1.45, 1.0), (0.7, 1.1), 3.4, 0.07, (-0.2, 0.85), 3.5)


def instance(orders: int, seed: int, sort: Sort = "ONE") -> Problem:
    """A backlog of so many orders."""
    if sort in {"EVEN_ONE", "EVEN_BASKETS"}:
        return _even(orders, seed, sort)
    chance = np.random.default_rng((orders, seed, SORTS.index(sort) + 10))
    site = LARGE if orders > LARGE_FROM[sort] else (WIDE, HEAVY)[seed % 2]
    lines = np.ones(orders, dtype=np.int64)
    if sort == "BASKETS":
        more = _lognormal(chance, np.full(orders, site.lines[0]), site.lines[1])
        lines = 1 + np.minimum(LINES_MAX - 1, more)
    times = np.minimum(chance.zipf(site.times, int(lines.sum())), orders)
    times = times[: int(np.searchsorted(np.cumsum(times), lines.sum())) + 1]
    middle, deviation, slope = site.places
    places = np.minimum(site.aisles, _lognormal(chance, middle + slope * np.log(times), deviation))
    worth = chance.gamma(site.likeness, 1.0, site.aisles)
    worth /= worth.sum()
    aisle_of_stock = np.concatenate(
        [chance.choice(site.aisles, some, replace=False, p=worth) for some in places.tolist()]
    )
    first = np.cumsum(places) - places
    wanted = chance.permutation(np.repeat(np.arange(times.size), times))[: int(lines.sum())]
    sku_of_line = _dealt(chance, lines, wanted, aisle_of_stock[first], site.near)
    units = np.minimum(UNITS_MAX, chance.zipf(site.units, sku_of_line.size))
    met, aisle = np.unique(aisle_of_stock, return_inverse=True)
    return Problem(
        order_of_line=np.repeat(np.arange(orders), lines),
        sku_of_line=sku_of_line,
        units_of_line=units.astype(np.int64),
        aisle_of_stock=aisle.astype(np.int64),
        sku_of_stock=np.repeat(np.arange(times.size), places),
        units_of_stock=_lognormal(
            chance, np.full(aisle.size, site.in_place[0]), site.in_place[1]
        ),
        orders=orders,
        aisles=met.size,
        least=int(units.sum() * chance.uniform(0.04, 0.16)),
        most=int(units.sum() * chance.uniform(0.2, 0.5)),
    )  # fmt: skip


def _lognormal(chance: Generator, middle: Floats, deviation: float) -> Ints:
    return np.ceil(np.exp(chance.normal(middle, deviation))).astype(np.int64)


def _dealt(chance: Generator, lines: Ints, wanted: Ints, home: Ints, near: float) -> Ints:
    """What is wanted, dealt to the lines of orders: now and then from where the first one lies."""
    there: dict[int, list[int]] = {}
    for at, sku in enumerate(wanted.tolist()):
        there.setdefault(int(home[sku]), []).append(at)
    is_dealt = np.zeros(wanted.size, dtype=bool)
    dealt, top = [], 0
    for some in lines.tolist():
        aisle = -1
        for nth in range(some):
            at = -1
            if nth and chance.random() < near:
                mine = there[aisle]
                while mine and is_dealt[mine[-1]]:
                    mine.pop()
                at = mine[-1] if mine else -1
            if at < 0:
                while is_dealt[top]:
                    top += 1
                at = top
            if not nth:
                aisle = int(home[wanted[at]])
            is_dealt[at] = True
            dealt.append(int(wanted[at]))
    return np.array(dealt, dtype=np.int64)


def _even(orders: int, seed: int, sort: Sort) -> Problem:
    """The aisles grow with less than the root of the orders, up to 482."""
    is_one = sort == "EVEN_ONE"
    chance = np.random.default_rng((orders, seed, 0 if is_one else 1))
    aisles = int(min(482, max(5, 4 * orders**0.45)))
    skus = max(5, int(orders * (0.85 if is_one else 2.5)))
    rank = 1 / (np.arange(skus) + skus / 10) ** 0.8
    lines = np.ones(orders, dtype=np.int64)
    if not is_one:
        lines = np.minimum(25, chance.geometric(1 / 2.8, orders))
    order_of_line = np.repeat(np.arange(orders), lines)
    sku_of_line = chance.choice(skus, lines.sum(), p=rank / rank.sum())
    units_of_line = chance.geometric(0.84 if is_one else 0.72, lines.sum())
    places = np.minimum(8, chance.geometric(1 / 3.1, skus))
    wanted = int(units_of_line.sum())
    in_a_place = max(2.0, 10 * wanted / places.sum())
    return Problem(
        order_of_line=order_of_line,
        sku_of_line=sku_of_line.astype(np.int64),
        units_of_line=units_of_line.astype(np.int64),
        aisle_of_stock=chance.integers(0, aisles, places.sum()),
        sku_of_stock=np.repeat(np.arange(skus), places),
        units_of_stock=chance.geometric(1 / in_a_place, places.sum()),
        orders=orders,
        aisles=aisles,
        least=int(wanted * chance.uniform(0.06, 0.15)),
        most=int(wanted * chance.uniform(0.3, 0.42)),
    )
