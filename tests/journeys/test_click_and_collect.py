"""Click and collect, through public doors on virtual time: the happy way and what goes wrong."""

from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.collect.counter import Counter, bring, codes_of, do_with, paid
from tests.wms.house import GINZA, HUB, SPOKE, UMEDA, House


@pytest.fixture
def counter(house: House) -> Counter:
    house.sku("TEE")
    house.sku("CAP")
    house.stock("TEE", 3, "FLOOR-1", site=GINZA)
    house.stock("CAP", 2, "BACK-1", site=GINZA)
    return Counter(house)


def test_an_order_is_accepted_prepared_and_handed_over(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2), ("CAP", 1))

    (item,) = counter.queue()
    assert (item["kind"], item["state"], item["order_id"]) == ("COLLECT", "TO_ACCEPT", str(order))
    assert 4 * 3600 - 60 < item["late_in_s"] <= 4 * 3600
    assert [(line["sku"], line["units"], line["place"]) for line in item["lines"]] == [
        ("TEE", 2, "FLOOR-1"), ("CAP", 1, "BACK-1"),
    ]  # fmt: skip

    assert counter.act(order, "accept")["state"] == "ACCEPTED"
    packet = counter.prepare(order)
    assert [step["op"] for step in packet["steps"]][-3:] == ["print", "scan", "scan"]
    ready = counter.of(order)
    assert (ready["state"], ready["shelf"]) == ("READY", "P-01")
    assert house.stock_row("TEE", GINZA)["packed"] == 2
    (told,) = counter.events(order, "CollectReady")
    assert told["keep_until"] == ready["keep_until"].replace("Z", "+00:00")

    answer = counter.hand_over(order, counter.code(order))
    assert answer.json()["state"] == "HANDED_OVER"
    assert house.order(order)["status"] == "DELIVERED"
    assert house.stock_row("TEE", GINZA)["packed"] == 0
    assert counter.queue() == []
    assert [event["type"] for event in counter.events(order)][-2:] == [
        "CollectHandedOver", "OrderClosed",
    ]  # fmt: skip


def test_a_qr_is_found_and_opens_the_bag_once(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 1))
    counter.ready(order)

    found = house.ok(house.http.get(f"/api/v1/lookup/{counter.qr(order)}"))
    assert (found["kind"], found["status"], found["location"]) == ("collection", "READY", "P-01")
    by_label = house.ok(house.http.get(f"/api/v1/lookup/{counter.of(order)['bag']}"))
    assert by_label["id"] == found["id"]

    first = counter.hand_over(order, counter.qr(order), command_id=str(an_id()))
    assert first.status_code == 200
    again = counter.hand_over(order, counter.qr(order))
    assert (again.status_code, again.json()["code"]) == (409, "already_handed_over")
    assert house.stock_row("TEE", GINZA)["sellable"] == 2


def test_the_same_hand_over_sent_twice_is_one(counter: Counter):
    order = counter.collect(("TEE", 1))
    counter.ready(order)

    command = str(an_id())
    answers = [counter.hand_over(order, counter.code(order), command_id=command) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(counter.events(order, "CollectHandedOver")) == 1


def test_wrong_codes_are_counted_and_shut_the_bag_for_a_while(counter: Counter):
    order = counter.collect(("TEE", 1))
    counter.ready(order)
    right = counter.code(order)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"

    left = []
    for _ in range(5):
        answer = counter.hand_over(order, wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_pickup_code")
        left.append(answer.json()["tries_left"])
    assert left == [4, 3, 2, 1, 0]

    shut = counter.hand_over(order, right)
    assert (shut.status_code, shut.json()["code"]) == (409, "too_many_tries")
    assert counter.of(order)["state"] == "READY"

    counter.later(minutes=16)
    assert counter.hand_over(order, right).status_code == 200


def test_nobody_comes_and_the_goods_go_back_to_the_floor(counter: Counter):
    house = counter.house
    order = counter.collect(("TEE", 2), **paid(2000, "TEE", 1000))
    counter.ready(order)

    counter.later(days=5, hours=23)
    assert counter.events(order, "CollectReminder") == []
    counter.later(hours=2)
    counter.later(hours=2)
    assert len(counter.events(order, "CollectReminder")) == 1
    assert counter.of(order)["state"] == "READY"

    counter.later(days=1)
    assert counter.of(order)["state"] == "RETURNING"
    assert counter.hand_over(order, counter.code(order)).json()["code"] == "wrong_collection_state"
    assert house.stock_row("TEE", GINZA)["sellable"] == 1, "not sold before it is back"
    (told,) = counter.events(order, "CollectReturned")
    assert told["reason"] == "not_collected"

    (packet,) = house.work_off(GINZA, "floor")
    assert packet["steps"][0]["big"] == "P-01"
    counter.go()
    assert counter.of(order)["state"] == "RETURNED_TO_FLOOR"
    assert house.stock_row("TEE", GINZA)["sellable"] == 3
    assert house.stock_row("TEE", GINZA)["packed"] == 0
    assert house.order(order)["status"] == "CANCELLED"
    (refund,) = counter.events(order, "RefundWanted")
    assert (refund["amount_minor"], refund["reason"]) == (2000, "not_collected")


def test_a_shelf_that_is_free_again_is_used_again(counter: Counter):
    house = counter.house
    orders = [counter.collect(("TEE", 1)) for _ in range(3)]
    counter.ready(*orders)
    assert [counter.of(order)["shelf"] for order in orders] == ["P-01", "P-02", "P-03"]

    late = counter.collect(("CAP", 1))
    counter.act(late, "accept")
    full = counter.post(f"collections/{counter.id_of(late)}:prepare")
    assert (full.status_code, full.json()["code"]) == (409, "no_free_slot")

    house.ok(counter.hand_over(orders[1], counter.code(orders[1])))
    counter.prepare(late)
    assert counter.of(late)["shelf"] == "P-02"


def test_a_slot_that_was_taken_meanwhile_is_asked_for_once_more(counter: Counter):
    house = counter.house
    first, second = counter.collect(("TEE", 1)), counter.collect(("CAP", 1))
    one = counter.act(first, "prepare")["packet"]
    counter.post(f"collections/{counter.id_of(second)}:prepare")
    house.do(one)  # lies in P-01, which was kept for it
    two = house.next_packet(GINZA, "collect", device="hh-1")
    assert two is not None
    assert "P-01" not in codes_of(two, "shelf")

    third = counter.collect(("TEE", 1))
    counter.prepare(third)
    assert counter.of(third)["shelf"] == "P-03"
    do_with(house, two, {"shelf": "P-03"})  # free when it was told, and taken now
    asked = house.next_packet(GINZA, "collect")
    assert asked is not None
    assert codes_of(asked, "shelf") == ["P-02"]
    house.do(asked)
    counter.go()
    assert counter.of(second)["shelf"] == "P-02"


def test_the_store_cannot_find_it_and_it_comes_from_elsewhere(counter: Counter):
    house = counter.house
    house.stock("TEE", 5, "S01-01", site=HUB)
    order = counter.collect(("TEE", 2), ("CAP", 1))
    counter.act(order, "accept")

    counter.prepare(order, TEE=1)  # one of two: the other is nowhere
    waiting = counter.of(order)
    assert (waiting["state"], waiting["shelf"]) == ("WAITING", "P-01")
    assert [(line["sku"], line["units"], line["state"]) for line in waiting["lines"]] == [
        ("TEE", 1, "PACKED"), ("TEE", 1, "ON_ITS_WAY"), ("CAP", 1, "PACKED"),
    ]  # fmt: skip
    assert house.stock_row("TEE", GINZA)["unknown"] == 1
    (changed,) = counter.events(order, "PromiseChanged")
    assert changed["reason"] == "store_short"
    assert changed["by"] > changed["was"]

    bring(counter)
    assert counter.of(order)["state"] == "ACCEPTED", "the bag is begun: nobody is asked again"
    counter.prepare(order)
    assert (counter.of(order)["state"], counter.of(order)["shelf"]) == ("READY", "P-01")
    house.ok(counter.hand_over(order, counter.code(order)))
    assert house.order(order)["status"] == "DELIVERED"


def test_what_is_nowhere_ends_and_is_paid_back_and_the_rest_is_ready(counter: Counter):
    order = counter.collect(("TEE", 2), ("CAP", 1), **paid(2500, "TEE", 1000, "CAP", 500))
    counter.act(order, "accept")

    counter.prepare(order, TEE=0)
    ready = counter.of(order)
    assert ready["state"] == "READY"
    assert counter.events(order, "CollectReady")[0]["missing"] == [1]
    (refund,) = counter.events(order, "RefundWanted")
    assert (refund["amount_minor"], refund["reason"]) == (2000, "short")
    counter.house.ok(counter.hand_over(order, counter.code(order)))
    lines = [line["status"] for line in counter.house.order(order)["lines"]]
    assert lines == ["BACKORDERED", "DELIVERED"]


def test_nothing_is_found_and_nothing_is_anywhere(counter: Counter):
    order = counter.collect(("TEE", 1), **paid(1000, "TEE", 1000))
    counter.act(order, "accept")

    counter.prepare(order, TEE=0)
    assert counter.of(order)["state"] == "CANCELLED"
    assert counter.of(order)["shelf"] is None
    assert len(counter.events(order, "RefundWanted")) == 1


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
