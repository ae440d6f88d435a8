"""Returns: announced, received, graded, put away; each once."""

from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House


@pytest.fixture
def stocked(house: House) -> House:
    house.sku("A")
    house.stock("A", 1, "S01-01")
    return house


def body(*lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {
        "number": "C536379",
        "order_id": None,
        "lines": [
            {"line_no": n, "sku": sku, "units": units}
            for n, (sku, units) in enumerate(lines, start=1)
        ],
    } | more


def put(house: House, return_id: UUID, what: dict[str, Any]) -> Any:
    return house.http.put(f"/oms/v1/returns/{return_id}", json=what)


def test_from_the_customer_to_the_shelf(stocked: House):
    return_id = an_id()
    assert put(stocked, return_id, body(("A", 2))).status_code == 201
    assert stocked.stock_row("A")["return_requested"] == 2
    again = put(stocked, return_id, body(("A", 2)))
    assert (again.status_code, again.json()["status"]) == (200, "REQUESTED")
    stocked.work_off(HUB, "return")
    row = stocked.stock_row("A")
    assert (row["return_requested"], row["sellable"], row["free"]) == (0, 3, 3)
    assert put(stocked, return_id, body(("A", 2))).json()["status"] == "RETURNED"
    assert stocked.summary()["lines_returned"] == stocked.summary()["lines"] == 1


def test_what_is_broken_is_quarantined(stocked: House):
    put(stocked, an_id(), body(("A", 1)))
    packet = stocked.next_packet(HUB, "return")
    assert packet is not None
    packet = stocked.send(stocked.event(packet, "scan", "A"))["packet"]
    packet = stocked.send(stocked.event(packet, "choice", "C"))["packet"]
    stocked.send(stocked.event(packet, "scan", "QUARANTINE"))
    row = stocked.stock_row("A")
    assert (row["quarantine"], row["sellable"]) == (1, 1)


def test_what_was_not_in_the_box_stays_with_the_customer(stocked: House):
    put(stocked, an_id(), body(("A", 3)))
    stocked.work_off(HUB, "return", short={"A": 1})
    row = stocked.stock_row("A")
    assert (row["return_requested"], row["sellable"]) == (0, 2)


def test_an_empty_box_ends_too(stocked: House):
    put(stocked, an_id(), body(("A", 3)))
    stocked.work_off(HUB, "return", short={"A": 0})
    assert stocked.summary()["returns_open"] == 0
    assert stocked.stock_row("A")["sellable"] == 1


def test_services_come_back_as_services(stocked: House):
    service = {"line_no": 1, "sku": "D", "units": 1, "service": True}
    answer = put(stocked, an_id(), body(lines=[service]))
    assert answer.json()["lines"][0]["status"] == "SERVICE"
    assert stocked.summary()["lines_service"] == 1


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        (body(("NOPE", 1)), 422, "unknown_sku"),
        (body(("A", 0)), 422, "malformed_order"),
        (body(("A", -2)), 422, "malformed_order"),
        (body(("A", 2**31)), 422, "malformed_order"),
        (body(), 422, "malformed_order"),
        (body(("A", 1), order_id=str(UUID(int=5))), 404, "not_found"),
        (body(lines=[{"line_no": 1, "sku": "A", "units": 1}] * 2), 422, "malformed_order"),
    ],
)
def test_bad_returns_are_refused_and_nothing_is_done(
    stocked: House, what: dict[str, Any], status: int, code: str
):
    answer = put(stocked, an_id(), what)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert stocked.summary()["returns"] == 0


def test_another_body_under_the_same_id_is_refused(stocked: House):
    return_id = an_id()
    put(stocked, return_id, body(("A", 2)))
    answer = put(stocked, return_id, body(("A", 1)))
    assert (answer.status_code, answer.json()["code"]) == (422, "id_reused")
