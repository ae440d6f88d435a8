"""Tours that get scattered goods, between one pair of ends after the other.

How far one goes to the left and to the right says most of a tour: what lies outside is not there,
and the way to the ends and back is walked for sure. So tours are parted by their ends,

    all tours   -- left end in 0..9, right end in 9..20 -->   left 0..4   left 5..9   ...

each part has prices and a floor (optimizer.picktour_prices), and the part with the lowest one is
looked at next. Is a part small, since few ways are on tours that are shorter than one known, or has
it one pair of ends, a programme of whole numbers finds its shortest tour (optimizer.picktour_flow);
else it is parted again. What the prices make of a part is also where places are chosen anew from
(optimizer.picktour_choose): that finds most tours long before they are proven.

Tours come in steps, since whatever is walked is walked there and back, so nothing between two steps
is looked for. Laws: the floor is that of the lowest part not done with; a tour that is known is in
no part that was left out, or none shorter is. Lengths are metres.

Source: A. Land and A. Doig, "An automatic method of solving discrete programming problems",
Econometrica 28(3), 1960; the graph: K. Hessler and S. Irnich, INFORMS J. Computing, 2024.
"""

from heapq import heappop, heappush
from itertools import count
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.batching_walks import Stops, ground_of
from optimizer.layout import Block
from optimizer.picktour_choose import MORE, Shelves, shelves_of, take, try_others
from optimizer.picktour_flow import Allowed, Time, chosen
from optimizer.picktour_prices import Priced, priced, through_m
from optimizer.picktour_ways import Ends, Floats, Goods, Graph, Ints, between, ways_of
from optimizer.result import Limits, Progress, Stopwatch

LEAST_M = 1e-6
ROUNDS, ROUNDS_AFTER = 800, 250  # of prices: at the beginning, and for each part
CHOICES = 120  # rounds in which places are chosen anew, for each part
ROUNDS_PLAIN, CHOICES_PLAIN = 100, 20  # where iterations are counted: loops may be as they are
WARMTH = 0.001  # of a walk
FEW = 100  # ways among which a programme finds the shortest tour at once


class Part(NamedTuple):
    """Tours with these ends: none is below the floor. Ordered by it; `number` tells equals apart.

    Attributes:
        worth_m: shape (articles,), prices to begin with.
    """

    floor_m: float
    number: int
    ends: Ends
    worth_m: Floats


class Looking:
    """A search for the shortest tour; `chosen`, `best_m`, `floor_m` are its answer at any time."""

    def __init__(
        self, block: Block, goods: Goods, depot_aisle: int, limits: Limits, progress: Progress
    ) -> None:
        self.block, self.goods, self.depot_aisle = block, goods, depot_aisle
        self.limits, self.progress = limits, progress
        self.stages: dict[str, float] = {}
        self.chosen: NDArray[np.bool_] = np.zeros(goods.aisle.size, dtype=np.bool_)
        self.best_m, self.floor_m = np.inf, 0.0
        self._parts: list[Part] = []
        self._numbers = count()

    def look(self, watch: Stopwatch, seed: int) -> None:
        """Look until the shortest tour is proven or the limits are reached."""
        self.time = Time(self.limits, watch, seed)
        self.chance = np.random.default_rng(seed)
        self.shelves = self._shelves()
        self._tell("greedy", self.shelves)
        if self.limits.is_over(watch, 0):
            return
        self.ways = ways_of(self.block, self.goods, self.depot_aisle)
        wanted = self.goods.wanted
        self._push(0.0, self.ways.ends, np.zeros(wanted.size))
        done = 0
        while self._parts and not self.limits.is_over(watch, done, self.best_m, self.floor_m):
            self._look_at(heappop(self._parts), done)
            done += 1
            self._raise()

    def _shelves(self) -> Shelves:
        goods = self.goods
        stops = Stops(goods.aisle, goods.depth_m, np.arange(goods.aisle.size))
        ground, bits = ground_of(self.block, self.depot_aisle, stops, goods.aisle.size)
        return shelves_of(ground, bits, (goods.aisle, goods.article, goods.quantity), goods.wanted)

    def _look_at(self, part: Part, done: int) -> None:
        """Prices of a part; then its shortest tour, or parts of it."""
        graph, mine = between(self.ways, part.ends)
        rounds = ROUNDS_AFTER if done else ROUNDS
        if self.limits.iterations is not None:
            rounds = min(rounds, ROUNDS_PLAIN)
        prices = priced(graph, self.goods.wanted, self.best_m, rounds, part.worth_m)
        floor_m = max(part.floor_m, self._step(float(prices.floor_m[0])))
        self._choose_from(prices, mine)
        limit_m = self.best_m - self.ways.grain_m
        if floor_m > limit_m + LEAST_M or floor_m >= self.best_m - LEAST_M:
            return
        of_ways_m, of_choices_m = through_m(graph, self.goods.wanted, prices.worth_m)
        allowed = Allowed(of_ways_m <= limit_m + LEAST_M, of_choices_m <= limit_m + LEAST_M)
        (left, left_to), (right, right_to) = part.ends
        if allowed.ways.sum() <= FEW or (left == left_to and right == right_to):
            self._solve(part._replace(floor_m=floor_m), graph, mine, allowed)
        else:
            for ends in _parted(part.ends):
                self._push(floor_m, ends, prices.worth_m)

    def _solve(self, part: Part, graph: Graph, mine: Ints, allowed: Allowed) -> None:
        """The shortest tour of a part, if it is shorter than the best."""
        within_m = part.floor_m, max(part.floor_m, self.best_m - self.ways.grain_m)
        answer = chosen(graph, self.goods.wanted, allowed, within_m, self.time)
        if answer.ways is not None:
            self._take("exact", mine[answer.ways])
        floor_m = self._step(answer.floor_m)
        if floor_m < self.best_m - LEAST_M:  # the time was up
            heappush(self._parts, part._replace(floor_m=max(part.floor_m, floor_m)))

    def _choose_from(self, prices: Priced, mine: Ints) -> None:
        """Places are chosen anew, beginning with those of the walk at these prices."""
        self._take("search", mine[prices.on])
        rounds = CHOICES if self.limits.iterations is None else CHOICES_PLAIN
        numbers = self.chance.random((rounds, self.goods.wanted.size + MORE))
        try_others(self.shelves, numbers, WARMTH * self.best_m)
        self._tell("search", self.shelves)

    def _push(self, floor_m: float, ends: Ends, worth_m: Floats) -> None:
        """A part, if there is enough between its ends."""
        goods, held = self.goods, np.zeros(self.goods.wanted.size, dtype=np.int64)
        there = (goods.aisle >= ends.left[0]) & (goods.aisle <= ends.right[1])
        np.add.at(held, goods.article[there], goods.quantity[there])
        if (held >= goods.wanted).all():
            heappush(self._parts, Part(floor_m, next(self._numbers), ends, worth_m))

    def _step(self, floor_m: float) -> float:
        """The first step that a tour can have from there on."""
        grain_m = self.ways.grain_m
        if not grain_m or not np.isfinite(floor_m):
            return floor_m
        return ceil((floor_m - LEAST_M) / grain_m) * grain_m

    def _raise(self) -> None:
        """The floor of all tours is that of the lowest part."""
        lowest_m = self._parts[0].floor_m if self._parts else self.best_m
        if lowest_m > self.floor_m + LEAST_M:
            self.floor_m = min(self.best_m, lowest_m)
            self.progress(self.best_m, self.floor_m)

    def _take(self, stage: str, ways: Ints) -> None:
        places = [place for way in ways.tolist() for place in self.ways.passes[way]]
        self._tell(stage, take(self.shelves, np.array(places, dtype=np.int64)))

    def _tell(self, stage: str, shelves: Shelves) -> None:
        """A choice: kept if it is the shortest."""
        if shelves.total_m[1] < self.best_m - LEAST_M:
            self.best_m = self.stages[stage] = float(shelves.total_m[1])
            self.chosen[:] = shelves.best
            self.progress(self.best_m, self.floor_m)


def _parted(ends: Ends) -> tuple[Ends, Ends]:
    """The wider range of ends in two halves."""
    (left, left_to), (right, right_to) = ends
    if left_to - left >= right_to - right:
        middle = (left + left_to) // 2
        return Ends((left, middle), ends.right), Ends((middle + 1, left_to), ends.right)
    middle = (right + right_to) // 2
    return Ends(ends.left, (right, middle)), Ends(ends.left, (middle + 1, right_to))
