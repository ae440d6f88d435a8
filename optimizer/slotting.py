"""Where goods should lie: what is picked often near the depot, what is ordered together close.

First each SKU has a place for its own (what it costs to be there: how often it is picked times how
far that is, and never where it may not be): a linear assignment, solved exactly. Then pairs change
places while that makes picks and the ways between SKUs of one order shorter together (annealing;
what a swap changes is counted over the two SKUs alone). `moves_worth` does not ask for a new house
but for the changes that pay most for the work, from where goods lie today.

The cost is metres in the time that `picks` and `together` are of. An iteration is a swap tried.

Source: J. Heskett, "Cube-per-order index", Transportation and Distribution Management 3, 1963;
T. Koopmans and M. Beckmann, Econometrica 25(1), 1957.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import linear_sum_assignment  # type: ignore[import-untyped]

from optimizer.compiled import compiled
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SCALE = 1_000  # costs are whole numbers of millimetres there
HOT, COLD = 0.2, 0.002  # temperatures, in the mean cost of a SKU
DEFAULT = Limits(iterations=20_000)
ROUND = 512
LEAST_M = 1e-9


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


def demand(orders: Sequence[Ints], skus: int) -> tuple[Floats, Floats]:
    """How often each SKU is a walk's first or last, and two are next to each other in one.

    Of an order of m SKUs each is walked to from the depot 1/m times, there and back, and each pair
    is neighbours 2/m times, if the way round is any: m - 1 of the m (m - 1) / 2 pairs are.

    Args:
        orders: the SKUs of each, no SKU twice.
        skus: how many there are.

    Returns:
        shape (s,) and (s, s): `picks` and `together` of a problem.
    """
    picks, together = np.zeros(skus), np.zeros((skus, skus))
    for order in orders:
        if order.size:
            picks[order] += 1 / order.size
            together[np.ix_(order, order)] += 2 / order.size
    np.fill_diagonal(together, 0.0)
    return picks, together


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
    alone_m = problem.cost_m(place)[0]  # ways between goods are never below 0
    progress(stages["alone"], None)
    place = _annealed(problem, place, limits, watch, seed)
    to_m, between_m = problem.cost_m(place)
    stages["together"] = to_m + between_m
    progress(stages["together"], None)
    return Solution(
        status=Status.FEASIBLE if problem.together.any() else Status.OPTIMAL,
        plan=place,
        objective=to_m + between_m,
        bound=alone_m,
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
    place, best = place.copy(), place.copy()
    holder = np.full(places, -1, dtype=np.int64)
    holder[place] = np.arange(skus)
    cost_m = np.full(2, sum(problem.cost_m(place)))  # now, and at best
    done = 0
    while not limits.is_over(watch, done):
        gone = 0.0 if limits.iterations is None else done / limits.iterations
        if limits.seconds:
            gone = max(gone, watch.elapsed_s / limits.seconds)
        warmth_m = max(cost_m[1] / skus * HOT * (COLD / HOT) ** min(1.0, gone), 1e-9)
        tries = ROUND if limits.iterations is None else min(ROUND, limits.iterations - done)
        _swap(
            problem.picks, problem.depot_m, problem.between_m, problem.together, problem.allowed,
            place, holder, best, cost_m, warmth_m, chance.random((tries, 3)),
        )  # fmt: skip
        done += tries
    return best


@compiled
def _more_m(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    picks: Floats, depot_m: Floats, between_m: Floats, together: Floats, place: Ints, one: int,
    there: int, other: int,
) -> float:  # fmt: skip
    """What it costs more if `one` goes `there`, and who is there comes here (-1: nobody is)."""
    here = place[one]
    worth = picks[one] - (picks[other] if other >= 0 else 0.0)
    more_m = worth * (depot_m[there] - depot_m[here])
    for sku in range(place.size):
        if sku != one and sku != other:  # noqa: PLR1714 - sets are slow here
            ties = together[one, sku] - (together[other, sku] if other >= 0 else 0.0)
            more_m += ties * (between_m[there, place[sku]] - between_m[here, place[sku]])
    return float(more_m)


@compiled
def _swap(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    picks: Floats, depot_m: Floats, between_m: Floats, together: Floats, allowed: Bools,
    place: Ints, holder: Ints, best: Ints, cost_m: Floats, warmth_m: float, luck: Floats,
) -> None:  # fmt: skip
    """Try swaps; all but the problem is changed."""
    for at in range(luck.shape[0]):
        one, there = int(luck[at, 0] * place.size), int(luck[at, 1] * holder.size)
        here, other = place[one], holder[there]
        if here == there or not allowed[one, there] or (other >= 0 and not allowed[other, here]):
            continue
        more_m = _more_m(picks, depot_m, between_m, together, place, one, there, other)
        if more_m < 0 or luck[at, 2] < exp(-more_m / warmth_m):
            place[one], holder[there], holder[here] = there, one, other
            if other >= 0:
                place[other] = here
            cost_m[0] += more_m
            if cost_m[0] < cost_m[1] - 1e-9:
                cost_m[1] = cost_m[0]
                best[:] = place


@dataclass(frozen=True, slots=True)
class Change:
    """SKUs that are moved together, and where each goes; the metres that saves, net of the work."""

    skus: tuple[int, ...]
    to: tuple[int, ...]
    saved_m: float


def moves_worth(problem: Problem, most: int) -> list[Change]:
    """What to move first: one SKU to a free place, or two that change places, again and again.

    Each saves most for each move of all that could be done then, and more than its work; each can
    be done alone, in this order. At most `most` moves altogether.
    """
    lying = np.flatnonzero(problem.now >= 0)
    part = _of(problem, lying)
    place = part.now.copy()
    holder = np.full(problem.depot_m.size, -1, dtype=np.int64)
    holder[place] = np.arange(place.size)
    changes: list[Change] = []
    left = most
    while left > 0:
        one, there, saved_m = _best_change(
            part.picks, part.depot_m, part.between_m, part.together, part.allowed, place, holder,
            part.move_m, min(left, 2),
        )  # fmt: skip
        if saved_m <= LEAST_M:
            break
        here, other = int(place[one]), int(holder[there])
        place[one], holder[there], holder[here] = there, one, other
        skus: tuple[int, ...] = (int(lying[one]),)
        to: tuple[int, ...] = (there,)
        if other >= 0:
            place[other] = here
            skus, to = (*skus, int(lying[other])), (there, here)
        changes.append(Change(skus, to, saved_m))
        left -= len(skus)
    return changes


@compiled
def _best_change(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays
    picks: Floats, depot_m: Floats, between_m: Floats, together: Floats, allowed: Bools,
    place: Ints, holder: Ints, move_m: float, moves: int,
) -> tuple[int, int, float]:  # fmt: skip
    """The SKU, its new place, and what that saves; most for each move."""
    best_one, best_there, best_m, best_each_m = -1, -1, 0.0, 0.0
    for one in range(place.size):
        here = place[one]
        for there in range(holder.size):
            other = holder[there]
            count = 1 if other < 0 else 2
            if here == there or count > moves or not allowed[one, there] or other > one:
                continue
            if other >= 0 and not allowed[other, here]:
                continue
            saved_m = -count * move_m - _more_m(
                picks, depot_m, between_m, together, place, one, there, other
            )  # fmt: skip
            if saved_m / count > best_each_m:
                best_one, best_there, best_m = one, there, saved_m
                best_each_m = saved_m / count
    return best_one, best_there, best_m


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
