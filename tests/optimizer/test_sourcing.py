"""Plans are feasible, as cheap as brute force, and never past a proven bound."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import sourcing
from optimizer.result import Status

INF = float("inf")


def problem(
    lines: list[tuple[int, int, int]],
    stock: list[list[int]],
    parcel_cost: list[list[float]],
    *,
    unit_cost: float | np.ndarray = 1.0,
    line_splitting: bool = True,
) -> sourcing.Problem:
    """`lines` are (order, sku, units)."""
    shape = (len(lines), len(stock))
    return sourcing.Problem(
        order_of_line=np.array([o for o, _, _ in lines], dtype=np.int64),
        sku_of_line=np.array([s for _, s, _ in lines], dtype=np.int64),
        units=np.array([u for _, _, u in lines], dtype=np.int64),
        stock=np.array(stock, dtype=np.int64),
        parcel_cost=np.array(parcel_cost, dtype=np.float64),
        unit_cost=np.broadcast_to(np.asarray(unit_cost, dtype=np.float64), shape).copy(),
        backorder_cost=np.full(len(lines), 1000.0),
        line_splitting=line_splitting,
    )


def test_one_far_parcel_beats_two_near_ones():
    # node 0 and 1 hold one SKU each (parcel 60), node 2 holds both (parcel 100)
    one = problem([(0, 0, 1), (0, 1, 1)], [[5, 0], [0, 5], [5, 5]], [[60, 60, 100]])

    solution = sourcing.solve(one, budget_s=0)

    assert solution.plan.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert solution.objective == 102
    assert solution.terms == {"parcels": 100, "handling": 2, "backorders": 0}
    assert (solution.status, solution.gap) == (Status.OPTIMAL, 0)


def test_a_line_that_nobody_can_fill_is_back_ordered_and_the_others_ship():
    one = problem([(0, 0, 9), (0, 1, 1)], [[5, 5], [3, 0]], [[50, 50]])
    assert sourcing.solve(one, budget_s=0).plan.tolist() == [[0, 0], [1, 0]]


def test_a_line_larger_than_any_node_is_split_only_where_that_is_allowed():
    lines, stock, parcels = [(0, 0, 8)], [[5], [3]], [[50.0, 50.0]]
    split = sourcing.solve(problem(lines, stock, parcels), budget_s=0)
    whole = sourcing.solve(problem(lines, stock, parcels, line_splitting=False), budget_s=0)
    assert split.plan.tolist() == [[5, 3]]
    assert whole.plan.tolist() == [[0, 0]]


def test_the_same_sku_twice_in_one_order_does_not_ship_one_unit_twice():
    one = problem([(0, 0, 1), (0, 0, 1)], [[1], [1]], [[10.0, 90.0]])
    plan = sourcing.solve(one, budget_s=0).plan
    assert sourcing.violations(one, plan) == []
    assert plan.sum() == 2


def test_the_batch_sees_what_one_order_at_a_time_cannot():
    # order 0 takes the last unit at node 0 although order 1 can be served from nowhere else
    both = problem([(0, 0, 1), (1, 0, 1)], [[1], [1]], [[10, 11], [10, INF]])

    myopic = sourcing.solve(both, budget_s=0)
    batch = sourcing.solve(both, budget_s=5)

    assert myopic.terms["backorders"] == 1000
    assert batch.terms["backorders"] == 0
    assert batch.status == Status.OPTIMAL
    assert batch.bound == pytest.approx(23)
    assert batch.stages == {"one_by_one": myopic.objective, "mip": batch.objective}


def test_faults_are_named():
    with pytest.raises(ValueError, match="units must be at least 1"):
        problem([(0, 0, 0)], [[1]], [[1.0]])
    with pytest.raises(ValueError, match=r"parcel_cost is \(1, 1\), not \(1, 2\)"):
        problem([(0, 0, 1)], [[1], [1]], [[1.0]])


@st.composite
def problems(draw: st.DrawFn) -> sourcing.Problem:
    orders, nodes, skus = draw(st.integers(1, 2)), draw(st.integers(1, 3)), 3
    lines = draw(
        st.lists(
            st.tuples(st.integers(0, orders - 1), st.integers(0, skus - 1), st.integers(1, 3)),
            min_size=1,
            max_size=4,
            unique_by=lambda line: line[:2],
        )
    )
    whole = st.integers(0, 4)
    stock = draw(st.lists(st.lists(whole, min_size=3, max_size=3), min_size=nodes, max_size=nodes))
    price = st.sampled_from([5.0, 17.0, 40.0, INF])
    row = st.lists(price, min_size=nodes, max_size=nodes)
    parcels = draw(st.lists(row, min_size=orders, max_size=orders))
    return problem(lines, stock, parcels, line_splitting=draw(st.booleans()))


def brute_force(p: sourcing.Problem) -> float:
    """The cheapest of all plans."""
    nodes = p.stock.shape[0]
    ways = []
    for units in p.units:
        splits = product(range(int(units) + 1), repeat=nodes)
        filled = [np.array(split) for split in splits if sum(split) == units]
        ways.append([np.zeros(nodes, dtype=np.int64), *filled])
    plans = (np.array(plan) for plan in product(*ways))
    return min(
        sum(sourcing.cost_terms(p, plan).values())
        for plan in plans
        if not sourcing.violations(p, plan)
    )


@settings(max_examples=60, deadline=None)
@given(problems())
def test_no_plan_is_cheaper(p: sourcing.Problem):
    solution = sourcing.solve(p, budget_s=5)

    assert sourcing.violations(p, solution.plan) == []
    assert solution.objective == pytest.approx(sum(solution.terms.values()))
    assert solution.objective == pytest.approx(brute_force(p))
    assert solution.status == Status.OPTIMAL


@given(problems())
def test_the_first_stage_alone_is_feasible_and_above_the_bound(p: sourcing.Problem):
    first = sourcing.solve(p, budget_s=0)
    assert sourcing.violations(p, first.plan) == []


def test_many_lines_by_local_search_are_close_to_the_proven_optimum():
    random = np.random.default_rng(7)
    lines = [(0, sku, 1) for sku in range(40)]
    stock = (random.random((12, 40)) < 0.4).astype(int).tolist()
    one = problem(lines, stock, [random.uniform(300, 900, 12).tolist()])

    solution = sourcing.solve(one, budget_s=10)

    assert solution.status == Status.OPTIMAL
    assert solution.stages["one_by_one"] <= 1.05 * solution.objective
