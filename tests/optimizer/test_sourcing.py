"""Plans are feasible, as cheap as brute force, and never past a proven bound."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import sourcing
from optimizer.result import Status
from optimizer.sourcing_rules import by_rank

INF = float("inf")


def problem(  # noqa: PLR0913 - each test says what it is about
    lines: list[tuple[int, int, int]],
    stock: list[list[int]],
    parcel_cost: list[list[float]],
    *,
    unit_cost: float | np.ndarray = 1.0,
    line_splitting: bool = True,
    policy: list[int] | None = None,
    split_cost: float | None = None,
    capacity: list[int] | None = None,
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
        policy=None if policy is None else np.array(policy, dtype=np.int64),
        split_cost=None if split_cost is None else np.full(len(parcel_cost), split_cost),
        capacity=None if capacity is None else np.array(capacity, dtype=np.int64),
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


def test_a_line_in_parts_comes_from_where_the_rest_of_its_order_does():
    # three units of SKU 1 are two parcels in any case; SKU 0 is at node 2 only, with one of them
    one = problem([(0, 0, 1), (0, 1, 3)], [[0, 2], [0, 2], [1, 1]], [[50.0, 50.0, 60.0]])
    solution = sourcing.solve(one, budget_s=0)
    assert solution.plan.tolist() in ([[0, 0, 1], [2, 0, 1]], [[0, 0, 1], [0, 2, 1]])
    assert (solution.objective, solution.status) == (114, Status.OPTIMAL)


def test_a_line_is_parted_where_two_near_parcels_cost_less_than_a_far_one():
    one = problem([(0, 0, 2)], [[2], [1], [1]], [[900.0, 50.0, 50.0]])
    solution = sourcing.solve(one, budget_s=0)
    assert solution.plan.tolist() == [[0, 1, 1]]
    assert (solution.objective, solution.status) == (102, Status.OPTIMAL)


def test_too_many_units_to_try_each_are_parted_first():
    many = [(0, 0, 1), (0, 1, 30)] + [(0, sku, 1) for sku in range(2, 14)]
    stock = [[1, 20, *[1] * 12], [0, 20, *[0] * 12], [1, 0, *[1] * 12]]
    one = problem(many, stock, [[50.0, 50.0, 40.0]])
    first = sourcing.solve(one, budget_s=0)
    assert sourcing.violations(one, first.plan) == []
    assert first.plan[1].tolist() in ([20, 10, 0], [10, 20, 0])
    assert (first.terms["parcels"], first.terms["backorders"]) == (100, 0)
    assert first.bound is None  # it does not claim to be the best


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


def test_an_order_that_may_not_be_parted_comes_from_one_site_or_ships_less():
    lines, stock = [(0, 0, 1), (0, 1, 1)], [[5, 0], [0, 5]]
    parted = problem(lines, stock, [[60, 70]])
    whole = problem(lines, stock, [[60, 70]], policy=[sourcing.ONE_SITE])
    assert sourcing.solve(parted, budget_s=0).plan.tolist() == [[1, 0], [0, 1]]
    assert sourcing.solve(whole, budget_s=0).plan.tolist() == [[1, 0], [0, 0]]


def test_one_site_counts_the_same_sku_twice():
    one = problem([(0, 0, 2), (0, 0, 2)], [[3], [4]], [[10, 90]], policy=[sourcing.ONE_SITE])
    plan = sourcing.solve(one, budget_s=5).plan
    assert plan.tolist() == [[0, 2], [0, 2]]


def test_what_a_split_costs_decides_between_two_near_parcels_and_a_far_one():
    lines, stock = [(0, 0, 1), (0, 1, 1)], [[5, 0], [0, 5], [5, 5]]
    for split_cost, sites in ((0.0, {0, 1}), (50.0, {2})):
        one = problem(lines, stock, [[40, 40, 100]], split_cost=split_cost)
        solution = sourcing.solve(one, budget_s=0)
        assert set(np.flatnonzero(solution.plan.sum(axis=0)).tolist()) == sites
        assert solution.terms["split"] == 0


def test_a_node_sends_no_more_than_it_can():
    lines = [(0, 0, 3), (1, 0, 3)]
    one = problem(lines, [[9], [9]], [[10, 50], [10, 60]], capacity=[4, 9])
    assert sourcing.solve(one, budget_s=0).plan.tolist() == [[3, 0], [0, 3]]
    best = sourcing.solve(one, budget_s=5)
    assert best.plan.tolist() == [[0, 3], [3, 0]]
    assert best.status == Status.OPTIMAL


def test_terms_have_names_and_must_add_up():
    plain = problem([(0, 0, 2)], [[5]], [[60.0]])
    named = replace(
        plain,
        parcel_terms={"carrier": np.array([[50.0]]), "late": np.array([[10.0]])},
        unit_terms={"handling": np.array([[1.5]]), "stock": np.array([[-0.5]])},
    )
    assert sourcing.solve(named, budget_s=0).terms == {
        "carrier": 50, "late": 10, "handling": 3, "stock": -1, "backorders": 0
    }  # fmt: skip
    with pytest.raises(ValueError, match="the terms of parcel_cost do not add up"):
        replace(plain, parcel_terms={"carrier": np.array([[50.0]])})


def test_a_rule_takes_the_first_site_that_has_all_else_those_that_have_most():
    rank = np.array([[0.0, 1.0, 2.0]])
    stock = [[5, 0, 0], [5, 5, 0], [0, 0, 5]]
    two, three = [(0, 0, 1), (0, 1, 1)], [(0, 0, 1), (0, 1, 1), (0, 2, 1)]
    costs = [[9.0, 9.0, 9.0]]
    assert by_rank(problem(two, stock, costs), rank).tolist() == [[0, 1, 0], [0, 1, 0]]
    assert by_rank(problem(three, stock, costs), rank).tolist() == [
        [0, 1, 0], [0, 1, 0], [0, 0, 1]
    ]  # fmt: skip


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
    ways = st.sampled_from([sourcing.ANY, sourcing.WHOLE_LINES, sourcing.ONE_SITE])
    return problem(
        lines,
        stock,
        parcels,
        line_splitting=draw(st.booleans()),
        policy=draw(st.none() | st.lists(ways, min_size=orders, max_size=orders)),
        split_cost=draw(st.sampled_from([None, 0.0, 30.0])),
        capacity=draw(st.none() | st.lists(st.integers(0, 5), min_size=nodes, max_size=nodes)),
    )


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


@settings(max_examples=60, deadline=None)
@given(problems())
def test_rules_make_plans_that_can_be_carried_out_and_are_never_cheaper(p: sourcing.Problem):
    rank = np.broadcast_to(np.arange(p.stock.shape[0], dtype=float), p.parcel_cost.shape)
    plan = by_rank(p, rank)
    assert sourcing.violations(p, plan) == []
    cost = sum(sourcing.cost_terms(p, plan).values())
    assert sourcing.solve(p, budget_s=5).objective <= cost + 1e-6


@given(problems())
def test_the_first_stage_alone_is_feasible_and_above_the_bound(p: sourcing.Problem):
    first = sourcing.solve(p, budget_s=0)
    assert sourcing.violations(p, first.plan) == []
    if first.bound is not None:  # an order by itself: it says that nothing is cheaper
        assert first.objective == pytest.approx(brute_force(p))


def test_many_lines_by_local_search_are_close_to_the_proven_optimum():
    random = np.random.default_rng(7)
    lines = [(0, sku, 1) for sku in range(40)]
    stock = (random.random((12, 40)) < 0.4).astype(int).tolist()
    one = problem(lines, stock, [random.uniform(300, 900, 12).tolist()])

    solution = sourcing.solve(one, budget_s=10)

    assert solution.status == Status.OPTIMAL
    assert solution.stages["one_by_one"] <= 1.05 * solution.objective
