"""Loads: whatever is loaded, the checker has nothing to say; and known cases come out right."""

import random
from dataclasses import replace
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import loading, loading_blocks, loading_fill, pallets, pallets_check
from optimizer.loading import Kind, Problem, Stowed, solve
from optimizer.loading_check import faults
from optimizer.result import Limits, Status

FEW = Limits(iterations=6)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compiled loop runs as it is, with few blocks: nothing waits for a compiler by day."""
    monkeypatch.setattr(loading, "BLOCKS_MAX", 60)
    for module in (loading_blocks, loading_fill, loading):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)


def draw_problem(draw: random.Random, kinds: int, *, room: int = 12) -> Problem:
    """Small boxes in a small room; where boxes are supported some are fragile."""
    supported = draw.random() < 0.7
    return Problem(
        kinds=tuple(
            Kind(
                sides=(draw.randint(1, 9), draw.randint(1, 9), draw.randint(1, 9)),
                count=draw.randint(0, 7),
                weight_g=draw.randint(0, 50),
                upright=draw.choice(
                    [(True, True, True), (False, False, True), (True, False, False)]
                ),
                fragile=supported and draw.random() < 0.3,
            )
            for _ in range(kinds)
        ),
        room=(room, room - 2, room - 3),
        max_g=draw.choice([None, 120, 400]),
        supported=supported,
    )


@pytest.mark.usefixtures("plain")
def test_every_load_can_be_made_and_is_the_same_again():
    for seed in range(25):
        problem = draw_problem(random.Random(seed), seed % 5)
        one, again = solve(problem, limits=FEW), solve(problem, limits=FEW, seed=3)
        assert faults(problem, one.plan) == []
        assert one.plan == again.plan
        assert one.objective == prod(problem.room) - sum(prod(box.sides) for box in one.plan)
        assert one.bound is not None
        assert one.bound <= one.objective


@pytest.mark.nightly
@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 9), st.integers(12, 40))
def test_every_load_can_be_made_at_any_size(seed: int, kinds: int, room: int):
    problem = draw_problem(random.Random(seed), kinds, room=room)
    assert faults(problem, solve(problem, limits=Limits(iterations=30)).plan) == []


@pytest.mark.nightly
def test_compiled_or_not_the_load_is_the_same(monkeypatch: pytest.MonkeyPatch):
    problems = [draw_problem(random.Random(seed), 4, room=25) for seed in range(10)]
    monkeypatch.setattr(loading, "BLOCKS_MAX", 60)
    fast = [solve(problem, limits=FEW).plan for problem in problems]
    for module in (loading_blocks, loading_fill, loading):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    assert [solve(problem, limits=FEW).plan for problem in problems] == fast


@pytest.mark.usefixtures("plain")
def test_eight_cubes_fill_a_cube_and_the_ninth_stays():
    """By hand: 2 x 2 x 2 cubes of 5 in a cube of 10; with nine of them nothing is better."""
    cubes = Kind(sides=(5, 5, 5), count=8)
    all_in = solve(Problem(kinds=(cubes,), room=(10, 10, 10)))
    assert (all_in.status, all_in.objective, len(all_in.plan)) == (Status.OPTIMAL, 0.0, 8)
    nine = solve(Problem(kinds=(replace(cubes, count=9),), room=(10, 10, 10)))
    assert (nine.status, len(nine.plan)) == (Status.OPTIMAL, 8)
    heavy = Problem(kinds=(replace(cubes, weight_g=100),), room=(10, 10, 10), max_g=350)
    assert len(solve(heavy, limits=FEW).plan) == 3


@pytest.mark.usefixtures("plain")
def test_what_is_wide_does_not_stand_on_what_is_narrow():
    """By hand: glass bears nothing and is wider than the crate, so only one of the two goes in."""
    crate = Kind(sides=(4, 4, 4), count=1)
    glass = Kind(sides=(10, 10, 6), count=1, upright=(False, False, True), fragile=True)
    problem = Problem(kinds=(crate, glass), room=(10, 10, 10))
    found = solve(problem, limits=Limits(iterations=20))
    assert faults(problem, found.plan) == []
    assert [box.kind for box in found.plan] == [1]


@pytest.mark.usefixtures("plain")
def test_nothing_to_load_and_what_does_not_go_in_are_told():
    assert solve(Problem(kinds=(), room=(5, 5, 5))).plan == ()
    ladder = Kind(sides=(20, 2, 2), count=1)
    anvil = Kind(sides=(2, 2, 2), count=3, weight_g=999)
    found = solve(Problem(kinds=(ladder, anvil), room=(9, 9, 9), max_g=500))
    assert (found.plan, found.status) == ((), Status.OPTIMAL)
    assert [text[:6] for text in found.why] == ["kind 0", "kind 1"]
    with pytest.raises(ValueError, match="at least 1"):
        Problem(kinds=(replace(ladder, sides=(0, 1, 1)),), room=(9, 9, 9))
    with pytest.raises(ValueError, match="fragile"):
        Problem(kinds=(replace(ladder, fragile=True),), room=(9, 9, 9), supported=False)


@pytest.mark.usefixtures("plain")
def test_who_listens_hears_every_better_load_and_can_stop_it():
    problem = draw_problem(random.Random(4), 5)
    heard: list[float] = []
    found = solve(problem, limits=FEW, progress=lambda best, _: heard.append(best))
    assert heard == sorted(heard, reverse=True)
    assert heard[-1] == found.objective
    assert found.stages["greedy"] >= found.stages["beam"] == found.objective
    stopped = solve(problem, limits=Limits(stop=lambda: True))
    assert stopped.objective == stopped.stages["greedy"]


def test_the_checker_sees_every_fault():
    vase = Kind(sides=(4, 3, 2), count=2, weight_g=10, upright=(True, False, False), fragile=True)
    problem = Problem(kinds=(vase,), room=(9, 9, 9), max_g=20)
    here = Stowed(kind=0, at=(0, 0, 0), sides=(3, 2, 4))

    def said(*plan: Stowed) -> str:
        return "; ".join(faults(problem, plan))

    assert said(here) == ""
    assert "there are 2" in said(here, here, here)
    assert "30 g" in said(here, here, here)
    assert "overlaps" in said(here, replace(here, at=(2, 1, 0)))
    assert "sticks out" in said(replace(here, at=(7, 0, 0)))
    assert "another size" in said(replace(here, sides=(3, 3, 4)))
    assert "must not" in said(replace(here, sides=(4, 3, 2)))
    assert "not supported" in said(replace(here, at=(0, 0, 2)))
    assert "not supported" in said(here, replace(here, at=(1, 0, 4)))
    assert "fragile" in said(here, replace(here, at=(0, 0, 4)))


# ----------------------------------------------------------------------------------- pallets
def pallet_problem(seed: int) -> pallets.Problem:
    drawn = draw_problem(random.Random(seed), 1 + seed % 4)
    return pallets.Problem(kinds=drawn.kinds, base=(12, 8), height_max=9, max_g=200)


@pytest.mark.usefixtures("plain")
def test_every_box_that_fits_is_on_a_pallet_that_can_be_built():
    for seed in range(12):
        problem = pallet_problem(seed)
        found = pallets.solve(problem, limits=Limits(iterations=2))
        assert pallets_check.faults(problem, found.plan) == []
        placed = {box.kind for boxes in found.plan for box in boxes}
        left_out = {number for number, kind in enumerate(problem.kinds) if kind.count} - placed
        assert [f"kind {number} " in " ".join(found.why) for number in left_out] == [True] * len(
            left_out
        )
        assert found.bound is not None
        assert found.bound <= found.objective == len(found.plan)


@pytest.mark.usefixtures("plain")
def test_sixteen_cartons_need_two_pallets_of_two_layers_of_four():
    """By hand: cartons of 6 x 4 x 4 on a deck of 12 x 8, two layers high; glass is never below."""
    carton = Kind(sides=(6, 4, 4), count=16, weight_g=10, upright=(False, False, True))
    problem = pallets.Problem(kinds=(carton,), base=(12, 8), height_max=9, max_g=1000)
    found = pallets.solve(problem, limits=FEW)
    assert [len(boxes) for boxes in found.plan] == [8, 8]
    assert found.status is Status.OPTIMAL
    glass = replace(carton, count=4, fragile=True)
    mixed = replace(problem, kinds=(replace(carton, count=4), glass))
    found = pallets.solve(mixed, limits=FEW)
    assert [len(boxes) for boxes in found.plan] == [8]
    assert {box.at[2] for box in found.plan[0] if box.kind == 1} == {4}
    light = pallets.solve(replace(problem, max_g=45), limits=FEW)
    assert [len(boxes) for boxes in light.plan] == [4, 4, 4, 4]
    assert pallets.solve(replace(problem, kinds=())).plan == ()


def test_the_checker_of_pallets_sees_every_fault():
    crate = Kind(sides=(4, 4, 4), count=2, weight_g=60, fragile=True)
    problem = pallets.Problem(kinds=(crate,), base=(12, 8), height_max=8, max_g=100)
    here = Stowed(kind=0, at=(0, 0, 0), sides=(4, 4, 4))

    def said(*boxes: Stowed) -> str:
        return "; ".join(pallets_check.faults(problem, [boxes]))

    assert "1 of 2" in said(here)
    assert "too heavy" in said(here, replace(here, at=(4, 0, 0)))
    assert "overlap" in said(here, replace(here, at=(1, 0, 0)))
    assert "over the edge" in said(here, replace(here, at=(0, 5, 0)))
    assert "fragile" in said(here, replace(here, at=(0, 0, 4)))
    assert "too little" in said(here, replace(here, at=(2, 0, 4)))
    assert "too little" not in said(here, replace(here, at=(1, 0, 4)))
    assert "another size" in said(here, replace(here, at=(4, 0, 0), sides=(4, 4, 5)))
    assert "must not" in "; ".join(
        pallets_check.faults(
            replace(problem, kinds=(replace(crate, upright=(False,) * 3),)), [[here, here]]
        )
    )
