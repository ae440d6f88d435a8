"""All ways to walk the pieces of a warehouse, and all tours as paths from state to state.

    decisions   from left to right: of each aisle its sections, then its corners to the next aisle
    choices     of a section: how it is walked (`picktour_states`); of a corner: how often across
    ways        of a section and a choice: which places are passed, so how far one goes into it

A way that is no shorter than another of the same choice and gets no more is left out. A path from
state 0 to the closed tour takes a step at each decision, and of each section one way.

Lengths are metres.

Source: K. Hessler and S. Irnich, "Exact solution of the single-picker routing problem with
scattered storage", INFORMS J. Computing, 2024.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from optimizer.batching_walks import kinds_of, moves_of
from optimizer.layout import Block
from optimizer.picktour_states import (
    BOTH_ENDS,
    FROM_HIGH,
    FROM_LOW,
    NONE,
    ONCE,
    TIMES,
    TWICE,
    WALKS,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Way: TypeAlias = tuple[int, float, list[int]]  # the choice, its length, the places it passes

GRAIN = 1e6  # parts of a metre: what is no whole number of them is as good as one


class Goods(NamedTuple):
    """Places that hold something that is wanted: shape (p,) each; `wanted`: shape (articles,)."""

    aisle: Ints
    depth_m: Floats
    article: Ints
    quantity: Ints
    wanted: Ints


class Graph(NamedTuple):
    """All tours, as paths: arrays that compiled loops take.

    Attributes:
        moves: shape (m, 3), the state before, the state after and the choice of each step.
        first: where in `moves` the steps of each kind of decision begin.
        kinds: shape (d,), the kind of each decision, from left to right.
        fixed_m: shape (d, WALKS), what each choice costs; inf where ways are chosen among.
        states: how many there are, and which one is the closed tour. The first one is 0.
        decision, choice, metres: shape (w,), of each way.
        start: shape (w + 1,), where in `article` and `held` what a way passes begins.
        article, held: what is passed, as far as it is wanted.
    """

    moves: Ints
    first: Ints
    kinds: Ints
    fixed_m: Floats
    states: Ints
    decision: Ints
    choice: Ints
    metres: Floats
    start: Ints
    article: Ints
    held: Ints


class Ends(NamedTuple):
    """Between which aisles a tour's leftmost one lies, and its rightmost one."""

    left: tuple[int, int]
    right: tuple[int, int]


class Ways(NamedTuple):
    """All tours in a block.

    Attributes:
        graph: of all.
        passes: the places that each way passes.
        grain_m: what the lengths of all tours are multiples of; 0: of nothing.
        ends: of all; one cannot go further.
        depot_aisle: where they begin.
    """

    graph: Graph
    passes: list[list[int]]
    grain_m: float
    ends: Ends
    depot_aisle: int


def ways_of(block: Block, goods: Goods, depot_aisle: int) -> Ways:
    """All tours in a block that may get these goods; there are some."""
    sections = len(block.cuts_m) - 1
    moves, first, states, closed = moves_of(sections)
    moves, first = _with_ends(moves, first, sections, closed)
    section_of = np.searchsorted(block.cuts_m[1:-1], goods.depth_m, side="right")
    inside: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for place in np.argsort(goods.depth_m, kind="stable").tolist():
        inside[int(goods.aisle[place]), int(section_of[place])].append(place)
    left = min(int(goods.aisle.min()), depot_aisle)
    right = max(int(goods.aisle.max()), depot_aisle)
    kinds: list[int] = []
    fixed_m: list[list[float]] = []
    kept: list[tuple[int, Way, Ints]] = []
    for aisle in range(left, right + 1):
        for section, ends_m in enumerate(pairwise(block.cuts_m)):
            ways = list(_ways(ends_m, inside.get((aisle, section), []), goods))
            kept += [(len(kinds), way, held) for way, held in _worth(ways, goods)]
            kinds.append(section)
            fixed_m.append([np.inf] * WALKS)
        times = 1 if aisle == right else TIMES
        row = [each * block.aisle_pitch_m for each in range(times)]
        across = kinds_of(len(block.cuts_m), at_depot=aisle == depot_aisle)
        kinds += across
        fixed_m += [row + [np.inf] * (WALKS - times)] * len(across)
    passed = [np.flatnonzero(held) for _, _, held in kept]
    graph = Graph(
        moves=moves,
        first=first,
        kinds=np.array(kinds, dtype=np.int64),
        fixed_m=np.array(fixed_m),
        states=np.array([states, closed], dtype=np.int64),
        decision=np.array([decision for decision, _, _ in kept], dtype=np.int64),
        choice=np.array([choice for _, (choice, _, _), _ in kept], dtype=np.int64),
        metres=np.array([metres for _, (_, metres, _), _ in kept]),
        start=np.cumsum([0, *map(len, passed)]),
        article=np.concatenate(passed),
        held=np.concatenate([held[at] for (_, _, held), at in zip(kept, passed, strict=True)]),
    )
    passes = [places for _, (_, _, places), _ in kept]
    ends = Ends((left, depot_aisle), (depot_aisle, right))
    return Ways(graph, passes, _grain_m(block, goods), ends, depot_aisle)


def between(ways: Ways, ends: Ends) -> tuple[Graph, Ints]:
    """The tours with these ends alone, and which of all ways are theirs."""
    graph = ways.graph
    aisles = ways.ends.right[1] - ways.ends.left[0] + 1
    each = graph.kinds.size // aisles
    first, last = ((aisle - ways.ends.left[0]) * each for aisle in (ends.left[0], ends.right[1]))
    kinds = graph.kinds[first : last + each].copy()
    fixed_m = graph.fixed_m[first : last + each].copy()
    across = kinds[-each:] >= each // 2
    fixed_m[-each:][across, 1:] = np.inf  # nobody goes on from the last one
    known = graph.first.size - 3
    if ends.left[1] < ways.depot_aisle:  # it has begun when one leaves that aisle
        kinds[(ends.left[1] - ends.left[0]) * each + each // 2] = known
    if ends.right[0] > ways.depot_aisle:  # and is not over when one comes to this one
        kinds[(ends.right[0] - ends.left[0]) * each] = known + 1
    mine = np.flatnonzero((graph.decision >= first) & (graph.decision < last + each))
    passed = np.concatenate(
        [np.arange(graph.start[way], graph.start[way + 1]) for way in mine.tolist()]
    )
    part = graph._replace(
        kinds=kinds,
        fixed_m=fixed_m,
        decision=graph.decision[mine] - first,
        choice=graph.choice[mine],
        metres=graph.metres[mine],
        start=np.concatenate([[0], np.cumsum(np.diff(graph.start)[mine])]),
        article=graph.article[passed],
        held=graph.held[passed],
    )
    return part, mine


def _with_ends(moves: Ints, first: Ints, sections: int, closed: int) -> tuple[Ints, Ints]:
    """Two kinds of decisions more.

    To leave an aisle, but not with nothing begun; to walk the first section, but not with the tour
    closed.
    """
    leaving = moves[first[sections] : first[sections + 1]]
    coming = moves[first[0] : first[1]]
    begun, open_ = leaving[leaving[:, 0] != 0], coming[coming[:, 0] != closed]
    ends = first[-1] + len(begun), first[-1] + len(begun) + len(open_)
    return np.concatenate([moves, begun, open_]), np.concatenate([first, ends])


def _grain_m(block: Block, goods: Goods) -> float:
    """What all tours are multiples of: whatever is walked is walked there and back."""
    lengths_m = np.concatenate([goods.depth_m, block.cuts_m, [block.aisle_pitch_m]]) * GRAIN
    whole = np.rint(lengths_m).astype(np.int64)
    if np.abs(lengths_m - whole).max() > 1e-3:  # noqa: PLR2004 - of a millionth of a metre
        return 0.0
    return float(2 * np.gcd.reduce(whole) / GRAIN)


def _worth(ways: list[Way], goods: Goods) -> list[tuple[Way, Ints]]:
    """The ways without those for which one walks as far as for another, and gets no more.

    Each with what its places hold of every article, as far as it is wanted.
    """
    ways = sorted(ways, key=lambda way: (way[0], way[1]))
    held = np.zeros((len(ways), goods.wanted.size), dtype=np.int64)
    for row, (_, _, places) in zip(held, ways, strict=True):
        np.add.at(row, goods.article[places], goods.quantity[places])
    np.minimum(held, goods.wanted, out=held)
    mine = np.flatnonzero(held.any(axis=0))  # of the articles, those that lie here
    kept: list[int] = []
    first = 0  # in `kept`, of this choice
    for at, (choice, _, _) in enumerate(ways):
        if kept and ways[kept[-1]][0] != choice:
            first = len(kept)
        others = held[kept[first:]][:, mine]
        if not (others >= held[at, mine]).all(axis=1).any():
            kept.append(at)
    return [(ways[at], held[at]) for at in kept]


def _ways(ends_m: tuple[float, float], places: list[int], goods: Goods) -> Iterator[Way]:
    """All ways to walk a section; `places` from its low end to its high end."""
    low_m, high_m = ends_m
    depths = goods.depth_m[places].tolist()
    yield NONE, 0.0, []
    yield ONCE, high_m - low_m, places
    yield TWICE, 2 * (high_m - low_m), places
    for at, depth in enumerate(depths):
        yield FROM_LOW, 2 * (depth - low_m), places[: at + 1]
        yield FROM_HIGH, 2 * (high_m - depth), places[at:]
        for other in range(at + 1, len(depths)):
            metres = 2 * (depth - low_m + high_m - depths[other])
            yield BOTH_ENDS, metres, [*places[: at + 1], *places[other:]]
