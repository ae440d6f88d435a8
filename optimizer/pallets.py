"""Build pallets: as few as can be, each a load that stands by itself.

    solve(Problem(kinds, base, height_max, max_g)) -> Solution with the boxes of each pallet

One pallet after the other is filled as full as it gets (optimizer.loading): layers grow by
themselves, as boxes of a size make blocks with flat tops, and every box stands wholly on what is
below it. What is `fragile` bears nothing. A box that does not go onto a pallet alone is left out,
and `why` names its kind.

Laws (optimizer.pallets_check says them a second time, its own way):
    every box that fits is on one pallet, none overlaps or hangs over the edge
    at least three quarters of a base lie on what is below, nothing lies above a fragile box
    no pallet is heavier or higher than it may be

The cost is the number of pallets; its bound follows from volume and weight. An iteration is a load
filled to the end. Any whole unit of length; grams.
"""

from collections import Counter
from dataclasses import dataclass, replace
from math import ceil, prod

from optimizer import loading
from optimizer.loading import Kind, Sides, Stowed
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

DEFAULT = Limits(seconds=5.0)

__all__ = ["Kind", "Problem", "Stowed", "solve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Boxes, and the pallets they go onto: all alike, as many as it takes."""

    kinds: tuple[Kind, ...]
    base: tuple[int, int]
    height_max: int
    max_g: int

    @property
    def room(self) -> Sides:
        """What a pallet may take up above its deck."""
        return (*self.base, self.height_max)


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[tuple[tuple[Stowed, ...], ...]]:
    """The pallets, each with its boxes in the order in which they can be put down."""
    watch = Stopwatch()
    rest, why = _fitting(problem)
    bound = _bound(problem, rest)
    pallets: list[tuple[Stowed, ...]] = []
    while any(kind.count for kind in rest):
        each = loading.solve(
            loading.Problem(kinds=tuple(rest), room=problem.room, max_g=problem.max_g),
            limits=_share(limits, watch, max(1, bound - len(pallets))),
        )
        assert each.plan, "a box that goes onto a pallet alone is loaded"
        pallets.append(tuple(sorted(each.plan, key=lambda box: (box.at[2], box.at[1], box.at[0]))))
        gone = Counter(box.kind for box in each.plan)
        rest = [replace(kind, count=kind.count - gone[number]) for number, kind in enumerate(rest)]
    progress(float(len(pallets)), float(bound))
    return Solution(
        status=Status.OPTIMAL if len(pallets) == bound else Status.FEASIBLE,
        plan=tuple(pallets),
        objective=float(len(pallets)),
        bound=float(bound),
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"pallets": float(len(pallets))},
        why=why,
    )


def _fitting(problem: Problem) -> tuple[list[Kind], tuple[str, ...]]:
    """The kinds, those that do not go onto a pallet with no boxes; and which those are."""
    kinds, why = [], []
    for number, kind in enumerate(problem.kinds):
        alone = loading.Problem(
            kinds=(replace(kind, count=min(1, kind.count)),), room=problem.room, max_g=problem.max_g
        )
        fits = not kind.count or bool(loading.solve(alone, limits=Limits(iterations=1)).plan)
        kinds.append(kind if fits else replace(kind, count=0))
        if not fits:
            why.append(f"kind {number} does not go onto a pallet, or is too heavy for it")
    return kinds, tuple(why)


def _bound(problem: Problem, kinds: list[Kind]) -> int:
    volume = sum(prod(kind.sides) * kind.count for kind in kinds)
    grams = sum(kind.weight_g * kind.count for kind in kinds)
    by_weight = ceil(grams / problem.max_g) if problem.max_g else 0
    return max(ceil(volume / prod(problem.room)), by_weight)


def _share(limits: Limits, watch: Stopwatch, pallets: int) -> Limits:
    """What one of so many pallets may take of what is left."""
    left = limits.left_s(watch)
    return Limits(
        seconds=None if limits.seconds is None else left / pallets,
        iterations=limits.iterations,
        stop=limits.stop,
    )
