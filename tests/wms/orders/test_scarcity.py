"""Prices of scarce stock: made from past orders, kept in the database, weighed by sourcing."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from tests.wms.house import OSAKA, SPOKE, House
from wms.catalog import Sku
from wms.ids import SkuId
from wms.orders import scarcity
from wms.orders.capacity import StockValue
from wms.orders.costs import Node
from wms.orders.policy import Weights
from wms.orders.scarcity import Gathered, Wanted, priced
from wms.orders.source_jobs import sparing
from wms.shipping.rates import default_card
from wms.sites import site_id

A, B = UUID(int=1), UUID(int=2)
TOKYO = Node(
    id=UUID(int=11), code="TYO1", kind="DC", prefecture="東京都", latitude=35.7, longitude=139.7
)
OSAKA_DC = Node(
    id=UUID(int=12), code="OSA1", kind="DC", prefecture="大阪府", latitude=34.7, longitude=135.5
)


def gathered(free: dict[tuple[UUID, UUID], int], *wanted: Wanted, weight: float = 1.0) -> Gathered:
    return Gathered(
        wanted=wanted,
        nodes=(TOKYO, OSAKA_DC),
        free=free,
        card=default_card(),
        weights=Weights(),
        weight=weight,
    )


def test_a_unit_near_the_customers_to_come_is_dearer_than_one_far_away():
    tokyo = Wanted(prefecture="東京都", weight_g=500, units={A: 1})
    free = {(TOKYO.id, A): 1, (OSAKA_DC.id, A): 5}
    found = priced(gathered(free, *[tokyo] * 4))
    # a band of distance (120 to 130 yen) times the chance that somebody asks: 1 - 1/e^4
    assert set(found) == {(TOKYO.id, A)}
    assert 115 <= found[TOKYO.id, A] <= 130
    assert priced(gathered(free, *[tokyo] * 4, weight=0.01))[TOKYO.id, A] < 10


def test_a_closed_site_and_goods_that_nobody_wanted_have_no_price():
    tokyo = Wanted(prefecture="東京都", weight_g=500, units={A: 1})
    assert priced(gathered({(TOKYO.id, B): 1, (OSAKA_DC.id, B): 1}, tokyo)) == {}
    assert priced(gathered({})) == {}
    of = gathered({(TOKYO.id, A): 1, (OSAKA_DC.id, A): 5}, tokyo)
    assert set(priced(of)) == {(TOKYO.id, A)}
    assert priced(replace(of, nodes=(replace(TOKYO, closed="fire"), OSAKA_DC))) == {}


def values(house: House) -> dict[tuple[UUID, UUID], StockValue]:
    rows = house.database.run(lambda s: list(s.scalars(select(StockValue))))
    return {(row.site_id, row.sku_id): row for row in rows}


def test_the_job_makes_prices_of_what_was_ordered_and_sourcing_weighs_them(house: House):
    for code in ("A", "B"):
        house.sku(code)
    house.stock("A", 9, "S01-01")
    house.stock("A", 9, "S01-01", site=SPOKE)
    for _ in range(8):
        house.put_order(("A", 1), ship_to=OSAKA)
    while house.jobs.source():
        pass
    sku = SkuId(
        house.database.run(lambda s: s.scalars(select(Sku.id).where(Sku.code == "A")).one())
    )
    path = f"/console/v1/stock-values/{SPOKE}/A"
    house.ok(house.http.put(path, json={"markdown_minor": 1}))

    house.clock.at += timedelta(minutes=1)
    assert scarcity.reprice(house.database, house.clock) == 0
    row = values(house)[site_id(SPOKE), sku]
    assert row.scarcity_minor > 50, "one is left near Osaka, and more are to come"
    assert row.markdown_minor == 1, "what somebody said stays"

    order_id = house.put_order(("A", 1), ship_to=OSAKA)
    while house.jobs.source():
        pass
    (decision,) = house.ok(house.http.get(f"/oms/v1/orders/{order_id}/decisions"))["decisions"]
    spoke = next(each for each in decision["candidates"] if each["site"] == SPOKE)
    assert spoke["terms"]["scarcity"] == row.scarcity_minor

    house.clock.at += 2 * scarcity.PAST
    scarcity.reprice(house.database, house.clock)
    assert values(house)[site_id(SPOKE), sku].scarcity_minor == 0, "nobody asked for a week"


def test_a_long_search_is_made_seldom():
    times = iter([0.0, 60.0, 61.0, 1259.0, 1261.0, 1261.0])

    work = sparing(lambda: 1, 0.05, lambda: next(times))

    assert work() == 1  # takes a minute
    assert work() == 0, "twenty minutes of rest"
    assert work() == 0
    assert work() == 1
