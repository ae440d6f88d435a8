"""Ship from store, through public doors on virtual time: asked, accepted, rejected; sold there."""

import pytest

from tests.builders import an_id
from tests.wms.collect.counter import GINZA_AT, Counter
from tests.wms.house import GINZA, HUB, TOKYO, House


@pytest.fixture
def counter(house: House) -> Counter:
    house.sku("TEE")
    house.stock("TEE", 3, "FLOOR-1", site=GINZA)
    by_hand = {"accept_ship": "BY_HAND", "answer_within_min": 20, "unanswered": "RESOURCE"}
    house.ok(house.http.put(f"/store/v1/{GINZA}/policy", json=by_hand))
    return Counter(house)


def test_a_store_accepts_and_sends(counter: Counter):
    house = counter.house
    order = house.put_order(("TEE", 2))
    counter.go()

    (item,) = counter.queue()
    assert (item["kind"], item["state"]) == ("SHIP", "TO_ACCEPT")
    assert item["lines"][0]["place"] == "FLOOR-1"
    assert house.next_packet(GINZA, "pick") is None, "nothing is picked before it has said yes"

    assert counter.post(f"ships/{order}:accept").status_code == 204
    counter.go()
    house.work_off(GINZA, "pick")
    assert counter.queue()[0]["state"] == "PACKING"
    house.work_off(GINZA, "pack")
    assert [parcel.state for parcel in house.parcels()] == ["PACKED"]


def test_a_store_rejects_and_another_site_sends(counter: Counter):
    house = counter.house
    order = house.put_order(("TEE", 2))
    counter.go()
    house.stock("TEE", 5, "S01-01", site=HUB)

    command = str(an_id())
    for _ in range(2):
        answer = counter.post(f"ships/{order}:reject", reason="busy", command_id=command)
        assert answer.status_code == 204
    counter.go()
    assert counter.queue() == []
    assert house.stock_row("TEE", GINZA)["free"] == 3
    (packet,) = house.work_off(HUB, "pick")
    assert packet["title"] == house.order(order)["number"]
    late = counter.post(f"ships/{order}:accept")
    assert (late.status_code, late.json()["code"]) == (409, "not_asked_to_ship")


def test_a_store_that_rejects_what_is_nowhere_else_ends_the_line(counter: Counter):
    house = counter.house
    order = house.put_order(("TEE", 2))
    counter.go()

    assert counter.post(f"ships/{order}:reject", reason="not_found").status_code == 204
    assert house.line(order)["status"] == "BACKORDERED"


def test_a_store_that_has_begun_cannot_reject(counter: Counter):
    house = counter.house
    order = house.put_order(("TEE", 2))
    counter.go()
    counter.post(f"ships/{order}:accept")
    counter.go()

    late = counter.post(f"ships/{order}:reject", reason="busy")
    assert (late.status_code, late.json()["code"]) == (409, "already_in_work")


def test_a_silent_store_loses_it(counter: Counter):
    house = counter.house
    order = house.put_order(("TEE", 2))
    counter.go()
    house.stock("TEE", 5, "S01-01", site=HUB)

    counter.later(minutes=21)
    assert house.summary()["exceptions"] == 1
    counter.later(minutes=20)
    assert counter.queue() == []
    assert house.order(order)["lines"][0]["site"] == HUB


def test_a_store_that_sends_by_itself_is_not_asked(counter: Counter):
    house = counter.house
    house.ok(house.http.put(f"/store/v1/{GINZA}/policy", json={"accept_ship": "AUTO"}))
    house.put_order(("TEE", 2))
    counter.go()

    assert counter.queue()[0]["state"] == "PICKING"
    assert len(house.work_off(GINZA, "pick")) == 1


def test_an_order_is_taken_in_the_store_and_sent_home(counter: Counter):
    house = counter.house
    house.stock("TEE", 5, "S01-01", site=HUB)
    body = house.order_body(("TEE", 4), ship_to=TOKYO, channel="whatever")
    sale = {"id": str(an_id()), "order": body}

    first = house.http.post(f"/store/v1/{GINZA}/sales-orders", json=sale)
    again = house.http.post(f"/store/v1/{GINZA}/sales-orders", json=sale)
    assert (first.status_code, again.status_code) == (201, 200)
    counter.go()
    assert len(house.work_off(HUB, "pick")) == 1


def test_a_warehouse_has_no_counter(counter: Counter):
    house = counter.house
    assert house.http.get(f"/store/v1/{HUB}/queue").json()["code"] == "no_store"
    assert house.http.get("/store/v1/NOWHERE/queue").status_code == 404
    assert GINZA_AT["prefecture"] == TOKYO["prefecture"]
