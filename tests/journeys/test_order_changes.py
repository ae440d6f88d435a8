"""Changing orders while they can be changed, cancelling them wherever their goods are; and not."""

from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import GINZA, HUB, OSAKA, SPOKE, UMEDA, House

HOOK = {"url": "https://oms.example/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
PAID = 2_300
POSTAGE = {"line_no": 9, "sku": "POST", "units": 1, "service": True, "price_minor": 300}


@pytest.fixture
def shop(house: House) -> House:
    house.ok(house.http.put(f"/oms/v1/webhooks/{an_id()}", json=HOOK))
    house.sku("A")
    house.sku("B")
    return house


def paid(shop: House, units: int = 2, **more: Any) -> UUID:
    """An order of A for 1,000 each, with postage, paid by card."""
    tender = {"id": str(an_id()), "kind": "CARD", "payment": "p-1",
              "captured_minor": 1_000 * units + 300}  # fmt: skip
    line = {"line_no": 1, "sku": "A", "units": units, "price_minor": 1_000}
    return shop.put_order(lines=[line, POSTAGE], tenders=[tender], **more)


def act(shop: House, order_id: UUID, what: str, **body: Any) -> Any:
    command = {"command_id": str(an_id())} | body
    return shop.http.post(f"/oms/v1/orders/{order_id}/{what}", json=command)


def cancel(shop: House, order_id: UUID, **body: Any) -> Any:
    return act(shop, order_id, "cancellation", **body)


def refunds(shop: House) -> list[int]:
    shop.job("tell")
    wanted = [dict(each.body) for each in shop.webhooks.events if each.type == "RefundWanted"]
    return [each["amount_minor"] for each in wanted]


def events(shop: House, type_: str) -> list[dict[str, Any]]:
    shop.job("tell")
    return [dict(each.body) for each in shop.webhooks.events if each.type == type_]


def reason(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    return str(answer.json()["reason"])


def nothing_is_left(shop: House, order_id: UUID, *, free: int) -> None:
    """All is back: stock free again, nothing shipped, all money back once."""
    order = shop.order(order_id)
    assert (order["status"], order["closed"]) == ("CANCELLED", True)
    assert shop.stock_row("A")["free"] == free
    assert shop.parcels() == []
    assert refunds(shop) == [PAID]
    for _ in range(2):
        assert cancel(shop, order_id).status_code == 200
    assert refunds(shop) == [PAID]
    assert len(events(shop, "OrderCancelled")) == 1


# ----------------------------------------------------------------------------------- cancel
def test_cancelled_while_the_robot_carries_the_tote(shop: House):
    shop.stock("A", 9, "A01-01-1", tote="T-1")
    order_id = paid(shop)
    shop.tick()
    assert shop.line(order_id)["status"] == "RELEASED"
    assert cancel(shop, order_id).status_code == 200
    nothing_is_left(shop, order_id, free=9)
    (brought,) = shop.transports()
    assert shop.next_packet(HUB, "pick", station=brought.destination) is None
    (home,) = shop.transports()
    assert home.destination == "A01-01-1", "the tote goes home"


def test_cancelled_when_the_tote_stands_at_the_station(shop: House):
    shop.stock("A", 9, "A01-01-1", tote="T-1")
    order_id, other = paid(shop), shop.put_order(("A", 1))
    shop.tick()
    (brought,) = shop.transports()
    assert cancel(shop, order_id).json()["lines"][0]["status"] == "CANCELLING"
    shop.job("put_back")
    nothing_is_left(shop, order_id, free=8)
    shop.work_off(HUB, "pick", station=brought.destination)
    shop.work_off(HUB, "pack")
    assert shop.order(other)["status"] == "PACKED"


def test_cancelled_while_a_person_picks_it(shop: House):
    shop.stock("A", 9, "S01-01")
    order_id = paid(shop)
    shop.tick()
    packet = shop.next_packet(HUB, "pick")
    assert packet is not None
    assert cancel(shop, order_id).json()["lines"][0]["units_cancelling"] == 2
    assert refunds(shop) == [], "not before it is back"
    shop.do(packet)
    shop.job("put_back")
    assert shop.next_packet(HUB, "pack") is None
    (back,) = shop.work_off(HUB, "putback")
    assert "S01-01" in back["steps"][-1]["expect"][0]["codes"]
    nothing_is_left(shop, order_id, free=9)
    assert len(events(shop, "CancelWanted")) == 1


def test_cancelled_when_the_picker_finds_one_less(shop: House):
    shop.stock("A", 9, "S01-01")
    order_id = paid(shop)
    shop.tick()
    packet = shop.next_packet(HUB, "pick")
    assert packet is not None
    shop.ok(cancel(shop, order_id))
    shop.do(packet, short={"A": 1})
    shop.job("put_back")
    shop.work_off(HUB, "putback")
    order = shop.order(order_id)
    assert (order["status"], order["lines"][0]["units_cancelled"]) == ("CANCELLED", 2)
    assert sum(refunds(shop)) == PAID
    assert shop.stock_row("A")["unknown"] == 1


def test_cancelled_when_it_waits_to_be_packed_and_too_late_when_it_is_packed(shop: House):
    shop.stock("A", 9, "S01-01")
    early, late = paid(shop), paid(shop)
    shop.tick()
    shop.work_off(HUB, "pick")
    shop.ok(cancel(shop, early))
    shop.job("put_back")
    shop.work_off(HUB, "pack")
    shop.work_off(HUB, "putback")
    assert shop.order(early)["status"] == "CANCELLED"
    assert reason(cancel(shop, late)) == "packed"
    assert shop.order(late)["status"] == "PACKED"
    assert refunds(shop) == [PAID]
    assert shop.order(late)["changes"]["cancel"] == "packed"


def test_some_units_are_cancelled_and_their_price_goes_back(shop: House):
    shop.stock("A", 9, "S01-01")
    order_id = paid(shop, units=5)
    command = {"command_id": str(an_id()), "lines": {"1": 2}}
    lines = [shop.ok(cancel(shop, order_id, **command))["lines"][0] for _ in range(2)]
    assert [(line["units_cancelled"], line["status"]) for line in lines] == [(2, "HELD")] * 2
    assert refunds(shop) == [2_000]
    other = cancel(shop, order_id, **(command | {"lines": {"1": 1}}))
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    assert cancel(shop, order_id, lines={"7": 1}).json()["code"] == "no_such_units"


def test_pieces_of_what_is_being_picked_are_not_cancelled_but_all_of_it_is(shop: House):
    shop.stock("A", 9, "S01-01")
    order_id = paid(shop, units=3)
    shop.tick()
    assert shop.next_packet(HUB, "pick") is not None
    assert reason(cancel(shop, order_id, lines={"1": 1})) == "in_work"
    assert cancel(shop, order_id, lines={"1": 3}).status_code == 200


# ------------------------------------------------------------------------ address, slot, point
def test_address_and_slot_until_there_is_a_label(shop: House):
    shop.stock("A", 5, "S01-01")
    shop.stock("A", 5, "S01-01", site=SPOKE)
    order_id = paid(shop)
    slot = {"delivery_on": "2026-11-30", "slot": "1416", "leave_at": "BOX"}
    shop.ok(act(shop, order_id, "address", ship_to=OSAKA))
    changed = shop.ok(act(shop, order_id, "slot", **slot))
    assert {name: changed[name] for name in slot} == slot
    assert [each["reason"] for each in events(shop, "OrderChanged")] == ["address", "slot"]
    shop.tick()
    assert shop.line(order_id)["site"] == SPOKE, "sourced for where it goes now"
    shop.work_off(SPOKE, "pick")
    assert reason(act(shop, order_id, "address", ship_to=OSAKA)) == "packed"
    assert reason(act(shop, order_id, "slot", **slot)) == "packed"
    assert reason(act(shop, order_id, "collection-point", to_site=GINZA)) == "not_collected"
    assert shop.order(order_id)["changes"] == {
        "cancel": None, "address": "packed", "slot": "packed",
        "collection_point": "not_collected", "lines": "packed",
    }  # fmt: skip


def test_another_collection_point_has_it_or_gets_it(shop: House):
    shop.stock("A", 2, "FLOOR-1", site=GINZA)
    shop.stock("A", 5, "S01-01")
    order_id = paid(shop, fulfilment="COLLECT", to_site=GINZA)
    assert shop.line(order_id)["site"] == GINZA
    moved = shop.ok(act(shop, order_id, "collection-point", to_site=UMEDA))
    assert (moved["to_site"], moved["lines"][0]["status"]) == (UMEDA, "HELD")
    assert shop.stock_row("A", GINZA)["allocated"] + shop.stock_row("A", GINZA)["reserved"] <= 2
    back = shop.ok(act(shop, order_id, "collection-point", to_site=GINZA))
    assert (back["lines"][0]["site"], back["lines"][0]["status"]) == (GINZA, "ALLOCATED")
    for site in (HUB, "NOWHERE"):
        answer = act(shop, order_id, "collection-point", to_site=site)
        assert (answer.status_code, answer.json()["code"]) == (422, "unfit_site")
    assert reason(act(shop, order_id, "address", ship_to=OSAKA)) == "not_delivered"
    shop.ok(cancel(shop, order_id))
    assert reason(act(shop, order_id, "collection-point", to_site=UMEDA)) == "closed"


# ------------------------------------------------------------------------------------ lines
def test_more_fewer_and_other_lines(shop: House):
    shop.stock("A", 5, "S01-01")
    shop.stock("B", 5, "S01-02")
    order_id = paid(shop)
    added = {"line_no": 2, "sku": "B", "units": 1, "price_minor": 700}
    changed = shop.ok(act(shop, order_id, "lines", lines={"1": 4}, added=[added]))
    assert [line["units"] for line in changed["lines"]] == [4, 1, 1]
    assert shop.stock_row("A")["reserved"] == 4
    fewer = shop.ok(act(shop, order_id, "lines", lines={"1": 1}))["lines"][0]
    assert (fewer["units"], fewer["units_cancelled"]) == (4, 3)
    assert refunds(shop) == [PAID], "no more than was paid"
    again = shop.ok(act(shop, order_id, "lines", lines={"1": 2}))["lines"][0]
    assert (again["units"], again["units_cancelled"]) == (5, 3)

    assert reason(act(shop, order_id, "lines", lines={"1": 9})) == "no_stock"
    assert shop.stock_row("A")["reserved"] == 2, "nothing was done"
    for bad, code in (
        ({"lines": {"7": 1}}, "no_such_units"),
        ({"added": [added]}, "malformed_order"),
        ({"added": [added | {"line_no": 3, "sku": "NO"}]}, "unknown_sku"),
    ):
        answer = act(shop, order_id, "lines", **bad)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    shop.tick()
    shop.work_off(HUB, "pick")
    assert reason(act(shop, order_id, "lines", lines={"1": 1})) == "packed"


def test_an_order_that_waits_takes_more_than_there_is(shop: House):
    shop.stock("A", 5, "S01-01")
    order_id = paid(shop, backorders="WAIT")
    line = shop.ok(act(shop, order_id, "lines", lines={"1": 9}))["lines"][0]
    assert (line["units"], line["units_waiting"]) == (9, 7)


# ------------------------------------------------------------------------------------ reading
def test_orders_are_read_a_page_at_a_time(shop: House):
    shop.stock("A", 9, "S01-01")
    placed = [str(shop.put_order(("A", 1))) for _ in range(5)]
    seen, after = [], None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = shop.ok(shop.http.get("/oms/v1/orders", params=query))
        seen += [order["id"] for order in page["orders"]]
        if (after := page["next"]) is None:
            break
    assert seen == placed
    bad = shop.http.get("/oms/v1/orders", params={"after": "nonsense"})
    assert (bad.status_code, bad.json()["code"]) == (422, "malformed_cursor")


def test_who_ordered_is_kept_with_the_order_and_may_not_become_another(shop: House):
    shop.stock("A", 9, "S01-01")
    order_id = an_id()
    body = shop.order_body(("A", 1), contact={"name": "山田 太郎", "email": "taro@example.jp"})
    path = f"/oms/v1/orders/{order_id}"
    assert [shop.http.put(path, json=body).status_code for _ in range(2)] == [201, 200]
    other = body | {"contact": {"name": "鈴木 花子"}}
    answer = shop.http.put(path, json=other)
    assert (answer.status_code, answer.json()["code"]) == (422, "id_reused")
    token = shop.order(order_id)["token"]
    assert len(token) == 22
    assert shop.http.put(path, json=body | {"colour": "red"}).json()["code"] == "malformed"
