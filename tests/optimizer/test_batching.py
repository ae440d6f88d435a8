"""Batches fit the cart, save walking, and are as short as brute force finds them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.batching_world import instance
from optimizer import (
    batching,
    batching_anneal,
    batching_exact,
    batching_partition,
    batching_walks,
    picktour,
)
from optimizer.layout import Block
from optimizer.result import Limits, Status

BLOCK = Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3)


@pytest.fixture(scope="module", autouse=True)
def plain() -> Iterator[None]:
    """Every compiled loop runs as it is: nothing waits for a compiler by day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "IS_COMPILED", False)
        patch.setattr(batching_walks, "IS_COMPILED", False)
        patch.setattr(batching_exact, "SEEN", 1 << 12)
        parts = (batching_walks, batching_anneal, batching_exact, batching_partition)
        for module in (batching, *parts):
            for name, value in list(vars(module).items()):
                if hasattr(value, "py_func"):
                    patch.setattr(module, name, value.py_func)
        yield


def problem(
    orders: list[list[tuple[int, float]]],
    sizes: list[int],
    capacity: int,
    orders_max: int | None = None,
    block: Block = BLOCK,
) -> batching.Problem:
    stops = [(order, *stop) for order, of_order in enumerate(orders) for stop in of_order]
    return batching.Problem(
        block=block,
        aisle=np.array([a for _, a, _ in stops], dtype=np.int64),
        depth_m=np.array([d for _, _, d in stops], dtype=np.float64),
        order_of_stop=np.array([o for o, _, _ in stops], dtype=np.int64),
        size_of_order=np.array(sizes, dtype=np.int64),
        capacity=capacity,
        orders_max=orders_max,
    )


def partings(orders: list[int]) -> Iterator[list[list[int]]]:
    """All ways to part orders into batches."""
    if not orders:
        yield []
        return
    first, *rest = orders
    for parts in partings(rest):
        yield [[first], *parts]
        for at, part in enumerate(parts):
            yield [*parts[:at], [first, *part], *parts[at + 1 :]]


def may_be(p: batching.Problem, batch: list[int]) -> bool:
    """Whether a batch may be picked in one walk."""
    if len(batch) == 1:
        return True
    load = int(p.size_of_order[batch].sum())
    return load <= p.capacity and (p.orders_max is None or len(batch) <= p.orders_max)


def checked_m(p: batching.Problem, plan: np.ndarray) -> float:
    """How long a plan's walks are, by the exact tour of each; it breaks nothing."""
    total_m = 0.0
    for number in set(plan.tolist()):
        batch = np.flatnonzero(plan == number).tolist()
        assert may_be(p, batch)
        total_m += p.walk_m(frozenset(batch))
    return total_m


def test_orders_for_the_same_far_aisle_share_a_walk():
    orders = [[(3, 8.0)], [(0, 1.0)], [(3, 9.0)]]

    solution = batching.solve(problem(orders, [1, 1, 1], 2))

    assert solution.plan[0] == solution.plan[2] != solution.plan[1]
    # by hand: 2 x (9 across + 9 along) for orders 0 and 2, 2 x 1 for order 1
    assert solution.objective == 38
    assert solution.stages["one_order_a_walk"] == 34 + 2 + 36
    assert solution.stages["first_come"] == 34 + 2 + 36  # 0 and 1 go together, 2 alone


def test_an_order_larger_than_the_cart_walks_alone():
    solution = batching.solve(problem([[(3, 8.0)], [(3, 8.0)]], [5, 1], 3))
    assert len(set(solution.plan.tolist())) == 2


def test_what_fits_in_one_walk_is_proven_at_once():
    orders = [[(3, 8.0)], [(0, 1.0)], [(3, 9.0)]]
    solution = batching.solve(problem(orders, [1, 1, 1], 3), limits=Limits(seconds=60))
    assert (solution.status, solution.gap) == (Status.OPTIMAL, 0)


@pytest.mark.parametrize("limits", [batching.SAVINGS_ONLY, Limits(iterations=2)])
def test_no_orders_and_one(limits: Limits):
    assert batching.solve(problem([], [], 3), limits=limits).plan.size == 0
    assert batching.solve(problem([[(1, 2.0)]], [9], 3), limits=limits).objective == 10
    assert batching.solve(problem([[]], [1], 3), limits=limits).objective == 0


def test_faults_are_named():
    with pytest.raises(ValueError, match="the capacity must be at least 1"):
        problem([[(0, 1.0)]], [1], 0)
    with pytest.raises(ValueError, match="room for at least 1 order"):
        problem([[(0, 1.0)]], [1], 1, 0)
    with pytest.raises(ValueError, match=r"aisle numbers must lie in \[0, 4\)"):
        problem([[(4, 1.0)]], [1], 1)


STOPS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10).map(float)), max_size=3)
PROBLEMS = st.builds(
    lambda drawn, capacity, orders_max, cuts: problem(
        [stops for stops, _ in drawn],
        [size for _, size in drawn],
        capacity,
        orders_max,
        Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3, cross_aisles_m=cuts),
    ),
    st.lists(st.tuples(STOPS, st.integers(0, 3)), max_size=6),
    st.integers(1, 6),
    st.none() | st.integers(1, 3),
    st.sampled_from([(), (4.0,)]),
)


@settings(deadline=None, max_examples=settings().max_examples // 8)
@given(PROBLEMS)
def test_every_batch_fits_and_the_walks_add_up(p: batching.Problem):
    solution = batching.solve(p)
    assert solution.objective == pytest.approx(checked_m(p, solution.plan))
    assert solution.objective <= solution.stages["one_order_a_walk"] + 1e-9


@settings(deadline=None, max_examples=settings().max_examples // 16)
@given(PROBLEMS, st.integers(0, 3))
def test_few_orders_are_batched_as_brute_force_does(p: batching.Problem, seed: int):
    solution = batching.solve(p, limits=Limits(iterations=2), seed=seed)

    brute_m = min(
        sum(p.walk_m(frozenset(batch)) for batch in parts)
        for parts in partings(list(range(p.size_of_order.size)))
        if all(may_be(p, batch) for batch in parts)
    )

    assert checked_m(p, solution.plan) == pytest.approx(solution.objective)
    assert solution.objective == pytest.approx(brute_m)
    assert solution.status is Status.OPTIMAL
    assert solution.gap == pytest.approx(0)


@settings(deadline=None, max_examples=settings().max_examples // 16)
@given(PROBLEMS, st.sampled_from([1, 2, 62]))
def test_walks_are_as_long_one_by_one_and_all_at_once(p: batching.Problem, word: int):
    """Also where the places of a piece need several words."""
    orders = p.size_of_order.size
    stops = batching_walks.Stops(p.aisle, p.depth_m, p.order_of_stop)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching_walks, "WORD", word)
        ground, bits = batching_walks.ground_of(p.block, p.depot_aisle, stops, orders)
        one_by_one = batching_walks.each_length_m(ground, bits)
        assert batching_walks.lengths_m(ground, bits) == pytest.approx(one_by_one)
    assert one_by_one.tolist() == pytest.approx(
        [p.walk_m(frozenset({order})) for order in range(orders)]
    )


def test_annealing_is_shorter_than_savings_and_the_same_every_time():
    p = instance(20, 75, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "COLUMNS_MAX", 0)  # annealing alone
        one, other = (batching.solve(p, limits=Limits(iterations=6), seed=1) for _ in range(2))
    assert one.objective < one.stages["savings"]
    assert checked_m(p, one.plan) == pytest.approx(one.objective)
    assert (one.plan == other.plan).all()
    assert one.stages == other.stages


def test_more_orders_than_are_weighed_with_each_other_are_all_batched():
    p = instance(20, 75, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PART_MAX", 7)
        solution = batching.solve(p)
    assert checked_m(p, solution.plan) == pytest.approx(solution.objective)
    assert solution.objective < solution.stages["one_order_a_walk"]


def test_many_orders_are_annealed_part_by_part_and_the_same_every_time():
    p = instance(25, 45, 1)
    heard: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "PART_MAX", 9)
        patch.setattr(batching, "KNOWN_OF_PART", 1 << 10)
        one = batching.solve(
            p, limits=Limits(iterations=4), progress=lambda best, _: heard.append(best)
        )
        other = batching.solve(p, limits=Limits(iterations=4))
    assert checked_m(p, one.plan) == pytest.approx(one.objective)
    assert one.objective < one.stages["savings"]
    assert one.objective == pytest.approx(heard[-1])
    assert heard == sorted(heard, reverse=True)
    assert (one.plan == other.plan).all()
    assert (one.status, one.bound) == (Status.FEASIBLE, None)


def test_a_pool_without_all_batches_promises_nothing():
    p = instance(20, 75, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "SETS_A_ROUND", 1)  # too few to write them all
        solution = batching.solve(p, limits=Limits(iterations=3))
    assert solution.bound is None
    assert solution.status is Status.FEASIBLE
    assert checked_m(p, solution.plan) == pytest.approx(solution.objective)


def test_whoever_says_stop_has_the_best_so_far():
    heard: list[float] = []
    p = instance(20, 75, 2)
    limits = Limits(iterations=40, stop=lambda: len(heard) > 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "COLUMNS_MAX", 0)  # annealing alone
        solution = batching.solve(p, limits=limits, progress=lambda best, _: heard.append(best))

    assert heard[0] == solution.stages["savings"]
    assert heard == sorted(heard, reverse=True)
    assert checked_m(p, solution.plan) == pytest.approx(solution.objective) == heard[-1]


@pytest.mark.nightly
def test_compiled_loops_batch_as_plain_ones():
    script = (
        "from benchmarks.batching_world import instance\n"
        "from optimizer import batching\n"
        "from optimizer.result import Limits\n"
        "print(batching.solve(instance(20, 75, 2), limits=Limits(iterations=60), seed=3))"
    )
    answers = {flag: answer_of(script, flag) for flag in ("0", "1")}
    assert answers["0"] == answers["1"]


def answer_of(script: str, flag: str) -> str:
    """What a process of its own prints, without how long it took."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"SOKO_COMPILED": flag},
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"runtime_s=[^,]*", "", done.stdout)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1, 4))
def test_twenty_orders_are_proven(seed: int):
    p = instance(20, 60, seed)
    solution = batching.solve(p, limits=Limits(iterations=1000))
    assert solution.status is Status.OPTIMAL
    assert checked_m(p, solution.plan) == pytest.approx(solution.bound)
    assert picktour.CORNERS_MAX > 2  # walks of one block are exact
