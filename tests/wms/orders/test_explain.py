"""A decision says why: each site with its terms or what stood in its way, and the second best."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.sourcing import violations
from wms.orders.costs import Demand, Facts, Goods, Node, OrderFacts, departure
from wms.orders.explain import Explainer, Record, what_if
from wms.orders.policy import DEFAULT, Policy, Weights
from wms.orders.source_problem import Sourced, build, figures, solve
from wms.shipping.calendar import SiteCalendar
from wms.shipping.rates import default_card

NOON = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)  # in Japan; a Wednesday
ANY_DAY = datetime(2026, 11, 25, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)
TOKYO = Node(
    id=UUID(int=11), code="TYO1", kind="DC", prefecture="東京都", latitude=35.7, longitude=139.7
)
OSAKA = Node(
    id=UUID(int=12), code="OSA1", kind="FC", prefecture="大阪府", latitude=34.7, longitude=135.5
)
GINZA = Node(
    id=UUID(int=13), code="S-GNZ", kind="STORE", prefecture="東京都", latitude=35.7, longitude=139.8
)
SITES = (TOKYO, OSAKA, GINZA)


def an_order(number: int = 100, **more: Any) -> OrderFacts:
    facts: dict[str, Any] = {"prefecture": "大阪府", "latitude": 34.7, "longitude": 135.5}
    return OrderFacts(id=UUID(int=number), **(facts | more))


def facts(
    free: Mapping[tuple[str, UUID], int],
    *wanted: tuple[OrderFacts, UUID, int],
    nodes: tuple[Node, ...] = SITES,
    **more: Any,
) -> Facts:
    orders = tuple(dict.fromkeys(order.id for order, _, _ in wanted))
    by_id = {order.id: order for order, _, _ in wanted}
    by_code = {node.code: node.id for node in SITES}
    return Facts(
        at=more.pop("at", NOON),
        orders=tuple(by_id[order] for order in orders),
        demands=tuple(
            Demand(order_id=order.id, line_no=number, sku_id=sku, units=units)
            for number, (order, sku, units) in enumerate(wanted, start=1)
        ),
        nodes=nodes,
        goods={A: Goods(weight_g=500), B: Goods(weight_g=800)},
        free={(by_code[code], sku): units for (code, sku), units in free.items()},
        **more,
    )


def decide(batch: Facts, policy: Policy = DEFAULT) -> tuple[Sourced, list[Record]]:
    sourced = solve(build(batch, policy, default_card()), budget_s=5)
    assert violations(sourced.batch.problem, sourced.solution.plan) == []
    explainer = Explainer(sourced)
    return sourced, [explainer.record(number) for number in range(len(batch.orders))]


def candidate(record: Record, site: str) -> dict[str, Any]:
    return next(each for each in record.candidates if each["site"] == site)


def codes(record: Record) -> list[str]:
    return [each["code"] for each in record.why]


def test_the_nearest_is_chosen_and_the_terms_add_up():
    order = an_order()
    sourced, (record,) = decide(facts({("TYO1", A): 5, ("OSA1", A): 5}, (order, A, 2)))
    assert record.chosen == [{"line_no": 1, "sites": {"OSA1": 2}}]
    assert sum(record.terms.values()) == pytest.approx(sourced.solution.objective, abs=0.05)
    assert candidate(record, "OSA1")["cost"] == pytest.approx(sum(record.terms.values()), abs=0.05)
    assert record.runner_up is not None
    assert record.runner_up["sites"] == ["TYO1"]
    (why,) = record.why
    assert (why["code"], why["than"], why["term"]) == ("cheapest", ["TYO1"], "carrier")
    assert why["by"] == pytest.approx(
        candidate(record, "TYO1")["cost"] - candidate(record, "OSA1")["cost"], abs=0.05
    )


def test_what_a_site_lacks_is_said_line_by_line():
    order = an_order()
    _, (record,) = decide(facts({("TYO1", A): 5, ("OSA1", A): 1, ("TYO1", B): 1}, (order, A, 2),
                                (order, B, 1)))  # fmt: skip
    osaka = candidate(record, "OSA1")
    assert (osaka["feasible"], osaka["why"]) == (False, "stock")
    assert osaka["lacking"] == [{"line_no": 1, "units": 1}, {"line_no": 2, "units": 1}]
    assert record.runner_up is None
    assert codes(record) == ["only_way"]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"closed": "fire"}, "closed"), ({"units_per_day": 0}, "full")],
)
def test_a_site_that_cannot_send_is_a_candidate_with_the_reason(change: dict[str, Any], why: str):
    order = an_order()
    nodes = (TOKYO, replace(OSAKA, **change), GINZA)
    _, (record,) = decide(facts({("TYO1", A): 5, ("OSA1", A): 5}, (order, A, 2), nodes=nodes))
    assert candidate(record, "OSA1")["why"] == why
    assert record.chosen[0]["sites"] == {"TYO1": 2}


def test_a_site_that_said_no_is_not_asked_again():
    order = an_order(excluded={OSAKA.id: "no_staff"})
    _, (record,) = decide(facts({("TYO1", A): 5, ("OSA1", A): 5}, (order, A, 2)))
    assert candidate(record, "OSA1")["why"] == "excluded"
    assert {"code": "passed_over", "sites": {"OSA1": "excluded"}} in record.why


def test_goods_for_a_collection_point_come_from_warehouses_only():
    order = an_order(fulfilment="COLLECT", to_site_id=UUID(int=99))
    _, (record,) = decide(facts({("S-GNZ", A): 5, ("TYO1", A): 5}, (order, A, 1)))
    assert candidate(record, "S-GNZ")["why"] == "no_feeder"
    assert record.chosen[0]["sites"] == {"TYO1": 1}


def test_the_last_unit_goes_to_who_has_no_other_way_and_the_other_is_told():
    first, second = an_order(100), an_order(101, excluded={TOKYO.id: "no_staff"})
    stock = {("TYO1", A): 5, ("OSA1", A): 1}
    _, (one, other) = decide(facts(stock, (first, A, 1), (second, A, 1)))
    assert other.chosen[0]["sites"] == {"OSA1": 1}
    assert one.chosen[0]["sites"] == {"TYO1": 1}
    why = next(each for each in one.why if each["code"] == "for_others")
    assert why["sites"] == ["OSA1"]
    assert why["costs_more"] > 0


def test_what_would_make_a_site_win_is_true():
    """The answer is tried: with the term changed as it says, and a little more, the site wins."""
    order = an_order()
    world = facts({("TYO1", A): 5, ("OSA1", A): 5}, (order, A, 2))
    sourced, (record,) = decide(world)
    told = what_if(record.candidates, record.chosen, record.terms, "TYO1")
    assert told is not None
    assert (told["wins"], told["feasible"], told["reasons"]) == (False, True, [])
    carrier = next(term for term in told["terms"] if term["name"] == "carrier")
    assert carrier["enough"]
    for change, winner in ((1.0, "OSA1"), (-1.0, "TYO1")):
        problem = sourced.batch.problem
        less = carrier["now"] - carrier["needed"] - change
        terms = {name: cost.copy() for name, cost in problem.parcel_terms.items()}
        terms["carrier"][0, 0] -= less
        cost = problem.parcel_cost.copy()
        cost[0, 0] -= less
        other = replace(
            sourced.batch, problem=replace(problem, parcel_cost=cost, parcel_terms=terms)
        )
        plan = solve(other, budget_s=5).solution.plan
        assert SITES[int(np.flatnonzero(plan[0])[0])].code == winner


def test_what_if_says_what_stands_in_the_way():
    order = an_order(promised_by=NOON + timedelta(days=1, hours=10))
    late = replace(OSAKA, calendar=SiteCalendar(cut_off=time(9)))
    _, (record,) = decide(
        facts({("TYO1", A): 5, ("OSA1", A): 5}, (order, A, 1), nodes=(TOKYO, late, GINZA))
    )
    assert record.chosen[0]["sites"] == {"TYO1": 1}
    told = what_if(record.candidates, record.chosen, record.terms, "OSA1")
    assert told is not None
    assert {"code": "past_cut_off", "days": 1} in told["reasons"]
    lacks = what_if(record.candidates, record.chosen, record.terms, "S-GNZ")
    assert lacks is not None
    assert {"code": "stock", "line_no": 1, "units": 1} in lacks["reasons"]
    assert what_if(record.candidates, record.chosen, record.terms, "MARS") is None
    chosen = what_if(record.candidates, record.chosen, record.terms, "TYO1")
    assert chosen is not None
    assert chosen["wins"]


def test_an_order_is_parted_only_as_it_may_be():
    stock = {("TYO1", A): 5, ("OSA1", B): 5}
    for split, sites in (("ANY", 2), ("WHOLE_LINES", 2), ("ONE_SITE", 1)):
        order = an_order(split=split)
        sourced, (record,) = decide(facts(stock, (order, A, 1), (order, B, 1)))
        assert figures(sourced.batch, sourced.solution.plan, 0).parcels == sites
        assert ("parted" in codes(record)) == (sites > 1)


def test_past_the_cut_off_goods_leave_the_next_day_in_the_sites_own_time():
    calendar = SiteCalendar(cut_off=time(15))
    node = replace(TOKYO, calendar=calendar)
    early = departure(node, datetime(2026, 11, 25, 4, 59, tzinfo=UTC))  # 13:59, packed by 14:59
    late = departure(node, datetime(2026, 11, 25, 5, 1, tzinfo=UTC))
    night = departure(node, datetime(2026, 11, 24, 16, 0, tzinfo=UTC))  # one in the morning there
    assert early is not None
    assert late is not None
    assert night is not None
    assert [d.ships_on.day for d in (early, late, night)] == [25, 26, 25]
    assert [d.past_cut_off for d in (early, late, night)] == [False, True, False]


def test_a_full_site_sends_the_next_day_with_the_room_of_that_day():
    day = ANY_DAY.date()
    node = replace(TOKYO, units_per_day=10, given={day: 10, day + timedelta(days=1): 4})
    leaves = departure(node, NOON)
    assert leaves is not None
    assert (leaves.ships_on, leaves.room) == (day + timedelta(days=1), 6)
    backlog = departure(replace(node, given={}, in_work=7), NOON)
    assert backlog is not None
    assert (backlog.ships_on, backlog.room) == (day, 3)


def test_nothing_leaves_a_site_that_never_works():
    assert departure(replace(TOKYO, calendar=SiteCalendar(hours=(None,) * 7)), NOON) is None


@pytest.mark.parametrize(
    ("weights", "extra", "site"),
    [
        (Weights(markdown=1.0), {"value": {(GINZA.id, A): 900}}, "S-GNZ"),
        (Weights(markdown=0.0), {"value": {(GINZA.id, A): 900}}, "TYO1"),
        (Weights(co2_minor_per_kg=20_000), {}, "TYO1"),
    ],
)
def test_a_term_can_decide(weights: Weights, extra: dict[str, Any], site: str):
    order = an_order(prefecture="東京都", latitude=35.7, longitude=139.7)
    stock = {("TYO1", A): 5, ("OSA1", A): 5, ("S-GNZ", A): 9}
    policy = replace(DEFAULT, weights=weights)
    _, (record,) = decide(facts(stock, (order, A, 1), **extra), policy)
    assert list(record.chosen[0]["sites"]) == [site]


def test_a_whole_order_from_one_site_costs_what_its_parcels_cost():
    order = an_order()
    card = default_card()
    heavy = {A: Goods(weight_g=9_000), B: Goods(weight_g=100)}
    world = replace(facts({("TYO1", A): 9}, (order, A, 5)), goods=heavy)  # 45 kg: three parcels
    _, (record,) = decide(world)
    everywhere = ["東京都", "大阪府"]
    prices = card.matrix(everywhere, everywhere).cost_minor[:, 0, 1]
    table = card.matrix(everywhere, everywhere)
    paid = 2 * prices[table.class_of(20_000)] + prices[table.class_of(45_000 + 150 - 40_000)]
    assert record.terms["carrier"] + record.terms["weight"] == pytest.approx(paid)
    assert record.terms["cartons"] == pytest.approx(3 * DEFAULT.weights.carton_minor)


def test_what_is_kept_for_other_channels_is_not_this_ones():
    order = an_order(channel="market")
    stock = {("TYO1", A): 5, ("OSA1", A): 5}
    world = facts(stock, (order, A, 1), kept={("market", OSAKA.id, A): 5})
    _, (record,) = decide(world)
    assert record.chosen[0]["sites"] == {"TYO1": 1}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([A, B]), st.integers(1, 3)),
        min_size=1, max_size=4, unique_by=lambda line: line[:2],
    ),
    st.lists(st.integers(0, 4), min_size=6, max_size=6),
    st.sampled_from(["ANY", "WHOLE_LINES", "ONE_SITE"]),
)  # fmt: skip
def test_every_decision_is_explained_and_no_runner_up_beats_it(
    wanted: list[tuple[int, UUID, int]], free: list[int], split: str
):
    orders = {number: an_order(100 + number, split=split) for number, _, _ in wanted}
    stock = {(node.code, sku): free[2 * at + k] for at, node in enumerate(SITES)
             for k, sku in enumerate((A, B))}  # fmt: skip
    world = facts(stock, *((orders[number], sku, units) for number, sku, units in wanted))
    sourced, records = decide(world)
    assert sum(sum(record.terms.values()) for record in records) == pytest.approx(
        sourced.solution.objective, abs=0.1
    )
    for record in records:
        assert record.why
        assert [each["site"] for each in record.candidates if not each["feasible"]] == [
            each["site"] for each in record.candidates if each["why"]
        ]
        if record.runner_up is not None:
            assert record.runner_up["cost"] >= sum(record.terms.values()) - 0.1
