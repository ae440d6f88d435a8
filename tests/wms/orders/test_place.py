"""Placing: promises, refusals, repetitions."""

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.builders import an_id
from tests.wms.house import HUB, OSAKA, SPOKE, House
from wms.orders import source
from wms.orders.model import Allocation, Order

JSON = {"content-type": "application/json"}


@pytest.fixture
def stocked(house: House) -> House:
    house.sku("A")
    house.stock("A", 10, "S01-01")
    return house


def put(house: House, order_id: Any, body: Any) -> Any:
    return house.http.put(f"/oms/v1/orders/{order_id}", json=body)


def orders_taken(house: House) -> int:
    count = house.database.run(lambda s: s.scalar(select(func.count()).select_from(Order)))
    return count or 0


def test_the_same_order_again_gives_the_same_answer(stocked: House):
    order_id, body = an_id(), stocked.order_body(("A", 3))
    first, again = put(stocked, order_id, body), put(stocked, order_id, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert stocked.stock_row("A")["reserved"] == 3


def test_another_body_under_the_same_id_is_refused(stocked: House):
    order_id = an_id()
    put(stocked, order_id, stocked.order_body(("A", 3)))
    other = put(stocked, order_id, stocked.order_body(("A", 4)))
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    assert stocked.stock_row("A")["reserved"] == 3


def test_the_same_sku_on_two_lines_is_held_twice(stocked: House):
    order_id = stocked.put_order(("A", 6), ("A", 5), ("A", 4))
    assert [stocked.line(order_id, n)["status"] for n in (1, 2, 3)] == [
        "HELD",
        "BACKORDERED",
        "HELD",
    ]
    assert stocked.stock_row("A")["reserved"] == 10


def test_a_line_is_filled_whole_or_not_at_all(stocked: House):
    order_id = stocked.put_order(("A", 11))
    assert stocked.order(order_id)["status"] == "BACKORDERED"
    assert stocked.stock_row("A")["reserved"] == 0
    assert stocked.stock_row("A")["free"] == 10


def test_two_sites_together_fill_a_large_line(stocked: House):
    stocked.stock("A", 5, "S01-01", site=SPOKE)
    order_id = stocked.put_order(("A", 14))
    stocked.tick()
    assert stocked.line(order_id)["site"] == f"{SPOKE},{HUB}"
    assert stocked.line(order_id)["status"] in {"ALLOCATED", "RELEASED"}


def test_the_nearest_site_holds_first(stocked: House):
    stocked.stock("A", 5, "S01-01", site=SPOKE)
    assert stocked.line(stocked.put_order(("A", 2), ship_to=OSAKA))["site"] == SPOKE
    assert stocked.line(stocked.put_order(("A", 2)))["site"] == HUB


def test_a_service_ends_at_once(stocked: House):
    lines = [
        {"line_no": 1, "sku": "POST", "units": 1, "service": True},
        {"line_no": 2, "sku": "A", "units": 1},
    ]
    order_id = stocked.put_order(lines=lines)
    assert [line["status"] for line in stocked.order(order_id)["lines"]] == ["SERVICE", "HELD"]
    only = stocked.put_order(lines=lines[:1])
    assert stocked.order(only)["status"] == "CLOSED"


def line(**more: Any) -> dict[str, Any]:
    return {"line_no": 1, "sku": "A", "units": 1} | more


BAD_LINES: dict[str, tuple[list[Any], str]] = {
    "unknown sku": ([line(), line(line_no=2, sku="NOPE")], "unknown_sku"),
    "zero": ([line(units=0)], "malformed_order"),
    "negative": ([line(units=-1)], "malformed_order"),
    "2^31": ([line(units=2**31)], "malformed_order"),
    "2^63": ([line(units=2**63)], "malformed_order"),
    "no lines": ([], "malformed_order"),
    "10,000 lines": ([line(line_no=n) for n in range(1, 10_001)], "malformed_order"),
    "line number twice": ([line(), line()], "malformed_order"),
    "full-width digits": ([line(units="\uff13")], "malformed"),
    "digits as text": ([line(units="3")], "malformed"),
    "half a unit": ([line(units=1.5)], "malformed"),
    "true": ([line(units=True)], "malformed"),
    "NUL": ([line(sku="A\x00")], "malformed"),
    "unknown field": ([line(colour="red")], "malformed"),
    "not a list": ([3], "malformed"),
    "line number 0": ([line(line_no=0)], "malformed"),
    "lone surrogate": ([line(sku="\ud800")], "malformed"),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_lines_are_a_problem_with_a_code_and_nothing_is_done(stocked: House, name: str):
    lines, code = BAD_LINES[name]
    body = json.dumps(stocked.order_body(lines=lines))
    answer = stocked.http.put(f"/oms/v1/orders/{an_id()}", content=body, headers=JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert orders_taken(stocked) == 0
    assert stocked.stock_row("A")["reserved"] == 0


BAD_BODIES = {
    "NaN": '{"latitude": NaN}',
    "Infinity": '{"latitude": Infinity}',
    "far north": '{"latitude": 91.0}',
    "text": '{"latitude": "35.7"}',
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_place_that_is_none_is_refused(stocked: House, name: str):
    body = stocked.order_body(("A", 1))
    ship_to = {**body["ship_to"], **json.loads(BAD_BODIES[name])}
    content = json.dumps(body | {"ship_to": ship_to})
    answer = stocked.http.put(f"/oms/v1/orders/{an_id()}", content=content, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe", b"null", b""])
def test_what_is_no_order_at_all_is_refused(stocked: House, content: bytes):
    answer = stocked.http.put(f"/oms/v1/orders/{an_id()}", content=content, headers=JSON)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_naive_time_is_refused(stocked: House):
    body = stocked.order_body(("A", 1), placed_at="2026-11-27T09:00:00")
    assert put(stocked, an_id(), body).json()["code"] == "malformed"


def test_cancelled_while_it_stands(stocked: House):
    early = stocked.put_order(("A", 2))
    for _ in range(2):
        answer = stocked.http.post(f"/oms/v1/orders/{early}/cancellation")
        assert answer.status_code == 200
        assert answer.json()["status"] == "CANCELLED"
    assert stocked.stock_row("A")["free"] == 10
    assert stocked.http.post(f"/oms/v1/orders/{an_id()}/cancellation").status_code == 404


def test_sourcing_can_be_explained(stocked: House):
    stocked.stock("A", 5, "S01-01", site=SPOKE)
    order_id = stocked.put_order(("A", 2), ship_to=OSAKA)
    stocked.tick()
    (decision,) = stocked.http.get(f"/console/v1/decisions/{order_id}").json()
    assert decision["chosen"] == [{"line_no": 1, "sites": {SPOKE: 2}}]
    assert decision["runner_up"]["sites"] == [HUB]
    assert [c["site"] for c in decision["candidates"] if c["feasible"]] == [SPOKE, HUB]
    assert {"carrier", "packing", "handling"} <= set(decision["candidates"][0]["terms"])
    assert decision["bound"] is not None


def test_sourcing_keeps_orders_together_where_holding_did_not(stocked: House):
    """A is held nearby, B only at the hub: one parcel from the hub beats two."""
    stocked.stock("A", 5, "S01-01", site=SPOKE)
    stocked.sku("B")
    stocked.stock("B", 5, "S01-02")
    order_id = stocked.put_order(("A", 1), ("B", 1), ship_to=OSAKA)
    assert stocked.line(order_id, 1)["site"] == SPOKE
    stocked.tick()
    assert [stocked.line(order_id, n)["site"] for n in (1, 2)] == [HUB, HUB]
    query = select(func.count()).where(Allocation.state == "RELEASED")
    assert stocked.database.run(lambda s: s.scalar(query)) == 1, "what was held there is confirmed"


def test_what_changed_between_search_and_assignment_is_left_alone(stocked: House):
    order_id = stocked.put_order(("A", 2))
    gathered = stocked.database.run(lambda s: source.gather(s, now=stocked.clock.now()))
    assert gathered is not None
    sourced = source.solve(gathered)
    stocked.http.post(f"/oms/v1/orders/{order_id}/cancellation")
    now = stocked.clock.now()
    assert stocked.database.run(lambda s: source.assign(s, sourced, now=now)) == 0
    assert stocked.order(order_id)["status"] == "CANCELLED"


def test_stock_taken_between_search_and_assignment_sends_the_hold_back(stocked: House):
    stocked.stock("A", 2, "S01-01", site=SPOKE)
    stocked.sku("B")
    stocked.stock("B", 5, "S01-02")
    order_id = stocked.put_order(("A", 2), ("B", 1), ship_to=OSAKA)
    gathered = stocked.database.run(lambda s: source.gather(s, now=stocked.clock.now()))
    assert gathered is not None
    sourced = source.solve(gathered)
    greedy = stocked.put_order(("A", 10))
    now = stocked.clock.now()
    assert stocked.database.run(lambda s: source.assign(s, sourced, now=now)) == 1
    assert stocked.line(order_id, 1)["site"] == SPOKE
    assert stocked.line(order_id, 1)["units_short"] == 0
    stocked.tick()
    assert stocked.line(greedy)["site"] == HUB
