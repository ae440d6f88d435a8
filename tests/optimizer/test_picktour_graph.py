"""Rounds through any graph are as short as brute force finds them."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import picktour, picktour_graph
from optimizer.layout import Block
from optimizer.picktour_graph import Problem, solve
from optimizer.result import Limits, Status

FEW = Limits(iterations=5)


def graph(
    ways: list[tuple[int, int, float]], stops: list[int], depot: int = 0, *, both: bool = True
) -> Problem:
    return Problem(
        ways=np.array([way[:2] for way in ways], dtype=np.int64).reshape(-1, 2),
        metres=np.array([metres for _, _, metres in ways], dtype=np.float64),
        stops=np.array(stops, dtype=np.int64),
        depot=depot,
        both_ways=both,
    )


def far_m(p: Problem) -> dict[tuple[int, int], float]:
    """Distances by relaxing every way until nothing changes: not as the solver does."""
    places = {p.depot, *p.stops.tolist(), *p.ways.ravel().tolist()}
    far = {(a, b): 0.0 if a == b else np.inf for a in places for b in places}
    legs = list(zip(p.ways.tolist(), p.metres.tolist(), strict=True))
    legs += [([b, a], metres) for (a, b), metres in legs if p.both_ways]
    for _ in places:
        for (a, b), metres in legs:
            for start in places:
                far[start, b] = min(far[start, b], far[start, a] + metres)
    return far


def walked_m(p: Problem, order: list[int]) -> float:
    far = far_m(p)
    places = [p.depot, *(int(p.stops[stop]) for stop in order), p.depot]
    return sum(far[leg] for leg in pairwise(places))


def test_a_way_of_one_direction_is_not_walked_back():
    # a ring of four places: both stops are on the way round
    ring = [(0, 1, 1.0), (1, 2, 2.0), (2, 3, 3.0), (3, 0, 4.0)]
    assert solve(graph(ring, [3, 1], both=False)).plan.tolist() == [1, 0]
    assert solve(graph(ring, [1], both=False)).objective == 10
    assert solve(graph(ring, [1])).objective == 2


def test_no_stops_and_stops_at_one_place():
    assert solve(graph([(0, 1, 5.0)], [])).objective == 0
    solution = solve(graph([(0, 1, 5.0)], [1, 0, 1]))
    assert (solution.objective, solution.status) == (10, Status.OPTIMAL)
    assert sorted(solution.plan) == [0, 1, 2]


def test_where_no_way_leads_is_said():
    solution = solve(graph([(0, 1, 5.0), (2, 3, 1.0)], [1, 3]))
    assert solution.status is Status.INFEASIBLE
    assert solution.why == ("no way leads to stop 1 and back",)
    assert solve(graph([(0, 1, 5.0)], [1], both=False)).why, "there, but not back"


def test_faults_are_named():
    with pytest.raises(ValueError, match=r"ways must have shape \(1, 2\)"):
        Problem(ways=np.zeros((2, 2), int), metres=np.zeros(1), stops=np.zeros(0, int))
    with pytest.raises(ValueError, match="places are numbered from 0"):
        graph([(0, 1, 1.0)], [-1])
    with pytest.raises(ValueError, match="metres must be finite"):
        graph([(0, 1, -1.0)], [1])


PLACES = st.integers(0, 5)
WAYS = st.lists(st.tuples(PLACES, PLACES, st.integers(0, 9).map(float)), max_size=10)


@settings(deadline=None, max_examples=settings().max_examples // 2)
@given(WAYS, st.lists(PLACES, max_size=5), PLACES, st.tuples(st.booleans(), st.booleans()))
def test_no_round_is_shorter(
    ways: list[tuple[int, int, float]], stops: list[int], depot: int, how: tuple[bool, bool]
):
    both, few = how
    p = graph(ways, stops, depot, both=both)
    with pytest.MonkeyPatch.context() as patch:
        if few and len(stops) > 1:  # as if there were too many to try all
            patch.setattr(picktour_graph, "EXACT_MAX", 1)
        solution = solve(p, limits=FEW)
    brute_m = min(walked_m(p, list(order)) for order in permutations(range(len(stops))))
    if brute_m == np.inf:
        assert solution.status is Status.INFEASIBLE
        return
    assert sorted(solution.plan) == list(range(len(stops)))
    assert walked_m(p, solution.plan.tolist()) == pytest.approx(solution.objective)
    assert solution.objective == pytest.approx(brute_m)
    assert solution.status is Status.OPTIMAL
    assert solution.gap == pytest.approx(0)


def aisles_as_graph(block: Block, tour: picktour.Problem) -> Problem:
    """The same block as places and ways: a place for every metre of every aisle."""
    long, across = int(block.aisle_length_m), int(block.aisle_length_m) + 1
    ways = [(a * across + y, a * across + y + 1, 1.0) for a in range(block.aisles)
            for y in range(long)]  # fmt: skip
    ways += [
        (a * across + int(cut), (a + 1) * across + int(cut), block.aisle_pitch_m)
        for a in range(block.aisles - 1)
        for cut in block.cuts_m
    ]
    return graph(ways, (tour.aisle * across + tour.depth_m.astype(int)).tolist())


@pytest.mark.parametrize("cuts", [(), (4.0, 8.0)])
def test_of_parallel_aisles_it_is_as_long_as_the_exact_tour(cuts: tuple[float, ...]):
    chance = np.random.default_rng(3)
    block = Block(aisles=6, aisle_length_m=12, aisle_pitch_m=3, cross_aisles_m=cuts)
    aisle, depth_m = chance.integers(0, 6, 16), chance.integers(0, 13, 16).astype(float)
    tour = picktour.Problem(block=block, aisle=aisle, depth_m=depth_m)
    p = aisles_as_graph(block, tour)

    solution = solve(p, limits=Limits(iterations=40))

    assert solution.objective == picktour.length_m(tour)
    assert solution.stages["insertion"] >= solution.stages["exchange"] >= solution.objective


def test_of_very_many_stops_only_near_ones_follow_and_nothing_is_promised():
    chance = np.random.default_rng(4)
    at = chance.integers(0, 50, (13, 2))
    ways = [(a, b, float(np.abs(at[a] - at[b]).sum())) for a in range(13) for b in range(a)]
    p = graph(ways, list(range(1, 13)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picktour_graph, "ALL_MAX", 5)
        patch.setattr(picktour_graph, "NEAR", 5)
        solution = solve(p, limits=FEW)
    assert sorted(solution.plan) == list(range(12))
    assert (solution.status, solution.bound) == (Status.FEASIBLE, None)
    assert solution.objective <= solution.stages["exchange"]


def test_whoever_has_no_time_has_a_round_all_the_same():
    p = graph([(a, a + 1, 1.0) for a in range(30)], list(range(1, 31)))
    solution = solve(p, limits=Limits(iterations=0))
    assert solution.objective == 60
    assert solution.bound is None
