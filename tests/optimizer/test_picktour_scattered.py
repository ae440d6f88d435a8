"""Goods at several places are taken where the walk is shortest, as brute force finds it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import tours_files
from optimizer import picktour_branch
from optimizer import picktour_scattered as scattered
from optimizer.layout import Block
from optimizer.picktour_prices import priced
from optimizer.picktour_ways import Goods, ways_of
from optimizer.result import Limits, Status
from tests.optimizer.test_batching import answer_of

BLOCK = Block(aisles=3, aisle_length_m=10, aisle_pitch_m=3)
CROSSED = Block(aisles=3, aisle_length_m=10, aisle_pitch_m=3, cross_aisles_m=(4.0,))


def problem(
    places: list[tuple[int, float, int, int]], wanted: list[int], block: Block = BLOCK
) -> scattered.Problem:
    columns = np.array(places, dtype=np.float64).reshape(-1, 4).T
    return scattered.Problem(
        block=block,
        aisle=columns[0].astype(np.int64),
        depth_m=columns[1],
        article=columns[2].astype(np.int64),
        quantity=columns[3].astype(np.int64),
        wanted=np.array(wanted, dtype=np.int64),
    )


def brute_m(p: scattered.Problem) -> float | None:
    """The shortest walk through any places that hold enough."""
    lengths = [
        p.walk_m(np.array(there, dtype=bool))
        for there in product((False, True), repeat=p.aisle.size)
        if (p.held(np.array(there, dtype=bool)) >= p.wanted).all()
    ]
    return min(lengths, default=None)


def test_the_nearer_of_two_places_is_visited():
    # 2 m deep in the first aisle, not in the third
    solution = scattered.solve(problem([(2, 1.0, 0, 5), (0, 2.0, 0, 5)], [3]))
    assert solution.plan.tolist() == [0, 3]
    assert (solution.objective, solution.status) == (4, Status.OPTIMAL)


def test_what_is_on_the_way_is_taken_though_other_places_are_nearer():
    # article 1 lies at the back of the third aisle, so does article 0; alone it would be nearer
    places = [(0, 3.0, 0, 1), (2, 9.0, 0, 1), (2, 9.0, 1, 1)]
    solution = scattered.solve(problem(places, [1, 1]))
    assert solution.plan.tolist() == [0, 1, 1]
    assert solution.objective == 2 * (6 + 9)


def test_too_little_is_explained():
    solution = scattered.solve(problem([(0, 1.0, 0, 1)], [2, 1]))
    assert solution.status is Status.INFEASIBLE
    assert solution.why == (
        "there is too little of article 0",
        "there is too little of article 1",
    )


def test_nothing_is_wanted_nowhere_is_gone():
    for places in ([], [(0, 1.0, 0, 1)]):
        assert scattered.solve(problem(places, [0])).objective == 0


def test_faults_are_named():
    with pytest.raises(ValueError, match=r"articles must lie in \[0, 1\)"):
        problem([(0, 1.0, 1, 1)], [1])
    with pytest.raises(ValueError, match="depths must lie in"):
        problem([(0, 11.0, 0, 1)], [1])


PLACES = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 10).map(float), st.integers(0, 1), st.integers(0, 2)
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=settings().max_examples // 8)
@given(
    PLACES, st.lists(st.integers(0, 3), min_size=2, max_size=2), st.sampled_from([BLOCK, CROSSED])
)
def test_no_choice_of_places_is_shorter(
    places: list[tuple[int, float, int, int]], wanted: list[int], block: Block
):
    p = problem(places, wanted, block)
    solution = scattered.solve(p, limits=Limits(iterations=1000))
    shortest = brute_m(p)

    if shortest is None:
        assert solution.status is Status.INFEASIBLE
        return
    assert (solution.plan <= p.quantity).all()
    taken = np.bincount(p.article, weights=solution.plan, minlength=2)
    assert (taken == p.wanted).all()
    assert p.walk_m(solution.plan > 0) == pytest.approx(solution.objective)
    assert solution.objective == pytest.approx(shortest)
    assert solution.status is Status.OPTIMAL


@settings(deadline=None, max_examples=settings().max_examples // 8)
@given(PLACES, st.sampled_from([BLOCK, CROSSED]), st.integers(0, 2), st.sampled_from([1, 100]))
def test_parted_by_their_ends_tours_are_as_short(
    places: list[tuple[int, float, int, int]], block: Block, depot: int, rounds: int
):
    """However few ways are left for a programme; and wherever one begins."""
    p = replace(problem(places, [1, 2], block), depot_aisle=depot)
    shortest = brute_m(p)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picktour_branch, "FEW", -1)
        patch.setattr(picktour_branch.Looking, "_choose_from", lambda *_: None)  # none by chance
        patch.setattr(picktour_branch, "ROUNDS_PLAIN", rounds)  # with one floors are low
        solution = scattered.solve(p, limits=Limits(iterations=1000))
    assert (shortest is None) == (solution.status is Status.INFEASIBLE)
    assert shortest is None or solution.objective == pytest.approx(shortest)
    assert shortest is None or solution.status is Status.OPTIMAL


@pytest.mark.parametrize("block", [BLOCK, CROSSED], ids=["one block", "two"])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("end", [0, 1, 2])
def test_wherever_the_end_of_the_shortest_tour_is_it_is_looked_at(
    end: int,
    side: str,
    block: Block,
):
    """Each article alone is nearer elsewhere, so the greedy choice does not go there."""
    near = {2: (3.0, 0.5), 1: (6.0, 2.0), 0: (9.0, 5.0)}[end]
    places = [
        (end, 1.0, 0, 1), (end, 1.0, 1, 1), (3, near[0], 0, 1), (4, near[1], 1, 1), (0, 9.5, 0, 1)
    ]  # fmt: skip
    if side == "right":
        places = [(6 - aisle, depth, article, 1) for aisle, depth, article, _ in places]
    wide = replace(block, aisles=7)
    p = replace(problem(places, [1, 1], wide), depot_aisle=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picktour_branch, "FEW", -1)
        patch.setattr(picktour_branch.Looking, "_choose_from", lambda *_: None)  # none by chance
        patch.setattr(picktour_branch, "ROUNDS_PLAIN", 1)
        solution = scattered.solve(p, limits=Limits(iterations=1000))
    assert solution.stages["greedy"] > solution.objective == brute_m(p) == 2 * (3 * (3 - end) + 1)
    assert solution.status is Status.OPTIMAL


@pytest.mark.parametrize("block", [BLOCK, CROSSED], ids=["one block", "two"])
def test_a_floor_is_never_above_the_shortest_tour(block: Block):
    """Also where one passes more than is wanted, whatever one does: that is worth nothing."""
    passed_twice = [(0, 3.0, 0, 1), (0, 9.0, 1, 1), (1, 3.0, 0, 1), (1, 9.0, 2, 1)]
    apart = [(0, 9.0, 0, 1), (1, 2.0, 0, 1), (1, 8.0, 1, 1), (2, 4.0, 1, 1), (2, 6.0, 2, 1)]
    for places in (passed_twice, apart):
        p = problem(places, [1, 1, 1], block)
        shortest = brute_m(p)
        assert shortest is not None
        goods = Goods(p.aisle, p.depth_m, p.article, p.quantity, p.wanted)
        graph = ways_of(block, goods, 0).graph
        for known_m in (shortest, 3 * shortest):
            floor_m = priced(graph, p.wanted, known_m, 60, np.zeros(3)).floor_m[0]
            assert 0 < floor_m <= shortest + 1e-9


@pytest.mark.skipif(not tours_files.files(), reason="the published tours are not here")
def test_published_tours_are_as_long_as_ours():
    optima = tours_files.optima()
    for name in ("unit_F1_m5_C30_a3_18", "varying_F2_m25_C30_a3_36", "unit_F2_m5_C60_a7_16"):
        p = tours_files.read(tours_files.TOURS / f"{name}.txt")
        solution = scattered.solve(p, limits=Limits(iterations=1000))
        assert solution.objective == optima[name]
        assert solution.status is Status.OPTIMAL


@pytest.mark.nightly
@pytest.mark.timeout(300)  # it compiles
def test_compiled_loops_choose_as_plain_ones():
    script = (
        "import numpy as np\n"
        "from optimizer import picktour_branch, picktour_scattered as s\n"
        "from optimizer.layout import Block\n"
        "from optimizer.result import Limits\n"
        "picktour_branch.CHOICES_PLAIN, picktour_branch.FEW = 3, 20\n"
        "c = np.random.default_rng(3)\n"
        "b = Block(aisles=6, aisle_length_m=30, aisle_pitch_m=3, cross_aisles_m=(14.0,))\n"
        "p = s.Problem(block=b, aisle=c.integers(0, 6, 24), depth_m=c.integers(0, 31, 24) + 0.0,\n"
        "    article=np.arange(24) % 8, quantity=c.integers(1, 4, 24), wanted=np.full(8, 2))\n"
        "print(s.solve(p, limits=Limits(iterations=6), seed=2))"
    )
    answers = {flag: answer_of(script, flag) for flag in ("0", "1")}
    assert answers["0"] == answers["1"]
