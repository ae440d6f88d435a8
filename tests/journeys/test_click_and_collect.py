"""Click and collect, through public doors on virtual time: the happy way and what goes wrong."""

import pytest

from tests.builders import an_id
from tests.wms.collect.counter import Counter, bring, codes_of, do_with, paid
from tests.wms.house import GINZA, HUB, House


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
