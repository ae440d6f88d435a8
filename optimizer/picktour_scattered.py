"""Where to take goods from that lie at several places, so that the walk is shortest.

Which places are visited and which way one goes is one decision. It begins with a greedy choice;
then places are let go of and chosen again (optimizer.picktour_choose), and tours are looked for
between one pair of ends after the other until no shorter one is left (optimizer.picktour_branch).
With too many cross-aisles for an exact tour there is the greedy choice alone.

Lengths are metres, quantities in any one unit. An iteration is a pair of ends that is looked at,
and a node of HiGHS.

Source: K. Hessler and S. Irnich, "Exact solution of the single-picker routing problem with
scattered storage", INFORMS J. Computing, 2024; F. Weidinger, European J. Operational Research 2018.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer import picktour
from optimizer.layout import Block
from optimizer.picktour_branch import Looking
from optimizer.picktour_ways import Goods
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DEFAULT = Limits(seconds=10.0)
LEAST_M = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Places with goods. `aisle`, `depth_m`, `article`, `quantity`: (p,); `wanted`: (articles,)."""

    block: Block
    aisle: Ints
    depth_m: Floats
    article: Ints
    quantity: Ints
    wanted: Ints
    depot_aisle: int = 0

    def __post_init__(self) -> None:
        if not self.aisle.shape == self.article.shape == self.quantity.shape:
            raise ValueError("aisle, article and quantity must have one length")
        if np.any((self.article < 0) | (self.article >= self.wanted.size)):
            raise ValueError(f"articles must lie in [0, {self.wanted.size})")
        if np.any(self.quantity < 0) or np.any(self.wanted < 0):
            raise ValueError("quantities must be at least 0")
        self.tour(np.ones(self.aisle.size, dtype=bool))  # says what is wrong with the places

    def tour(self, there: NDArray[np.bool_]) -> picktour.Problem:
        """The tour through those places."""
        return picktour.Problem(
            block=self.block,
            aisle=self.aisle[there],
            depth_m=self.depth_m[there],
            depot_aisle=self.depot_aisle,
        )

    def walk_m(self, there: NDArray[np.bool_]) -> float:
        """How long that tour is."""
        return picktour.length_m(self.tour(there))

    def held(self, there: NDArray[np.bool_]) -> Ints:
        """What those places hold of each article."""
        total = np.zeros(self.wanted.size, dtype=np.int64)
        np.add.at(total, self.article[there], self.quantity[there])
        return total


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[Ints]:
    """What is taken from each place, shape (p,); the walk is `picktour.solve` of those places.

    Infeasible where there is less of an article than is wanted: `why` names them.
    """
    watch = Stopwatch()
    every = np.ones(problem.aisle.size, dtype=bool)
    short = np.flatnonzero(problem.held(every) < problem.wanted)
    if short.size:
        why = tuple(f"there is too little of article {article}" for article in short.tolist())
        return replace(_solution(problem, None, 0.0, watch, seed), why=why)
    stages: dict[str, float] = {}
    bound: float | None = None
    if not problem.wanted.any():
        there, bound = ~every, 0.0
    elif problem.tour(every).is_exact:
        useful = np.flatnonzero((problem.quantity > 0) & (problem.wanted[problem.article] > 0))
        goods = Goods(
            problem.aisle[useful], problem.depth_m[useful], problem.article[useful],
            problem.quantity[useful], problem.wanted,
        )  # fmt: skip
        looking = Looking(problem.block, goods, problem.depot_aisle, limits, progress)
        looking.look(watch, seed)
        bound, stages = looking.floor_m, looking.stages
        there = np.zeros(problem.aisle.size, dtype=np.bool_)
        there[useful[looking.chosen]] = True
    else:
        there = _greedy(problem)
        stages["greedy"] = problem.walk_m(there)
        progress(stages["greedy"], None)
    return replace(_solution(problem, there, bound, watch, seed), stages=stages)


def _solution(
    problem: Problem, there: NDArray[np.bool_] | None, bound: float | None, watch: Stopwatch,
    seed: int,
) -> Solution[Ints]:  # fmt: skip
    taken = np.zeros(problem.aisle.size, dtype=np.int64)
    left = problem.wanted.copy()
    for place in () if there is None else np.flatnonzero(there).tolist():
        taken[place] = min(problem.quantity[place], left[problem.article[place]])
        left[problem.article[place]] -= taken[place]
    metres = problem.walk_m(taken > 0)
    is_best = bound is not None and metres <= bound + LEAST_M
    status = Status.OPTIMAL if is_best else Status.FEASIBLE
    return Solution(
        status=Status.INFEASIBLE if there is None else status,
        plan=taken,
        objective=metres,
        bound=metres if is_best else bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": metres},
    )


def _greedy(problem: Problem) -> NDArray[np.bool_]:
    """Article by article, the rarest first, the place that makes the walk least longer a unit."""
    there = np.zeros(problem.aisle.size, dtype=bool)
    useful = problem.quantity > 0
    places = np.bincount(problem.article[useful], minlength=problem.wanted.size)
    for article in np.argsort(places, kind="stable").tolist():
        while (left := problem.wanted[article] - problem.held(there)[article]) > 0:
            mine = np.flatnonzero(useful & (problem.article == article) & ~there).tolist()

            def a_unit(place: int, left: int = int(left)) -> float:
                with_it = there.copy()
                with_it[place] = True
                return problem.walk_m(with_it) / min(left, int(problem.quantity[place]))

            there[min(mine, key=a_unit)] = True
    return there
