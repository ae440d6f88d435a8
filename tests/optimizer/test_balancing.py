"""Balancing: as good as trying everything, never more than there is, no move without worth."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optimizer import balancing
from optimizer.balancing import Problem


def by_trying_all(problem: Problem) -> float:
    n, m = problem.cost.shape
    tops = [min(int(problem.surplus[i]), int(problem.need[j])) for i in range(n) for j in range(m)]
    best = float((problem.need * problem.worth).sum())
    for units in itertools.product(*(range(top + 1) for top in tops)):
        plan = np.array(units).reshape(n, m)
        if (plan.sum(axis=1) > problem.surplus).any() or (plan.sum(axis=0) > problem.need).any():
            continue
        unmet = problem.need - plan.sum(axis=0)
        best = min(best, float((plan * problem.cost).sum() + (unmet * problem.worth).sum()))
    return best


@st.composite
def problems(draw: st.DrawFn, top: int = 3) -> Problem:
    n, m = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    whole = st.integers(0, top)
    money = st.integers(0, 20)
    return Problem(
        surplus=np.array(draw(st.lists(whole, min_size=n, max_size=n)), dtype=np.int64),
        need=np.array(draw(st.lists(whole, min_size=m, max_size=m)), dtype=np.int64),
        cost=np.array(
            draw(st.lists(money, min_size=n * m, max_size=n * m)), dtype=np.int64
        ).reshape(n, m),
        worth=np.array(draw(st.lists(money, min_size=m, max_size=m)), dtype=np.int64),
    )


@given(problems())
def test_no_plan_costs_less(problem: Problem):
    solution = balancing.solve(problem)
    assert solution.objective == by_trying_all(problem) == solution.bound
    assert (solution.plan >= 0).all()
    assert (solution.plan.sum(axis=1) <= problem.surplus).all()
    assert (solution.plan.sum(axis=0) <= problem.need).all()


@given(problems(top=9), st.integers(1, 6))
def test_small_moves_are_not_made_and_the_bound_holds(problem: Problem, units_min: int):
    whole = balancing.solve(problem)
    coarse = balancing.solve(
        Problem(
            surplus=problem.surplus,
            need=problem.need,
            cost=problem.cost,
            worth=problem.worth,
            units_min=units_min,
        )
    )
    assert ((coarse.plan == 0) | (coarse.plan >= units_min)).all()
    assert coarse.bound is not None
    assert whole.objective == coarse.bound <= coarse.objective


def test_the_near_surplus_goes_to_the_worthier_need():
    solution = balancing.solve(
        Problem(
            surplus=np.array([5, 5]),
            need=np.array([4, 8]),
            cost=np.array([[1, 3], [9, 2]]),
            worth=np.array([10, 10]),
        )
    )
    assert solution.plan.tolist() == [[4, 1], [0, 5]]
    assert solution.terms == {"moves": 17.0, "unmet": 20.0}


def test_thirty_sites_take_no_time():
    rng = np.random.default_rng(4)
    problem = Problem(
        surplus=rng.integers(0, 50, 15),
        need=rng.integers(0, 50, 20),
        cost=rng.integers(10, 500, (15, 20)),
        worth=np.full(20, 1_000),
        units_min=3,
    )
    solution = balancing.solve(problem)
    assert solution.gap is not None
    assert solution.gap < 0.05
