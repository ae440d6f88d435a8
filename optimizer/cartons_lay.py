"""How things lie in one carton: at extreme points, in up to six turns.

    lay(items, (400, 300, 250), group) -> where each of the group lies, or None: no way was found

An extreme point is a corner that what lies there already makes, shifted towards the walls as far
as it goes. A few orders and two ways to choose among the corners are tried; of at most seven
things every order, every corner and every turn, up to a number of tries. That a way is not found
proves nothing. Millimetres, grams.

Source: T. G. Crainic, G. Perboli, R. Tadei, INFORMS J. on Computing 20(3), 2008.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

EXACT_ITEMS = 7
TRIES_MAX = 500  # corners that the search of all orders looks at, a carton

Sides = tuple[int, int, int]
Box = tuple[int, int, int, int, int, int, bool]  # x, y, z, its sides, fragile


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to pack. `apart`: what only goes together with its like, as a class of danger."""

    sides_mm: Sides
    weight_g: int
    upright: bool = False
    fragile: bool = False
    apart: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where an item lies: its lower, left, front corner, and its sides as it was turned."""

    item: int
    at_mm: Sides
    sides_mm: Sides


@lru_cache(maxsize=4096)
def turns(sides: Sides, *, upright: bool) -> tuple[Sides, ...]:
    """The ways in which a thing can lie, each once; one that stays upright only turns round."""
    length, width, height = sides
    if upright:
        return tuple(dict.fromkeys([(length, width, height), (width, length, height)]))
    found: dict[Sides, None] = {}
    for one, other, third in permutations((length, width, height)):
        found[one, other, third] = None
    return tuple(found)


def volume(sides: Sides) -> int:
    """In cubic millimetres."""
    return sides[0] * sides[1] * sides[2]


def lay(items: Sequence[Item], room: Sides, group: tuple[int, ...]) -> tuple[Placed, ...] | None:
    """Where those of the group lie in a carton of that size; None if no way was found."""
    for order in orders(items, group):
        for flat in (True, False):
            found = _greedy(items, room, order, flat=flat)
            if found is not None:
                return found
    if len(group) > EXACT_ITEMS or len(group) == 1:
        return None
    return _Search(items, room).run(group)


def orders(items: Sequence[Item], group: Sequence[int]) -> list[list[int]]:
    """Orders to try: fragile things last, so that they come to lie on top."""

    def by(size: Sides) -> tuple[int, int]:
        return -volume(size), -max(size)

    made = [
        sorted(group, key=lambda n: (items[n].fragile, *by(items[n].sides_mm), n)),
        sorted(group, key=lambda n: (items[n].fragile, -max(items[n].sides_mm), n)),
        sorted(group, key=lambda n: (items[n].fragile, -min(items[n].sides_mm), n)),
    ]
    return [order for at, order in enumerate(made) if order not in made[:at]]


def _greedy(
    items: Sequence[Item], room: Sides, order: Sequence[int], *, flat: bool
) -> tuple[Placed, ...] | None:
    """One after the other at the best corner: the lowest (`flat`), or that keeps all compact."""
    boxes: list[Box] = []
    corners: set[Sides] = {(0, 0, 0)}
    placed = []
    for number in order:
        box = _best(items[number], room, boxes, corners, flat=flat)
        if box is None:
            return None
        corners = _after(corners, boxes, box)
        boxes.append(box)
        placed.append(Placed(item=number, at_mm=box[:3], sides_mm=box[3:6]))
    return tuple(placed)


def _best(
    item: Item, room: Sides, boxes: Sequence[Box], corners: set[Sides], *, flat: bool
) -> Box | None:
    """Where and how that thing lies best; what is no better is not looked at any closer."""
    best: Box | None = None
    least: tuple[int, ...] = ()
    for box in _inside(item, room, corners):
        x, y, z, length, width, height, _ = box
        if flat:
            score = (z, z + height, y + width, x + length, x, y)
        else:
            score = (x + length + y + width + z + height, z, y, x, height, length)
        if (best is None or score < least) and not _hits(box, boxes):
            best, least = box, score
    return best


def _ways(item: Item, room: Sides, boxes: Sequence[Box], corners: set[Sides]) -> Iterator[Box]:
    """Where and how a thing can lie beside what lies there."""
    return (box for box in _inside(item, room, corners) if not _hits(box, boxes))


def _inside(item: Item, room: Sides, corners: set[Sides]) -> Iterator[Box]:
    """Where and how a thing can lie in an empty carton."""
    turned = turns(item.sides_mm, upright=item.upright)
    for x, y, z in sorted(corners):
        for length, width, height in turned:
            if x + length <= room[0] and y + width <= room[1] and z + height <= room[2]:
                yield (x, y, z, length, width, height, item.fragile)


def _hits(box: Box, boxes: Sequence[Box]) -> bool:
    """Whether it overlaps one of them, or one of the two lies above another that bears nothing."""
    x, y, z, length, width, height, fragile = box
    to_x, to_y, to_z = x + length, y + width, z + height
    for left, front, low, long, wide, high, bears_nothing in boxes:
        if x >= left + long or left >= to_x or y >= front + wide or front >= to_y:
            continue
        if z >= low + high:
            if bears_nothing:
                return True
        elif low < to_z or fragile:
            return True
    return False


def _after(corners: set[Sides], boxes: Sequence[Box], new: Box) -> set[Sides]:
    """The corners when that box lies there too."""
    x, y, z, length, width, height, _ = new
    inside = {
        corner
        for corner in corners
        if x <= corner[0] < x + length
        and y <= corner[1] < y + width
        and z <= corner[2] < z + height
    }
    fresh = set()
    for point, axes in (
        ((x + length, y, z), (1, 2)),
        ((x, y + width, z), (0, 2)),
        ((x, y, z + height), (0, 1)),
    ):
        fresh.add(point)
        for axis in axes:
            fresh.add(_shifted(point, axis, boxes))
    return (corners - inside) | fresh


def _shifted(point: Sides, axis: int, boxes: Sequence[Box]) -> Sides:
    """The point as far towards the wall as it goes along that axis."""
    first, second = (other for other in (0, 1, 2) if other != axis)
    best = 0
    for box in boxes:
        edge = box[axis] + box[axis + 3]
        if (
            best < edge <= point[axis]
            and box[first] <= point[first] < box[first] + box[first + 3]
            and box[second] <= point[second] < box[second] + box[second + 3]
        ):
            best = edge
    return tuple(best if at == axis else value for at, value in enumerate(point))  # type: ignore[return-value]


class _Search:
    """Every order, every corner, every turn, until something fits or the tries are used up."""

    def __init__(self, items: Sequence[Item], room: Sides) -> None:
        self._items, self._room = items, room
        self._tries = 0

    def run(self, group: tuple[int, ...]) -> tuple[Placed, ...] | None:
        """Where they lie, if a way was found."""
        return self._deeper(group, [], {(0, 0, 0)}, ())

    def _deeper(
        self,
        rest: tuple[int, ...],
        boxes: list[Box],
        corners: set[Sides],
        placed: tuple[Placed, ...],
    ) -> tuple[Placed, ...] | None:
        if not rest:
            return placed
        seen = set()
        for number in rest:
            item = self._items[number]
            if item in seen:
                continue
            seen.add(item)
            others = tuple(other for other in rest if other != number)
            for box in _ways(item, self._room, boxes, corners):
                self._tries += 1
                if self._tries > TRIES_MAX:
                    return None
                here = Placed(item=number, at_mm=box[:3], sides_mm=box[3:6])
                after = _after(corners, boxes, box)
                found = self._deeper(others, [*boxes, box], after, (*placed, here))
                if found is not None:
                    return found
        return None
