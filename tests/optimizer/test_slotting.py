"""Goods lie where picking them is least to walk, where they may lie, and moves pay."""

from itertools import permutations

import numpy as np
import pytest

from optimizer import slotting
from optimizer.problems import kind_of
from optimizer.result import Limits, Status, unheard


def problem(seed: int, skus: int, places: int, *, together: bool = True) -> slotting.Problem:
    chance = np.random.default_rng(seed)
    at = chance.uniform(0, 20, (places, 2))
    ties = np.triu(chance.integers(0, 9, (skus, skus)), 1).astype(float) * together
    allowed = chance.random((skus, places)) < 0.8
    allowed[np.arange(skus), np.arange(skus)] = True
    return slotting.Problem(
        picks=chance.integers(0, 30, skus).astype(float),
        depot_m=2 * at.sum(axis=1),
        between_m=np.abs(at[:, None] - at[None]).sum(axis=2),
        together=ties + ties.T,
        allowed=allowed,
        now=np.arange(skus),
        move_m=5.0,
    )


def brute_m(p: slotting.Problem) -> float:
    skus, places = p.allowed.shape
    return min(
        sum(p.cost_m(np.array(each)))
        for each in permutations(range(places), skus)
        if p.allowed[np.arange(skus), each].all()
    )


@pytest.mark.parametrize("seed", range(3))
def test_alone_each_sku_has_the_best_place(seed: int):
    p = problem(seed, 4, 6, together=False)
    solution = slotting.solve(p)
    assert solution.objective == pytest.approx(brute_m(p))
    assert solution.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", range(3))
def test_together_they_are_as_near_as_brute_force_finds(seed: int):
    p = problem(seed, 5, 6)
    solution = slotting.solve(p, limits=Limits(iterations=4_000), seed=seed)
    assert solution.objective == pytest.approx(brute_m(p))
    assert solution.objective == pytest.approx(sum(p.cost_m(solution.plan)))
    assert p.allowed[np.arange(5), solution.plan].all()
    assert np.unique(solution.plan).size == 5
    again = slotting.solve(p, limits=Limits(iterations=4_000), seed=seed)
    assert (again.plan == solution.plan).all()


def test_moves_are_worth_their_work_and_can_each_be_done_alone():
    p = problem(1, 6, 8)
    changes = slotting.moves_worth(p, most=8)
    now = p.now.copy()
    assert changes
    for change in changes:
        before_m = sum(p.cost_m(now))
        now[list(change.skus)] = change.to
        assert np.unique(now).size == now.size, "no place has two SKUs in between"
        assert p.allowed[np.arange(6), now].all()
        assert change.saved_m == pytest.approx(
            before_m - sum(p.cost_m(now)) - 5.0 * len(change.skus)
        )
        assert change.saved_m > 0
    assert sum(len(change.skus) for change in slotting.moves_worth(p, most=3)) <= 3


def test_the_first_move_saves_most_for_its_work():
    p = problem(2, 5, 6)
    first = slotting.moves_worth(p, most=2)[0]
    for one in range(5):
        for there in range(6):
            now = p.now.copy()
            now[now == there] = now[one]
            now[one] = there
            if p.allowed[np.arange(5), now].all():
                count = int(np.count_nonzero(now != p.now))
                saved_m = sum(p.cost_m(p.now)) - sum(p.cost_m(now)) - 5.0 * count
                assert saved_m / max(1, count) <= first.saved_m / len(first.skus) + 1e-9


def test_who_has_no_place_yet_stays_out_of_moves():
    p = problem(1, 3, 4)
    some = slotting.Problem(
        picks=p.picks, depot_m=p.depot_m, between_m=p.between_m, together=p.together,
        allowed=p.allowed, now=np.array([0, -1, 2]),
    )  # fmt: skip
    assert all(1 not in change.skus for change in slotting.moves_worth(some, most=4))


@pytest.mark.parametrize("mover", [0, 1])
def test_nobody_is_sent_where_it_may_not_lie_so_that_another_comes_nearer(mover: int):
    allowed = np.ones((2, 2), dtype=bool)
    allowed[1 - mover, 1] = False
    p = slotting.Problem(
        picks=np.array([1.0, 9.0] if mover else [9.0, 1.0]), depot_m=np.array([4.0, 30.0]),
        between_m=np.zeros((2, 2)), together=np.zeros((2, 2)), allowed=allowed,
        now=np.array([0, 1] if mover else [1, 0]),
    )  # fmt: skip
    assert slotting.moves_worth(p, most=2) == []
    allowed[1 - mover, 1] = True
    assert slotting.moves_worth(p, most=2)[0].saved_m == 26 * 8


def test_demand_weighs_an_order_once():
    picks, together = slotting.demand([np.array([0, 1]), np.array([1])], 3)
    assert picks.tolist() == [0.5, 1.5, 0]
    assert together.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_what_cannot_be_is_explained():
    p = problem(1, 3, 3)
    p.allowed[1] = False
    assert slotting.solve(p).why == ("SKU 1 may lie nowhere",)
    assert slotting.solve(problem(1, 0, 0)).plan.size == 0
    with pytest.raises(ValueError, match="two SKUs are in one place"):
        slotting.Problem(
            picks=np.zeros(2), depot_m=np.zeros(2), between_m=np.zeros((2, 2)),
            together=np.zeros((2, 2)), allowed=np.ones((2, 2), dtype=bool), now=np.zeros(2, int),
        )  # fmt: skip


def test_a_file_of_slots_is_read_solved_and_told():
    file = {
        "kind": "slotting", "picks": [9, 1], "depot_m": [4, 30], "between_m": [[0, 13], [13, 0]],
        "together": [[0, 2], [2, 0]], "allowed": [[True, True], [True, True]], "now": [1, 0],
    }  # fmt: skip
    kind = kind_of(file)
    read = kind.read(file)
    told = kind.told(read, kind.solve(read, Limits(iterations=10), 0, unheard).plan)
    assert told["places"] == [0, 1]
    assert told["moves"][0]["saved_m"] == 26 * 8
