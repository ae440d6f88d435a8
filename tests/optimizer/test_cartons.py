"""Cartons: whatever is packed, the checker has nothing to say; and known cases come out right."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.cartons import Carton, Item, Packed, Placed, Problem, cost_terms, solve, turns
from optimizer.cartons_check import faults
from optimizer.result import Limits, Status

SMALL = Carton(code="60", sides_mm=(250, 180, 120), tare_g=100, max_g=5_000, cost_minor=40)
MIDDLE = Carton(code="100", sides_mm=(400, 300, 250), tare_g=300, max_g=15_000, cost_minor=80)
LARGE = Carton(code="140", sides_mm=(600, 400, 350), tare_g=600, max_g=25_000, cost_minor=150)
ALL = (SMALL, MIDDLE, LARGE)

sides = st.tuples(*[st.integers(10, 420)] * 3)
items = st.builds(
    Item,
    sides_mm=sides,
    weight_g=st.integers(0, 9_000),
    upright=st.booleans(),
    fragile=st.booleans(),
    apart=st.sampled_from(["", "", "COOL", "3"]),
)


def packs(*things: Item, cartons: tuple[Carton, ...] = ALL) -> list[str | None]:
    """The codes of the cartons that these are packed into, and the plan is right."""
    problem = Problem(items=things, cartons=cartons, parcel_minor=700)
    solution = solve(problem)
    assert faults(problem, solution.plan) == []
    assert solution.objective == pytest.approx(sum(solution.terms.values()))
    return [
        None if each.carton is None else problem.cartons[each.carton].code for each in solution.plan
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(items, min_size=1, max_size=9), st.sampled_from([None, 1, 3]))
def test_every_plan_can_be_carried_out_and_is_the_same_again(things: list[Item], stock: int | None):
    cartons = tuple(replace(carton, stock=stock) for carton in ALL)
    problem = Problem(items=tuple(things), cartons=cartons, parcel_minor=700)
    one, again = solve(problem), solve(problem, seed=7)
    assert faults(problem, one.plan) == []
    assert one.plan == again.plan
    assert one.bound is not None
    assert one.bound <= one.objective + 1e-6


def test_the_smallest_carton_that_holds_all():
    book = Item(sides_mm=(210, 150, 20), weight_g=400)
    assert packs(book) == ["60"]
    assert packs(*[book] * 5) == ["60"]
    assert packs(*[book] * 10) == ["100"]
    assert packs(replace(book, weight_g=4_000), replace(book, weight_g=4_000)) == ["100"]
    assert packs(Item(sides_mm=(590, 20, 20), weight_g=100)) == ["140"]


def test_what_is_larger_than_all_goes_as_it_is():
    ladder = Item(sides_mm=(1_800, 300, 80), weight_g=6_000)
    book = Item(sides_mm=(210, 150, 20), weight_g=400)
    assert packs(ladder, book) == [None, "60"]


def test_more_than_one_carton_holds_is_shared_out_without_waste():
    heavy = Item(sides_mm=(200, 200, 200), weight_g=9_000)
    assert packs(*[heavy] * 4) == ["140", "140"]
    only_one = tuple(replace(carton, stock=1) for carton in ALL)
    assert sorted(map(str, packs(*[heavy] * 4, cartons=only_one))) == ["100", "140", "None"]


def test_what_must_be_apart_is_and_what_must_stand_stands():
    cool = Item(sides_mm=(100, 100, 50), weight_g=200, apart="COOL")
    assert packs(cool, replace(cool, apart="")) == ["60", "60"]
    vase = Item(sides_mm=(100, 100, 240), weight_g=500)
    assert packs(vase) == ["60"]
    assert packs(replace(vase, upright=True)) == ["100"]
    assert turns((1, 2, 3), upright=True) == ((1, 2, 3), (2, 1, 3))
    assert len(turns((1, 2, 3), upright=False)) == 6
    assert len(turns((2, 2, 2), upright=False)) == 1


def test_nothing_lies_on_what_is_fragile():
    glass = Item(sides_mm=(250, 180, 40), weight_g=300, fragile=True)
    brick = Item(sides_mm=(250, 180, 80), weight_g=900)
    problem = Problem(items=(glass, brick), cartons=ALL)
    (packed,) = solve(problem).plan
    at = {placed.item: placed.at_mm[2] for placed in packed.placed}
    assert at == {1: 0, 0: 80}
    assert packs(glass, glass) == ["100"]


def test_all_orders_are_searched_when_the_first_ones_fail():
    """A carton filled to the last corner by five things round a hole, none of them flush."""
    carton = Carton(code="tight", sides_mm=(30, 30, 10), tare_g=0, max_g=9, cost_minor=1)
    arms = [Item(sides_mm=(20, 10, 10), weight_g=1) for _ in range(4)]
    hub = Item(sides_mm=(10, 10, 10), weight_g=1)
    assert packs(*arms, hub, cartons=(carton,)) == ["tight"]


def test_the_bound_proves_what_the_first_look_proves():
    book = Item(sides_mm=(210, 150, 20), weight_g=400)
    proven = solve(Problem(items=(book,), cartons=ALL, parcel_minor=700))
    assert (proven.status, proven.gap) == (Status.OPTIMAL, 0.0)
    with pytest.raises(ValueError, match="1 mm"):
        Problem(items=(replace(book, sides_mm=(0, 1, 1)),), cartons=ALL)


def test_only_so_many_moves_are_looked_at():
    heavy = Item(sides_mm=(200, 150, 100), weight_g=7_000)
    asked: list[int] = []
    limits = Limits(iterations=5, stop=lambda: bool(asked.append(1)))  # type: ignore[func-returns-value]
    problem = Problem(items=(heavy,) * 7, cartons=ALL, parcel_minor=700)
    assert faults(problem, solve(problem, limits=limits).plan) == []
    assert 1 <= len(asked) <= 7


def test_the_checker_sees_every_fault():
    glass = Item(sides_mm=(100, 100, 100), weight_g=4_950, fragile=True, upright=True)
    problem = Problem(items=(glass, replace(glass, apart="3")), cartons=(replace(SMALL, stock=1),))
    here = Placed(item=0, at_mm=(0, 0, 0), sides_mm=(100, 100, 100))

    def said(*plan: Packed) -> str:
        return "; ".join(faults(problem, plan))

    def one(*placed: Placed) -> Packed:
        return Packed(carton=0, placed=placed)

    other = replace(here, item=1)
    assert "overlap" in said(one(here, other))
    assert "apart" in said(one(here, other))
    assert "too heavy" in said(one(here, other))
    assert "fragile" in said(one(here, replace(other, at_mm=(0, 0, 100))))
    assert "sticks out" in said(one(here), one(replace(other, at_mm=(200, 0, 0))))
    assert "there are 1" in said(one(here), one(other))
    assert "packed once" in said(one(here))
    assert "another size" in said(one(replace(here, sides_mm=(90, 100, 100))))
    assert "several things" in said(Packed(carton=None, placed=(here, other)))
    wide = Problem(items=(replace(glass, sides_mm=(100, 100, 50)),), cartons=ALL)
    tilted = Packed(carton=1, placed=(replace(here, sides_mm=(100, 50, 100)),))
    assert "lies on its side" in "; ".join(faults(wide, [tilted]))
    assert cost_terms(problem, [one(here)])["cartons"] == 40


def typical_orders(count: int) -> list[Problem]:
    draw = random.Random(5)
    shelf = [
        Item(
            sides_mm=(draw.randint(40, 320), draw.randint(30, 220), draw.randint(10, 160)),
            weight_g=draw.randint(30, 2_500),
            upright=draw.random() < 0.1,
            fragile=draw.random() < 0.1,
        )
        for _ in range(300)
    ]
    return [
        Problem(
            items=tuple(
                thing
                for _ in range(draw.choice([1, 1, 2, 2, 3, 4]))
                for thing in [draw.choice(shelf)] * draw.choice([1, 1, 1, 2, 3])
            ),
            cartons=ALL,
            parcel_minor=700,
        )
        for _ in range(count)
    ]


def test_typical_orders_take_no_time():
    """A thousand in five seconds is wanted of a machine of its own: here a hundred are asked."""
    seconds = 0.0
    for problem in typical_orders(100):
        solution = solve(problem)
        seconds += solution.runtime_s
        assert faults(problem, solution.plan) == []
    assert seconds < 5
