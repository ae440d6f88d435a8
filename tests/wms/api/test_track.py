"""Following an order: what a token shows and lets be changed, and that nothing else does."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.following import TARO, deliver, token_of, track
from tests.wms.house import GINZA, HUB, TOKYO, UMEDA, House
from wms.ids import derive
from wms.orders.model import Order


@pytest.fixture
def order(house: House) -> UUID:
    house.sku("TEA")
    house.stock("TEA", 10, "S01-01")
    return house.put_order(("TEA", 2), contact=TARO)


def test_a_token_shows_the_order_and_no_more_of_a_person_than_the_given_name(
    house: House, order: UUID
):
    token = token_of(house, order)
    answer = house.http.get(f"/track/v1/{token}")
    seen = answer.json()

    assert len(token) >= 22
    assert seen["first_name"] == "太郎"
    for secret in ("山田", "taro@", "1111", "千代田", "100-0001", str(order), token):
        assert secret not in answer.text, secret
    assert seen["number"] == house.order(order)["number"]
    assert [step["code"] for step in seen["steps"]] == [
        "PLACED",
        "PREPARING",
        "SHIPPED",
        "DELIVERED",
    ]
    assert seen["status"] == "PLACED"
    assert seen["lines"] == [
        {
            "line_no": 1,
            "sku": "TEA",
            "name_en": "TEA",
            "name_ja": "TEA",
            "units": 2,
            "returnable": 0,
        }
    ]
    assert seen["allowed"] == {"slot": None, "cancel": None, "return": "not_delivered"}
    assert "14-16" in seen["slots"]
    assert seen["points"] == []
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_what_has_not_changed_is_not_sent_again(house: House, order: UUID):
    address = f"/track/v1/{token_of(house, order)}"
    first = house.http.get(address)
    known = {"if-none-match": first.headers["etag"]}
    again = house.http.get(address, headers=known)
    house.ok(house.http.post(f"{address}/slot", json={"command_id": str(an_id()), "slot": "14-16"}))
    changed = house.http.get(address, headers=known)

    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert changed.json()["lines"] == first.json()["lines"]


def test_every_wrong_token_gets_the_same_words(house: House, order: UUID):
    token = token_of(house, order)
    wrong = ["x", token[:-1], token + "x", "A" * 22, "A" * 5000, "%00", "..", "%20", "テスト"]
    answers = [house.http.get(f"/track/v1/{each}") for each in wrong]
    codes = {answer.status_code for answer in answers}
    words = {answer.text for answer in answers if "no such order" in answer.text}

    assert codes == {404}
    assert len(words) == 1
    assert house.http.get("/track/v1/").status_code == 404


def test_orders_without_a_token_are_opened_by_none(house: House, order: UUID):
    house.database.run(lambda s: setattr(s.get_one(Order, order), "token", ""))

    assert house.http.get("/track/v1/%20").status_code == 404
    assert house.http.get("/track/v1/").status_code == 404


def test_who_guesses_is_told_to_wait_even_with_a_right_token(house: House, order: UUID):
    """Otherwise guessing would pay: among refusals a hit would be seen."""
    token = token_of(house, order)
    codes = [house.http.get(f"/track/v1/{number:022}").status_code for number in range(25)]
    right = house.http.get(f"/track/v1/{token}")

    assert codes[:20] == [404] * 20
    assert codes[20:] == [429] * 5
    assert right.status_code == 429
    assert int(right.headers["retry-after"]) >= 1
    assert right.json()["code"] == "too_often"
    house.clock.at += timedelta(minutes=1)
    assert house.http.get(f"/track/v1/{token}").status_code == 200


def test_one_token_is_not_read_all_day_long(house: House, order: UUID):
    token = token_of(house, order)
    codes = {house.http.get(f"/track/v1/{token}").status_code for _ in range(80)}

    assert codes == {200, 429}


def test_other_hours_are_asked_for_once(house: House, order: UUID):
    address = f"/track/v1/{token_of(house, order)}/slot"
    wish = {"command_id": str(an_id()), "slot": "18-20", "delivery_on": "2026-11-05"}
    first = house.ok(house.http.post(address, json=wish))
    other = house.ok(house.http.post(address, json=wish | {"command_id": str(an_id()), "slot": ""}))
    again = house.ok(house.http.post(address, json=wish))

    assert first["eta"]["slot"] == "18-20"
    assert first["eta"]["by"].startswith("2026-11-05")
    assert other["eta"]["slot"] == ""
    assert again["eta"]["slot"] == "", "what was asked first is done: the later wish stays"
    reused = house.http.post(address, json=wish | {"slot": "14-16"})
    assert (reused.status_code, reused.json()["code"]) == (422, "id_reused")
    unknown = house.http.post(address, json={"command_id": str(an_id()), "slot": "03-04"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_slot")
    more = house.http.post(address, json=wish | {"address": "elsewhere"})
    assert more.status_code == 422


def test_an_order_is_cancelled_from_the_page_until_it_has_gone(house: House, order: UUID):
    address = f"/track/v1/{token_of(house, order)}"
    gone = house.put_order(("TEA", 1), contact=TARO)
    house.ok(house.http.post(f"{address}/cancellation", json={"command_id": str(an_id())}))
    seen = track(house, token_of(house, order))

    assert seen["status"] == "CANCELLED"
    assert [step["code"] for step in seen["steps"]] == ["PLACED", "CANCELLED"]
    assert seen["allowed"] == {"slot": "closed", "cancel": "closed"}
    assert house.stock_row("TEA")["free"] == 9

    deliver(house)
    late = house.http.post(
        f"/track/v1/{token_of(house, gone)}/cancellation", json={"command_id": str(an_id())}
    )
    assert late.status_code == 409


def test_parcels_are_followed_and_goods_sent_back(house: House, order: UUID):
    token = token_of(house, order)
    house.tick()
    assert track(house, token)["status"] == "PREPARING"
    deliver(house)
    seen = track(house, token)

    assert seen["status"] == "DELIVERED"
    assert all(step["at"] for step in seen["steps"])
    (parcel,) = seen["parcels"]
    assert parcel["status"] == "DELIVERED"
    assert parcel["number"].startswith("TN-")
    assert seen["allowed"] == {"slot": "shipped", "cancel": "shipped", "return": None}
    assert seen["lines"][0]["returnable"] == 2

    command = str(an_id())
    back = {"command_id": command, "lines": [{"line_no": 1, "units": 1, "reason": "SIZE"}]}
    answer = house.http.post(f"/track/v1/{token}/returns", json=back)
    again = house.http.post(f"/track/v1/{token}/returns", json=back)
    assert answer.status_code == 201, answer.text
    assert again.status_code == 201
    (coming,) = again.json()["returns"]
    assert coming["id"] == str(derive(order, "return", command))
    assert track(house, token)["lines"][0]["returnable"] == 1
    many = {"command_id": str(an_id()), "lines": [{"line_no": 1, "units": 2}]}
    refused = house.http.post(f"/track/v1/{token}/returns", json=many)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_returnable")


def test_another_store_is_chosen_on_the_page(house: House):
    house.sku("TEA")
    for store in (GINZA, UMEDA):
        house.stock("TEA", 3, "BACK-1", site=store)
    order = house.put_order(("TEA", 1), contact=TARO, fulfilment="COLLECT", to_site=GINZA)
    token = token_of(house, order)
    seen = track(house, token)

    assert seen["pickup"]["site"] == GINZA
    assert (seen["pickup"]["code"], seen["pickup"]["qr"]) == (None, None)
    assert [point["site"] for point in seen["points"]] == [UMEDA]
    assert house.http.get(f"/track/v1/{token}/qr.svg").status_code == 404

    moved = house.ok(
        house.http.post(
            f"/track/v1/{token}/collection-point",
            json={"command_id": str(an_id()), "site": UMEDA},
        )
    )
    assert moved["pickup"]["site"] == UMEDA
    assert house.stock_row("TEA", GINZA)["free"] == 3
    nowhere = house.http.post(
        f"/track/v1/{token}/collection-point", json={"command_id": str(an_id()), "site": HUB}
    )
    assert nowhere.status_code == 422


def test_stores_are_found_from_any_shops_page_in_words(house: House):
    house.sku("TEA")
    house.stock("TEA", 50, "FLOOR-1", site=GINZA)
    house.stock("TEA", 1, "BACK-1", site=UMEDA)
    here: dict[str, Any] = {
        "sku": "TEA",
        "latitude": TOKYO["latitude"],
        "longitude": TOKYO["longitude"],
    }
    answer = house.http.get("/find/v1/stores", params=here)

    assert answer.headers["access-control-allow-origin"] == "*"
    places = answer.json()["places"]
    assert [(place["site"], place["stock"]) for place in places] == [
        (GINZA, "in_stock"),
        (UMEDA, "few_left"),
    ]
    assert "free" not in places[0], "how many are left is nobody's business"
    assert house.http.get("/find/v1/stores", params=here | {"sku": "NONE"}).status_code == 404
    codes = [house.http.get("/find/v1/stores", params=here).status_code for _ in range(70)]
    assert codes[-1] == 429
