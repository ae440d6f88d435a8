"""Waves are whole, within their limits, and as dense as brute force finds them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.waves import check
from benchmarks.waves_world import Sort, instance
from optimizer import waves
from optimizer.problems import kind_of
from optimizer.result import Limits, Status, unheard
from optimizer.waves_bound import Bound
from optimizer.waves_exact import Programme
from optimizer.waves_problem import Ints, book_of
from optimizer.waves_search import LOST, WHOLE, Search


def problem(
    orders: list[dict[int, int]], aisles: list[dict[int, int]], least: int, most: int
) -> waves.Problem:
    lines = [(at, sku, units) for at, order in enumerate(orders) for sku, units in order.items()]
    stock = [(at, sku, units) for at, aisle in enumerate(aisles) for sku, units in aisle.items()]
    line, held = (np.array(rows, dtype=np.int64).reshape(-1, 3).T for rows in (lines, stock))
    return waves.Problem(
        order_of_line=line[0],
        sku_of_line=line[1],
        units_of_line=line[2],
        aisle_of_stock=held[0],
        sku_of_stock=held[1],
        units_of_stock=held[2],
        orders=len(orders),
        aisles=len(aisles),
        least=least,
        most=most,
    )


ORDERS = st.lists(st.dictionaries(st.integers(0, 2), st.integers(1, 3), max_size=2), max_size=4)
AISLES = st.lists(
    st.dictionaries(st.integers(0, 2), st.integers(1, 4), max_size=2), min_size=1, max_size=3
)


def test_one_aisle_that_holds_all_is_enough():
    # both orders from the first aisle: 5 units for one aisle
    solution = waves.solve(problem([{0: 2}, {0: 1, 1: 2}], [{0: 3, 1: 2}, {0: 9}], 1, 9))
    assert solution.plan.orders.tolist() == [True, True]
    assert solution.plan.aisles.tolist() == [True, False]
    assert (solution.objective, solution.status) == (-5, Status.OPTIMAL)


def test_less_may_be_more_for_each_aisle():
    # order 1 needs a second aisle for a single unit: 4 units for one beat 5 for two
    solution = waves.solve(problem([{0: 4}, {1: 1}], [{0: 4}, {1: 1}], 1, 9))
    assert (solution.objective, solution.plan.orders.tolist()) == (-4, [True, False])


def test_too_little_is_explained():
    solution = waves.solve(problem([{0: 2}], [{0: 1}], 1, 9))
    assert solution.status is Status.INFEASIBLE
    assert "at least" not in solution.why[0]
    assert "have 1 units together" in solution.why[0]


def test_no_orders_no_wave():
    solution = waves.solve(problem([], [{0: 1}], 0, 9))
    assert (solution.objective, solution.plan.orders.size) == (0, 0)


def test_faults_are_named():
    with pytest.raises(ValueError, match="least <= most"):
        problem([], [], 2, 1)
    with pytest.raises(ValueError, match="units of lines must be at least 1"):
        problem([{0: 0}], [], 0, 1)


@settings(deadline=None)
@given(ORDERS, AISLES, st.integers(0, 5), st.integers(0, 6))
def test_no_wave_is_denser(
    orders: list[dict[int, int]], aisles: list[dict[int, int]], least: int, more: int
):
    p = problem(orders, aisles, least, least + more)
    densest = 0.0
    for chosen in product((False, True), repeat=len(orders)):
        for there in product((False, True), repeat=len(aisles)):
            if any(there) and holds(orders, aisles, chosen, there):
                units = units_of(orders, chosen)
                if least <= units <= least + more:
                    densest = max(densest, units / sum(there))

    solution = waves.solve(p, limits=Limits(iterations=4))

    if not densest:
        assert not solution.plan.orders.any()
        assert (solution.status is Status.INFEASIBLE) == (least > 0)
        return
    plan = solution.plan
    units = units_of(orders, plan.orders.tolist())
    assert holds(orders, aisles, plan.orders.tolist(), plan.aisles.tolist())
    assert least <= units <= least + more
    assert solution.objective == pytest.approx(-units / plan.aisles.sum())
    assert solution.objective == pytest.approx(-densest)
    assert solution.status is Status.OPTIMAL


@settings(deadline=None)
@given(ORDERS, AISLES, st.integers(1, 6))
def test_no_wave_of_any_number_of_aisles_is_above_its_roof(
    orders: list[dict[int, int]], aisles: list[dict[int, int]], most: int
):
    p = problem(orders, aisles, 0, most)
    bound = Bound(p, book_of(p))
    for steps in (0, 3):
        bound.lower(0.5, iter([False] * steps + [True] * 9).__next__)
        for chosen in product((False, True), repeat=len(orders)):
            for there in product((False, True), repeat=len(aisles)):
                if any(there) and holds(orders, aisles, chosen, there):
                    units = units_of(orders, chosen)
                    assert units > most or units <= bound.roofs[sum(there)] + 1e-9


@pytest.mark.parametrize("sort", ["ONE", "BASKETS", "EVEN_BASKETS"])
def test_a_backlog_of_fifty_is_proven_and_the_same_again(sort: Sort):
    p = instance(50, 1, sort)
    first, again = (waves.solve(p, limits=Limits(iterations=3), seed=7) for _ in range(2))
    assert first.status is Status.OPTIMAL
    assert (first.objective, first.bound) == (again.objective, again.bound)
    assert (first.plan.orders == again.plan.orders).all()
    check(p, first)


SHARED = problem([{0: 2, 1: 1}, {0: 3}, {1: 2}, {0: 1, 2: 1}], [{0: 3}, {1: 2}, {2: 9}], 0, 99)


@pytest.mark.parametrize(
    "p", [instance(80, 2, "ONE"), instance(80, 2, "BASKETS"), instance(80, 2, "EVEN_ONE"), SHARED]
)
def test_what_moves_change_is_what_counting_anew_says(p: waves.Problem):
    search = Search(p, book_of(p), 3)
    search.begin()
    search.cycle(0)
    for _ in range(3):
        search.round(0.5)
    if p is SHARED:
        search.best[:] = True
        search.cycle(1)
        assert search.state[LOST] == 4  # 3 of 6 are short of good 0, 1 of 3 of good 1
    have: dict[int, int] = {}
    for aisle, sku, some in zip(p.aisle_of_stock, p.sku_of_stock, p.units_of_stock, strict=True):
        if search.inside[aisle]:
            have[int(sku)] = have.get(int(sku), 0) + int(some)
    wants: dict[int, dict[int, int]] = {}
    for order, sku, some in zip(p.order_of_line, p.sku_of_line, p.units_of_line, strict=True):
        lines = wants.setdefault(int(order), {})
        lines[int(sku)] = lines.get(int(sku), 0) + int(some)
    whole = [
        lines
        for lines in wants.values()
        if sum(lines.values()) <= p.most and all(have.get(s, 0) >= n for s, n in lines.items())
    ]
    demand: dict[int, int] = {}
    for lines in whole:
        for sku, some in lines.items():
            demand[sku] = demand.get(sku, 0) + some
    assert whole
    assert search.state[WHOLE] == sum(demand.values())
    assert {sku: int(search.demand[sku]) for sku in np.flatnonzero(search.demand)} == demand
    assert search.state[LOST] == sum(max(0, n - have[sku]) for sku, n in demand.items())


@pytest.mark.parametrize("seed", [1, 2])
def test_backlogs_are_as_the_published_ones(seed: int):
    p, again = (instance(1_000, seed, "BASKETS") for _ in range(2))
    assert (p.sku_of_line == again.sku_of_line).all()
    assert (p.units_of_stock == again.units_of_stock).all()
    aisles = np.bincount(p.aisle_of_stock)
    times, places = np.bincount(p.sku_of_line), np.bincount(p.sku_of_stock)
    assert times.min() == 1  # all that lies there is wanted
    assert places.min() == 1
    assert 0.45 < aisles.std() / aisles.mean() < 1  # published: 0.5 to 0.93
    assert 0.3 < np.mean(places == 1) < 0.5  # 0.33 to 0.45
    assert places.max() > 20  # 38 to 145
    assert 0.75 < np.mean(times == 1) < 0.97  # 0.82 to 0.95
    assert 2.3 < p.order_of_line.size / p.orders < 3.9  # 2.46 to 3.92
    there = [set(p.aisle_of_stock[p.sku_of_stock == sku]) for sku in range(p.skus)]

    def together(of: Ints) -> float:  # neighbours in one order that lie in one aisle
        is_pair = p.order_of_line[:-1] == p.order_of_line[1:]
        pairs = zip(of[:-1][is_pair], of[1:][is_pair], strict=True)
        return float(np.mean([bool(there[a] & there[b]) for a, b in pairs]))

    mixed = np.random.default_rng(0).permutation(p.sku_of_line)
    assert together(p.sku_of_line) > 1.5 * together(mixed)  # 2.5 to 4 times


def test_prices_of_the_linear_programme_bring_the_roof_down():
    p = instance(60, 2, "BASKETS")
    book = book_of(p)
    bound = Bound(p, book)
    prices = Programme(p, book, bound.rows, whole=False).prices(3, 10.0)
    assert prices is not None
    before = bound.roofs[3]
    bound.at(prices)
    assert bound.roofs[3] < before
    wave, roof = Programme(p, book, bound.rows, whole=True).best(3, 1, 10.0, 0)
    assert wave is not None
    assert roof is not None
    assert p.units[wave.orders].sum() <= roof + 1e-6 <= bound.roofs[3] + 1


def test_a_file_of_a_wave_is_read_solved_told_and_drawn():
    file = {
        "kind": "waves", "orders": 2, "aisles": 2, "least": 1, "most": 9,
        "order_of_line": [0, 1], "sku_of_line": [0, 0], "units_of_line": [2, 1],
        "aisle_of_stock": [0, 1], "sku_of_stock": [0, 0], "units_of_stock": [3, 9],
    }  # fmt: skip
    kind = kind_of(file)
    read = kind.read(file)
    plan = kind.solve(read, Limits(iterations=1), 0, unheard).plan
    assert kind.told(read, plan) == {"orders": [0, 1], "aisles": [0]}
    assert kind.drawn is not None
    assert "2 orders from 1 aisles" in kind.drawn(read, plan)
    with pytest.raises(ValueError, match="order_of_line"):
        kind.read(file | {"order_of_line": [0, 5]})


def test_a_better_wave_has_a_whole_unit_more():
    p = problem([{0: 1}], [{0: 1}, {0: 1}, {0: 1}], 4, 9)
    needed = Bound(p, book_of(p)).needed
    assert needed(2.0).tolist()[1:] == [4, 5, 7]
    assert needed(2.5).tolist()[1:] == [4, 6, 8]


def test_no_more_is_taken_than_lies_there():
    p = problem([{0: 3}, {0: 2}], [{0: 2}, {0: 2}], 0, 9)
    solution = waves.solve(p, limits=Limits(iterations=1))
    assert solution.plan.orders.tolist() == [False, True]
    assert solution.objective == -2


def units_of(orders: list[dict[int, int]], chosen: tuple[bool, ...] | list[bool]) -> int:
    return sum(sum(order.values()) for order, is_in in zip(orders, chosen, strict=True) if is_in)


def holds(
    orders: list[dict[int, int]],
    aisles: list[dict[int, int]],
    chosen: tuple[bool, ...] | list[bool],
    there: tuple[bool, ...] | list[bool],
) -> bool:
    """Whether the aisles hold all that the orders want."""
    for sku in range(3):
        wanted = sum(o.get(sku, 0) for o, is_in in zip(orders, chosen, strict=True) if is_in)
        if wanted > sum(a.get(sku, 0) for a, is_in in zip(aisles, there, strict=True) if is_in):
            return False
    return True
