"""Exchanges: the new leaves before the old is back, as far as the policy dares."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA, HUB, UMEDA, House
from tests.wms.returns.customers import (
    PRICE,
    back,
    bring,
    delivered,
    given,
    line,
    news,
    put_return,
    say,
    seen,
    troubles,
)
from wms import outbox


@pytest.fixture
def stocked(house: House) -> House:
    for sku in ("A", "B"):
        house.sku(sku)
        house.stock(sku, 10, "S01-01")
    return house


def instead(units: int = 1, price: int = PRICE, sku: str = "B") -> dict[str, Any]:
    order_id = str(an_id())
    lines = [{"line_no": 1, "sku": sku, "units": units, "price_minor": price}]
    return {"order_id": order_id, "number": f"X-{order_id}", "lines": lines}


def exchange(house: House, order: UUID, wanted: dict[str, Any], units: int = 1) -> UUID:
    return_id, answer = put_return(house, order, line("A", units), way="COUNTER", exchange=wanted)
    assert answer.status_code == 201, answer.text
    return return_id


def send(house: House) -> None:
    """Everything that is ordered leaves."""
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    for parcel in house.parcels():
        if parcel.state == "PACKED":
            say(house, parcel.sscc, "DELIVERED")
    house.after_hours()


def test_the_new_is_held_before_the_old_is_back_and_the_difference_goes_back(stocked: House):
    order = delivered(stocked, ("A", 2))
    wanted = instead(price=800)

    return_id = exchange(stocked, order, wanted)

    new = stocked.order(UUID(wanted["order_id"]))
    assert new["status"] != "BACKORDERED"
    assert stocked.stock_row("B")["free"] == 9
    assert given(stocked, order) == 0
    said = bring(stocked, order, seen(), return_id=return_id).json()
    assert (said["state"], said["refund_minor"]) == ("EXCHANGED", PRICE - 800)
    assert given(stocked, order) == PRICE - 800


def test_what_is_worth_more_or_too_much_in_all_does_not_leave_first(stocked: House):
    body = stocked.ok(stocked.http.get("/console/v1/returns/policy"))
    body |= {"exchange_limit_minor": 1_500}
    stocked.ok(stocked.http.put("/console/v1/returns/policy", json=body))
    order = delivered(stocked, ("A", 3))

    _, dearer = put_return(stocked, order, line("A"), way="COUNTER", exchange=instead(price=1_001))
    exchange(stocked, order, instead())
    _, too_much = put_return(stocked, order, line("A"), way="COUNTER", exchange=instead())

    assert (dearer.status_code, dearer.json()["code"]) == (422, "exchange_refused")
    assert (dearer.json()["reason"], dearer.json()["most_minor"]) == ("dearer", PRICE)
    assert (too_much.json()["reason"], too_much.json()["most_minor"]) == ("over_limit", 500)
    assert stocked.stock_row("A")["return_requested"] == 1, "of the refused nothing was done"


def test_who_keeps_the_old_does_not_get_the_new(stocked: House):
    order = delivered(stocked, ("A", 1))
    wanted = instead()
    return_id = exchange(stocked, order, wanted)

    stocked.ok(
        stocked.http.post(
            f"/oms/v1/returns/{return_id}:cancel", json={"command_id": str(return_id)}
        )
    )

    assert stocked.order(UUID(wanted["order_id"]))["status"] == "CANCELLED"
    assert stocked.stock_row("B")["free"] == 10


def test_when_the_old_does_not_come_it_is_said_once_and_not_charged(stocked: House):
    order = delivered(stocked, ("A", 1))
    return_id = exchange(stocked, order, instead())
    send(stocked)

    for days in (15, 10):
        stocked.clock.at += timedelta(days=days)
        news(stocked)

    said = [event.type for event in stocked.database.run(lambda s: outbox.drain(s, "test", 1000))]
    assert said.count("ExchangeOverdue") == 1
    assert (back(stocked, return_id)["state"], given(stocked, order)) == ("REQUESTED", 0)
    stocked.clock.at += timedelta(days=10)
    news(stocked)
    assert back(stocked, return_id)["state"] == "EXPIRED"
    assert "exchange.unpaid" in troubles(stocked)


def test_less_comes_back_than_was_sent_out(stocked: House):
    order = delivered(stocked, ("A", 2))
    return_id = exchange(stocked, order, instead(units=2), units=2)

    bring(stocked, order, seen(1), return_id=return_id)

    assert given(stocked, order) == 0
    assert "exchange.unpaid" in troubles(stocked)


def test_what_cannot_be_replaced_after_all_goes_back_as_money(stocked: House):
    order = delivered(stocked, ("A", 1))
    wanted = instead()
    return_id = exchange(stocked, order, wanted)
    bring(stocked, order, seen(), return_id=return_id)
    assert given(stocked, order) == 0

    url = f"/oms/v1/orders/{wanted['order_id']}/cancellation"
    answer = stocked.http.post(url, json={"command_id": str(an_id())})
    assert answer.status_code < 300, answer.text
    news(stocked)
    news(stocked)

    assert given(stocked, order) == PRICE


def test_at_the_counter_the_old_is_taken_and_the_new_is_held_there_in_one_go(stocked: House):
    order = delivered(stocked, ("A", 2))
    stocked.stock("B", 3, "FLOOR-1", site=GINZA)
    wanted = instead(price=800) | {"to_site": GINZA}
    return_id = an_id()

    answer = bring(stocked, order, seen(), return_id=return_id, exchange=wanted)

    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["state"], said["exchange_id"], said["refund_minor"]) == (
        "EXCHANGED", wanted["order_id"], PRICE - 800,
    )  # fmt: skip
    again = bring(stocked, order, seen(), return_id=return_id, exchange=wanted)
    assert (again.status_code, again.json()) == (200, said)
    Counter(stocked).go()
    queue = stocked.ok(stocked.http.get(f"/store/v1/{GINZA}/queue"))["items"]
    assert [(each["kind"], each["order_id"]) for each in queue] == [("COLLECT", wanted["order_id"])]
    other = bring(stocked, order, seen(), return_id=return_id, exchange=instead())
    assert (other.status_code, other.json()["code"]) == (409, "already_received")


def test_at_the_counter_only_what_lies_there_pays_and_what_is_refused_takes_nothing(stocked: House):
    order = delivered(stocked, ("A", 2))
    return_id, _ = put_return(stocked, order, line("A", 2), way="COUNTER", site=GINZA)

    dearer = bring(stocked, order, seen(1), return_id=return_id, exchange=instead(price=PRICE + 1))

    assert (dearer.status_code, dearer.json()["reason"]) == (422, "dearer")
    assert back(stocked, return_id)["state"] == "REQUESTED"
    assert (
        bring(stocked, order, seen(1), return_id=return_id, exchange=instead()).status_code == 201
    )
    assert back(stocked, return_id)["state"] == "EXCHANGED"


def test_a_store_sees_what_is_to_come_back_to_it_until_it_has(stocked: House):
    order = delivered(stocked, ("A", 2))
    return_id, _ = put_return(stocked, order, line("A", 2), way="COUNTER", site=GINZA)

    def waiting(site: str) -> list[tuple[str, str, int]]:
        items = stocked.ok(stocked.http.get(f"/store/v1/{site}/queue"))["items"]
        return [
            (each["kind"], each["state"], sum(line["units"] for line in each["lines"]))
            for each in items if each["id"] == str(return_id)
        ]  # fmt: skip

    assert waiting(GINZA) == [("RETURN", "REQUESTED", 2)]
    assert waiting(UMEDA) == []
    bring(stocked, order, seen(2), return_id=return_id)
    assert waiting(GINZA) == []
