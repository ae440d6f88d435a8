"""Kits as order lines: promised, sent and returned as their parts, whole or not at all."""

from itertools import count
from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House
from tests.wms.returns.customers import PRICE, bring, delivered, line, put_return, seen, sold
from wms.catalog import Sku
from wms.orders.kits import PlaceLine, explode
from wms.payments.refund import refunds_of


@pytest.fixture
def giving(house: House) -> House:
    for sku in ("BOX", "TEA", "CUP"):
        house.sku(sku)
    kit = {"made": "ORDER", "parts": [{"sku": "TEA", "units": 2}, {"sku": "CUP", "units": 1}]}
    house.ok(house.http.put("/console/v1/kits/BOX", json=kit))
    house.stock("TEA", 9, "S01-01")
    house.stock("CUP", 3, "S02-01")
    return house


def reserved(house: House) -> tuple[int, int]:
    return house.stock_row("TEA")["reserved"], house.stock_row("CUP")["reserved"]


def refunded(house: House, order: UUID) -> int:
    return house.database.run(lambda s: sum(r.amount_minor for r in refunds_of(s, order)))


def test_a_kit_goes_out_as_its_parts_and_comes_back_so(giving: House):
    free = giving.ok(giving.http.get("/console/v1/kits/BOX/free"))
    assert free["sites"] == [{"site": HUB, "kits": 3}]
    order = delivered(giving, ("BOX", 2))
    whole = giving.line(order)
    assert (whole["sku"], whole["units"], whole["status"]) == ("BOX", 2, "DELIVERED")
    assert sum(part["units"] for part in whole["parts"] if part["sku"] == "TEA") == 4
    assert sum(part["price_minor"] * part["units"] for part in whole["parts"]) == 2 * PRICE
    one_part = whole["parts"][0]
    _, refused = put_return(giving, order, line(one_part["sku"], 1, one_part["line_no"]))
    assert refused.json()["code"] == "not_returnable", "a kit comes back whole"
    back, answer = put_return(giving, order, line("BOX", 1))
    assert answer.status_code == 201, answer.text
    giving.work_off(HUB, "return")
    assert refunded(giving, order) == PRICE
    assert giving.http.get(f"/oms/v1/returns/{back}").json()["status"] == "RETURNED"
    _, too_many = put_return(giving, order, line("BOX", 2))
    assert too_many.json()["code"] == "not_returnable"
    assert bring(giving, order, seen(1)).status_code < 300
    assert refunded(giving, order) == 2 * PRICE


def test_a_kit_that_cannot_be_had_whole_is_not_held(giving: House):
    order = sold(giving, ("BOX", 4), ("CUP", 3))
    assert giving.line(order)["status"] == "BACKORDERED"
    assert giving.line(order)["units_short"] == 4
    assert reserved(giving) == (0, 3), "the parts that there were are free again"
    assert refunded(giving, order) == 4 * PRICE


def test_what_is_asked_of_a_kit_is_asked_of_its_parts(giving: House):
    order = sold(giving, ("BOX", 3))
    assert reserved(giving) == (6, 3)
    of_part = giving.line(order)["parts"][0]["line_no"]
    url = f"/oms/v1/orders/{order}"

    def say(what: str, **more: Any) -> Any:
        return giving.http.post(f"{url}/{what}", json={"command_id": str(an_id())} | more)

    assert say("cancellation", lines={str(of_part): 1}).json()["code"] == "no_such_units"
    assert say("cancellation", lines={"1": 1}).json()["lines"][0]["units_cancelled"] == 1
    assert (reserved(giving), refunded(giving, order)) == ((4, 2), PRICE)
    assert say("lines", lines={"1": 3}).json()["lines"][0]["units"] == 4
    assert reserved(giving) == (6, 3)
    assert say("lines", lines={"1": 1}).json()["lines"][0]["units_cancelled"] == 3
    assert reserved(giving) == (2, 1)


def test_a_part_that_is_missing_at_its_place_takes_its_kit_with_it(giving: House):
    order = sold(giving, ("BOX", 2))
    giving.tick()
    giving.work_off(HUB, "pick", short={"CUP": 0})
    giving.tick()
    assert giving.line(order)["units_short"] == 2
    giving.work_off(HUB, "putback")
    giving.tick()
    assert giving.line(order)["status"] in {"BACKORDERED", "CANCELLED"}
    assert giving.order(order)["closed"]
    assert refunded(giving, order) == 2 * PRICE
    assert giving.stock_row("TEA")["free"] == 9


def test_a_cart_holds_whole_kits(giving: House):
    cart = f"/shop/v1/carts/{an_id()}"
    body = {"rev": 1, "channel": "web", "latitude": 35.7, "longitude": 139.8,
            "lines": [{"line_no": 1, "sku": "BOX", "units": 2}]}  # fmt: skip
    assert giving.ok(giving.http.put(cart, json=body))["lines"][0]["units_held"] == 2
    more = body | {"rev": 2, "lines": [{"line_no": 1, "sku": "BOX", "units": 5}]}
    assert giving.ok(giving.http.put(cart, json=more))["lines"][0]["units_held"] == 3
    order = {"order_id": str(an_id()), "order": giving.order_body(("BOX", 3))}
    answer = giving.ok(giving.http.post(f"{cart}/order", json=order))
    assert answer["lines"][0]["status"] == "HELD"
    assert reserved(giving) == (6, 3)


def test_the_price_of_a_kit_is_parted_to_the_last_yen():
    parts = [(Sku(code="A", id=an_id()), 2), (Sku(code="B", id=an_id()), 3)]
    for price in (0, 1, 99, 100, 101, 104, -7):
        line = PlaceLine(line_no=1, sku="K", units=4, price_minor=price, gift="noshi")
        rows = explode(line, parts, count())
        assert sum(row.line.price_minor * row.per_kit for row in rows) == price
        assert sum(row.per_kit for row in rows) == 5
        assert [row.line.units for row in rows] == [4 * row.per_kit for row in rows]
        assert [row.line.gift for row in rows if row.line.gift] == ["noshi"], "wrapped once"
