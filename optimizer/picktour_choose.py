"""Places for goods that lie at several: some are let go of and chosen again, while that is shorter.

A choice begins with the rarest article; of each the place that makes the walk least longer a unit
is taken until there is enough. Then, round by round, some places are let go of: those of a few
articles, or of one aisle; what is missing is chosen again, the articles in an order by chance, and
what is no longer needed is left. What is longer is kept too, the less likely the longer. The walk
is exact (`optimizer.batching_walks`).

Law: what is chosen holds what is wanted. Lengths are metres.

Source: G. Schrimpf et al., "Record breaking optimization results using the ruin and recreate
principle", J. Computational Physics 159(2), 2000.
"""

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.batching_walks import Floats, Ground, Ints, length_m
from optimizer.compiled import compiled

Chosen = NDArray[np.bool_]

LEAST_M = 1e-9
OF_AISLES = 0.5  # of the rounds let go of an aisle, the others of articles
LET_GO = 0.4  # of the articles, at most
MORE = 2  # numbers by chance in a round, besides one for each article


class Shelves(NamedTuple):
    """Places, and what is chosen of them.

    Attributes:
        bits: shape (p, pieces, words), where each place is.
        aisle, article, quantity: shape (p,).
        wanted: shape (articles,).
        start, places: the places of each article.
        now, best: shape (p,), what is chosen.
        total_m: shape (2,), of now and of the best.
    """

    ground: Ground
    bits: Ints
    aisle: Ints
    article: Ints
    quantity: Ints
    wanted: Ints
    start: Ints
    places: Ints
    now: Chosen
    best: Chosen
    total_m: Floats


def shelves_of(ground: Ground, bits: Ints, goods: tuple[Ints, Ints, Ints], wanted: Ints) -> Shelves:
    """Places with `goods`: aisles, articles and quantities; chosen by the first rule."""
    aisle, article, quantity = goods
    places = np.argsort(article, kind="stable")
    start = np.searchsorted(article[places], np.arange(wanted.size + 1)).astype(np.int64)
    now = np.zeros(article.size, dtype=np.bool_)
    shelves = Shelves(
        ground, bits, aisle, article, quantity, wanted, start, places, now, now.copy(), np.zeros(2)
    )
    rarest = np.argsort(np.argsort(np.diff(start), kind="stable"), kind="stable")
    shelves.total_m[:] = choose_again(shelves, rarest.astype(np.float64))
    shelves.best[:] = now
    return shelves


def take(shelves: Shelves, places: Ints) -> Shelves:
    """The shelves with that choice, and without what is not needed of it."""
    shelves.now[:] = False
    shelves.now[places] = True
    shelves.total_m[0] = choose_again(shelves, np.arange(shelves.wanted.size, dtype=np.float64))
    if shelves.total_m[0] < shelves.total_m[1] - LEAST_M:
        shelves.total_m[1] = shelves.total_m[0]
        shelves.best[:] = shelves.now
    return shelves


@compiled
def try_others(shelves: Shelves, chance: Floats, warmth_m: float) -> None:
    """A round for each row of `chance`, shape (n, articles + MORE) in [0, 1)."""
    articles = shelves.wanted.size
    before = shelves.now.copy()
    for row in range(chance.shape[0]):
        keys = chance[row, :articles]
        let_go(shelves, keys, chance[row, articles])
        metres = choose_again(shelves, keys)
        longer = metres - shelves.total_m[0]
        if longer > 0 and longer > -warmth_m * log(1 - chance[row, articles + 1]):
            shelves.now[:] = before
            continue
        before[:] = shelves.now
        shelves.total_m[0] = metres
        if metres < shelves.total_m[1] - LEAST_M:
            shelves.total_m[1] = metres
            shelves.best[:] = shelves.now


@compiled
def let_go(shelves: Shelves, keys: Floats, how: float) -> None:
    """Let go of the places of one aisle, or of the articles with the highest keys."""
    now = shelves.now
    if how < OF_AISLES:
        mine = np.flatnonzero(now)
        if mine.size:
            aisle = shelves.aisle[mine[int(how / OF_AISLES * mine.size)]]
            for place in mine:
                if shelves.aisle[place] == aisle:
                    now[place] = False
        return
    share = (how - OF_AISLES) / (1 - OF_AISLES) * LET_GO
    for place in np.flatnonzero(now):
        if keys[shelves.article[place]] >= 1 - share:
            now[place] = False


@compiled
def choose_again(shelves: Shelves, keys: Floats) -> float:
    """Choose what is missing, the lowest key first, and leave what is not needed; the length.

    No two keys are equal: they would be sorted in another way where loops are not compiled.
    """
    now, wanted = shelves.now, shelves.wanted
    bits = np.zeros(shelves.bits.shape[1:], dtype=np.int64)
    left = wanted.copy()
    for place in np.flatnonzero(now):
        bits |= shelves.bits[place]
        left[shelves.article[place]] -= shelves.quantity[place]
    metres = length_m(shelves.ground, bits)
    for article in np.argsort(keys):
        while left[article] > 0:
            chosen, metres = nearest(shelves, article, left[article], bits, metres)
            now[chosen] = True
            bits |= shelves.bits[chosen]
            left[article] -= shelves.quantity[chosen]
    return leave(shelves, left, metres)


@compiled
def nearest(
    shelves: Shelves, article: int, left: int, bits: Ints, metres: float
) -> tuple[int, float]:
    """The place of an article that makes the walk least longer a unit, and the walk with it."""
    least, chosen, chosen_m = np.inf, -1, metres
    for at in range(shelves.start[article], shelves.start[article + 1]):
        place = shelves.places[at]
        if shelves.now[place]:
            continue
        with_m = length_m(shelves.ground, bits | shelves.bits[place])
        a_unit = (with_m - metres) / min(left, shelves.quantity[place])
        if a_unit < least:
            least, chosen, chosen_m = a_unit, place, with_m
    return chosen, chosen_m


@compiled
def leave(shelves: Shelves, left: Ints, metres: float) -> float:
    """Leave places without which there is enough, as long as there are; the length."""
    now = shelves.now
    for place in np.flatnonzero(now):
        article = shelves.article[place]
        if left[article] + shelves.quantity[place] > 0:
            continue
        now[place] = False
        left[article] += shelves.quantity[place]
        bits = np.zeros(shelves.bits.shape[1:], dtype=np.int64)
        for other in np.flatnonzero(now):
            bits |= shelves.bits[other]
        metres = length_m(shelves.ground, bits)
    return metres
