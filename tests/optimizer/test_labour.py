"""Shifts: no rule is ever broken, and as good as trying all."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest

from optimizer.labour import Duty, Person, Problem, Shift, greedy, solve
from optimizer.labour_check import faults
from optimizer.result import Limits, Status
from tests.night import some_by_day

EARLY = Shift(starts_min=360, ends_min=840)
LATE = Shift(starts_min=840, ends_min=1320)
NIGHT = Shift(starts_min=1320, ends_min=1800, unwelcome=True)
SOON = Limits(iterations=10)
AT_ONCE = Limits(iterations=1)


def drawn(
    seed: int, people: int, days: int, shifts: Sequence[Shift] = (EARLY, LATE, NIGHT)
) -> Problem:
    """People with rules of all kinds, and a little too much work for them."""
    draw = random.Random(seed)
    slots = [(day, shift) for day in range(days) for shift in range(len(shifts))]
    staff = tuple(
        Person(
            learned=frozenset(draw.sample(range(2), draw.randint(1, 2))),
            shifts_min=draw.randint(0, 1),
            shifts_max=draw.randint(1, days),
            away=frozenset(draw.sample(slots, min(len(slots), draw.randint(0, 2)))),
            wishes={slot: draw.randint(-3, 9) for slot in slots if draw.random() < 0.3},
            ran=draw.randint(0, 3),
        )
        for _ in range(people)
    )
    needs = {(*slot, work): draw.randint(0, 2) for slot in slots for work in range(2)}
    return Problem(
        staff=staff, shifts=tuple(shifts), days=days, needs=needs, days_running=draw.randint(2, 5)
    )


def by_trying_all(problem: Problem) -> float:
    every = [Duty(person, *need) for person in range(len(problem.staff)) for need in problem.needs]
    rosters = (duties for n in range(5) for duties in combinations(every, n))
    return min(
        sum(problem.terms(duties).values()) for duties in rosters if not faults(problem, duties)
    )


@pytest.mark.parametrize("seed", some_by_day(range(20), range(3)))
def test_no_roster_costs_less(seed: int):
    problem = drawn(seed, 2, 2, (EARLY, NIGHT))
    found = solve(problem, limits=SOON)
    assert faults(problem, found.plan) == []
    assert found.objective == by_trying_all(problem)
    assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", some_by_day(range(30), range(3)))
def test_no_rule_is_broken_and_the_roster_is_the_same_again(seed: int):
    problem = drawn(seed, 6, 5)
    one, again = solve(problem, limits=AT_ONCE), solve(problem, limits=AT_ONCE)
    assert one.plan == again.plan
    assert faults(problem, one.plan) == faults(problem, greedy(problem)) == []
    assert one.objective == sum(one.terms.values()) <= one.stages["greedy"]
    assert one.bound is not None
    assert one.bound <= one.objective
    assert bool(one.why) == bool(one.terms["short"])


def test_by_hand_the_night_is_shared_and_followed_by_rest():
    """Two people, two days, a night and a morning each: who worked the night cannot come early."""
    needs = {(day, shift, 0): 1 for day in range(2) for shift in range(2)}
    person = Person(learned=frozenset({0}), shifts_max=2)
    problem = Problem(staff=(person, person), shifts=(EARLY, NIGHT), days=2, needs=needs)
    found = solve(problem, limits=SOON)
    assert found.terms["short"] == 0
    assert found.terms["unfair"] == 10  # the one who had the first night has the second as well
    nights = {duty.person for duty in found.plan if duty.shift == 1}
    assert len(nights) == 1
    third = solve(replace(problem, staff=(person,) * 4), limits=SOON)
    assert third.terms["unfair"] == 5


def test_nobody_and_nothing():
    needs = {(0, 0, 0): 2, (0, 0, 1): 1}
    found = solve(Problem(staff=(), shifts=(EARLY,), days=1, needs=needs), limits=SOON)
    assert found.plan == ()
    assert found.why == ("2 shifts of work 0 have nobody", "1 shifts of work 1 have nobody")
    idle = Problem(staff=(Person(learned=frozenset(), shifts_max=3),), shifts=(), days=3, needs={})
    assert solve(idle, limits=SOON).objective == 0
    assert solve(idle, limits=Limits(seconds=0)).bound is None


def test_nonsense_is_named():
    person = Person(learned=frozenset({0}), shifts_max=2)
    problem = Problem(staff=(person,), shifts=(EARLY,), days=1, needs={})
    with pytest.raises(ValueError, match="contract"):
        replace(problem, staff=(replace(person, shifts_min=3),))
    with pytest.raises(ValueError, match="ends after"):
        replace(problem, shifts=(Shift(starts_min=9, ends_min=9),))
    with pytest.raises(ValueError, match="on day 1"):
        replace(problem, needs={(1, 0, 0): 1})
    with pytest.raises(ValueError, match="a day on end"):
        replace(problem, days_running=0)


def test_the_checker_sees_every_fault():
    person = Person(learned=frozenset({0}), shifts_max=2, away=frozenset({(2, 0)}), ran=1)
    needs = {(day, shift, work): 1 for day in range(3) for shift in range(2) for work in range(2)}
    problem = Problem(
        staff=(person,), shifts=(EARLY, NIGHT), days=3, needs=needs, days_running=2
    )  # fmt: skip

    def said(*duties: Duty) -> str:
        return "; ".join(faults(problem, duties))

    assert said(Duty(0, 0, 0, 0)) == ""
    assert "more than the contract" in said(*(Duty(0, day, 1, 0) for day in range(3)))
    assert "learned" in said(Duty(0, 0, 0, 1))
    assert "cannot come" in said(Duty(0, 2, 0, 0))
    assert "nobody is wanted" in said(Duty(0, 0, 0, 7))
    assert "twice" in said(Duty(0, 0, 0, 0), Duty(0, 0, 1, 0))
    assert "no rest" in said(Duty(0, 0, 1, 0), Duty(0, 1, 0, 0))
    assert "days on end" in said(Duty(0, 0, 0, 0), Duty(0, 1, 0, 0))
