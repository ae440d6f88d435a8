"""Exchanges keep what was promised, are as cheap as brute force, and serve the most urgent."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import swaps
from optimizer.result import Status
from optimizer.swaps import NOBODY


def problem(need: list[int], has: list[int], rest: list[int], **more: object) -> swaps.Problem:
    u, d, r = len(need), len(has), len(rest)
    facts: dict[str, object] = {
        "unmet_cost": [1000] * u,
        "take_cost": [[10] * d] * u,
        "may_take": [[True] * d] * u,
        "move_cost": [[5] * r] * d,
        "may_move": [[True] * r] * d,
        "given_up_by": [NOBODY] * r,
    }
    shapes = {"take_cost": (u, d), "may_take": (u, d), "move_cost": (d, r), "may_move": (d, r)}
    kinds = {"may_take": bool, "may_move": bool}
    arrays = {
        name: np.array(value, dtype=kinds.get(name, np.int64)).reshape(shapes.get(name, (-1,)))
        for name, value in (facts | more).items()
    }
    return swaps.Problem(
        need=np.array(need, dtype=np.int64),
        has=np.array(has, dtype=np.int64),
        rest=np.array(rest, dtype=np.int64),
        **arrays,
    )


def test_units_go_from_who_can_wait_to_who_cannot():
    # two donors; the second may not be moved, its promise would break
    one = problem([2], [2, 3], [2], may_move=[[True], [False]])
    solution = swaps.solve(one)
    assert solution.plan.take.tolist() == [[2, 0]]
    assert solution.plan.move.tolist() == [[2], [0]]
    assert (solution.status, solution.objective) == (Status.OPTIMAL, 30)


def test_nothing_is_exchanged_that_costs_more_than_it_is_worth():
    one = problem([1], [1], [1], unmet_cost=[14])
    assert swaps.solve(one).plan.take.sum() == 0
    assert swaps.solve(replace(one, unmet_cost=np.array([16]))).plan.take.sum() == 1


def test_what_is_scarce_goes_to_whom_it_is_worth_most():
    one = problem([1, 1], [1], [5], unmet_cost=[100, 900])
    assert swaps.solve(one).plan.take.tolist() == [[0], [1]]


def test_two_demands_exchange_their_units():
    # the urgent one holds 2 far away; the donor can wait for these, and nothing else is free
    one = problem([2], [2], [2], given_up_by=[0])
    assert swaps.solve(one).plan.move.tolist() == [[2]]


def test_what_an_unserved_demand_would_give_up_is_not_there():
    # urgent 1 can take from nobody, so its units cannot replace the donor's
    one = problem([1, 1], [1], [1], given_up_by=[1], may_take=[[True], [False]])
    solution = swaps.solve(one)
    assert swaps.violations(one, solution.plan) == []
    assert solution.plan.take.sum() == 0


def test_faults_are_named():
    with pytest.raises(ValueError, match=r"unmet_cost is \(1,\), not \(2,\)"):
        problem([1, 1], [1], [1], unmet_cost=[1])
    with pytest.raises(ValueError, match="units must be at least 0"):
        problem([-1], [1], [1])


@st.composite
def problems(draw: st.DrawFn) -> swaps.Problem:
    u, d, r = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    units, cost = st.integers(0, 2), st.integers(0, 40)

    def many(of: st.SearchStrategy[object], count: int) -> list[object]:
        return draw(st.lists(of, min_size=count, max_size=count))

    return problem(
        many(units, u),  # type: ignore[arg-type]
        many(units, d),  # type: ignore[arg-type]
        many(units, r),  # type: ignore[arg-type]
        unmet_cost=many(cost, u),
        take_cost=many(cost, u * d),
        may_take=many(st.booleans(), u * d),
        move_cost=many(cost, d * r),
        may_move=many(st.booleans(), d * r),
    )


@settings(max_examples=60, deadline=None)
@given(problems())
def test_no_exchange_is_cheaper(p: swaps.Problem):
    solution = swaps.solve(p)
    assert swaps.violations(p, solution.plan) == []
    cells = p.take_cost.size + p.move_cost.size
    best = float("inf")
    for values in product(range(3), repeat=cells):
        plan = swaps.Plan(
            take=np.array(values[: p.take_cost.size]).reshape(p.take_cost.shape),
            move=np.array(values[p.take_cost.size :]).reshape(p.move_cost.shape),
        )
        if not swaps.violations(p, plan):
            best = min(best, sum(swaps.cost_terms(p, plan).values()))
    assert solution.objective == pytest.approx(best)
