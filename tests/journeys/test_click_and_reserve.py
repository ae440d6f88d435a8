"""Click & reserve: kept at a store, unpaid; reminded, extended, let go, offered to who waits."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.builders import an_id
from tests.wms.house import GINZA, TOKYO, UMEDA, House

SITE = GINZA


@pytest.fixture
def shop(house: House) -> House:
    house.sku("BAG")
    house.stock("BAG", 2, "FLOOR-1", site=SITE)
    house.stock("BAG", 9, "S01-01")  # the hub's is no store's
    return house


def reserve(shop: House, units: int = 1, **more: Any) -> Any:
    body = {
        "number": "R1", "channel": "web", "placed_at": shop.clock.at.isoformat(), "site": SITE,
        "lines": [{"line_no": 1, "sku": "BAG", "units": units}],
    } | more  # fmt: skip
    return shop.http.put(f"/shop/v1/reservations/{an_id()}", json=body)


def kept(shop: House, **more: Any) -> UUID:
    return UUID(shop.ok(reserve(shop, **more))["id"])


def reservation(shop: House, order_id: UUID) -> dict[str, Any]:
    body: dict[str, Any] = shop.ok(shop.http.get(f"/shop/v1/reservations/{order_id}"))
    return body


def extend(shop: House, order_id: UUID, command_id: UUID | None = None) -> Any:
    body = {"command_id": str(command_id or an_id())}
    return shop.http.post(f"/shop/v1/reservations/{order_id}/extension", json=body)


def wait(shop: House, units: int = 1) -> str:
    body = {"id": str(an_id()), "site": SITE, "sku": "BAG", "units": units, "channel": "web"}
    return str(shop.ok(shop.http.post("/shop/v1/waitlist", json=body))["id"])


def waiting(shop: House, wait_id: str) -> dict[str, Any]:
    body: dict[str, Any] = shop.ok(shop.http.get(f"/shop/v1/waitlist/{wait_id}"))
    return body


def take(shop: House, wait_id: str, order_id: UUID | None = None) -> Any:
    order = shop.order_body(("BAG", 1), fulfilment="RESERVE", to_site=SITE, number="W1")
    body = {"order_id": str(order_id or an_id()), "order": order}
    return shop.http.post(f"/shop/v1/waitlist/{wait_id}/order", json=body)


def later(shop: House, **time: float) -> None:
    shop.clock.at += timedelta(**time)
    for job in ("reservations", "waiting_lists"):
        shop.job(job)


def events(shop: House, *types: str) -> list[dict[str, Any]]:
    shop.job("tell")
    return [dict(each.body) for each in shop.webhooks.events if each.type in types]


@pytest.fixture
def told(shop: House) -> House:
    body = {"url": "https://oms.example/hook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    shop.ok(shop.http.put(f"/oms/v1/webhooks/{an_id()}", json=body))
    return shop


def test_kept_reminded_extended_once_and_let_go(told: House):
    order_id = kept(told, units=2)
    first = reservation(told, order_id)
    assert (first["status"], first["fulfilment"], first["to_site"]) == ("PLACED", "RESERVE", SITE)
    assert first["lines"][0]["site"] == SITE
    assert first["token"] is None
    assert told.stock_row("BAG", SITE)["click_reserve"] == 2

    told.tick()
    assert reservation(told, order_id)["lines"][0]["status"] == "HELD", "nobody sources it away"
    later(told, hours=44)
    assert events(told, "ReserveReminder") == []
    later(told, hours=2)
    later(told, minutes=5)
    (reminder,) = events(told, "ReserveReminder")
    assert (reminder["id"], reminder["site"]) == (str(order_id), SITE)

    command_id = an_id()
    longer = [told.ok(extend(told, order_id, command_id))["expires_at"] for _ in range(2)]
    assert longer[0] == longer[1] > first["expires_at"]
    again = extend(told, order_id)
    assert (again.status_code, again.json()["code"]) == (409, "not_extendable")
    assert again.json()["reason"] == "extended"
    later(told, hours=23)
    assert len(events(told, "ReserveReminder")) == 2, "the new end is reminded of, too"

    later(told, hours=4)
    over = reservation(told, order_id)
    assert over["status"] == "CANCELLED"
    assert over["lines"][0]["units_cancelled"] == 2
    assert [each["id"] for each in events(told, "ReserveExpired")] == [str(order_id)]
    assert told.stock_row("BAG", SITE)["free"] == 2
    late = extend(told, order_id)
    assert (late.status_code, late.json()["reason"]) == (409, "ended")


def test_who_waits_is_offered_what_nobody_came_for_in_order(told: House):
    kept(told, units=2)
    first, second, third = wait(told), wait(told), wait(told)
    assert [waiting(told, each)["ahead"] for each in (first, second, third)] == [0, 1, 2]
    later(told, hours=1)
    assert waiting(told, first)["state"] == "WAITING"
    later(told, hours=48)
    assert [waiting(told, each)["state"] for each in (first, second, third)] == [
        "OFFERED", "OFFERED", "WAITING",
    ]  # fmt: skip
    assert {each["wait"] for each in events(told, "WaitlistOffered")} == {first, second}
    assert told.stock_row("BAG", SITE)["free"] == 0, "what is offered is kept"

    order_id = an_id()
    assert [take(told, first, order_id).status_code for _ in range(2)] == [201, 200]
    assert told.order(order_id)["lines"][0]["site"] == SITE
    assert waiting(told, first)["state"] == "TAKEN"
    later(told, hours=5)
    assert [waiting(told, each)["state"] for each in (second, third)] == ["LAPSED", "OFFERED"]
    refused = take(told, second)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_offered")
    told.ok(told.http.delete(f"/shop/v1/waitlist/{third}"))
    told.ok(told.http.delete(f"/shop/v1/waitlist/{third}"))
    assert waiting(told, third)["state"] == "CANCELLED"
    assert told.stock_row("BAG", SITE)["free"] == 1


def test_nobody_is_passed_over_for_a_smaller_wish(shop: House):
    order_id = kept(shop, units=1)
    large, small = wait(shop, 2), wait(shop, 1)
    later(shop, minutes=1)
    assert [waiting(shop, each)["state"] for each in (large, small)] == ["WAITING", "WAITING"]
    shop.ok(shop.http.post(f"/oms/v1/orders/{order_id}/cancellation"))
    later(shop, minutes=1)
    assert [waiting(shop, each)["state"] for each in (large, small)] == ["OFFERED", "WAITING"]


def test_a_buyer_takes_what_is_overdue_before_anybody_tidied_up(shop: House):
    order_id = kept(shop, units=2)
    shop.clock.at += timedelta(hours=49)
    other = kept(shop, units=2)
    assert reservation(shop, other)["lines"][0]["status"] == "HELD"
    assert shop.stock_row("BAG", SITE)["click_reserve"] == 2
    later(shop, minutes=1)
    assert reservation(shop, order_id)["status"] == "CANCELLED"
    assert reservation(shop, other)["lines"][0]["status"] == "HELD"


def test_what_the_store_has_not_is_not_kept_from_elsewhere(shop: House):
    order_id = kept(shop, units=3)
    assert reservation(shop, order_id)["status"] == "BACKORDERED"
    assert shop.stock_row("BAG", SITE)["free"] == 2


def test_two_want_the_last_and_one_gets_it(shop: House):
    kept(shop, units=1)
    orders = [kept(shop, units=1), kept(shop, units=1)]
    assert sorted(reservation(shop, each)["status"] for each in orders) == ["BACKORDERED", "PLACED"]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no such store": ({"site": "NOWHERE"}, "unfit_site"),
    "a warehouse": ({"site": "TYO1"}, "unfit_site"),
    "for ever": ({"expires_at": "2027-11-27T09:00:00+00:00"}, "malformed_order"),
    "over before it began": ({"expires_at": "2025-11-27T09:00:00+00:00"}, "malformed_order"),
    "no such goods": ({"lines": [{"line_no": 1, "sku": "NO", "units": 1}]}, "unknown_sku"),
    "unknown field": ({"colour": "red"}, "malformed"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_kept_is_refused_with_a_code(shop: House, name: str):
    more, code = BAD[name]
    answer = reserve(shop, **more)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert shop.stock_row("BAG", SITE)["free"] == 2


def test_a_cart_keeps_its_units_until_it_is_ordered(shop: House):
    cart_id, order_id = an_id(), an_id()

    def put(rev: int, *lines: tuple[str, int]) -> Any:
        body = {
            "rev": rev, "channel": "web", "latitude": TOKYO["latitude"],
            "longitude": TOKYO["longitude"], "fulfilment": "COLLECT", "to_site": SITE,
            "lines": [{"line_no": no, "sku": sku, "units": n}
                      for no, (sku, n) in enumerate(lines, start=1)],
        }  # fmt: skip
        return shop.http.put(f"/shop/v1/carts/{cart_id}", json=body)

    assert put(1, ("BAG", 1)).status_code == 201
    assert put(1, ("BAG", 1)).status_code == 200
    assert put(1, ("BAG", 2)).json()["code"] == "id_reused"
    (line,) = shop.ok(put(2, ("BAG", 2)))["lines"]
    assert line["units_held"] == 2
    assert put(1, ("BAG", 1)).json()["code"] == "cart_stale"
    assert shop.stock_row("BAG", SITE)["cart"] == 2
    assert reservation(shop, kept(shop))["status"] == "BACKORDERED", "another's cart has it"

    order = shop.order_body(("BAG", 2), fulfilment="COLLECT", to_site=SITE)
    checkout = {"order_id": str(order_id), "order": order}
    for status in (201, 200):
        answer = shop.http.post(f"/shop/v1/carts/{cart_id}/order", json=checkout)
        assert answer.status_code == status, answer.text
    assert shop.order(order_id)["lines"][0]["site"] == SITE
    row = shop.stock_row("BAG", SITE)
    assert (row["cart"], row["allocated"]) == (0, 2)
    assert put(3, ("BAG", 1)).json()["code"] == "cart_ended"


def test_a_cart_runs_out_unless_it_is_extended(shop: House):
    carts = [an_id(), an_id()]
    body = {
        "rev": 1, "channel": "web", "latitude": 34.7, "longitude": 135.5,
        "lines": [{"line_no": 1, "sku": "BAG", "units": 5}],
    }  # fmt: skip
    for cart_id in carts:
        shop.ok(shop.http.put(f"/shop/v1/carts/{cart_id}", json=body))
    kept_units = [
        shop.ok(shop.http.get(f"/shop/v1/carts/{each}"))["lines"][0]["units_held"] for each in carts
    ]
    assert kept_units == [5, 5]
    shop.clock.at += timedelta(minutes=15)
    command = {"command_id": str(an_id())}
    shop.ok(shop.http.post(f"/shop/v1/carts/{carts[0]}/extension", json=command))
    shop.clock.at += timedelta(minutes=10)
    shop.job("carts")
    shop.jobs.expire()
    states = [shop.ok(shop.http.get(f"/shop/v1/carts/{each}"))["state"] for each in carts]
    assert states == ["OPEN", "ENDED"]
    late = shop.http.post(f"/shop/v1/carts/{carts[1]}/extension", json=command)
    assert (late.status_code, late.json()["code"]) == (409, "cart_ended")
    checkout = {"order_id": str(an_id()), "order": shop.order_body(("BAG", 5))}
    late = shop.http.post(f"/shop/v1/carts/{carts[1]}/order", json=checkout)
    assert (late.status_code, late.json()["code"]) == (409, "cart_ended")
    for _ in range(2):
        assert shop.ok(shop.http.delete(f"/shop/v1/carts/{carts[0]}"))["state"] == "ENDED"
    assert shop.stock_row("BAG", SITE)["cart"] + shop.stock_row("BAG")["cart"] == 0
    assert shop.http.get(f"/shop/v1/carts/{an_id()}").status_code == 404


def test_a_cart_says_what_it_lacks(shop: House):
    body = {
        "rev": 1, "channel": "web", "latitude": 34.7, "longitude": 135.5, "fulfilment": "COLLECT",
        "to_site": UMEDA, "lines": [{"line_no": 1, "sku": "BAG", "units": 20}],
    }  # fmt: skip
    (line,) = shop.ok(shop.http.put(f"/shop/v1/carts/{an_id()}", json=body))["lines"]
    assert (line["units"], line["units_held"]) == (20, 11)
