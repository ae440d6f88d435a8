"""Many at once: an order is cancelled once, a cart ordered once, an offer taken once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, House
from wms.orders.cancel import cancel_lines, cancel_order
from wms.orders.model import Order
from wms.payments.model import RefundRow

MANY = 8


@pytest.fixture
def stocked(house: House) -> House:
    house.sku("A")
    house.stock("A", 20, "S01-01")
    house.stock("A", 3, "FLOOR-1", site=GINZA)
    return house


def at_once(deed: Callable[[int], Any]) -> list[Any]:
    """Many do it at once; what each got, or the fault."""

    def safely(number: int) -> Any:
        try:
            return deed(number)
        except Exception as fault:  # noqa: BLE001 - it is the answer
            return fault

    with ThreadPoolExecutor(MANY) as people:
        return list(people.map(safely, range(MANY)))


def refunded(house: House, order_id: UUID) -> list[int]:
    query = select(RefundRow.amount_minor).where(RefundRow.order_id == order_id)
    return house.database.run(lambda s: list(s.scalars(query)))


def paid(house: House, units: int) -> UUID:
    card = {"id": str(an_id()), "kind": "CARD", "payment": "p", "captured_minor": 1_000 * units}
    line = {"line_no": 1, "sku": "A", "units": units, "price_minor": 1_000}
    return house.put_order(lines=[line], tenders=[card])


def test_cancelled_by_many_at_once_money_goes_back_once(stocked: House):
    order_id, run = paid(stocked, 5), stocked.database.run
    now = stocked.clock.now()
    faults = at_once(lambda _: run(lambda s: cancel_order(s, order_id, now=now)))
    assert faults == [None] * MANY
    assert refunded(stocked, order_id) == [5_000]
    assert stocked.order(order_id)["status"] == "CANCELLED"


def test_a_unit_each_by_many_at_once_no_more_than_there_are(stocked: House):
    order_id, run = paid(stocked, 5), stocked.database.run
    now = stocked.clock.now()
    faults = at_once(lambda _: run(lambda s: cancel_lines(s, order_id, {1: 1}, now=now)))
    assert sum(fault is None for fault in faults) == 5
    assert sorted(refunded(stocked, order_id)) == [1_000] * 5


def test_cancelled_while_it_is_sourced_released_and_filled(stocked: House):
    orders = [stocked.put_order(("A", 3), backorders="WAIT") for _ in range(MANY)]
    now = stocked.clock.now()

    def deed(number: int) -> None:
        if number % 2:
            stocked.tick()
            stocked.job("backorders")
            stocked.job("put_back")
            return
        for order_id in orders[number : number + 2]:
            stocked.database.run(lambda s: cancel_order(s, order_id, now=now))  # noqa: B023

    assert at_once(deed) == [None] * MANY
    stocked.job("put_back")
    stocked.work_off(HUB, "pick")
    stocked.work_off(HUB, "putback")
    assert {stocked.order(each)["status"] for each in orders} == {"CANCELLED"}
    assert stocked.stock_row("A")["free"] == 20


def test_one_cart_becomes_one_order(stocked: House):
    cart_id = an_id()
    body = {
        "rev": 1, "channel": "web", "latitude": 35.7, "longitude": 139.8, "fulfilment": "COLLECT",
        "to_site": GINZA, "lines": [{"line_no": 1, "sku": "A", "units": 3}],
    }  # fmt: skip
    stocked.ok(stocked.http.put(f"/shop/v1/carts/{cart_id}", json=body))
    orders = [
        {"order_id": str(an_id()),
         "order": stocked.order_body(("A", 3), fulfilment="COLLECT", to_site=GINZA)}
        for _ in range(MANY)
    ]  # fmt: skip
    path = f"/shop/v1/carts/{cart_id}/order"
    answers = at_once(lambda number: stocked.http.post(path, json=orders[number]).status_code)
    assert sorted(answers) == [201] + [409] * (MANY - 1)
    taken = stocked.database.run(lambda s: s.scalar(select(func.count()).select_from(Order)))
    assert taken == 1


def test_what_a_cart_holds_is_not_snatched_while_it_is_ordered(stocked: House):
    """The store's three are in a cart; others want them at the very moment that it is ordered."""
    for _ in range(3):
        cart_id = an_id()
        lines = [{"line_no": 1, "sku": "A", "units": 3}]
        body = {
            "rev": 1, "channel": "web", "latitude": 35.7, "longitude": 139.8,
            "fulfilment": "COLLECT", "to_site": GINZA, "lines": lines,
        }  # fmt: skip
        stocked.ok(stocked.http.put(f"/shop/v1/carts/{cart_id}", json=body))
        mine = an_id()
        order = stocked.order_body(("A", 3), fulfilment="COLLECT", to_site=GINZA)
        checkout = {"order_id": str(mine), "order": order}
        others = [stocked.order_body(("A", 1), fulfilment="RESERVE", to_site=GINZA)] * MANY

        def deed(number: int) -> int:
            if number == MANY // 2:
                path = f"/shop/v1/carts/{cart_id}/order"  # noqa: B023
                return stocked.http.post(path, json=checkout).status_code  # noqa: B023
            path = f"/oms/v1/orders/{an_id()}"
            return stocked.http.put(path, json=others[number]).status_code  # noqa: B023

        assert at_once(deed) == [201] * MANY
        assert stocked.line(mine)["site"] == GINZA
        stocked.ok(stocked.http.post(f"/oms/v1/orders/{mine}/cancellation"))


def test_the_same_order_sent_by_many_at_once_is_one(stocked: House):
    order_id, run = an_id(), stocked.database.run
    body = stocked.order_body(("A", 2))
    answers = at_once(lambda _: stocked.http.put(f"/oms/v1/orders/{order_id}", json=body))
    assert sorted(answer.status_code for answer in answers) == [200] * (MANY - 1) + [201]
    assert run(lambda s: s.scalar(select(func.count()).select_from(Order))) == 1
