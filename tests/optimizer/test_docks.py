"""Docks: two never at one door, nobody before they are there, and as good as trying all."""

import random
from dataclasses import replace
from itertools import product

import pytest

from optimizer.docks import Door, Problem, Slot, Truck, solve
from optimizer.docks_check import cost, faults
from optimizer.docks_prices import Sheet
from optimizer.result import Limits, Status
from tests.night import some_by_day

SOON = Limits(iterations=4)


def drawn(seed: int, trucks: int, doors: int, steps: int = 12) -> Problem:
    """Trucks that come all day to doors, some of which they cannot go to."""
    draw = random.Random(seed)
    made = []
    for _ in range(trucks):
        arrives, lasts = draw.randint(0, steps - 4), draw.randint(1, 4)
        way = tuple(draw.choice([None, 0, 1, 2, 3]) for _ in range(doors))
        made.append(
            Truck(
                arrives=arrives, lasts=lasts, due=arrives + lasts + draw.randint(-1, 3),
                late=draw.randint(1, 9), waits=draw.randint(0, 2), way=way,
            )
        )  # fmt: skip
    opened = [
        Door(opens=draw.randint(0, 2), closes=steps - draw.randint(0, 1)) for _ in range(doors)
    ]
    return Problem(trucks=tuple(made), doors=tuple(opened), left_out=500)


def by_trying_all(problem: Problem) -> int:
    """The least cost of all plans that the checker finds nothing wrong with."""
    slots = [Slot(door, step) for door in range(len(problem.doors)) for step in range(12)]
    plans = product([None, *slots], repeat=len(problem.trucks))
    return min(cost(problem, plan) for plan in plans if not faults(problem, plan))


@pytest.mark.parametrize("seed", some_by_day(range(40), range(4)))
def test_no_plan_costs_less(seed: int):
    problem = drawn(seed, 2, 2)
    found = solve(problem, limits=SOON)
    assert faults(problem, found.plan) == []
    assert found.objective == cost(problem, found.plan) == by_trying_all(problem)
    assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", some_by_day(range(20), range(3)))
def test_every_plan_can_be_kept_and_is_the_same_again(seed: int):
    problem = drawn(seed, 10, 3)
    one, again = solve(problem, limits=SOON), solve(problem, limits=SOON)
    assert one.plan == again.plan
    assert faults(problem, one.plan) == []
    assert one.objective == cost(problem, one.plan) == sum(one.terms.values())
    assert one.bound is not None
    assert one.bound <= one.objective <= one.stages["first"]
    assert len(one.why) == one.plan.count(None)


@pytest.mark.parametrize("seed", some_by_day(range(20), range(3)))
def test_when_a_truck_is_late_little_changes(seed: int):
    """It comes six steps later: those at work stay, and others only where it is worth a move."""
    problem = replace(drawn(seed, 9, 4), move=40)
    plan = solve(problem, limits=SOON).plan
    begun = frozenset(n for n, slot in enumerate(plan) if slot is not None and slot.starts < 2)
    late = next(n for n, slot in enumerate(plan) if slot is not None and n not in begun)
    trucks = list(problem.trucks)
    trucks[late] = replace(trucks[late], arrives=trucks[late].arrives + 6)
    again = replace(problem, trucks=tuple(trucks), before=plan, fixed=begun)
    found = solve(again, limits=SOON)
    assert faults(again, found.plan) == []
    assert found.objective == cost(again, found.plan)
    anew = solve(replace(again, before=(), fixed=frozenset()), limits=SOON).plan
    changed = sum(one != other for one, other in zip(plan, found.plan, strict=True))
    assert changed <= sum(one != other for one, other in zip(plan, anew, strict=True))


@pytest.mark.parametrize("seed", some_by_day(range(40), range(6)))
def test_prices_leave_every_slot_of_the_best_plan(seed: int):
    problem = drawn(seed, 7, 2)
    sheet = Sheet(problem)
    cost = sheet.cost(sheet.first())
    sheet.priced(sheet.first(), cost, lambda *_: True)
    best = solve(problem, limits=Limits(iterations=30))
    slots, outs = sheet.candidates(cost)
    if best.objective < cost:
        for number, slot in enumerate(best.plan):
            assert slot in slots[number] if slot is not None else outs[number]


def test_by_hand_the_urgent_one_goes_first():
    """One door, two trucks of three steps: the one that costs 9 a step late, then that of 1."""
    slow = Truck(arrives=0, lasts=3, due=3, late=1, waits=0, way=(0,))
    dear = replace(slow, late=9)
    found = solve(Problem(trucks=(slow, dear), doors=(Door(closes=9),)), limits=SOON)
    assert found.plan == (Slot(0, 3), Slot(0, 0))
    assert (found.objective, found.terms["lateness"]) == (3.0, 3.0)


def test_no_trucks_and_one_that_nobody_can_take():
    assert solve(Problem(trucks=(), doors=())).plan == ()
    tall = Truck(arrives=0, lasts=2, due=9, way=(None, 5))
    doors = (Door(closes=9), Door(opens=3, closes=4))
    found = solve(Problem(trucks=(tall,), doors=doors), limits=SOON)
    assert found.plan == (None,)
    assert "truck 0: no door" in found.why[0]
    pressed = replace(tall, way=(0, None), lasts=5)
    found = solve(Problem(trucks=(pressed, pressed), doors=doors), limits=SOON)
    assert found.plan.count(None) == 1
    assert "taken by others" in found.why[0]
    assert solve(Problem(trucks=(tall,), doors=doors), limits=Limits(seconds=0)).plan == (None,)


def test_nonsense_is_named():
    truck = Truck(arrives=0, lasts=2, due=2, way=(0,))
    door = (Door(closes=9),)
    with pytest.raises(ValueError, match="each door"):
        Problem(trucks=(replace(truck, way=()),), doors=door)
    with pytest.raises(ValueError, match="at least a step"):
        Problem(trucks=(replace(truck, lasts=0),), doors=door)
    with pytest.raises(ValueError, match="a slot, or None"):
        Problem(trucks=(truck,), doors=door, before=(None, None))
    fixed = frozenset({0, 1})
    with pytest.raises(ValueError, match="0 is fixed where it cannot"):
        Problem(trucks=(truck, truck), doors=door, before=(Slot(0, 8), None), fixed=fixed)
    with pytest.raises(ValueError, match="1 is fixed where 0 is"):
        Problem(trucks=(truck,) * 2, doors=door, before=(Slot(0, 1), Slot(0, 2)), fixed=fixed)


def test_the_checker_sees_every_fault():
    truck = Truck(arrives=1, lasts=2, due=3, way=(0, None))
    problem = Problem(
        trucks=(truck, truck), doors=(Door(opens=1, closes=6), Door(closes=6)),
        before=(Slot(0, 1), None), fixed=frozenset({0}),
    )  # fmt: skip

    def said(*plan: Slot | None) -> str:
        return "; ".join(faults(problem, plan))

    assert said(Slot(0, 1), None) == ""
    assert "two at step 2" in said(Slot(0, 1), Slot(0, 2))
    assert "was fixed" in said(Slot(0, 2), None)
    assert "cannot go" in said(Slot(0, 1), Slot(1, 1))
    assert "before it is there" in said(Slot(0, 1), Slot(0, 0))
    assert "closed" in said(Slot(0, 1), Slot(0, 5))
    assert "not every" in said(Slot(0, 1))
