"""Bought online, returned in a store; what may come back, and what goes back for it."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import an_id
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
    seen,
    shipped,
    sold,
    tender,
    troubles,
)


@pytest.fixture
def stocked(house: House) -> House:
    for sku in ("A", "B"):
        house.sku(sku)
        house.stock(sku, 10, "S01-01")
    return house


def test_goods_are_sold_again_in_the_store_and_the_price_goes_back(stocked: House):
    order = delivered(stocked, ("A", 3))
    return_id = an_id()

    answer = bring(stocked, order, seen(2), return_id=return_id)

    assert answer.status_code == 201
    said = answer.json()
    assert (said["state"], said["site"], said["refund_minor"]) == ("DISPOSED", GINZA, 2 * PRICE)
    assert said["lines"][0]["disposition"] == "RESTOCK"
    assert on_hand(stocked, "A") == 2
    assert given(stocked, order) == 2 * PRICE


def test_sent_again_it_is_done_once(stocked: House):
    order = delivered(stocked, ("A", 3))
    return_id = an_id()
    bring(stocked, order, seen(), return_id=return_id)

    again = bring(stocked, order, seen(), return_id=return_id)
    other = bring(stocked, order, seen(2), return_id=return_id)

    assert again.status_code == 200
    assert (other.status_code, other.json()["code"]) == (409, "already_received")
    assert (on_hand(stocked, "A"), given(stocked, order)) == (1, PRICE)


def test_by_number_or_token_too_and_not_when_two_orders_have_the_number(stocked: House):
    first = delivered(stocked, ("A", 1), number="SAME")
    assert bring(stocked, "SAME", seen()).status_code == 201
    delivered(stocked, ("A", 1), number="SAME")

    answer = bring(stocked, "SAME", seen())

    assert (answer.status_code, answer.json()["code"]) == (409, "ambiguous_order")
    assert bring(stocked, "NOBODY", seen()).status_code == 404
    assert given(stocked, first) == PRICE


@pytest.mark.parametrize(
    ("lines", "reason", "left"),
    [
        ([seen(4)], "too_many_units", 3),
        ([seen(1, line_no=9)], "no_such_line", 0),
        ([seen(1, line_no=2)], "no_such_line", 0),  # postage is no goods
    ],
)
def test_no_more_comes_back_than_was_bought(
    stocked: House, lines: list[dict[str, Any]], reason: str, left: int
):
    postage = {"line_no": 2, "sku": "POST", "units": 1, "service": True, "price_minor": 500}
    order = delivered(stocked, ("A", 3), services=[postage])

    answer = bring(stocked, order, *lines)

    assert (answer.status_code, answer.json()["code"]) == (422, "not_returnable")
    assert (answer.json()["reason"], answer.json()["units_left"]) == (reason, left)
    assert on_hand(stocked, "A") == 0


def test_what_has_not_left_cannot_come_back_what_is_in_hand_can(stocked: House):
    placed = sold(stocked, ("A", 1))
    on_its_way = shipped(stocked, ("B", 1))

    assert bring(stocked, placed, seen()).json()["reason"] == "too_many_units"
    assert put_return(stocked, placed, line("A"))[1].json()["reason"] == "too_many_units"
    assert put_return(stocked, on_its_way, line("B"))[1].json()["reason"] == "too_many_units"


def test_the_window_closes(stocked: House):
    order = delivered(stocked, ("A", 2))
    stocked.clock.at += timedelta(days=29)
    assert bring(stocked, order, seen()).status_code == 201
    stocked.clock.at += timedelta(days=2)

    answer = bring(stocked, order, seen())

    assert answer.json()["reason"] == "window_over"


def test_two_counters_at_once_cannot_take_the_same_unit(stocked: House):
    order = delivered(stocked, ("A", 1))
    gate = threading.Barrier(2)
    answers = []

    def at(site: str) -> None:
        gate.wait()
        answers.append(bring(stocked, order, seen(), site=site).status_code)

    threads = [threading.Thread(target=at, args=(site,)) for site in (GINZA, UMEDA)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [201, 422]
    assert given(stocked, order) == PRICE


def test_what_was_to_come_by_parcel_is_brought_instead(stocked: House):
    order = delivered(stocked, ("A", 2))
    return_id, asked = put_return(stocked, order, line("A", 2), way="PARCEL")
    assert asked.status_code == 201
    assert stocked.stock_row("A")["return_requested"] == 2

    answer = bring(stocked, order, seen(1, reason="SIZE"), return_id=return_id)

    assert (answer.status_code, answer.json()["refund_minor"]) == (201, PRICE)
    assert stocked.stock_row("A")["return_requested"] == 0
    assert on_hand(stocked, "A") == 1
    assert "return.missing" in troubles(stocked)
    assert bring(stocked, order, seen(1)).status_code == 201, "the other may come later"


# --------------------------------------------------------------------------- what becomes of it
@pytest.mark.parametrize(
    ("grade", "disposition", "counter"),
    [("A", "RESTOCK", "sellable"), ("B", "OUTLET", None), ("C", "QUARANTINE", "quarantine"),
     ("D", "SCRAP", None)],
)  # fmt: skip
def test_the_grade_decides_where_it_goes(
    stocked: House, grade: str, disposition: str, counter: str | None
):
    order = delivered(stocked, ("A", 1))

    said = bring(stocked, order, seen(grade=grade, photo="s3://photos/1")).json()

    assert said["lines"][0]["disposition"] == disposition
    assert said["lines"][0]["photo"] == "s3://photos/1"
    assert on_hand(stocked, "A") == (1 if grade == "A" else 0), "only as new is sold as new"
    if counter is not None:
        assert stocked.stock_row("A", GINZA)[counter] == 1


def policy(house: House, **changes: Any) -> dict[str, Any]:
    body = house.ok(house.http.get("/console/v1/returns/policy")) | changes
    said: dict[str, Any] = house.ok(house.http.put("/console/v1/returns/policy", json=body))
    return said


def test_the_table_is_read_tried_and_changed(stocked: House):
    facts = {"sku": "A", "grade": "A", "site_kind": "STORE"}
    url = "/console/v1/returns/dispositions:test"
    rule = {"name": "to-dc", "disposition": "TO_DC", "site_kinds": ["STORE"]}

    tried = stocked.ok(stocked.http.post(url, json=facts | {"rules": [rule]}))
    holds = stocked.ok(stocked.http.post(url, json=facts))

    assert tried["disposition"] == "TO_DC"
    assert holds["disposition"] == "RESTOCK"
    assert [(v["rule"], v["why_not"]) for v in holds["verdicts"]] == [
        ("cold-chain-broken", "cool"), ("as-new", ""),
    ]  # fmt: skip
    assert policy(stocked, dispositions=[rule])["dispositions"][0]["name"] == "to-dc"
    order = delivered(stocked, ("A", 1))
    bring(stocked, order, seen())
    assert stocked.stock_row("A", GINZA)["store_to_dc"] == 1


def test_a_deduction_is_taken_only_where_it_was_agreed(stocked: House):
    order = delivered(stocked, ("A", 2))
    bring(stocked, order, seen(grade="B"))
    assert given(stocked, order) == PRICE
    policy(stocked, deductions={"B": 30})

    bring(stocked, order, seen(grade="B"))

    assert given(stocked, order) == PRICE + 700


POSTAGE = {"line_no": 2, "sku": "POST", "units": 1, "service": True, "price_minor": 500}


@pytest.mark.parametrize(
    ("services", "reason", "goes_back"),
    [("OUR_FAULT", "DEFECTIVE", 500), ("OUR_FAULT", "SIZE", 0), ("WHOLE_ORDER", "SIZE", 500),
     ("NEVER", "DEFECTIVE", 0)],
)  # fmt: skip
def test_postage_goes_back_with_the_last_unit_as_the_policy_says(
    stocked: House, services: str, reason: str, goes_back: int
):
    policy(stocked, services=services)
    order = delivered(stocked, ("A", 2), services=[POSTAGE])

    bring(stocked, order, seen(reason=reason))
    assert given(stocked, order) == PRICE, "the customer keeps one"
    bring(stocked, order, seen(reason=reason))

    assert given(stocked, order) == 2 * PRICE + goes_back


def test_only_what_was_captured_goes_back_and_points_last(stocked: House):
    tenders = [tender(700, "POINTS"), tender(1_000)]
    order = delivered(stocked, ("A", 3), tenders=tenders)

    bring(stocked, order, seen(1))
    bring(stocked, order, seen(2))

    assert given(stocked, order) == 1_700
    kinds = {each["kind"]: each["refunded_minor"] for each in refunds(stocked, order)["tenders"]}
    assert kinds == {"POINTS": 700, "CARD": 1_000}


def test_an_order_without_tenders_is_not_refunded(stocked: House):
    order = delivered(stocked, ("A", 1), tenders=[])
    return_id = an_id()

    assert bring(stocked, order, seen(), return_id=return_id).json()["refund_minor"] == 0
    news(stocked)
    assert back(stocked, return_id)["state"] == "DISPOSED"


def test_tenders_come_later_and_never_less(stocked: House):
    order = delivered(stocked, ("A", 1), tenders=[])
    body = {"kind": "KONBINI", "payment": "k-1", "captured_minor": 0, "expected_minor": 1_000}
    url = f"/oms/v1/orders/{order}/tenders/{an_id()}"

    assert stocked.http.put(url, json=body).status_code == 201
    assert stocked.http.put(url, json=body | {"captured_minor": 1_000}).status_code == 200
    late = stocked.http.put(url, json=body)

    assert (late.status_code, late.json()["code"]) == (409, "capture_shrinks")
    bring(stocked, order, seen())
    assert given(stocked, order) == PRICE


def test_goods_that_came_back_are_promised_again(stocked: House):
    order = delivered(stocked, ("A", 1))
    waiting = stocked.put_order(("A", 12), backorders="WAIT")
    assert stocked.line(waiting)["units_waiting"] > 0
    before = stocked.line(waiting)["units_waiting"]

    bring(stocked, order, seen())
    for name in ("backorder", "backorders", "fill"):
        if name in {job.name for job in stocked.jobs.all()}:
            stocked.job(name)

    assert stocked.stock_row("A", GINZA)["sellable"] == 1
    assert stocked.line(waiting)["units_waiting"] <= before
    assert HUB
