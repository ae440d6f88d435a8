"""Which cartons an order is packed into, and where each thing lies in them.

    solve(Problem(items, cartons)) -> Solution with a Packed for each carton

Small cartons first: what has too little room (by volume), is too short for the longest edge or
carries too little is not tried. What is left is tried in earnest (optimizer.cartons_lay). If no
carton takes all, things are laid first-fit into several, then moved between them as long as that
saves anything, and each gets the cheapest that holds what came into it. A thing that no carton
holds goes as it is (`carton` is None).

Laws (optimizer.cartons_check says them a second time, its own way):
    nothing overlaps, nothing sticks out, no carton is heavier than it may be
    `upright` things stand, nothing lies above a `fragile` one
    things of different `apart` never share a carton
    no more cartons of a kind than there are

The cost is what cartons cost, what fills the void, and `parcel_minor` for each. The bound is the
cheapest carton that passes the first look: exact for most orders. An iteration is a move that is
looked at. Millimetres, grams, minor units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

from optimizer.cartons_lay import Item, Placed, Sides, lay, orders, turns, volume
from optimizer.result import Limits, Progress, Solution, Status, Stopwatch, unheard

ROUNDS_MAX = 4  # of moving things between cartons
DEFAULT = Limits(iterations=600)
MM3_A_LITRE = 1_000_000

__all__ = [
    "Carton", "Item", "Packed", "Placed", "Problem", "Sides", "cost_terms", "solve", "turns",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Carton:
    """A kind of carton, by its inner sides. `max_g` is what it may weigh with its own `tare_g`."""

    code: str
    sides_mm: Sides
    tare_g: int
    max_g: int
    cost_minor: int
    stock: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An order's things, and what there is to pack them into."""

    items: tuple[Item, ...]
    cartons: tuple[Carton, ...]
    parcel_minor: int = 0
    void_minor_per_l: float = 1.0

    def __post_init__(self) -> None:
        every = [*(item.sides_mm for item in self.items), *(each.sides_mm for each in self.cartons)]
        if any(side < 1 for sides in every for side in sides):
            raise ValueError("all sides must be at least 1 mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A carton and what is in it; `carton` None: one thing without any."""

    carton: int | None
    placed: tuple[Placed, ...]


def solve(
    problem: Problem, *, limits: Limits = DEFAULT, seed: int = 0, progress: Progress = unheard
) -> Solution[tuple[Packed, ...]]:
    """The cartons, those of the first things first."""
    watch = Stopwatch()
    moves = _Moves(limits, watch)
    plan: list[Packed] = []
    bound = 0.0
    left = [each.stock for each in problem.cartons]
    for group in _groups(problem):
        fits = [item for item in group if any(_fits_alone(problem, item))]
        bound += _bound(problem, fits)
        made = _one(problem, fits, left) or _several(problem, fits, left, moves)
        for each in made:
            _take(left, each)
        made += [_bare(problem, item) for item in group if item not in fits]
        plan += made
    plan.sort(key=lambda each: min(placed.item for placed in each.placed))
    terms = cost_terms(problem, plan)
    objective = sum(terms.values())
    bound += problem.parcel_minor * sum(each.carton is None for each in plan)
    proven = objective <= bound + 1e-6
    progress(objective, min(bound, objective))
    return Solution(
        status=Status.OPTIMAL if proven else Status.FEASIBLE,
        plan=tuple(plan),
        objective=objective,
        bound=min(bound, objective),
        runtime_s=watch.elapsed_s,
        seed=seed,
        terms=terms,
        why=tuple(
            f"thing {each.placed[0].item} goes into no carton that is left"
            for each in plan
            if each.carton is None
        ),
    )


class _Moves:
    """How many moves between cartons may still be looked at."""

    def __init__(self, limits: Limits, watch: Stopwatch) -> None:
        self._limits, self._watch = limits, watch
        self._done = 0

    def are_over(self) -> bool:
        """Whether it is time to answer; otherwise one more is looked at."""
        if self._limits.is_over(self._watch, self._done):
            return True
        self._done += 1
        return False


def cost_terms(problem: Problem, plan: Sequence[Packed]) -> dict[str, float]:
    """What a plan costs, by name."""
    boxes = [(problem.cartons[each.carton], each) for each in plan if each.carton is not None]
    void_mm3 = sum(
        volume(carton.sides_mm) - sum(volume(placed.sides_mm) for placed in each.placed)
        for carton, each in boxes
    )
    return {
        "parcels": float(problem.parcel_minor * len(plan)),
        "cartons": float(sum(carton.cost_minor for carton, _ in boxes)),
        "void": problem.void_minor_per_l * void_mm3 / MM3_A_LITRE,
    }


# ----------------------------------------------------------------------------- first looks
def _groups(problem: Problem) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for number, item in enumerate(problem.items):
        groups.setdefault(item.apart, []).append(number)
    return list(groups.values())


def _fits_alone(problem: Problem, number: int) -> Iterator[bool]:
    """Of each carton, whether that thing alone goes into it."""
    item = problem.items[number]
    for carton in problem.cartons:
        inside = any(
            all(side <= room for side, room in zip(turned, carton.sides_mm, strict=True))
            for turned in turns(item.sides_mm, upright=item.upright)
        )
        yield inside and carton.tare_g + item.weight_g <= carton.max_g


def _candidates(problem: Problem, group: Sequence[int]) -> list[int]:
    """Cartons that pass the first look for all of these, the cheapest first."""
    filled = sum(volume(problem.items[item].sides_mm) for item in group)
    weight_g = sum(problem.items[item].weight_g for item in group)
    alone = [list(_fits_alone(problem, item)) for item in group]
    passed = [
        number
        for number, carton in enumerate(problem.cartons)
        if volume(carton.sides_mm) >= filled
        and carton.tare_g + weight_g <= carton.max_g
        and all(fits[number] for fits in alone)
    ]
    return sorted(passed, key=lambda number: (_price(problem, number, filled), number))


def _price(problem: Problem, carton: int, filled: int) -> float:
    kind = problem.cartons[carton]
    void_l = (volume(kind.sides_mm) - filled) / MM3_A_LITRE
    return kind.cost_minor + problem.void_minor_per_l * void_l + problem.parcel_minor


def _bound(problem: Problem, group: Sequence[int]) -> float:
    """No plan for these costs less: the cheapest carton for all, or as many as they must be."""
    if not group:
        return 0.0
    filled = sum(volume(problem.items[item].sides_mm) for item in group)
    singles = _candidates(problem, group)
    if singles:
        cheapest = min(_price(problem, number, filled) for number in singles)
    else:
        cheapest = float("inf")
    weight_g = sum(problem.items[item].weight_g for item in group)
    most_g = max(carton.max_g - carton.tare_g for carton in problem.cartons)
    most_mm3 = max(volume(carton.sides_mm) for carton in problem.cartons)
    count = max(2, ceil(weight_g / most_g), ceil(filled / most_mm3))
    least = min(carton.cost_minor for carton in problem.cartons) + problem.parcel_minor
    return min(cheapest, float(count * least))


# ------------------------------------------------------------------------------- one carton
def _one(problem: Problem, group: Sequence[int], left: Sequence[int | None]) -> list[Packed]:
    """All of them in the cheapest carton that is found to hold them; nothing if none is."""
    for number in _candidates(problem, group) if group else ():
        if left[number] == 0:
            continue
        placed = lay(problem.items, problem.cartons[number].sides_mm, tuple(group))
        if placed is not None:
            return [Packed(carton=number, placed=placed)]
    return []


# --------------------------------------------------------------------------- several cartons
def _several(
    problem: Problem, group: Sequence[int], left: Sequence[int | None], moves: _Moves
) -> list[Packed]:
    """First-fit into cartons that hold much, then moved about as long as that saves anything."""
    bins: list[list[int]] = []
    for number in orders(problem.items, group)[0] if group else ():
        for held in bins:
            if _one(problem, [*held, number], left):
                held.append(number)
                break
        else:
            bins.append([number])
    bins = _moved(problem, bins, left, moves)
    stock = list(left)
    made: list[Packed] = []
    for held in bins:
        for part in [held] if _one(problem, held, stock) else [[number] for number in held]:
            packed = _one(problem, part, stock) or [_bare(problem, part[0])]
            _take(stock, packed[0])
            made += packed
    return made


def _moved(
    problem: Problem, bins: list[list[int]], left: Sequence[int | None], moves: _Moves
) -> list[list[int]]:
    """Single things moved, or two exchanged, between cartons while it saves."""
    for _ in range(ROUNDS_MAX):
        better = _better(problem, bins, left, moves)
        if better is None:
            break
        bins = [held for held in better if held]
    return bins


def _better(
    problem: Problem, bins: Sequence[list[int]], left: Sequence[int | None], moves: _Moves
) -> list[list[int]] | None:
    for one, other in combinations(range(len(bins)), 2):
        pair = (bins[one], bins[other])
        now = sum(_cost(problem, held, left) for held in pair)
        for first, second in _exchanges(*pair):
            if moves.are_over():
                return None
            cost = _cost(problem, first, left) + _cost(problem, second, left)
            if cost < now - 1e-9:
                rest = [held for at, held in enumerate(bins) if at not in {one, other}]
                return [*rest, first, second]
    return None


def _exchanges(first: list[int], second: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    for number in first:
        yield [each for each in first if each != number], [*second, number]
    for number in second:
        yield [*first, number], [each for each in second if each != number]
    for mine in first:
        for yours in second:
            yield (
                [each for each in first if each != mine] + [yours],
                [each for each in second if each != yours] + [mine],
            )


def _cost(problem: Problem, held: Sequence[int], left: Sequence[int | None]) -> float:
    if not held:
        return 0.0
    packed = _one(problem, held, left)
    return sum(cost_terms(problem, packed).values()) if packed else float("inf")


def _bare(problem: Problem, number: int) -> Packed:
    placed = Placed(item=number, at_mm=(0, 0, 0), sides_mm=problem.items[number].sides_mm)
    return Packed(carton=None, placed=(placed,))


def _take(left: list[int | None], packed: Packed) -> None:
    if packed.carton is not None:
        stock = left[packed.carton]
        left[packed.carton] = None if stock is None else stock - 1
