"""Back-orders and pre-orders: what is not there yet is waited for, and comes to who is first."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.builders import NOW, an_id
from tests.wms.house import GINZA, HUB, OSAKA, SPOKE, House
from wms.catalog import HOUSE_OWNER_ID, sku_id
from wms.ids import CommandId
from wms.sites import site_id
from wms.stock.incoming import Land, land_supply
from wms.stock.promises import keep_from

BY = (NOW + timedelta(days=2)).isoformat()
HOOK = {"url": "https://oms.example/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


@pytest.fixture
def shop(house: House) -> House:
    house.ok(house.http.put(f"/oms/v1/webhooks/{an_id()}", json=HOOK))
    house.sku("A")
    house.stock("A", 4, "S01-01")
    return house


def waits(shop: House, units: int, **more: Any) -> UUID:
    return shop.put_order(("A", units), backorders="WAIT", **more)


def stock_comes(shop: House, units: int, site: str = HUB) -> None:
    shop.stock("A", units, "S01-01", site=site)
    shop.job("backorders")


def events(shop: House, type_: str) -> list[Any]:
    shop.job("tell")
    return [each.body for each in shop.webhooks.events if each.type == type_]


def figures(shop: House, order_id: UUID) -> tuple[str, int, int]:
    line = shop.line(order_id)
    return line["status"], line["units_waiting"], line["units_short"]


def ship(shop: House, site: str = HUB) -> None:
    shop.tick()
    shop.work_off(site, "pick")
    shop.work_off(site, "pack")


def test_what_waits_is_filled_when_stock_comes_and_the_customer_hears_of_it(shop: House):
    order_id = waits(shop, 10, promised_by=BY)
    assert figures(shop, order_id) == ("HELD", 6, 0), "what there is, is held at once"
    (lost,) = events(shop, "PromiseChanged")
    assert (lost["reason"], lost["was"], lost["by"]) == ("backordered", BY, None)

    ship(shop)
    assert not shop.order(order_id)["closed"], "six are still to come"
    shop.clock.at += timedelta(days=3)
    stock_comes(shop, 6)
    assert figures(shop, order_id)[1:] == (0, 0)
    again = events(shop, "PromiseChanged")[-1]
    assert (again["reason"], again["was"]) == ("stock_came", None)
    assert again["by"] > BY
    told = shop.order(order_id)
    assert [each["reason"] for each in told["promises"]] == ["placed", "backordered", "stock_came"]
    assert told["promised_by"] == told["promises"][-1]["promised_by"]
    ship(shop)
    assert shop.line(order_id)["status"] == "PACKED"


def test_priority_comes_first_then_age_and_nobody_is_overtaken(shop: House):
    shop.put_order(("A", 4))
    old = waits(shop, 5)
    young = waits(shop, 1, placed_at=(NOW + timedelta(minutes=1)).isoformat())
    urgent = waits(shop, 2, priority=5, placed_at=(NOW + timedelta(hours=1)).isoformat())
    stock_comes(shop, 3)
    assert [figures(shop, each)[1] for each in (urgent, old, young)] == [0, 4, 1]
    stock_comes(shop, 5, SPOKE)
    assert [figures(shop, each)[1] for each in (urgent, old, young)] == [0, 0, 0]


def test_who_wants_one_parcel_waits_for_all_of_it(shop: House):
    order_id = waits(shop, 10, split="ONE_SITE")
    assert figures(shop, order_id) == ("WAITING", 10, 0)
    assert shop.order(order_id)["status"] == "WAITING"
    stock_comes(shop, 5, SPOKE)
    assert figures(shop, order_id)[1] == 10, "nine, but at two sites"
    stock_comes(shop, 6)
    assert figures(shop, order_id)[1] == 0
    assert shop.line(order_id)["site"] == HUB


def test_who_does_not_wait_ends_and_gets_the_money_back(shop: House):
    tender = {"id": str(an_id()), "kind": "CARD", "payment": "p-1", "captured_minor": 11_500}
    lines = [
        {"line_no": 1, "sku": "A", "units": 11, "price_minor": 1_000},
        {"line_no": 2, "sku": "POST", "units": 1, "service": True, "price_minor": 500},
    ]
    order_id = shop.put_order(lines=lines, tenders=[tender])
    assert figures(shop, order_id) == ("BACKORDERED", 0, 11)
    (refund,) = events(shop, "RefundWanted")
    assert (refund["amount_minor"], refund["reason"]) == (11_500, "short")


def test_cancelled_while_it_waits(shop: House):
    order_id = waits(shop, 10)
    units = {"command_id": str(an_id()), "lines": {"1": 7}}
    path = f"/oms/v1/orders/{order_id}/cancellation"
    for _ in range(2):
        shop.ok(shop.http.post(path, json=units))
    line = shop.line(order_id)
    assert (line["units_waiting"], line["units_cancelled"]) == (0, 7)
    assert shop.stock_row("A")["reserved"] == 3, "what waits is given up before what is held"
    too_many = shop.http.post(path, json={"command_id": str(an_id()), "lines": {"1": 4}})
    assert (too_many.status_code, too_many.json()["code"]) == (422, "no_such_units")
    stock_comes(shop, 9)
    assert figures(shop, order_id)[1] == 0
    shop.ok(shop.http.post(path, json={"command_id": str(an_id())}))
    assert shop.order(order_id)["status"] == "CANCELLED"


# -------------------------------------------------------------------------------- pre-orders
def announce(
    shop: House, units: int, site: str = HUB, *, supply_id: UUID | None = None, state: str = "OPEN"
) -> UUID:
    supply_id = supply_id or an_id()
    later = (NOW + timedelta(days=9)).isoformat()
    body = {
        "site": site, "kind": "PO", "sku": "A", "units": units, "eta_p50": later,
        "eta_p90": later, "state": state,
    }  # fmt: skip
    shop.ok(shop.http.put(f"/v1/supplies/{supply_id}", json=body))
    return supply_id


def pre_order(shop: House, units: int, supply_id: UUID, **more: Any) -> UUID:
    line = {"line_no": 1, "sku": "A", "units": units, "supply_id": str(supply_id)}
    return shop.put_order(lines=[line], **more)


def receive(shop: House, units: int, supply_id: UUID, site: str = HUB) -> None:
    shop.stock("A", units, "S01-02", site=site)
    land = Land(
        command_id=CommandId(an_id()), site_id=site_id(site), supply_id=supply_id, units=units
    )
    shop.database.run(lambda s: land_supply(s, [land], now=shop.clock.now()))
    shop.job("supplies")


def test_a_pre_order_gets_its_goods_when_they_come(shop: House):
    supply_id = announce(shop, 10, SPOKE)
    order_id = pre_order(shop, 8, supply_id, ship_to=OSAKA)
    fewer = {"command_id": str(an_id()), "lines": {"1": 2}}
    shop.ok(shop.http.post(f"/oms/v1/orders/{order_id}/cancellation", json=fewer))
    assert shop.stock_row("A")["reserved"] == 0, "what is there is for others"
    shop.tick()
    assert shop.line(order_id)["status"] == "HELD"
    receive(shop, 4, supply_id, SPOKE)
    assert shop.stock_row("A", SPOKE)["reserved"] == 4
    ship(shop, SPOKE)
    line = shop.line(order_id)
    assert (line["status"], line["site"]) == ("HELD", SPOKE), "two are still to come"
    receive(shop, 6, supply_id, SPOKE)
    ship(shop, SPOKE)
    assert shop.line(order_id)["status"] == "PACKED"


def test_more_is_not_promised_of_a_supply_than_comes(shop: House):
    supply_id = announce(shop, 5)
    first, second = pre_order(shop, 4, supply_id), pre_order(shop, 4, supply_id)
    assert [figures(shop, each) for each in (first, second)] == [
        ("HELD", 0, 0), ("BACKORDERED", 0, 4),
    ]  # fmt: skip
    third = pre_order(shop, 4, supply_id, backorders="WAIT")
    assert figures(shop, third)[1] == 4
    shop.ok(shop.http.post(f"/oms/v1/orders/{first}/cancellation"))
    assert figures(shop, pre_order(shop, 5, supply_id))[0] == "HELD"


def test_a_supply_that_fails_is_looked_for_elsewhere(shop: House):
    supply_id = announce(shop, 9)
    order_id = pre_order(shop, 3, supply_id, promised_by=BY)
    other = pre_order(shop, 6, supply_id, backorders="WAIT", promised_by=BY)
    announce(shop, 9, supply_id=supply_id, state="CLOSED")
    shop.job("supplies")
    assert figures(shop, order_id)[1:] == (0, 0)
    assert shop.stock_row("A")["reserved"] == 3
    assert figures(shop, other)[1] == 6
    reasons = {each["reason"] for each in events(shop, "PromiseChanged")}
    assert reasons == {"supply_failed", "backordered"}


def test_a_supply_that_is_none_of_these_goods_is_refused(shop: House):
    shop.sku("B")
    line = {"line_no": 1, "sku": "B", "units": 1, "supply_id": str(announce(shop, 5))}
    for bad in (line, line | {"supply_id": str(an_id())}):
        answer = shop.http.put(f"/oms/v1/orders/{an_id()}", json=shop.order_body(lines=[bad]))
        assert (answer.status_code, answer.json()["code"]) == (422, "unfit_supply")


def test_a_channel_does_not_get_what_is_kept_from_it(shop: House):
    goods = (HOUSE_OWNER_ID, sku_id("A"))
    shop.database.run(lambda s: keep_from(s, site_id(HUB), goods, "web", keep=3))
    shop.stock("A", 2, "S01-01", site=SPOKE)
    assert shop.line(shop.put_order(("A", 2)))["site"] == SPOKE
    assert figures(shop, shop.put_order(("A", 2)))[0] == "BACKORDERED"
    assert shop.line(shop.put_order(("A", 2), channel="store"))["site"] == HUB


def test_a_line_is_not_parted_where_the_order_says_so(shop: House):
    shop.stock("A", 3, "S01-01", site=SPOKE)
    assert figures(shop, shop.put_order(("A", 6), split="WHOLE_LINES"))[0] == "BACKORDERED"
    order_id = shop.put_order(("A", 3), ("A", 2), split="ONE_SITE", ship_to=OSAKA)
    assert figures(shop, order_id)[0] == "BACKORDERED"
    order_id = shop.put_order(("A", 3), ("A", 2), split="WHOLE_LINES", ship_to=OSAKA)
    assert [shop.line(order_id, no)["site"] for no in (1, 2)] == [SPOKE, HUB]


def test_what_is_collected_is_held_where_it_is_collected_and_else_comes_by_transfer(shop: House):
    shop.stock("A", 2, "FLOOR-1", site=GINZA)
    here = shop.put_order(("A", 2), fulfilment="COLLECT", to_site=GINZA)
    assert (shop.line(here)["site"], shop.line(here)["status"]) == (GINZA, "ALLOCATED")
    there = shop.put_order(("A", 2), fulfilment="COLLECT", to_site=GINZA)
    assert (shop.line(there)["site"], shop.line(there)["status"]) == (HUB, "HELD")
    for more in ({}, {"to_site": HUB}, {"to_site": "NOWHERE"}):
        body = shop.order_body(("A", 1), fulfilment="COLLECT", **more)
        answer = shop.http.put(f"/oms/v1/orders/{an_id()}", json=body)
        assert answer.status_code == 422
        assert answer.json()["code"] == ("unfit_site" if more else "malformed_order")
