"""Load boxes into a container, or onto a pallet: as much volume as goes in.

    solve(Problem(kinds, room)) -> Solution with where each box stands

Boxes are put together as blocks (optimizer.loading_blocks), blocks are put into what is empty
(optimizer.loading_fill), and a beam search looks for better first blocks: of every partial load
the next block is tried in several ways, each is filled up greedily, and the best few go on. The
beam grows twice as wide after each pass, until the time is up. The first answer is the greedy one.

Laws (optimizer.loading_check says them a second time, its own way):
    nothing overlaps, nothing sticks out, a box stands only on sides that it may stand on
    no more boxes than there are, no more grams than the room bears
    `supported`: what does not stand on the floor stands on boxes with all of its base
    nothing lies above a `fragile` box

The cost is the volume that stays empty; its bound, what must stay empty. An iteration is a load
filled to the end. Any whole unit of length; grams.

Source: I. Araya, M. Riff, "A beam search approach to the container loading problem", Computers &
Operations Research 43, 2014.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from optimizer.loading_blocks import Blocks, Load, blocks_of, turns_of
from optimizer.loading_fill import (
    PLACED,
    VOLUME,
    State,
    World,
    choose,
    complete,
    empty,
    place,
    world_of,
)
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

Sides = tuple[int, int, int]

BLOCKS_MAX = 2_000
WIDEST = 64
DEFAULT = Limits(seconds=1.0)

__all__ = ["Kind", "Problem", "Stowed", "solve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Boxes of a size. `upright[i]`: whether side i may stand. A `fragile` one bears nothing."""

    sides: Sides
    count: int
    weight_g: int = 0
    upright: tuple[bool, bool, bool] = (True, True, True)
    fragile: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Boxes, and the room they go into. `max_g` None: it bears all of them."""

    kinds: tuple[Kind, ...]
    room: Sides
    max_g: int | None = None
    supported: bool = True

    def __post_init__(self) -> None:
        sides = [
            side for each in (*[kind.sides for kind in self.kinds], self.room) for side in each
        ]
        if min(sides) < 1:
            raise ValueError("all sides must be at least 1")
        if any(kind.count < 0 or kind.weight_g < 0 for kind in self.kinds):
            raise ValueError("counts and weights must be at least 0")
        if not self.supported and any(kind.fragile for kind in self.kinds):
            raise ValueError("what is above a fragile box is known only where boxes are supported")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stowed:
    """A box in the room: its lower, left, front corner, and its sides as it was turned."""

    kind: int
    at: Sides
    sides: Sides


def solve(
    problem: Problem,
    *,
    limits: Limits = DEFAULT,
    seed: int = 0,
    progress: Progress = unheard,
) -> Solution[tuple[Stowed, ...]]:
    """Where the boxes stand that are loaded; `why` names the kinds that do not go in at all."""
    watch = Stopwatch()
    load = _load(problem)
    fitting = set(load.turned[:, 0].tolist())
    space = prod(problem.room)
    most = sum(prod(problem.kinds[kind].sides) * problem.kinds[kind].count for kind in fitting)
    bound = float(max(0, space - most))
    plan: tuple[Stowed, ...] = ()
    stages: dict[str, float] = {}
    if most:
        tight = problem.supported
        blocks = blocks_of(load, count_max=BLOCKS_MAX, tight=tight)
        world = world_of(load, blocks, supported=tight)
        search = _Search(world, empty(load), limits, watch)
        best = search.run(lambda full: progress(float(space - full), bound), space - int(bound))
        plan = tuple(_boxes(blocks, best))
        stages = {"greedy": float(space - search.first), "beam": float(space - search.best)}
    objective = float(space - sum(prod(box.sides) for box in plan))
    return Solution(
        status=Status.OPTIMAL if objective <= bound else Status.FEASIBLE,
        plan=plan,
        objective=objective,
        bound=bound,
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms={"empty": objective},
        stages=stages,
        why=tuple(
            f"kind {number} does not go in any way that it may be turned, or is too heavy"
            for number, kind in enumerate(problem.kinds)
            if kind.count and number not in fitting
        ),
    )


def _load(problem: Problem) -> Load:
    """The problem in arrays; kinds that do not go in alone are not turned at all."""
    turned = [
        (number, *turn, int(kind.fragile))
        for number, kind in enumerate(problem.kinds)
        for turn in turns_of(kind.sides, kind.upright)
        if kind.count
        and all(side <= room for side, room in zip(turn, problem.room, strict=True))
        and (problem.max_g is None or kind.weight_g <= problem.max_g)
    ]
    grams = [kind.weight_g for kind in problem.kinds]
    counts = [kind.count for kind in problem.kinds]
    all_g = sum(weight * count for weight, count in zip(grams, counts, strict=True))
    supply = [*counts, all_g if problem.max_g is None else problem.max_g]
    return Load(
        turned=np.array(turned, dtype=np.int64).reshape(-1, 5),
        grams=np.array(grams, dtype=np.int64),
        supply=np.array(supply, dtype=np.int64),
        room=np.array(problem.room, dtype=np.int64),
    )


class _Search:
    """A beam of partial loads, wider after each pass."""

    def __init__(self, world: World, start: State, limits: Limits, watch: Stopwatch) -> None:
        self._world, self._start = world, start
        self._limits, self._watch = limits, watch
        self._heard: Callable[[int], None] = lambda _: None
        self.first = self.best = self.tried = 0
        self._state = start

    def run(self, heard: Callable[[int], None], enough: int) -> State:
        """The best load; `heard` is told of each that is better. No load has more than `enough`."""
        self._heard = heard
        self._filled(self._start)
        self.first = self.best
        width = 1
        while width <= WIDEST and self.best < enough and not self._is_over():
            beam = [self._start.copy()]
            while beam and self.best < enough and not self._is_over():
                beam = self._next(beam, width)
            width *= 2
        return self._state

    def _is_over(self) -> bool:
        return self._limits.is_over(self._watch, self.tried)

    def _filled(self, state: State) -> int:
        """The volume of that load when it is filled up greedily."""
        full = state.copy()
        complete(self._world, full)
        volume = int(full.sums[VOLUME])
        self.tried += 1
        if volume > self.best:
            self.best, self._state = volume, full
            self._heard(volume)
        return volume

    def _next(self, beam: Sequence[State], width: int) -> list[State]:
        """The best of the loads with one block more; of those that end the same, one."""
        children: dict[int, State] = {}
        for state in beam:
            options = np.zeros(width, dtype=np.int64)
            for block in options[: choose(self._world, state, options)]:
                if self._is_over():
                    return []
                child = state.copy()
                place(self._world, child, block)
                children.setdefault(self._filled(child), child)
        return [children[volume] for volume in sorted(children, reverse=True)[:width]]


def _boxes(blocks: Blocks, state: State) -> Iterator[Stowed]:
    """The boxes of the blocks that are placed."""
    for block, *at in state.placed[: state.sums[PLACED]].tolist():
        yield from _of_block(blocks, block, at)


def _of_block(blocks: Blocks, block: int, at: list[int]) -> Iterator[Stowed]:
    kind, *made = blocks.made[block].tolist()
    if kind < 0:
        first, second, axis = made[:3]
        yield from _of_block(blocks, first, at)
        beside = list(at)
        beside[axis] += int(blocks.sides[first, axis])
        yield from _of_block(blocks, second, beside)
        return
    *counts, long, wide, high = made
    for x, y, z in product(*map(range, counts)):
        yield Stowed(
            kind=kind, at=(at[0] + x * long, at[1] + y * wide, at[2] + z * high),
            sides=(long, wide, high),
        )  # fmt: skip
