"""The last units of a node have the price of what later orders lose without them."""

from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import sourcing
from optimizer.scarcity import Forecast, at_least, prices

FAR = 5000.0


def forecast(
    lines: list[tuple[int, int, int]], parcel_cost: list[list[float]], weight: float = 1.0
) -> Forecast:
    """`lines` are (order, sku, units)."""
    return Forecast(
        order_of_line=np.array([o for o, _, _ in lines], dtype=np.int64),
        sku_of_line=np.array([s for _, s, _ in lines], dtype=np.int64),
        units=np.array([u for _, _, u in lines], dtype=np.int64),
        parcel_cost=np.array(parcel_cost, dtype=np.float64),
        unit_cost=np.zeros(len(parcel_cost[0])),
        weight=weight,
    )


def test_the_price_is_the_chance_of_running_out_times_what_the_other_way_costs_more():
    # One order for one unit is to come. It would come from node 0 for 100, else from node 1 for
    # 400, of which node 1 has enough. It comes as a Poisson variable of mean 1, so that the one
    # unit is wanted with 1 - 1/e, and is then worth 300. Of two units the last is worth less.
    to_come = forecast([(0, 0, 1)], [[100, 400]])

    for units, chance in ((1, 1 - exp(-1)), (2, 1 - 2 * exp(-1)), (3, 1 - 2.5 * exp(-1))):
        found = prices(to_come, np.array([[units], [50]]), regret_max=1000, rounds=1)
        assert found == pytest.approx(np.array([[300 * chance], [0]]))


def test_a_unit_that_keeps_an_order_whole_is_worth_a_parcel():
    # Node 0 has both SKUs, node 1 only the first: without SKU 0 at node 0 a second parcel of 60
    # goes (SKU 0 from node 1). SKU 1 is nowhere else, so it has no price.
    to_come = forecast([(0, 0, 1), (0, 1, 1)], [[60, 60]])

    found = prices(to_come, np.array([[1, 1], [9, 0]]), regret_max=1000, rounds=1)

    assert found == pytest.approx(np.array([[60 * (1 - exp(-1)), 0], [0, 0]]))


def test_what_nobody_wants_and_what_there_is_plenty_of_has_no_price():
    to_come = forecast([(0, 0, 1)], [[100, 400]])
    found = prices(to_come, np.array([[30, 1], [30, 1]]), regret_max=1000)
    assert found.max() < 1e-6


def test_with_prices_an_early_order_leaves_the_last_unit_to_a_later_one_that_needs_it_whole():
    # Two sites, two SKUs. First an order for SKU 0 alone, 10 cheaper from node 0; then one for
    # both, which only node 0 can send whole.
    stock = np.array([[1, 1], [1, 0]], dtype=np.int64)
    to_come = forecast([(0, 0, 1), (0, 1, 1)], [[100, 100]])
    priced = prices(to_come, stock, regret_max=1000)

    def spent(price: np.ndarray) -> float:
        left, total = stock.copy(), 0.0
        for skus, parcels in (([0], [90.0, 100.0]), ([0, 1], [100.0, 100.0])):
            problem = sourcing.Problem(
                order_of_line=np.zeros(len(skus), dtype=np.int64),
                sku_of_line=np.array(skus, dtype=np.int64),
                units=np.ones(len(skus), dtype=np.int64),
                stock=left,
                parcel_cost=np.array([parcels]),
                unit_cost=price[:, skus].T.copy(),
                backorder_cost=np.full(len(skus), FAR),
            )
            plan = sourcing.solve(problem, budget_s=0).plan
            assert (plan.sum(axis=1) == 1).all()
            left = left.copy()
            np.subtract.at(left.T, problem.sku_of_line, plan)
            total += problem.parcel_cost[0][plan.any(axis=0)].sum()
        return float(total)

    assert spent(np.zeros(stock.shape)) == 90 + 200
    assert spent(priced) == 100 + 100


@pytest.mark.parametrize(("count", "mean"), [(0, 2.0), (1, 2.0), (5, 2.0), (3, 0.01), (100, 90.0)])
def test_the_tail_of_a_poisson_variable(count: int, mean: float):
    term, below = exp(-mean), 0.0
    for k in range(count):
        below += term
        term *= mean / (k + 1)
    near = 0.01 if count > 80 else 1e-9
    assert at_least(np.array([count]), np.array([mean]))[0] == pytest.approx(1 - below, abs=near)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Forecast, np.ndarray]:
    nodes, skus = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    orders = draw(st.integers(1, 5))
    lines = []
    for order in range(orders):
        wanted = draw(st.sets(st.integers(0, skus - 1), min_size=1))
        lines += [(order, sku, draw(st.integers(1, 3))) for sku in sorted(wanted)]
    cost = st.lists(st.integers(1, 500).map(float), min_size=nodes, max_size=nodes)
    parcels = draw(st.lists(cost, min_size=orders, max_size=orders))
    row = st.lists(st.integers(0, 4), min_size=skus, max_size=skus)
    stock = np.array(draw(st.lists(row, min_size=nodes, max_size=nodes)), dtype=np.int64)
    return forecast(lines, parcels, draw(st.sampled_from([0.1, 1.0, 5.0]))), stock


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_prices_are_never_negative_never_above_the_most_and_none_where_there_is_nothing(
    of: tuple[Forecast, np.ndarray],
):
    to_come, stock = of
    found = prices(to_come, stock, regret_max=700)
    assert found.shape == stock.shape
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 700
    assert (found[stock == 0] == 0).all()
    assert (found[:, (stock > 0).sum(axis=0) <= 1] == 0).all()  # nowhere else: no matter of place


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_more_orders_to_come_make_no_unit_cheaper(of: tuple[Forecast, np.ndarray]):
    to_come, stock = of
    more = Forecast(
        order_of_line=to_come.order_of_line,
        sku_of_line=to_come.sku_of_line,
        units=to_come.units,
        parcel_cost=to_come.parcel_cost,
        unit_cost=to_come.unit_cost,
        weight=to_come.weight * 2,
    )
    low, high = (prices(each, stock, regret_max=700, rounds=1) for each in (to_come, more))
    assert (high >= low - 1e-6).all()
