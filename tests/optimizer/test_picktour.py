"""Tours are as short as brute force finds them, and walk what they claim to walk."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import picktour, picktour_rules
from optimizer.layout import Block, walking_distances_m
from optimizer.result import Status

BLOCK = Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3)
STOPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 10).map(float)), min_size=0, max_size=6
)


def problem(
    stops: list[tuple[int, float]], depot_aisle: int = 0, block: Block = BLOCK
) -> picktour.Problem:
    return picktour.Problem(
        block=block,
        aisle=np.array([a for a, _ in stops], dtype=np.int64),
        depth_m=np.array([d for _, d in stops], dtype=np.float64),
        depot_aisle=depot_aisle,
    )


def distances(stops: list[tuple[int, float]], depot_aisle: int, block: Block = BLOCK) -> np.ndarray:
    places = [(depot_aisle, 0.0), *stops]
    return walking_distances_m(
        block, np.array([a for a, _ in places]), np.array([d for _, d in places])
    )


def length_of(order: list[int], distance_m: np.ndarray) -> float:
    return sum(float(distance_m[a, b]) for a, b in pairwise([0, *order, 0]))


def test_one_stop_is_walked_there_and_back():
    # depot at aisle 0; stop in aisle 2, 4 m deep: 2 x (6 m across + 4 m along)
    assert picktour.solve(problem([(2, 4.0)])).objective == 20


def test_two_deep_stops_in_neighbouring_aisles_are_passed_through():
    # up aisle 0 (10), across (3), down aisle 1 (10), back (3)
    assert picktour.solve(problem([(0, 9.0), (1, 9.0)])).objective == 26


def test_of_an_aisle_that_is_entered_from_both_ends_the_largest_gap_is_left_out():
    # up the first aisle and down the third (20), across twice (12); in the second to 9 m from the
    # back and to 2 m from the front (2 + 4)
    stops = [(0, 5.0), (2, 5.0), (1, 1.0), (1, 2.0), (1, 9.0)]
    assert picktour.solve(problem(stops)).objective == 38


def test_no_stops_no_walk():
    solution = picktour.solve(problem([]))
    assert (solution.objective, solution.plan.size, solution.gap) == (0, 0, 0)


def with_cross_aisles(*at_m: float) -> Block:
    return Block(aisles=4, aisle_length_m=10, aisle_pitch_m=3, cross_aisles_m=at_m)


CROSSED = st.sets(st.sampled_from([2.0, 4.0, 5.0, 9.0]), max_size=3).map(
    lambda cuts: with_cross_aisles(*sorted(cuts))
)


def test_a_cross_aisle_in_the_middle_is_a_shorter_way_home():
    # out at 9 m in the first aisle, across at 5 m and not at the back: 9 + 4 + 3 + 5 + 3
    assert picktour.solve(problem([(0, 9.0), (1, 4.0)])).objective == 26
    crossed = problem([(0, 9.0), (1, 4.0)], block=with_cross_aisles(5.0))
    assert picktour.solve(crossed).objective == 24


@given(STOPS, st.integers(0, 3), CROSSED)
def test_no_order_of_stops_is_shorter(
    stops: list[tuple[int, float]], depot_aisle: int, block: Block
):
    solution = picktour.solve(problem(stops, depot_aisle, block))
    distance_m = distances(stops, depot_aisle, block)

    brute = min(
        length_of(list(order), distance_m) for order in permutations(range(1, len(stops) + 1))
    )

    assert solution.objective == pytest.approx(brute)
    assert sorted(solution.plan) == list(range(len(stops)))
    walked = length_of([int(stop) + 1 for stop in solution.plan], distance_m)
    assert walked == pytest.approx(brute), "the order of visits is as short as was said"
    assert (solution.status, solution.gap) == (Status.OPTIMAL, 0)


MANY = with_cross_aisles(1.0, 2.0, 3.0, 5.0, 7.0, 8.0, 9.0)


@settings(max_examples=settings().max_examples // 4)  # there are many states
@given(STOPS, st.integers(0, 3))
def test_with_many_cross_aisles_a_tour_is_near_the_shortest_and_promises_nothing(
    stops: list[tuple[int, float]], depot_aisle: int
):
    tour = problem(stops, depot_aisle, MANY)
    solution = picktour.solve(tour)
    distance_m = distances(stops, depot_aisle, MANY)

    brute = min(
        length_of(list(order), distance_m) for order in permutations(range(1, len(stops) + 1))
    )

    walked = length_of([int(stop) + 1 for stop in solution.plan], distance_m)
    assert sorted(solution.plan) == list(range(len(stops)))
    assert walked == pytest.approx(solution.objective) == pytest.approx(picktour.length_m(tour))
    assert brute - 1e-9 <= walked <= 1.1 * brute
    assert not stops or (solution.status, solution.bound) == (Status.FEASIBLE, None)


@given(STOPS, st.integers(0, 3), CROSSED)
def test_the_usual_rules_are_never_shorter(
    stops: list[tuple[int, float]], depot_aisle: int, block: Block
):
    tour = problem(stops, depot_aisle, block)
    for by_rule in (picktour.s_shape_length_m, picktour.largest_gap_length_m):
        assert by_rule(tour) >= picktour.length_m(tour) - 1e-9


@given(STOPS, CROSSED)
def test_by_rule_every_stop_is_visited_once(stops: list[tuple[int, float]], block: Block):
    tour = problem(stops, block=block)
    for rule in (picktour_rules.s_shape, picktour_rules.largest_gap):
        order = rule(block, tour.aisle, tour.depth_m)
        assert sorted(order) == list(range(len(stops)))


def test_by_rule_one_goes_up_and_down_or_turns_at_the_largest_gap():
    stops = [(0, 1.0), (0, 9.0), (1, 2.0), (1, 8.0)]
    tour = problem(stops)
    s_shape = picktour_rules.s_shape(BLOCK, tour.aisle, tour.depth_m)
    largest_gap = picktour_rules.largest_gap(BLOCK, tour.aisle, tour.depth_m)
    assert (list(s_shape), list(largest_gap)) == ([0, 1, 3, 2], [1, 3, 2, 0])


def test_a_cross_aisle_lies_between_front_and_back():
    with pytest.raises(ValueError, match="each behind the one before"):
        with_cross_aisles(10.0)


def test_stops_outside_the_block_are_refused():
    with pytest.raises(ValueError, match=r"aisle numbers must lie in \[0, 4\)"):
        problem([(4, 1.0)])
    with pytest.raises(ValueError, match="depths must lie in"):
        problem([(0, 10.5)])
