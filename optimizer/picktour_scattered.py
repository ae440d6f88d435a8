"""Where to take goods from that lie at several places, so that the walk is shortest.

Which places are visited and which way one goes is one decision. The steps from state to state of
`optimizer.picktour_states` are arcs of a graph; a tour is a path through it, and a way to walk a
piece of an aisle serves the places that it passes. So one unit flows from the start to the closed
tour, and of each article the places that are passed hold what is wanted: a whole-number programme
(HiGHS through MathOpt, see `optimizer.sourcing_mip`), nearly always proven at once. A greedy choice
is there first, and is the answer where the time is up.

Lengths are metres, quantities in any one unit. An iteration is a node of HiGHS.

Source: K. Hessler and S. Irnich, "Exact solution of the single-picker routing problem with
scattered storage", INFORMS J. Computing, 2024; F. Weidinger, European J. Operational Research 2018.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from ortools.math_opt.python import mathopt  # type: ignore[import-untyped]

from optimizer import picktour
from optimizer.layout import Block
from optimizer.picktour_states import (
    BOTH_ENDS,
    FROM_HIGH,
    FROM_LOW,
    NO_WAY,
    NONE,
    ONCE,
    TIMES,
    TWICE,
    across,
    table,
    up,
)
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Served = tuple[int, float, list[int]]  # how a piece is walked, its length, the places it passes

DEFAULT = Limits(seconds=10.0)
FOREVER_S = 1e6
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
    there = _greedy(problem)
    stages = {"greedy": problem.walk_m(there)}
    progress(stages["greedy"], None)
    bound = None
    if not there.any():
        bound = 0.0
    elif problem.tour(there).is_exact and not limits.is_over(watch):
        better, bound = _best(problem, limits, watch, seed)
        if better is not None and problem.walk_m(better) < stages["greedy"] - LEAST_M:
            there = better
        stages["exact"] = problem.walk_m(there)
        progress(stages["exact"], bound)
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


def _best(
    problem: Problem, limits: Limits, watch: Stopwatch, seed: int
) -> tuple[NDArray[np.bool_] | None, float | None]:
    """The places that HiGHS finds in time, and a floor under every walk."""
    model = _Model(problem)
    try:
        result = mathopt.solve(
            model.model,
            mathopt.SolverType.HIGHS,
            params=mathopt.SolveParameters(
                time_limit=timedelta(seconds=min(limits.left_s(watch), FOREVER_S)),
                random_seed=seed,
                relative_gap_tolerance=limits.gap,
                node_limit=limits.iterations,
            ),
        )
    except (RuntimeError, ValueError, AttributeError):  # the greedy choice stands
        return None, None
    bound = float(result.termination.objective_bounds.dual_bound)
    if not result.has_primal_feasible_solution():
        return None, bound if np.isfinite(bound) else None
    there = np.zeros(problem.aisle.size, dtype=bool)
    for variable, places in model.served:
        if result.variable_values(variable) > 1 / 2:
            there[places] = True
    return there, bound if np.isfinite(bound) else None


class _Model:
    """A unit that flows from state to state, and what the ways that it takes serve."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.model = mathopt.Model()
        self.model.objective.is_maximize = False
        self.served: list[tuple[mathopt.Variable, list[int]]] = []
        self.table = table(len(problem.block.cuts_m))
        self.into: dict[int, list[mathopt.Variable]] = {}
        there = np.flatnonzero((problem.quantity > 0) & (problem.wanted[problem.article] > 0))
        section_of = np.searchsorted(problem.block.cuts_m[1:-1], problem.depth_m, side="right")
        inside: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for place in there[np.argsort(problem.depth_m[there], kind="stable")].tolist():
            inside[int(problem.aisle[place]), int(section_of[place])].append(place)
        first = min(int(problem.aisle[there].min()), problem.depot_aisle)
        last = max(int(problem.aisle[there].max()), problem.depot_aisle)
        for aisle in range(first, last + 1):
            self._aisle(aisle, inside, is_last=aisle == last)
        self.model.add_linear_constraint(mathopt.fast_sum(self.into[self.table.closed]) == 1)
        self._wanted()

    def _aisle(
        self, aisle: int, inside: dict[tuple[int, int], list[int]], *, is_last: bool
    ) -> None:
        problem = self.problem
        for section, ends_m in enumerate(pairwise(problem.block.cuts_m)):
            ways = self._worth(_ways(problem, ends_m, inside.get((aisle, section), [])))
            flows = self._decide([up(section, way) for way in sorted({way for way, _, _ in ways})])
            served: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
            for way, metres, places in ways:
                variable = self.model.add_binary_variable()
                self.model.objective.set_linear_coefficient(variable, metres)
                self.served.append((variable, places))
                served[up(section, way)].append(variable)
            for number, flow in flows.items():
                chosen = mathopt.fast_sum(served[number])
                self.model.add_linear_constraint(mathopt.fast_sum(flow) == chosen)
        corners = len(problem.block.cuts_m)
        for corner in range(corners):
            at_depot = corner == 0 and aisle == problem.depot_aisle
            times = range(1 if is_last else TIMES)
            numbers = [across(corners, corner, each, at_depot=at_depot) for each in times]
            for each, flow in zip(times, self._decide(numbers).values(), strict=True):
                for variable in flow:
                    metres = each * problem.block.aisle_pitch_m
                    self.model.objective.set_linear_coefficient(variable, metres)

    def _worth(self, ways: Iterator[Served]) -> list[Served]:
        """The ways without those for which one walks as far as for another, and gets no more."""
        kept: list[Served] = []
        got: defaultdict[int, list[Ints]] = defaultdict(list)
        for way, metres, places in sorted(ways, key=lambda each: (each[0], each[1])):
            here = self._held(places)
            if not any(np.all(other >= here) for other in got[way]):
                got[way].append(here)
                kept.append((way, metres, places))
        return kept

    def _held(self, places: list[int]) -> Ints:
        """What these places hold of each article, as far as it is wanted."""
        held = np.zeros(self.problem.wanted.size, dtype=np.int64)
        np.add.at(held, self.problem.article[places], self.problem.quantity[places])
        return np.minimum(held, self.problem.wanted)

    def _decide(self, numbers: list[int]) -> dict[int, list[mathopt.Variable]]:
        """The flow of each of these steps, which are all that can be taken now."""
        before = self.into or {self.table.start: [1.0]}
        after: defaultdict[int, list[mathopt.Variable]] = defaultdict(list)
        flows: dict[int, list[mathopt.Variable]] = {number: [] for number in numbers}
        for state, coming in before.items():
            leaving = []
            for number in numbers:
                then = int(self.table.after[number, state])
                if then != NO_WAY:
                    variable = self.model.add_variable(lb=0, ub=1)
                    flows[number].append(variable)
                    after[then].append(variable)
                    leaving.append(variable)
            self.model.add_linear_constraint(mathopt.fast_sum(coming) == mathopt.fast_sum(leaving))
        self.into = dict(after)
        return flows

    def _wanted(self) -> None:
        """The places that are passed hold what is wanted."""
        problem = self.problem
        rows = {
            article: self.model.add_linear_constraint(lb=float(wanted))
            for article, wanted in enumerate(problem.wanted.tolist())
            if wanted
        }
        for variable, places in self.served:
            held = self._held(places)
            for article in np.flatnonzero(held).tolist():
                rows[article].set_coefficient(variable, float(held[article]))


def _ways(problem: Problem, ends_m: tuple[float, float], places: list[int]) -> Iterator[Served]:
    """All ways to walk a piece of an aisle; `places` from its low end to its high end."""
    low_m, high_m = ends_m
    depths = problem.depth_m[places].tolist()
    yield NONE, 0.0, []
    yield ONCE, high_m - low_m, places
    yield TWICE, 2 * (high_m - low_m), places
    for at, depth in enumerate(depths):
        yield FROM_LOW, 2 * (depth - low_m), places[: at + 1]
        yield FROM_HIGH, 2 * (high_m - depth), places[at:]
        for other in range(at + 1, len(depths)):
            metres = 2 * (depth - low_m + high_m - depths[other])
            yield BOTH_ENDS, metres, [*places[: at + 1], *places[other:]]
