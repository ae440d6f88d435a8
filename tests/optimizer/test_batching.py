"""Batches fit the cart, save walking, and never cost more than walking for each order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import batching
from optimizer.layout import Block

BLOCK = Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3)


def problem(orders: list[list[tuple[int, float]]], sizes: list[int], capacity: int):
    stops = [(order, *stop) for order, of_order in enumerate(orders) for stop in of_order]
    return batching.Problem(
        block=BLOCK,
        aisle=np.array([a for _, a, _ in stops], dtype=np.int64),
        depth_m=np.array([d for _, _, d in stops], dtype=np.float64),
        order_of_stop=np.array([o for o, _, _ in stops], dtype=np.int64),
        size_of_order=np.array(sizes, dtype=np.int64),
        capacity=capacity,
    )


def test_orders_for_the_same_far_aisle_share_a_walk():
    orders = [[(3, 8.0)], [(0, 1.0)], [(3, 9.0)]]

    solution = batching.solve(problem(orders, [1, 1, 1], 2))

    assert solution.plan[0] == solution.plan[2] != solution.plan[1]
    # by hand: 2 x (9 across + 9 along) for orders 0 and 2, 2 x 1 for order 1
    assert solution.objective == 38
    assert solution.stages["one_order_a_walk"] == 34 + 2 + 36


def test_an_order_larger_than_the_cart_walks_alone():
    solution = batching.solve(problem([[(3, 8.0)], [(3, 8.0)]], [5, 1], 3))
    assert len(set(solution.plan.tolist())) == 2


def test_no_orders():
    assert batching.solve(problem([], [], 3)).plan.size == 0


def test_faults_are_named():
    with pytest.raises(ValueError, match="the capacity must be at least 1"):
        problem([[(0, 1.0)]], [1], 0)


STOPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10).map(float)), max_size=3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(STOPS, st.integers(0, 3)), max_size=6), st.integers(1, 6))
def test_every_batch_fits_and_the_walks_add_up(
    orders: list[tuple[list[tuple[int, float]], int]], capacity: int
):
    p = problem([stops for stops, _ in orders], [size for _, size in orders], capacity)
    solution = batching.solve(p)

    total_m = 0.0
    for number in set(solution.plan.tolist()):
        batch = frozenset(np.flatnonzero(solution.plan == number).tolist())
        assert len(batch) == 1 or p.size_of_order[sorted(batch)].sum() <= capacity
        total_m += p.walk_m(batch)
    assert solution.objective == pytest.approx(total_m)
    assert solution.objective <= solution.stages["one_order_a_walk"] + 1e-9
