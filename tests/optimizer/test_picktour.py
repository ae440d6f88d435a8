"""Tours are as short as brute force finds them, and walk what they claim to walk."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer import picktour
from optimizer.layout import Block, walking_distances_m

BLOCK = Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3)
STOPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 10).map(float)), min_size=0, max_size=6
)


def problem(stops: list[tuple[int, float]], depot_aisle: int = 0) -> picktour.Problem:
    return picktour.Problem(
        block=BLOCK,
        aisle=np.array([a for a, _ in stops], dtype=np.int64),
        depth_m=np.array([d for _, d in stops], dtype=np.float64),
        depot_aisle=depot_aisle,
    )


def distances(stops: list[tuple[int, float]], depot_aisle: int) -> np.ndarray:
    places = [(depot_aisle, 0.0), *stops]
    return walking_distances_m(
        BLOCK, np.array([a for a, _ in places]), np.array([d for _, d in places])
    )


def length_of(order: list[int], distance_m: np.ndarray) -> float:
    return sum(float(distance_m[a, b]) for a, b in pairwise([0, *order, 0]))


def test_one_stop_is_walked_there_and_back():
    # depot at aisle 0; stop in aisle 2, 4 m deep: 2 x (6 m across + 4 m along)
    assert picktour.solve(problem([(2, 4.0)])).objective == 20


def test_two_deep_stops_in_neighbouring_aisles_are_passed_through():
    # up aisle 0 (10), across (3), down aisle 1 (10), back (3)
    assert picktour.solve(problem([(0, 9.0), (1, 9.0)])).objective == 26


def test_no_stops_no_walk():
    solution = picktour.solve(problem([]))
    assert (solution.objective, solution.plan.size, solution.gap) == (0, 0, 0)


@given(STOPS, st.integers(0, 3))
def test_no_order_of_stops_is_shorter(stops: list[tuple[int, float]], depot_aisle: int):
    solution = picktour.solve(problem(stops, depot_aisle))
    distance_m = distances(stops, depot_aisle)

    brute = min(
        length_of(list(order), distance_m) for order in permutations(range(1, len(stops) + 1))
    )

    assert solution.objective == pytest.approx(brute)
    assert sorted(solution.plan) == list(range(len(stops)))
    walked = length_of([int(stop) + 1 for stop in solution.plan], distance_m)
    assert walked == pytest.approx(brute), "the order of visits is as short as was said"


@given(STOPS, st.integers(0, 3))
def test_the_usual_rule_is_never_shorter(stops: list[tuple[int, float]], depot_aisle: int):
    tour = problem(stops, depot_aisle)
    assert picktour.s_shape_length_m(tour) >= picktour.length_m(tour) - 1e-9


def test_stops_outside_the_block_are_refused():
    with pytest.raises(ValueError, match=r"aisle numbers must lie in \[0, 4\)"):
        problem([(4, 1.0)])
    with pytest.raises(ValueError, match="depths must lie in"):
        problem([(0, 10.5)])
