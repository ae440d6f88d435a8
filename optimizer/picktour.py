"""The shortest walk through a warehouse of parallel aisles that visits all stops and comes back.

A tour is a set of walks along aisles and cross-aisles in which every crossing is met an even
number of times and everything hangs together. One goes through the aisles from left to right, and
remembers only what the part so far looks like at its right edge (`optimizer.picktour_states`). So
the shortest tour is found in time linear in the aisles; what it costs for each grows with the
number of cross-aisles alone.

    back   t ----- t ----- t
           |   x   |       |          x: stops, `depth_m` from the front
           c ----- c ----- c          depot: front end of `depot_aisle`
           |       |   x   |
    front  b ----- D ----- b

A piece of an aisle, from one cross-aisle to the next, is passed once, or twice, or one turns back
in it: coming from its low end, from its high end, or from both around its largest gap; or one does
not enter. Two aisles are joined at each cross-aisle by no walk, by one or by two. Nothing else is
ever shorter.

With more than CORNERS_MAX cross-aisles some are left out, the tour without them is shortest, and
then made better with all of them; that is near the best and nothing is proven.

Lengths are metres.

Source: H. D. Ratliff and A. S. Rosenthal, "Order-Picking in a Rectangular Warehouse", Operations
Research 31(3), 1983, 507-521; K. J. Roodbergen and R. de Koster, "Routing order pickers in a
warehouse with a middle aisle", European J. Operational Research 133(1), 2001; any number of
cross-aisles: L. Cambazard and N. Catusse, 2018.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer import picktour_rules as rules
from optimizer.compiled import compiled
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
from optimizer.result import Solution, Status, Stopwatch

CORNERS_MAX = 6  # cross-aisles of an exact tour: there are 3,033 states then
KEPT = 2  # of the cross-aisles between front and back, where there are too many


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Stops among aisles. `aisle` and `depth_m` have shape (n,); n may be zero."""

    block: Block
    aisle: NDArray[np.int64]
    depth_m: NDArray[np.float64]
    depot_aisle: int = 0

    def __post_init__(self) -> None:
        if self.aisle.shape != self.depth_m.shape or self.aisle.ndim != 1:
            raise ValueError(
                f"aisle and depth_m must be two vectors of one length, "
                f"not {self.aisle.shape} and {self.depth_m.shape}"
            )
        if not 0 <= self.depot_aisle < self.block.aisles:
            raise ValueError(f"depot_aisle must lie in [0, {self.block.aisles})")
        if np.any((self.aisle < 0) | (self.aisle >= self.block.aisles)):
            raise ValueError(f"aisle numbers must lie in [0, {self.block.aisles})")
        if np.any((self.depth_m < 0) | (self.depth_m > self.block.aisle_length_m)):
            raise ValueError(f"depths must lie in [0, {self.block.aisle_length_m}] m")

    @property
    def is_exact(self) -> bool:
        """Whether there are few enough cross-aisles for the shortest tour."""
        return len(self.block.cuts_m) <= CORNERS_MAX


class Walk(NamedTuple):
    """How a piece of an aisle is walked: which way, its length, and the gap left out (if any)."""

    kind: int
    length_m: float
    gap: tuple[float, float] | None = None


class Step(NamedTuple):
    """A piece of an aisle (`walk`), or the walks from a corner to the next aisle (`times`)."""

    aisle: int
    at: int  # which section, or which corner
    walk: Walk | None
    times: int = 0


class _Choices(NamedTuple):
    """The steps that there are, one decision after the other; `number` and `cost` are theirs."""

    steps: list[Step]
    number: NDArray[np.int32]
    cost: NDArray[np.float64]
    first: NDArray[np.int64]  # of each decision, and one more: the end


def solve(problem: Problem, *, seed: int = 0) -> Solution[NDArray[np.int64]]:
    """The shortest tour; with too many cross-aisles one that is near it.

    Returns:
        a solution whose plan has shape (n,): the indices of the stops in the order of the walk.
    """
    watch = Stopwatch()
    if problem.aisle.size == 0:
        return _solution(np.zeros(0, dtype=np.int64), 0.0, watch, seed, is_exact=True)
    if problem.is_exact:
        metres, steps = _shortest(problem)
        return _solution(_visits(problem, steps), metres, watch, seed, is_exact=True)
    order, metres = _near(problem)
    return _solution(order, metres, watch, seed, is_exact=False)


def length_m(problem: Problem) -> float:
    """The length of the tour alone, which costs less to find than the tour."""
    if problem.aisle.size == 0:
        return 0.0
    if not problem.is_exact:
        return _near(problem)[1]
    choices = _choices(problem)
    states = table(len(problem.block.cuts_m))
    cost_m, _, _ = _relax(
        states.after, states.start, choices.first, choices.number, choices.cost, remember=False
    )
    return float(cost_m[states.closed])


def s_shape_length_m(problem: Problem) -> float:
    """The length of the usual rule: up one aisle, down the next. Never shorter than the best."""
    return _by_rule(problem, rules.s_shape(problem.block, problem.aisle, problem.depth_m))


def largest_gap_length_m(problem: Problem) -> float:
    """The length of the rule that parts each aisle at its largest gap. Likewise."""
    return _by_rule(problem, rules.largest_gap(problem.block, problem.aisle, problem.depth_m))


def _by_rule(problem: Problem, order: NDArray[np.int64]) -> float:
    return rules.walked_m(_distances_m(problem), order)


def _distances_m(problem: Problem) -> NDArray[np.float64]:
    return rules.from_depot_m(problem.block, problem.aisle, problem.depth_m, problem.depot_aisle)


def _solution(
    plan: NDArray[np.int64], metres: float, watch: Stopwatch, seed: int, *, is_exact: bool
) -> Solution[NDArray[np.int64]]:
    return Solution(
        status=Status.OPTIMAL if is_exact else Status.FEASIBLE,
        plan=plan,
        objective=metres,
        bound=metres if is_exact else None,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"walking_m": metres},
    )


def _near(problem: Problem) -> tuple[NDArray[np.int64], float]:
    """A tour that is near the shortest: of some ways to begin, each made better, the shortest."""
    block, between = problem.block, problem.block.cross_aisles_m
    kept = np.linspace(0, len(between) - 1, KEPT + 2)[1:-1].round().astype(int)
    fewer = replace(block, cross_aisles_m=tuple(between[at] for at in kept))
    distance_m = _distances_m(problem)
    begun = (
        solve(replace(problem, block=fewer)).plan,
        rules.s_shape(block, problem.aisle, problem.depth_m),
        rules.largest_gap(block, problem.aisle, problem.depth_m),
    )
    ended = [rules.improved(distance_m, order) for order in begun]
    best = min(ended, key=lambda order: rules.walked_m(distance_m, order))
    return best, rules.walked_m(distance_m, best)


def _shortest(problem: Problem) -> tuple[float, list[Step]]:
    """The length, and what is decided from left to right."""
    choices = _choices(problem)
    states = table(len(problem.block.cuts_m))
    cost_m, came_from, by = _relax(
        states.after, states.start, choices.first, choices.number, choices.cost, remember=True
    )
    steps = []
    state = states.closed
    for decision in reversed(range(choices.first.size - 1)):
        steps.append(choices.steps[by[decision, state]])
        state = came_from[decision, state]
    return float(cost_m[states.closed]), steps[::-1]


@compiled
def _relax(
    after: NDArray[np.int32],
    start: int,
    first: NDArray[np.int64],
    number: NDArray[np.int32],
    cost: NDArray[np.float64],
    remember: bool,  # noqa: FBT001 - compiled functions take no keywords of ours
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """The least cost of each state in the end; by decision and state, where it came from, how."""
    decisions, states = first.size - 1, after.shape[1]
    rows = decisions if remember else 0
    came_from = np.full((rows, states), -1, dtype=np.int32)
    by = np.full((rows, states), -1, dtype=np.int32)
    so_far = np.full(states, np.inf)
    so_far[start] = 0.0
    for decision in range(decisions):
        onward = np.full(states, np.inf)
        for choice in range(first[decision], first[decision + 1]):
            row = after[number[choice]]
            for state in range(states):
                if so_far[state] == np.inf or row[state] == NO_WAY:
                    continue
                total = so_far[state] + cost[choice]
                if total < onward[row[state]]:
                    onward[row[state]] = total
                    if remember:
                        came_from[decision, row[state]] = state
                        by[decision, row[state]] = choice
        so_far = onward
    return so_far, came_from, by


def _choices(problem: Problem) -> _Choices:
    """All that can be decided, from the leftmost aisle to the rightmost."""
    cuts_m = problem.block.cuts_m
    first = min(int(problem.aisle.min()), problem.depot_aisle)
    last = max(int(problem.aisle.max()), problem.depot_aisle)
    depths: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    section_of = np.searchsorted(cuts_m[1:-1], problem.depth_m, side="right")
    for aisle, section, depth in zip(
        problem.aisle.tolist(), section_of.tolist(), problem.depth_m.tolist(), strict=True
    ):
        depths[aisle, section].append(depth)
    steps: list[Step] = []
    number: list[int] = []
    cost: list[float] = []
    starts: list[int] = []
    for aisle in range(first, last + 1):
        for section, ends_m in enumerate(pairwise(cuts_m)):
            starts.append(len(steps))
            for walk in _walks(ends_m, sorted(depths.get((aisle, section), ()))):
                steps.append(Step(aisle, section, walk))
                number.append(up(section, walk.kind))
                cost.append(walk.length_m)
        for corner in range(len(cuts_m)):
            starts.append(len(steps))
            at_depot = corner == 0 and aisle == problem.depot_aisle
            for times in range(1 if aisle == last else TIMES):
                steps.append(Step(aisle, corner, None, times))
                number.append(across(len(cuts_m), corner, times, at_depot=at_depot))
                cost.append(times * problem.block.aisle_pitch_m)
    return _Choices(
        steps,
        np.array(number, dtype=np.int32),
        np.array(cost, dtype=np.float64),
        np.array([*starts, len(steps)], dtype=np.int64),
    )


def _walks(ends_m: tuple[float, float], depths: list[float]) -> list[Walk]:
    """All walks in a piece of an aisle that serve its stops."""
    low_m, high_m = ends_m
    piece_m = high_m - low_m
    walks = [Walk(ONCE, piece_m), Walk(TWICE, 2 * piece_m)]
    if not depths:
        return [Walk(NONE, 0.0), *walks]
    walks.append(Walk(FROM_LOW, 2 * (depths[-1] - low_m), (depths[-1], high_m)))
    walks.append(Walk(FROM_HIGH, 2 * (high_m - depths[0]), (low_m, depths[0])))
    if len(depths) > 1:
        gap = max(pairwise(depths), key=lambda pair: pair[1] - pair[0])
        walks.append(Walk(BOTH_ENDS, 2 * (piece_m - (gap[1] - gap[0])), gap))
    return walks


def _visits(problem: Problem, steps: list[Step]) -> NDArray[np.int64]:
    """Walk the edges of the tour once each (Hierholzer) and note when each stop comes first."""
    edges: defaultdict[tuple[int, float], list[tuple[int, float]]] = defaultdict(list)

    def join(one: tuple[int, float], other: tuple[int, float], times: int) -> None:
        for _ in range(times):
            edges[one].append(other)
            edges[other].append(one)

    cuts_m = problem.block.cuts_m
    stops: defaultdict[tuple[int, float], list[int]] = defaultdict(list)
    in_aisle: defaultdict[int, set[float]] = defaultdict(set)
    for index, place in enumerate(
        zip(problem.aisle.tolist(), problem.depth_m.tolist(), strict=True)
    ):
        stops[place].append(index)
        in_aisle[place[0]].add(place[1])
    for aisle, at, walk, times in steps:
        if walk is None:
            join((aisle, cuts_m[at]), (aisle + 1, cuts_m[at]), times)
        else:
            for low, high in _walked(walk, (cuts_m[at], cuts_m[at + 1]), in_aisle[aisle]):
                join((aisle, low), (aisle, high), 1 if walk.kind == ONCE else 2)

    path, circuit = [(problem.depot_aisle, 0.0)], []
    while path:
        if edges[path[-1]]:
            onward = edges[path[-1]].pop()
            edges[onward].remove(path[-1])
            path.append(onward)
        else:
            circuit.append(path.pop())
    order = [index for place in dict.fromkeys(circuit) for index in stops.get(place, ())]
    assert len(order) == problem.aisle.size, "the tour visits every stop"
    return np.array(order, dtype=np.int64)


def _walked(
    walk: Walk, ends_m: tuple[float, float], depths: set[float]
) -> list[tuple[float, float]]:
    """The parts of a piece of an aisle, from stop to stop, that are walked."""
    if walk.kind == NONE:
        return []
    inside = {depth for depth in depths if ends_m[0] < depth < ends_m[1]}
    parts = pairwise(sorted({*ends_m, *inside}))
    if walk.gap is None:
        return list(parts)
    near_m, far_m = walk.gap
    return [(low, high) for low, high in parts if not (near_m <= low and high <= far_m)]
