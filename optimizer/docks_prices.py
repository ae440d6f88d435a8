"""What a step at a door is worth: prices under which trucks, each for itself, keep out of the way.

Without the law that a door has one truck at a time, each truck takes the slot that costs it least.
With a price on each step of each door the same gives a floor under the cost of any plan (less the
prices of all steps), and prices rise where too many want a step and fall where nobody does. In
turn the trucks are put into the sheet one by one, at the least cost and price, in the order in
which they would begin: a plan, and mostly a good one.

    sheet = Sheet(problem)
    sheet.first()          a plan to start from: who is due first goes where it costs least
    sheet.priced(...)      a bound, and a better plan
    sheet.mended(...)      some trucks taken out and put in again, as long as that helps
    sheet.candidates(...)  the slots that a better plan can have: the others cost too much by
                           themselves, at the prices of the best bound

Shapes: n trucks, d doors, t steps. Costs are whole numbers, so a bound is rounded up.

Source: M. Fisher, "The Lagrangian Relaxation Method for Solving Integer Programming Problems",
Management Science 27(1), 1981.
"""

from collections.abc import Callable, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from optimizer.docks_problem import Plan, Problem, Slot

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PATIENCE = 40  # rounds without a better bound before the steps get shorter
SHORTEST = 0.004
PLAN_EVERY = 5  # rounds


class Sheet:
    """A problem in arrays."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._steps = max((door.closes for door in problem.doors), default=0)
        count, doors = len(problem.trucks), len(problem.doors)
        self._cost = np.full((count, doors, self._steps), np.inf)  # of beginning there and then
        self._lasts = np.array([truck.lasts for truck in problem.trucks], dtype=np.int64)
        for number in range(count):
            for slot in self._slots(number):
                self._cost[number, slot.door, slot.starts] = problem.cost(number, slot)
        ends = np.arange(self._steps)[None, :] + self._lasts[:, None]
        self._ends = np.minimum(ends, self._steps)  # of work, by when it begins
        self._free = np.zeros((doors, self._steps))
        self._bound, self._price = 0.0, self._free

    def _slots(self, number: int) -> Sequence[Slot]:
        kept = self._problem.before[number] if number in self._problem.fixed else None
        if kept is not None:
            return [kept]
        return [
            Slot(door, step)
            for door in range(len(self._problem.doors))
            for step in self._problem.window(number, door)
        ]

    def first(self) -> Plan:
        """Who is fixed first, then by when they are due, each where it costs least."""
        trucks, fixed = self._problem.trucks, self._problem.fixed
        turn = sorted(
            range(len(trucks)), key=lambda n: (n not in fixed, trucks[n].due, trucks[n].arrives, n)
        )
        return self._insert(turn, [None] * len(trucks), self._free)

    def priced(
        self, best: Plan, cost: int, go_on: Callable[[int, int], bool]
    ) -> tuple[Plan, int, int]:
        """A plan at least as good as this one, its cost, and a bound.

        `go_on` is asked before each round, with the cost and the bound.
        """
        price, bound, step, waited, rounds = self._free.copy(), 0.0, 1.0, 0, 0
        while step > SHORTEST and bound < cost and go_on(cost, ceil(bound - 1e-6)):
            rounds += 1
            value, door, start = self._alone(price)
            here = float(value.sum() - price.sum())
            waited = 0 if here > bound else waited + 1
            if here > bound:
                bound = self._bound = here
                self._price = price
            if waited == PATIENCE:
                waited, step = 0, step / 2
            used = self._used(door, start)
            slope = used - 1
            slope[(price == 0) & (slope < 0)] = 0
            if not slope.any():
                break
            if rounds % PLAN_EVERY == 1:
                turn = np.lexsort((start, start < 0)).tolist()
                plan = self._insert(turn, [None] * len(turn), price)
                if (found := self.cost(plan)) < cost:
                    best, cost = plan, found
            price = np.maximum(0, price + step * (cost - here) / float((slope**2).sum()) * slope)
        return best, cost, min(cost, ceil(bound - 1e-6))

    def mended(
        self, best: Plan, cost: int, seed: int, go_on: Callable[[int, int], bool]
    ) -> tuple[Plan, int]:
        """A plan at least as good: trucks near each other in time are taken out and put in anew."""
        chance = np.random.default_rng(seed)
        movable = [n for n in range(len(best)) if n not in self._problem.fixed]
        rounds, here, plan = 0, cost, best
        while len(movable) > 1 and go_on(rounds, cost):
            rounds += 1
            middle = movable[int(chance.integers(len(movable)))]
            begins = np.array([self._begins(n, plan) for n in movable], dtype=np.float64)
            near = np.abs(begins - self._begins(middle, plan)) + chance.uniform(0, 8, len(movable))
            out = [movable[k] for k in np.argsort(near)[: int(chance.integers(2, 12))]]
            rest = [None if n in out else slot for n, slot in enumerate(plan)]
            chance.shuffle(out)
            other = self._insert(out, rest, self._free)
            found = self.cost(other)
            if found <= here:
                plan, here = other, found
                if found < cost:
                    best, cost = other, found
        return best, cost

    def candidates(self, cost: int) -> tuple[list[list[Slot]], list[bool]]:
        """Of each truck, the slots that a cheaper plan can have; and whether it can do without.

        With another slot it would cost more above its best than `cost` is above the bound.
        """
        value, _, _ = self._alone(self._price)
        spare = cost - 1 - self._bound + 1e-6
        kept = self._at(self._price) - value[:, None, None] <= spare
        slots = [[Slot(*each) for each in np.argwhere(one).tolist()] for one in kept]
        return slots, (self._problem.left_out - value <= spare).tolist()

    def cost(self, plan: Plan) -> int:
        """What a plan costs."""
        return sum(self._problem.cost(number, slot) for number, slot in enumerate(plan))

    def _begins(self, number: int, plan: Plan) -> int:
        slot = plan[number]
        return self._problem.trucks[number].arrives if slot is None else slot.starts

    def _alone(self, price: Floats) -> tuple[Floats, Ints, Ints]:
        """What each truck would pay, at which door, from which step; -1: it would rather not."""
        every = self._at(price).reshape(len(self._cost), -1)
        at = every.argmin(axis=1)
        value = every[np.arange(len(at)), at]
        out = value >= self._problem.left_out
        door, start = np.divmod(at, self._steps)
        return (
            np.minimum(value, self._problem.left_out),
            np.where(out, -1, door),
            np.where(out, -1, start),
        )

    def _at(self, price: Floats) -> Floats:
        """What each slot costs each truck at these prices, shape (n, d, t)."""
        paid = np.zeros((price.shape[0], self._steps + 1))
        paid[:, 1:] = price.cumsum(axis=1)
        every: Floats = self._cost + paid[:, self._ends].transpose(1, 0, 2) - paid[None, :, :-1]
        return every

    def _used(self, door: Ints, start: Ints) -> Floats:
        """How many trucks want each step of each door, shape (d, t)."""
        change = np.zeros((self._free.shape[0], self._steps + 1))
        there = door >= 0
        np.add.at(change, (door[there], start[there]), 1)
        np.add.at(change, (door[there], start[there] + self._lasts[there]), -1)
        used: Floats = change.cumsum(axis=1)[:, :-1]
        return used

    def _insert(self, turn: Sequence[int], plan: Sequence[Slot | None], price: Floats) -> Plan:
        """Slots for these trucks as well, one after the other, at the least cost and price."""
        made = list(plan)
        busy = np.zeros((price.shape[0], self._steps + 1))
        paid = np.zeros_like(busy)
        paid[:, 1:] = price.cumsum(axis=1)
        for number, slot in enumerate(made):
            if slot is not None:
                self._take(busy, number, slot)
        for number in turn:
            ends = self._ends[number]
            work = (paid + busy)[:, ends] - (paid + busy)[:, :-1]
            every = self._cost[number] + work
            at = int(every.argmin())
            if every.flat[at] < self._problem.left_out:
                made[number] = slot = Slot(*divmod(at, self._steps))
                self._take(busy, number, slot)
        return tuple(made)

    def _take(self, busy: Floats, number: int, slot: Slot) -> None:
        """Make those steps of that door dearer than to be left out; `busy` is a running sum."""
        lasts = int(self._lasts[number])
        dear = self._problem.left_out * np.minimum(np.arange(self._steps + 1 - slot.starts), lasts)
        busy[slot.door, slot.starts :] += dear
