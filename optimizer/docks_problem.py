"""Trucks, doors and plans of optimizer.docks: what they are, and what a plan costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Truck:
    """A truck.

    Attributes:
        arrives: the first step in which it is there.
        lasts: steps at the door.
        due: the step before which it should be done.
        late: what each step after `due` costs.
        waits: what each step between coming and beginning costs.
        way: what each door costs it; None: it cannot go there. As long as there are doors.
    """

    arrives: int
    lasts: int
    due: int
    late: int = 10
    waits: int = 1
    way: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door, open from a step until before another."""

    opens: int = 0
    closes: int


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A door, and the step in which work begins there."""

    door: int
    starts: int


Plan: TypeAlias = tuple[Slot | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Trucks and doors.

    Attributes:
        before: the slot that each truck had, or None; nothing: there was no plan.
        fixed: trucks that keep it.
        move: what another door or time costs than the one before.
        left_out: what it costs to have no time for a truck.
    """

    trucks: tuple[Truck, ...]
    doors: tuple[Door, ...]
    left_out: int = 100_000
    before: tuple[Slot | None, ...] = ()
    fixed: frozenset[int] = frozenset()
    move: int = 0

    def __post_init__(self) -> None:
        if any(len(truck.way) != len(self.doors) for truck in self.trucks):
            raise ValueError("each truck says what each door costs it")
        if any(truck.lasts < 1 or min(truck.late, truck.waits) < 0 for truck in self.trucks):
            raise ValueError("work lasts at least a step, and costs are at least 0")
        if self.before and len(self.before) != len(self.trucks):
            raise ValueError("a plan before has a slot, or None, for each truck")
        self._check_fixed()

    def _check_fixed(self) -> None:
        taken: dict[tuple[int, int], int] = {}
        for number in sorted(self.fixed):
            slot = self.before[number] if self.before else None
            if slot is None or slot.starts not in self.window(number, slot.door):
                raise ValueError(f"truck {number} is fixed where it cannot be")
            for step in range(slot.starts, slot.starts + self.trucks[number].lasts):
                if (slot.door, step) in taken:
                    raise ValueError(f"truck {number} is fixed where {taken[slot.door, step]} is")
                taken[slot.door, step] = number

    def cost(self, number: int, slot: Slot | None) -> int:
        """What a truck's slot costs."""
        return sum(self._terms(number, slot).values())

    def terms(self, plan: Sequence[Slot | None]) -> dict[str, float]:
        """What a plan costs, by name."""
        total = dict.fromkeys(("left_out", "lateness", "waiting", "ways", "moves"), 0.0)
        for number, slot in enumerate(plan):
            for name, cost in self._terms(number, slot).items():
                total[name] += cost
        return total

    def _terms(self, number: int, slot: Slot | None) -> dict[str, int]:
        if slot is None:
            return {"left_out": self.left_out}
        truck = self.trucks[number]
        moved = bool(self.before) and self.before[number] not in {None, slot}
        return {
            "lateness": truck.late * max(0, slot.starts + truck.lasts - truck.due),
            "waiting": truck.waits * (slot.starts - truck.arrives),
            "ways": truck.way[slot.door] or 0,
            "moves": self.move * moved,
        }

    def window(self, number: int, door: int) -> range:
        """The steps in which that truck can begin at that door."""
        truck, opening = self.trucks[number], self.doors[door]
        if truck.way[door] is None:
            return range(0)
        return range(max(truck.arrives, opening.opens), opening.closes - truck.lasts + 1)
