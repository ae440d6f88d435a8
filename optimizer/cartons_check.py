"""Whether a plan of cartons can be carried out: written without a line of who made it.

    faults(problem, plan) -> what is wrong, in words; nothing if all is right

Boxes are looked at pair by pair as intervals. Millimetres, grams.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from optimizer.cartons import Packed, Placed, Problem


def faults(problem: Problem, plan: Sequence[Packed]) -> list[str]:
    """What is wrong with a plan."""
    found = []
    times = Counter(placed.item for packed in plan for placed in packed.placed)
    if times != Counter(range(len(problem.items))):
        found.append("not every thing is packed once")
    used = Counter(packed.carton for packed in plan if packed.carton is not None)
    for number, count in used.items():
        stock = problem.cartons[number].stock
        if stock is not None and count > stock:
            found.append(f"{count} cartons {problem.cartons[number].code}, there are {stock}")
    for packed in plan:
        found += _carton(problem, packed)
    return found


def _carton(problem: Problem, packed: Packed) -> Iterator[str]:
    if packed.carton is None:
        if len(packed.placed) != 1:
            yield "several things without a carton"
        return
    carton = problem.cartons[packed.carton]
    items = [problem.items[placed.item] for placed in packed.placed]
    if carton.tare_g + sum(item.weight_g for item in items) > carton.max_g:
        yield f"{carton.code} is too heavy"
    if len({item.apart for item in items}) > 1:
        yield f"{carton.code} mixes what must be apart"
    yield from _things(problem, packed)
    for one, other in combinations(packed.placed, 2):
        yield from _pair(problem, one, other)


def _things(problem: Problem, packed: Packed) -> Iterator[str]:
    assert packed.carton is not None
    carton = problem.cartons[packed.carton]
    for placed in packed.placed:
        item = problem.items[placed.item]
        if sorted(placed.sides_mm) != sorted(item.sides_mm):
            yield f"thing {placed.item} has another size"
        if item.upright and placed.sides_mm[2] != item.sides_mm[2]:
            yield f"thing {placed.item} lies on its side"
        for at, side, room in zip(placed.at_mm, placed.sides_mm, carton.sides_mm, strict=True):
            if at < 0 or at + side > room:
                yield f"thing {placed.item} sticks out of {carton.code}"


def _pair(problem: Problem, one: Placed, other: Placed) -> Iterator[str]:
    shared = [
        min(one.at_mm[axis] + one.sides_mm[axis], other.at_mm[axis] + other.sides_mm[axis])
        - max(one.at_mm[axis], other.at_mm[axis])
        for axis in (0, 1, 2)
    ]
    if min(shared) > 0:
        yield f"things {one.item} and {other.item} overlap"
    elif shared[0] > 0 and shared[1] > 0:
        lower = min(one, other, key=lambda placed: placed.at_mm[2])
        if problem.items[lower.item].fragile:
            yield f"something lies on thing {lower.item}, which is fragile"
