"""Returns by parcel: one label, what carriers say, what is in the box; and what never comes."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.wms.house import HUB, House
from tests.wms.returns.customers import (
    PRICE,
    back,
    bring,
    carry,
    delivered,
    given,
    line,
    news,
    put_return,
    refunds,
    say,
    seen,
    shipped,
    tender,
    troubles,
)


@pytest.fixture
def stocked(house: House) -> House:
    house.sku("A")
    house.stock("A", 10, "S01-01")
    return house


def labelled(house: House, order: UUID, units: int = 1) -> UUID:
    """A return whose label its carrier has made."""
    return_id, answer = put_return(house, order, line("A", units), way="PARCEL")
    assert answer.status_code == 201, answer.text
    house.after_hours()
    news(house)
    return return_id


def on_the_way(house: House, return_id: UUID, status: str) -> None:
    """Its carrier says that of its parcel."""
    number = back(house, return_id)["number"]
    booked = house.carrier.booked.values()
    parcel = next(each for each in booked if (each.direction, each.number) == ("RETURN", number))
    say(house, parcel.sscc, status)
    house.after_hours()
    news(house)


def test_from_the_label_to_the_refund(stocked: House):
    order = delivered(stocked, ("A", 2))
    return_id = labelled(stocked, order)
    assert (back(stocked, return_id)["state"], stocked.stock_row("A")["return_requested"]) == (
        "LABELLED", 1,
    )  # fmt: skip
    assert stocked.next_packet(HUB, "return") is None, "it is not here yet"

    on_the_way(stocked, return_id, "COLLECTED")
    assert (back(stocked, return_id)["state"], stocked.stock_row("A")["return_in_transit"]) == (
        "IN_TRANSIT", 1,
    )  # fmt: skip
    on_the_way(stocked, return_id, "DELIVERED")
    stocked.work_off(HUB, "return")

    said = back(stocked, return_id)
    assert (said["state"], said["refund_minor"]) == ("DISPOSED", PRICE)
    assert stocked.stock_row("A")["free"] == 9
    assert given(stocked, order) == PRICE


def test_the_label_is_asked_for_again_until_it_is_answered(stocked: House):
    order = delivered(stocked, ("A", 1))
    stocked.carrier.is_down = True
    return_id, _ = put_return(stocked, order, line("A"), way="PARCEL")
    stocked.jobs.book()
    news(stocked)
    assert back(stocked, return_id)["state"] == "REQUESTED"

    stocked.carrier.is_down = False
    stocked.clock.at += timedelta(minutes=10)
    stocked.after_hours()
    news(stocked)

    assert back(stocked, return_id)["tracking"] is not None
    returns = [each for each in stocked.carrier.booked.values() if each.direction == "RETURN"]
    assert len(returns) == 1


def test_what_was_not_in_the_box_is_not_refunded_and_people_are_told(stocked: House):
    order = delivered(stocked, ("A", 3))
    return_id = labelled(stocked, order, units=3)
    on_the_way(stocked, return_id, "DELIVERED")

    stocked.work_off(HUB, "return", short={"A": 1})

    assert (given(stocked, order), back(stocked, return_id)["refund_minor"]) == (PRICE, PRICE)
    assert "return.missing" in troubles(stocked)


def test_an_empty_box_is_rejected(stocked: House):
    order = delivered(stocked, ("A", 1))
    return_id = labelled(stocked, order)
    on_the_way(stocked, return_id, "DELIVERED")

    stocked.work_off(HUB, "return", short={"A": 0})

    assert (back(stocked, return_id)["state"], given(stocked, order)) == ("REJECTED", 0)
    assert put_return(stocked, order, line("A"))[1].status_code == 201, "it may still come"


def test_the_customer_keeps_it_until_a_carrier_has_it(stocked: House):
    order = delivered(stocked, ("A", 2))
    kept, sent = labelled(stocked, order), labelled(stocked, order)
    on_the_way(stocked, sent, "COLLECTED")
    command = {"command_id": str(kept)}

    first = stocked.http.post(f"/oms/v1/returns/{kept}:cancel", json=command)
    again = stocked.http.post(f"/oms/v1/returns/{kept}:cancel", json=command)
    late = stocked.http.post(f"/oms/v1/returns/{sent}:cancel", json=command)

    assert (first.json()["state"], again.status_code) == ("CANCELLED", 200)
    assert (late.status_code, late.json()["reason"]) == (409, "on_its_way")
    assert stocked.stock_row("A")["return_requested"] == 0
    assert put_return(stocked, order, line("A"))[1].status_code == 201


def test_what_never_comes_expires_and_is_not_refunded(stocked: House):
    order = delivered(stocked, ("A", 1))
    return_id = labelled(stocked, order)

    stocked.clock.at += timedelta(days=31)
    news(stocked)

    assert (back(stocked, return_id)["state"], given(stocked, order)) == ("EXPIRED", 0)
    assert stocked.stock_row("A")["return_requested"] == 0


def test_what_comes_though_it_was_given_up_is_told_and_a_counter_takes_it(stocked: House):
    order = delivered(stocked, ("A", 1))
    return_id = labelled(stocked, order)
    stocked.clock.at += timedelta(days=29)
    command = {"command_id": str(return_id)}
    stocked.ok(stocked.http.post(f"/oms/v1/returns/{return_id}:cancel", json=command))

    on_the_way(stocked, return_id, "DELIVERED")

    assert "return.unexpected" in troubles(stocked)
    assert (given(stocked, order), stocked.next_packet(HUB, "return")) == (0, None)
    assert bring(stocked, order, seen(), site=HUB).status_code == 201
    assert given(stocked, order) == PRICE


def test_a_device_that_was_away_does_not_receive_what_was_taken_back(stocked: House):
    order = delivered(stocked, ("A", 1))
    return_id, _ = put_return(stocked, order, line("A"))
    packet = stocked.next_packet(HUB, "return")
    assert packet is not None
    url, command = f"/oms/v1/returns/{return_id}:cancel", {"command_id": str(return_id)}
    assert stocked.http.post(url, json=command).json()["reason"] == "being_received"
    stocked.clock.at += timedelta(hours=1)
    stocked.ok(stocked.http.post(url, json=command))

    stocked.do(packet)

    assert (back(stocked, return_id)["state"], given(stocked, order)) == ("CANCELLED", 0)
    assert "return.unexpected" in troubles(stocked)


# ------------------------------------------------------------------------- refused at the door
def test_what_is_refused_at_the_door_comes_back_unpaid_and_unrefunded(stocked: House):
    cod = tender(0, "COD", expected_minor=2 * PRICE)
    order = shipped(stocked, ("A", 2), tenders=[cod])
    booking = next(iter(stocked.carrier.booked.values()))
    assert booking.cod_minor == 2 * PRICE, "the carrier is told what to collect"

    carry(stocked, order, "REFUSED")
    news(stocked)
    assert stocked.stock_row("A")["return_in_transit"] == 2
    carry(stocked, order, "RETURNED")
    news(stocked)
    stocked.work_off(HUB, "return")

    assert stocked.stock_row("A")["free"] == 10
    money = refunds(stocked, order)
    assert (money["refunds"], money["tenders"][0]["captured_minor"]) == ([], 0)


def test_what_was_paid_before_goes_back_when_the_refused_parcel_is_here(stocked: House):
    order = shipped(stocked, ("A", 2))
    carry(stocked, order, "REFUSED")
    news(stocked)
    carry(stocked, order, "RETURNED")
    news(stocked)
    assert given(stocked, order) == 0

    stocked.work_off(HUB, "return")

    assert given(stocked, order) == 2 * PRICE


def test_what_the_carrier_collects_can_be_refunded(stocked: House):
    order = delivered(stocked, ("A", 1), tenders=[tender(0, "COD", expected_minor=PRICE)])
    news(stocked)

    return_id = labelled(stocked, order)
    on_the_way(stocked, return_id, "DELIVERED")
    stocked.work_off(HUB, "return")

    assert given(stocked, order) == PRICE
