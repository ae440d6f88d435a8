"""Click and collect when people decide otherwise: stores that say no, customers who change their
mind, reservations, goods from afar. Through public doors, on virtual time.
"""

from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.collect.counter import Counter, bring, paid
from tests.wms.house import GINZA, HUB, SPOKE, UMEDA, House


@pytest.fixture
def counter(house: House) -> Counter:
    house.sku("TEE")
    house.sku("CAP")
    house.stock("TEE", 3, "FLOOR-1", site=GINZA)
    house.stock("CAP", 2, "BACK-1", site=GINZA)
    return Counter(house)


def test_a_store_that_rejects_has_it_sent_from_elsewhere(counter: Counter):
    house = counter.house
    house.stock("TEE", 5, "S01-01", site=HUB)
    order = counter.collect(("TEE", 1))

    command = str(an_id())
    for _ in range(2):  # sent again it is the same act
        counter.act(order, "reject", reason="not_found", command_id=command)
    counter.go()
    assert counter.of(order)["state"] == "WAITING"
    (told,) = counter.events(order, "CollectRejected")
    assert (told["lines"], told["reason"]) == ([1], "not_found")
    assert counter.events(order, "PromiseChanged")[0]["reason"] == "store_rejected"

    bring(counter)
    assert counter.of(order)["state"] == "TO_ACCEPT"
    counter.ready(order)
    house.ok(counter.hand_over(order, counter.code(order)))


def test_a_store_that_rejects_what_is_nowhere_else_ends_the_order(counter: Counter):
    order = counter.collect(("TEE", 1), **paid(1000, "TEE", 1000))
    counter.act(order, "reject", reason="not_found")
    counter.go()

    assert counter.of(order)["state"] == "REJECTED"
    assert len(counter.events(order, "RefundWanted")) == 1


def test_a_silent_store_is_told_to_people_and_then_it_goes_elsewhere(counter: Counter):
    house = counter.house
    house.stock("TEE", 5, "S01-01", site=HUB)
    policy = house.ok(house.http.get(f"/store/v1/{GINZA}/policy"))
    house.ok(house.http.put(
        f"/store/v1/{GINZA}/policy",
        json=policy | {"answer_within_min": 20, "unanswered": "RESOURCE"},
    ))  # fmt: skip
    order = counter.collect(("TEE", 1))

    counter.later(minutes=21)
    assert house.summary()["exceptions"] == 1
    assert counter.of(order)["state"] == "TO_ACCEPT"
    counter.later(minutes=20)
    assert counter.of(order)["state"] == "WAITING"
    assert counter.events(order, "CollectRejected")[0]["reason"] == "not_answered"
    assert house.summary()["exceptions"] == 0


def test_a_store_may_accept_by_itself(counter: Counter):
    house = counter.house
    house.ok(house.http.put(f"/store/v1/{GINZA}/policy", json={"accept": "AUTO"}))
    order = counter.collect(("TEE", 1))

    assert counter.of(order)["state"] == "ACCEPTED"


def test_a_customer_cancels_what_lies_ready(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2), **paid(2000, "TEE", 1000))
    counter.ready(order)

    house.ok(house.http.post(f"/oms/v1/orders/{order}/cancellation"))
    counter.go()
    assert counter.of(order)["state"] == "RETURNING"
    assert counter.hand_over(order, counter.code(order)).status_code == 409
    house.work_off(GINZA, "floor", short={"TEE": 1})  # one was gone from the bag
    counter.go()
    assert counter.of(order)["state"] == "CANCELLED"
    stock = house.stock_row("TEE", GINZA)
    assert (stock["sellable"], stock["packed"], stock["unknown"]) == (2, 0, 1)
    (refund,) = counter.events(order, "RefundWanted")
    assert refund["amount_minor"] == 2000


def test_a_customer_cancels_while_it_is_being_fetched(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2), **paid(2000, "TEE", 1000))
    packet = counter.act(order, "prepare")["packet"]

    house.ok(house.http.post(f"/oms/v1/orders/{order}/cancellation"))
    counter.go()
    assert counter.of(order)["state"] == "PREPARING", "somebody is on the way"
    house.do(packet)
    counter.go()
    assert counter.of(order)["state"] == "CANCELLED"
    stock = house.stock_row("TEE", GINZA)
    assert (stock["sellable"], stock["allocated"], stock["packed"]) == (3, 0, 0)
    (back,) = house.work_off(GINZA, "floor")
    assert [step["big"] for step in back["steps"]] == ["2", "FLOOR-1"]
    assert len(counter.events(order, "RefundWanted")) == 1


def test_a_customer_cancels_before_anybody_is_asked(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2))
    assert counter.of(order)["state"] == "TO_ACCEPT"
    house.ok(house.http.post(f"/oms/v1/orders/{order}/cancellation"))
    counter.go()

    assert counter.of(order)["state"] == "CANCELLED"
    assert house.next_packet(GINZA, "floor") is None
    assert house.stock_row("TEE", GINZA)["free"] == 3


def test_goods_come_by_transfer_from_two_sites(counter: Counter):
    house = counter.house
    house.sku("BAG")
    house.stock("BAG", 1, "S01-01", site=HUB)
    house.stock("BAG", 1, "S01-01", site=SPOKE)
    order = counter.collect(("BAG", 2), ("TEE", 1))
    assert counter.of(order)["state"] == "WAITING"

    bring(counter, HUB)
    assert counter.of(order)["state"] == "WAITING", "the other half is still to come"
    bring(counter, SPOKE)
    assert counter.of(order)["state"] == "TO_ACCEPT"
    counter.ready(order)
    house.ok(counter.hand_over(order, counter.code(order)))
    assert house.order(order)["status"] == "DELIVERED"


def test_a_transfer_that_arrives_short_brings_the_rest_later(counter: Counter):
    house = counter.house
    house.sku("BAG")
    house.stock("BAG", 4, "S01-01", site=HUB)
    order = counter.collect(("BAG", 2))

    bring(counter, short={"BAG": 1})
    assert counter.of(order)["state"] == "WAITING"
    bring(counter)
    assert counter.of(order)["state"] == "TO_ACCEPT"
    assert sum(line["units"] for line in counter.of(order)["lines"]) == 2


def test_a_reservation_is_paid_at_the_till(counter: Counter):
    house = counter.house
    order = counter.reserve(("TEE", 1))
    assert counter.queue()[0]["kind"] == "RESERVE"
    counter.ready(order)

    unpaid = counter.hand_over(order, counter.code(order))
    assert (unpaid.status_code, unpaid.json()["code"]) == (422, "till_reference_missing")
    handed = counter.hand_over(order, counter.code(order), till_reference="R-1-0815")
    assert handed.json()["till_reference"] == "R-1-0815"
    assert house.order(order)["status"] == "DELIVERED"


def test_nobody_comes_for_a_reservation(counter: Counter):
    house = counter.house
    order = counter.reserve(("TEE", 1), hours=24)
    counter.ready(order)

    counter.later(hours=25)
    house.work_off(GINZA, "floor")
    counter.go()
    assert counter.of(order)["state"] == "RETURNED_TO_FLOOR"
    assert house.stock_row("TEE", GINZA)["free"] == 3
    assert counter.events(order, "RefundWanted") == []


def test_a_reservation_that_was_extended_is_kept_longer(counter: Counter):
    house = counter.house
    order = counter.reserve(("TEE", 1), hours=24)
    counter.ready(order)
    longer = {"command_id": str(an_id())}
    house.ok(house.http.post(f"/shop/v1/reservations/{order}/extension", json=longer))

    counter.later(hours=25)
    assert counter.of(order)["state"] == "READY"
    assert counter.events(order, "CollectReminder") == []
    counter.later(hours=48)
    assert counter.of(order)["state"] == "RETURNING"
    assert len(counter.events(order, "ReserveExpired")) == 1


def test_a_line_is_cancelled_while_the_bag_lies_ready(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2), ("CAP", 1), **paid(2500, "TEE", 1000, "CAP", 500))
    counter.ready(order)

    fewer = {"command_id": str(an_id()), "lines": {"2": 1}}
    house.ok(house.http.post(f"/oms/v1/orders/{order}/cancellation", json=fewer))
    counter.go()
    assert counter.of(order)["state"] == "READY", "the rest can still be fetched"
    house.ok(counter.hand_over(order, counter.code(order)))
    assert counter.of(order)["state"] == "HANDED_OVER"
    (packet,) = house.work_off(GINZA, "floor", short={})
    assert packet["steps"][1]["facts"][1]["value"] == "CAP"
    counter.go()
    assert [line["status"] for line in house.order(order)["lines"]] == ["DELIVERED", "CANCELLED"]
    assert house.stock_row("CAP", GINZA)["free"] == 2
    assert [one["amount_minor"] for one in counter.events(order, "RefundWanted")] == [500]


def test_damaged_goods_do_not_go_back_to_the_floor(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 1))
    counter.ready(order)
    house.ok(house.http.post(f"/oms/v1/orders/{order}/cancellation"))
    counter.go()

    packet = house.next_packet(GINZA, "floor")
    assert packet is not None
    packet = house.send(house.event(packet, "scan", packet["steps"][0]["expect"][0]["codes"][0]))[
        "packet"
    ]
    trouble = {"code": "damaged", "found": 0}
    house.do(house.send(house.event(packet, "exception", trouble))["packet"])
    stock = house.stock_row("TEE", GINZA)
    assert (stock["sellable"], stock["quarantine"], stock["packed"]) == (2, 1, 0)


def test_a_customer_chooses_another_store_and_comes_back(counter: Counter):
    house = counter.house
    house.stock("TEE", 2, "BACK-1", site=UMEDA)
    order = counter.collect(("TEE", 1))
    assert counter.of(order)["state"] == "TO_ACCEPT"

    choose(house, order, UMEDA)
    counter.go()
    assert counter.of(order)["state"] == "CANCELLED"
    umeda = Counter(house, UMEDA)
    assert umeda.of(order)["state"] == "TO_ACCEPT"
    choose(house, order, GINZA)
    counter.go()
    assert umeda.of(order)["state"] == "CANCELLED"
    counter.ready(order)
    house.ok(counter.hand_over(order, counter.code(order)))


def choose(house: House, order: UUID, site: str) -> None:
    """Collect it there."""
    body = {"command_id": str(an_id()), "to_site": site}
    house.ok(house.http.post(f"/oms/v1/orders/{order}/collection-point", json=body))
