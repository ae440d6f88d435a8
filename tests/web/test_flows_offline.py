"""Without Wi-Fi, without a server, twice, too late: no scan is lost, none is counted twice.

All on the real thing: chromium with its own database, `soko serve`, PostgreSQL.
"""

import time
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import text

from tests.builders import an_id
from tests.web.browser import Opener
from tests.web.floor_world import World
from tests.web.hands import Hand, filmed
from tests.web.test_handheld_steps import sent
from tests.wms.house import HUB

FLUSH_S = 5.0
TAGS = 200
EVENTS = """
SELECT count(*) FILTER (WHERE jsonb_typeof(problem) = 'null') AS taken, count(*) AS all
  FROM work_event WHERE device = :device
"""
LATEST = "SELECT max(occurred_at) FROM movement"


def a_walk(world: World) -> Any:
    """An order of two lines; its id."""
    world.goods("TEA", "CUP")
    world.stock("TEA", 20, "P01-01")
    world.stock("CUP", 20, "Q03-01")
    world.house.channel(style={"mode": "SINGLE"})
    order = world.house.put_order(("TEA", 4), ("CUP", 3))
    world.go()
    return order


def pending(hand: Hand, events: int) -> None:
    """So many wait to be sent."""
    expect(hand.page.get_by_test_id("net")).to_have_attribute("data-pending", str(events))


def kept(hand: Hand) -> None:
    """The page can be opened without a network from now on."""
    hand.page.evaluate("navigator.serviceWorker.ready")
    hand.page.wait_for_function("caches.match('/ui/').then((kept) => Boolean(kept))")


def events_of(world: World, device: str) -> tuple[int, int]:
    """How many events of a device the server has taken, and how many it has seen."""
    facts = {"device": device}
    row = world.house.database.run(lambda s: s.execute(text(EVENTS), facts).one())
    return int(row.taken), int(row.all)


def test_ten_minutes_without_wifi_a_killed_tab_and_a_server_that_starts_anew(
    world: World, open_page: Opener
):
    order = a_walk(world)
    with filmed("offline", world.soko, open_page, HUB, "ja", axe=False) as hands:
        hand = hands.at("pick")
        ahead = world.clock.now() + timedelta(hours=1)
        hand.page.clock.install(time=ahead)  # the device's clock is an hour off
        kept(hand)
        hand.take()
        hand.scan(hand.code())
        hand.scan(hand.code())
        sent(hand.page)
        context = hand.page.context
        context.set_offline(True)
        hand.scan(hand.code())
        hand.page.clock.fast_forward("10:00")
        hand.go_on()
        done = hand.page.get_by_test_id("task").get_attribute("data-at") or ""
        pending(hand, int(done) - 2)
        hand.film.look(hand.page, "offline")
        hand.page.close()  # the tab is killed
        world.stop()
        world.later(minutes=10)
        hand.page = context.new_page()
        hand.page.goto(hands.url("pick"))
        expect(hand.page.locator("[data-said='h.recovered']")).to_be_visible()
        hand.film.look(hand.page, "reopened")
        hand.until("")
        pending(hand, 7)  # all that was done without a network
        hand.film.look(hand.page, "done offline")
        context.set_offline(False)
        world.start()
        sent(hand.page)
    assert events_of(world, "hh-1") == (9, 9)
    lines = world.house.order(order)["lines"]
    assert {line["status"] for line in lines} == {"PICKED"}
    moved = world.house.database.run(lambda s: s.scalar(text(LATEST)))
    assert isinstance(moved, datetime)
    assert moved <= world.clock.now(), "nothing has happened in an hour from now"


@pytest.mark.nightly
def test_what_is_sent_twice_and_comes_late_is_done_once(world: World, open_page: Opener):
    order = a_walk(world)
    late: list[bytes] = []

    def twice(route: Route) -> None:
        late.append(route.request.post_data_buffer or b"")
        if len(late) % 3 == 1:
            route.fetch()  # it arrives, but the answer is lost: the device sends it again
            route.abort()
        else:
            route.fetch()
            route.continue_()

    with filmed("twice", world.soko, open_page, HUB, "ja", axe=False) as hands:
        hand = hands.at("pick")
        hand.page.route("**/api/v1/work/events", twice)
        hand.take()
        hand.until("")
        hand.done(home=False)
    headers = {"X-Soko-Device": "hh-1", "X-Soko-Operator": "hana",
               "Content-Type": "application/json"}  # fmt: skip
    for body in reversed(late):  # and all of it again, the last first
        answer = httpx2.post(f"{world.soko}/api/v1/work/events", content=body, headers=headers)
        assert {each["result"] for each in answer.json()["results"]} == {"duplicate"}
    assert events_of(world, "hh-1") == (9, 9)
    assert world.house.stock_row("TEA")["picked"] == 4
    assert {line["status"] for line in world.house.order(order)["lines"]} == {"PICKED"}


@pytest.mark.nightly
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_two_devices_on_one_packet_and_the_late_one_puts_back(
    world: World, open_page: Opener, lang: str
):
    order = a_walk(world)
    with filmed("recover", world.soko, open_page, HUB, lang) as hands:
        hana = hands.at("pick,recover")
        hana.take()
        hana.scan(hana.code())
        hana.page.context.set_offline(True)
        hana.until("place")
        hana.scan(hana.code())
        hana.scan(hana.code())
        world.later(hours=1)
        ken = hands.at("pick", device="hh-2", operator="ken")
        ken.take()
        ken.until("")
        ken.done()
        hana.page.context.set_offline(False)
        expect(hana.page.locator(".recovers")).to_be_visible()
        hana.film.look(hana.page, "late")
        problem = hana.page.get_by_test_id("problem")
        expect(problem).to_have_attribute("data-code", "stale_packet")
        hana.refused("B-99-99", "wrong_scan")
        hana.until("")
        hana.done()
    assert {line["status"] for line in world.house.order(order)["lines"]} == {"PICKED"}
    assert world.house.stock_row("TEA")["picked"] == 4
    assert world.house.stock_row("CUP")["picked"] == 3
    assert world.dock.at("P01-01") == 16, "what was put back never left in the books"


@pytest.mark.nightly
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_an_order_is_cancelled_while_its_picker_is_away(world: World, open_page: Opener, lang: str):
    order = a_walk(world)
    with filmed("cancelled", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick,putback,recover")
        hand.take()
        hand.scan(hand.code())
        hand.page.context.set_offline(True)
        hand.until("place")
        world.sync()
        answer = world.house.http.post(f"/oms/v1/orders/{order}/cancellation")
        assert answer.status_code < 300, answer.text
        hand.page.context.set_offline(False)
        hand.until("")
        hand.done()
        world.go()
        hand.take()  # the goods are put back where the packet says
        hand.film.look(hand.page, "putback")
        hand.until("")
        hand.done()
    assert world.house.order(order)["status"] == "CANCELLED"
    assert world.house.stock_row("TEA")["free"] == 20
    assert world.house.stock_row("CUP")["free"] == 20


@pytest.mark.nightly
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_work_is_taken_from_who_is_away_and_they_put_it_back(
    world: World, open_page: Opener, lang: str
):
    a_walk(world)
    with filmed("revoked", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick,recover")
        hand.take()
        hand.scan(hand.code())
        hand.page.context.set_offline(True)
        hand.until("place")
        task = str(hand.page.evaluate("localStorage.getItem('soko.packet')"))
        world.sync()
        body = {"command_id": str(an_id()), "why": "too late"}
        answer = world.house.http.post(f"/console/v1/tasks/{task}:revoke", json=body)
        assert answer.status_code < 300, answer.text
        hand.page.context.set_offline(False)
        expect(hand.page.locator(".recovers")).to_be_visible()
        hand.film.look(hand.page, "revoked")
        hand.until("")
        hand.done()
        hand.take()  # and somebody begins anew
        hand.until("")
        hand.done()
    assert world.house.stock_row("TEA")["picked"] == 4


@pytest.mark.nightly
def test_two_hundred_queued_scans_are_sent_at_once(world: World, open_page: Opener):
    world.goods("TV", tracking="SERIAL", gtin="4912345678904")
    serials = [f"{n:03d}" for n in range(TAGS)]
    world.sync()
    line = {"site": HUB, "tote": None, "sku": "TV", "units": TAGS, "serials": serials,
            "location": "Q03-01"}  # fmt: skip
    body = {"id": str(an_id()), "lines": [line]}
    world.house.ok(world.house.http.post("/master/v1/receipts", json=body))
    count = {"command_id": str(an_id()), "site": HUB, "kind": "SWEEP", "zone": "Q"}
    world.house.ok(world.house.http.post("/console/v1/counts", json=count))
    with filmed("flush", world.soko, open_page, HUB, "ja", axe=False) as hands:
        hand = hands.at("sweep")
        hand.take()
        hand.confirm()
        sent(hand.page)
        hand.page.context.set_offline(True)
        for number, serial in enumerate(serials, start=1):
            hand.page.keyboard.insert_text(f"010491234567890421{serial}")
            hand.page.keyboard.press("Enter")
            hand.counts(number)
        pending(hand, TAGS)
        hand.film.look(hand.page, "queued")
        hand.page.context.set_offline(False)
        began_s = time.monotonic()
        sent(hand.page)
        took_s = time.monotonic() - began_s
        hand.confirm()
        hand.confirm()
        hand.done()
    assert took_s < FLUSH_S
    taken, _ = events_of(world, "hh-1")
    assert taken == TAGS + 3
