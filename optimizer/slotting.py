"""Where goods should lie: what is picked often near the depot, what is ordered together close.

First each SKU has a place for its own (what it costs to be there: how often it is picked times how
far that is, and never where it may not be): a linear assignment, solved exactly. Then pairs change
places while that makes picks and the ways between SKUs of one order shorter together (annealing;
what a swap changes is counted over the two SKUs alone). From that the moves that pay: cycles and
chains of the permutation between now and then, the best first, each worth more than its work.

The cost is metres in the time that `picks` and `together` are of. An iteration is a swap tried.

Source: J. Heskett, "Cube-per-order index", Transportation and Distribution Management 3, 1963;
T. Koopmans and M. Beckmann, Econometrica 25(1), 1957.
"""

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import linear_sum_assignment  # type: ignore[import-untyped]

from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCALE = 1_000  # costs are whole numbers of millimetres there
HOT, COLD = 0.02, 0.0002  # temperatures, in the mean cost of a SKU
DEFAULT = Limits(iterations=20_000)
ROUND = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """SKUs and as many places or more.

    Attributes:
        picks: shape (s,), how often each is picked.
        depot_m: shape (l,), there and back.
        between_m: shape (l, l), symmetric.
        together: shape (s, s), how often two are picked in one walk; symmetric, 0 on the diagonal.
        allowed: shape (s, l), where each may lie (weight, temperature, hazard, size).
        now: shape (s,), its place today, or -1.
        move_m: what a move costs, in metres walked.
    """

    picks: Floats
    depot_m: Floats
    between_m: Floats
    together: Floats
    allowed: Bools
    now: Ints
    move_m: float = 0.0

    def __post_init__(self) -> None:
        skus, places = self.allowed.shape
        shapes = (self.picks.shape, self.depot_m.shape, self.between_m.shape, self.together.shape)
        if shapes != ((skus,), (places,), (places, places), (skus, skus)):
            raise ValueError(f"shapes do not fit {skus} SKUs and {places} places: {shapes}")
        if self.now.shape != (skus,) or np.any((self.now < -1) | (self.now >= places)):
            raise ValueError(f"now must have a place in [-1, {places}) for each SKU")
        there = self.now[self.now >= 0]
        if np.unique(there).size != there.size:
            raise ValueError("two SKUs are in one place now")

    def cost_m(self, place: Ints) -> tuple[float, float]:
        """Metres to the places of SKUs, and between those that are picked together."""
        ways_m = self.between_m[np.ix_(place, place)]
        return float(self.picks @ self.depot_m[place]), float((self.together * ways_m).sum() / 2)


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[Ints]:
    """The place of each SKU, shape (s,). Infeasible where they cannot all have one: `why`."""
    watch = Stopwatch()
    place, why = _assigned(problem)
    if place is None:
        return Solution(
            status=Status.INFEASIBLE, plan=problem.now, objective=0.0, bound=None,
            runtime_s=watch.elapsed_s, seed=seed, terms={}, why=why,
        )  # fmt: skip
    stages = {"alone": sum(problem.cost_m(place))}
    progress(stages["alone"], None)
    place = _annealed(problem, place, limits, watch, seed)
    to_m, between_m = problem.cost_m(place)
    stages["together"] = to_m + between_m
    progress(stages["together"], None)
    return Solution(
        status=Status.FEASIBLE if problem.together.any() else Status.OPTIMAL,
        plan=place,
        objective=to_m + between_m,
        bound=None if problem.together.any() else to_m,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"to_places_m": to_m, "between_m": between_m},
        stages=stages,
    )


def _assigned(problem: Problem) -> tuple[Ints | None, tuple[str, ...]]:
    """Each SKU where that costs least for itself."""
    skus, places = problem.allowed.shape
    if nowhere := np.flatnonzero(~problem.allowed.any(axis=1)).tolist():
        return None, tuple(f"SKU {sku} may lie nowhere" for sku in nowhere)
    if skus > places:
        return None, (f"{skus} SKUs have {places} places",)
    if not skus:
        return np.zeros(0, dtype=np.int64), ()
    assignment = linear_sum_assignment.SimpleLinearSumAssignment()
    sku, place = np.nonzero(problem.allowed)
    cost = np.rint(problem.picks[sku] * problem.depot_m[place] * SCALE).astype(np.int64)
    spare = np.repeat(np.arange(skus, places), places)  # SKUs that are not there fill the rest
    assignment.add_arcs_with_cost(
        np.concatenate([sku, spare]),
        np.concatenate([place, np.tile(np.arange(places), places - skus)]),
        np.concatenate([cost, np.zeros(spare.size, dtype=np.int64)]),
    )
    if assignment.solve() != assignment.OPTIMAL:
        return None, ("SKUs that may lie only in few places are more than these",)
    return np.array([assignment.right_mate(each) for each in range(skus)], dtype=np.int64), ()


def _annealed(problem: Problem, place: Ints, limits: Limits, watch: Stopwatch, seed: int) -> Ints:
    """Pairs change places, or one goes to a free place; the best that there was."""
    skus, places = problem.allowed.shape
    if skus == 0 or places < 2 or not problem.together.any():  # noqa: PLR2004 - a pair
        return place
    chance = np.random.default_rng(seed)
    place = place.copy()
    holder = np.full(places, -1, dtype=np.int64)
    holder[place] = np.arange(skus)
    cost_m = best_m = sum(problem.cost_m(place))
    best, done = place.copy(), 0
    while not limits.is_over(watch, done):
        gone = 0.0 if limits.iterations is None else done / limits.iterations
        if limits.seconds:
            gone = max(gone, watch.elapsed_s / limits.seconds)
        warmth_m = max(best_m / skus * HOT * (COLD / HOT) ** min(1.0, gone), 1e-9)
        for one, there, luck in zip(
            chance.integers(0, skus, ROUND).tolist(), chance.integers(0, places, ROUND).tolist(),
            chance.random(ROUND).tolist(), strict=True,
        ):  # fmt: skip
            more_m = _swapped_m(problem, place, holder, one, there)
            if more_m < 0 or luck < exp(-more_m / warmth_m):
                here, other = place[one], holder[there]
                place[one], holder[there], holder[here] = there, one, other
                if other >= 0:
                    place[other] = here
                cost_m += more_m
                if cost_m < best_m - 1e-9:
                    best_m, best = cost_m, place.copy()
        done += ROUND
    return best


def _swapped_m(problem: Problem, place: Ints, holder: Ints, one: int, there: int) -> float:
    """What it costs more if `one` goes `there`, and who is there comes here; inf: not allowed."""
    here, other = int(place[one]), int(holder[there])
    if here == there or not problem.allowed[one, there]:
        return np.inf
    if other >= 0 and not problem.allowed[other, here]:
        return np.inf
    nearer_m = problem.between_m[there, place] - problem.between_m[here, place]
    worth = problem.picks[one]
    ties = problem.together[one].copy()
    if other >= 0:
        worth -= problem.picks[other]
        ties -= problem.together[other]
        ties[[one, other]] = 0.0
    return float(worth * (problem.depot_m[there] - problem.depot_m[here]) + ties @ nearer_m)


def moves_worth(problem: Problem, place: Ints, most: int) -> list[tuple[list[int], float]]:
    """What to move first: SKUs that change places together, and the metres that saves, net.

    Each is a cycle or a chain of the way from now to `place`, so that each can be done alone; with
    at most `most` moves altogether, the most saved for each move first.
    """
    start = problem.now.copy()
    chosen: list[tuple[list[int], float]] = []
    holder = {int(at): sku for sku, at in enumerate(start.tolist()) if at >= 0}
    left, groups = set(np.flatnonzero(start != place).tolist()), []
    while left:
        group, queue = [], [min(left)]
        while queue:
            sku = queue.pop()
            if sku in left:
                left.discard(sku)
                group.append(sku)
                followers = [each for each in left if place[each] == start[sku]]
                before = holder.get(int(place[sku]))
                queue += followers + ([before] if before is not None else [])
        groups.append(sorted(group))
    while groups:
        saved = {at: _saved_m(problem, start, place, group) for at, group in enumerate(groups)}
        at = max(saved, key=lambda each: (saved[each] / len(groups[each]), -each))
        group = groups.pop(at)
        if saved[at] <= 0:
            break
        if sum(len(skus) for skus, _ in chosen) + len(group) <= most:
            chosen.append((group, saved[at]))
            start[group] = place[group]
    return chosen


def _saved_m(problem: Problem, start: Ints, place: Ints, group: list[int]) -> float:
    """Metres that moving these saves, less what moving costs; who has no place yet saves none."""
    lying = start >= 0
    before, after = start.copy(), start.copy()
    after[group] = place[group]
    both = lying & (after >= 0)
    kept = np.flatnonzero(both)
    part = _of(problem, kept)
    saved_m = sum(part.cost_m(before[kept])) - sum(part.cost_m(after[kept]))
    return saved_m - problem.move_m * len(group)


def _of(problem: Problem, skus: Ints) -> Problem:
    """The problem of some SKUs alone."""
    return Problem(
        picks=problem.picks[skus],
        depot_m=problem.depot_m,
        between_m=problem.between_m,
        together=problem.together[np.ix_(skus, skus)],
        allowed=problem.allowed[skus],
        now=problem.now[skus],
        move_m=problem.move_m,
    )
