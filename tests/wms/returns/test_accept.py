"""Returns: announced, received, graded, put away; each once."""

from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import HUB, House
from tests.wms.returns.customers import back, carry, line, put_return, troubles


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
    photo = str(an_id())
    packet = stocked.send(stocked.event(packet, "choice", photo))["packet"]
    assert stocked.send(stocked.event(packet, "scan", "QUARANTINE"))["packet"] is None
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


def test_serials_are_those_that_were_sold_and_something_else_in_the_box_is_told(stocked: House):
    house = stocked
    sku = [{"code": "SN", "name_en": "SN", "tracking": "SERIAL"}]
    house.ok(house.http.put("/master/v1/skus", json=sku))
    line_ = {"site": HUB, "location": "S01-02", "sku": "SN", "units": 2, "serials": ["s1", "s2"]}
    house.ok(house.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line_]}))
    order = delivered_serials(house)
    wanted = [line("SN", 1, 1), line("A", 1, 2)]
    return_id, answer = put_return(house, order, *wanted)
    assert answer.status_code == 201, answer.text
    packet = house.next_packet(HUB, "return")
    assert packet is not None
    sold = packet["steps"][0]["expect"][0]["codes"]
    strange = house.send(house.event(packet, "scan", "s9"))["results"][0]
    assert strange["problem"]["code"] == "wrong_scan"
    packet = house.send(house.event(packet, "scan", sold[0]))["packet"]
    grade = next(step for step in packet["steps"] if step["id"] == packet["step"])
    assert "D SCRAP" in grade["facts"][0]["value"]
    packet = house.send(house.event(packet, "choice", "D"))["packet"]
    photo = str(an_id())
    packet = house.send(house.event(packet, "choice", photo))["packet"]
    packet = house.send(house.event(packet, "scan", "SCRAP"))["packet"]
    wrong = {"code": "wrong_item", "found": 0}
    assert house.send(house.event(packet, "exception", wrong))["packet"] is None
    said = back(house, return_id)
    assert [(each["units_received"], each["disposition"]) for each in said["lines"]] == [
        (1, "SCRAP"), (0, None),
    ]  # fmt: skip
    assert said["lines"][0]["photo"] == photo
    assert "return.wrong_item" in troubles(house)


def delivered_serials(house: House) -> UUID:
    """An order with a serial and another thing, at its customer's."""
    order = house.put_order(lines=[{"line_no": 1, "sku": "SN", "units": 1},
                                   {"line_no": 2, "sku": "A", "units": 1}])  # fmt: skip
    house.tick()
    while (packet := house.next_packet(HUB, "pick")) is not None:
        walk(house, packet)
    house.work_off(HUB, "pack")
    house.after_hours()
    carry(house, order, "DELIVERED")
    return order


def walk(house: House, packet: Any) -> None:
    """Pick, naming a serial where one is asked for."""
    while packet is not None:
        step = next(each for each in packet["steps"] if each["id"] == packet["step"])
        kinds = {each["kind"] for each in step["expect"]}
        codes = [code for each in step["expect"] for code in each["codes"]]
        if step["op"] in {"scan", "count"}:
            code = "s1" if "serial" in kinds and "s1" in (codes or ["s1"]) else codes[0]
            packet = house.send(house.event(packet, "scan", code))["packet"]
        else:
            packet = house.send(house.event(packet, "choice", codes[0] if codes else "ok"))[
                "packet"
            ]
