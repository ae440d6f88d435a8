"""Goods come back, and money goes back: by parcel, in a store, exchanged; and what goes wrong.

Through public doors alone, on virtual time, against a real payment provider over HTTP that loses
answers, answers too late and refuses.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from simulators.memory import Memory
from simulators.payments import Fault, PaymentsApi, PaymentsServer
from tests.builders import an_id, eventually
from tests.wms.house import GINZA, HUB, UMEDA, House
from tests.wms.returns.customers import (
    PRICE,
    back,
    bring,
    delivered,
    given,
    line,
    news,
    on_hand,
    put_return,
    refunds,
    say,
    seen,
    tender,
    troubles,
)
from wms.partners.payments import HttpPayments

TIMEOUT_S = 0.3
SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"  # noqa: S105 - of nobody


@pytest.fixture
def provider(house: House, tmp_path: Path) -> Iterator[PaymentsApi]:
    """A payment provider; the house asks it."""
    memory = Memory(tmp_path / "payments.db")
    api = PaymentsApi(memory)
    server = PaymentsServer(api, 0)
    server.start()
    payments = HttpPayments(f"http://127.0.0.1:{server.port}", timeout_s=TIMEOUT_S)
    house.jobs = replace(house.jobs, payments=payments)
    for sku in ("A", "B"):
        house.sku(sku)
        house.stock(sku, 10, "S01-01")
    yield api
    payments.close()
    server.stop()
    memory.close()


def wait(house: House, **time: int) -> None:
    """Time passes, and the worker does what is due."""
    house.clock.at += timedelta(**time)
    news(house)


def told(house: House) -> list[str]:
    """What the shop's webhook has heard of refunds."""
    house.after_hours()
    return [event.type for event in house.webhooks.events if event.type.startswith("Refund")]


def subscribe(house: House) -> None:
    body = {"url": "https://shop.example/hook", "secret": SECRET}
    house.ok(house.http.put(f"/oms/v1/webhooks/{an_id()}", json=body))


def parcel_of(house: House, return_id: UUID) -> str:
    """The parcel that a carrier was asked to bring back."""
    number = back(house, return_id)["number"]
    booked = house.carrier.booked.values()
    return next(each.sscc for each in booked if (each.direction, each.number) == ("RETURN", number))


def ends_refunded_once(house: House, api: PaymentsApi, order: UUID, amounts: list[int]) -> None:
    """The provider gave back these amounts, each once, and we know it."""
    assert sorted(each["amount_minor"] for each in api.refunds()) == sorted(amounts)
    assert api.times() == len(amounts)
    money = refunds(house, order)
    assert {each["state"] for each in money["refunds"]} == {"DONE"}
    assert sum(each["refunded_minor"] for each in money["tenders"]) == sum(amounts)


@pytest.mark.parametrize("fault", ["lose", "late", "down", "refuse"])
def test_by_parcel_with_a_label_whatever_the_refund_service_does(
    house: House, provider: PaymentsApi, fault: Fault
):
    subscribe(house)
    points, card = tender(500, "POINTS"), tender(1_500)
    order = delivered(house, ("A", 2), tenders=[points, card])
    house.carrier.is_down = True
    return_id, _ = put_return(house, order, line("A", 2, reason="SIZE"), way="PARCEL")
    house.jobs.book()  # nobody answers
    house.carrier.is_down = False
    house.clock.at += timedelta(minutes=10)
    house.after_hours()
    news(house)
    assert back(house, return_id)["state"] == "LABELLED"
    for status in ("COLLECTED", "DELIVERED", "DELIVERED"):  # the carrier repeats itself
        say(house, parcel_of(house, return_id), status)
        house.after_hours()
        news(house)

    provider.faults.append(fault)
    house.work_off(HUB, "return")
    news(house)
    if fault == "refuse":
        assert "refund.refused" in troubles(house)
        refused = next(r for r in refunds(house, order)["refunds"] if r["state"] == "REFUSED")
        url = f"/oms/v1/refunds/{refused['id']}:retry"
        command = {"command_id": str(an_id())}
        for _ in range(2):
            house.ok(house.http.post(url, json=command))
    if fault == "late":
        eventually(lambda: provider.times() == 2)
    wait(house, hours=2)
    news(house)

    assert back(house, return_id)["state"] == "REFUNDED"
    ends_refunded_once(house, provider, order, [500, 1_500])
    assert told(house).count("RefundDone") == 2
    assert house.stock_row("A")["free"] == 10
    returns = [each for each in house.carrier.booked.values() if each.direction == "RETURN"]
    assert len(returns) == 1, "one label"
    assert "refund.refused" not in troubles(house)


def test_bought_online_returned_in_store(house: House, provider: PaymentsApi):
    order = delivered(house, ("A", 3))
    number = house.order(order)["number"]
    return_id = an_id()

    more = bring(house, number, seen(4))
    first = bring(house, number, seen(2, reason="DEFECTIVE"), return_id=return_id)
    again = bring(house, number, seen(2, reason="DEFECTIVE"), return_id=return_id)
    elsewhere = bring(house, number, seen(2), site=UMEDA)

    assert (more.status_code, more.json()["units_left"]) == (422, 3)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (elsewhere.status_code, elsewhere.json()["units_left"]) == (422, 1)
    wait(house, minutes=1)
    ends_refunded_once(house, provider, order, [2 * PRICE])
    assert on_hand(house, "A", GINZA) == 2
    sold = house.put_order(("A", 2), fulfilment="COLLECT", to_site=GINZA)
    assert house.line(sold)["units_short"] == 0, "what came back is sold again, there"


def test_wrong_goods_come_back_and_then_nothing(house: House, provider: PaymentsApi):
    order = delivered(house, ("A", 2))
    wrong, answer = put_return(house, order, line("A"))
    assert answer.status_code == 201
    packet = house.next_packet(HUB, "return")
    assert packet is not None
    refused = house.send(house.event(packet, "scan", "B"))["results"][0]
    assert refused["result"] == "rejected", "the handheld says that it is not what was announced"
    packet = house.next_packet(HUB, "return")
    assert packet is not None
    house.do(packet, short={"A": 0})
    late, _ = put_return(house, order, line("A"), way="PARCEL")
    wait(house, days=31)

    assert [back(house, each)["state"] for each in (wrong, late)] == ["REJECTED", "EXPIRED"]
    assert (given(house, order), provider.times()) == (0, 0)
    assert "return.missing" in troubles(house)


def instead(units: int, price: int) -> dict[str, Any]:
    order_id = str(an_id())
    lines = [{"line_no": 1, "sku": "B", "units": units, "price_minor": price}]
    return {"order_id": order_id, "number": f"X-{order_id}", "lines": lines}


def test_exchanged_for_something_cheaper(house: House, provider: PaymentsApi):
    order = delivered(house, ("A", 1))
    wanted = instead(1, 700)
    return_id, answer = put_return(house, order, line("A"), way="COUNTER", exchange=wanted)
    assert answer.status_code == 201
    house.tick()
    house.work_off(HUB, "pick")
    house.work_off(HUB, "pack")
    assert provider.times() == 0

    provider.faults.append("lose")
    bring(house, order, seen(), return_id=return_id)
    wait(house, minutes=1)
    wait(house, hours=1)

    ends_refunded_once(house, provider, order, [PRICE - 700])
    assert back(house, return_id)["state"] == "EXCHANGED"
    assert house.stock_row("B")["packed"] == 1
