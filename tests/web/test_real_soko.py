"""The screens on the real thing: `soko serve`, PostgreSQL, a broker; only the robots are played."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from edge.mqtt import BlockingBus, frame_topic
from tests.web.browser import Opener, Snapper
from tests.web.stage import FRAME_S, Stage
from tests.web.test_control_room import CANVAS_CHANGES, ROBOTS_MOVE
from tests.web.test_handheld import scan
from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA, SPOKE, House
from wcs.messages import SiteFrame, site_frame


@pytest.fixture
def frames(broker: str) -> Iterator[None]:
    """A WCS's live picture on the broker, until the test is over."""
    over = threading.Event()

    def tell() -> None:
        stage = Stage()
        with BlockingBus(broker, client_id="played-wcs") as bus:
            while not over.wait(FRAME_S):
                stage.step()
                frame: SiteFrame = site_frame.validate_python(stage.frame())
                bus.publish(frame_topic("TYO1"), site_frame.dump_json(frame), qos=0, retain=True)

    thread = threading.Thread(target=tell)
    thread.start()
    yield
    over.set()
    thread.join(10)


def test_a_pick_with_the_keyboard_moves_stock(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    house.sku("TEA")
    house.sku("RICE")
    house.stock("TEA", 10, "S01-01", site=SPOKE)
    house.stock("RICE", 1, "S01-02", site=SPOKE)
    order_id = house.put_order(("TEA", 2))
    house.tick()
    page = open_page(f"{real_soko}/ui/h?lang=en&site={SPOKE}&kinds=pick", width=400, height=800)
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("big")).to_have_text("S01-01")
    scan(page, "S01-02")
    expect(page.get_by_test_id("problem")).to_have_text("✕ That is S01-02. Scan S01-01.")
    scan(page, "S01-01")
    scan(page, "TEA")
    expect(page.get_by_test_id("count")).to_have_text("1")
    snap(page, "real-handheld-en")
    scan(page, "TEA")
    expect(page.get_by_test_id("done")).to_contain_text("Picked")
    expect(page.get_by_test_id("net")).to_have_attribute("data-pending", "0")

    assert house.stock_row("TEA", SPOKE)["picked"] == 2
    assert house.line(order_id)["status"] == "PICKED"
    page.goto(f"{real_soko}/ui/stock?lang=en")
    page.get_by_role("searchbox").fill("tea")  # a part of the code, in other letters
    expect(page.locator("[data-sku]")).to_have_count(1)
    row = page.locator("[data-sku=TEA]")
    expect(row.locator(".total > .free b")).to_have_text("8")
    expect(row.locator(".total > .parts")).to_contain_text("picked 2")
    row.get_by_role("link").click()
    expect(page.locator(".matrix tbody td.picked")).to_have_text("2")
    expect(page.locator(".atp svg")).to_have_attribute("aria-label", re.compile(r"^Today 8;"))
    snap(page, "real-stock-en")
    house.put_order(("TEA", 1))
    expect(page.locator(".head .big b")).to_have_text("7")  # by itself


@pytest.mark.nightly
def test_the_control_room_shows_the_site_through_the_broker(
    house: House, real_soko: str, frames: None, open_page: Opener, snap: Snapper
):
    assert frames is None
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    house.put_order(("TEA", 2))
    house.tick()
    page = open_page(f"{real_soko}/ui/control?lang=ja")
    expect(page.locator("[data-robot]")).to_have_count(30)
    page.wait_for_function(ROBOTS_MOVE)
    page.wait_for_function(CANVAS_CHANGES)
    expect(page.get_by_test_id("map")).to_have_attribute("data-stale", "false")
    expect(page.get_by_test_id("orders")).to_contain_text("N1")
    snap(page, "real-control-ja")


def test_a_store_prepares_gives_and_takes_back_what_its_customer_follows(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    """Two browsers on the real thing: the counter's, and the customer's phone."""
    counter = Counter(house)
    house.sku("TEA")
    house.stock("TEA", 5, "FLOOR-1", site=GINZA)
    order = counter.collect(("TEA", 1))
    phone = open_page(f"{real_soko}/t/{counter.token(order)}?lang=en", width=420, height=900)
    expect(phone.get_by_test_id("pickup")).to_contain_text("as soon as it is ready")

    page = open_page(f"{real_soko}/ui/store?site={GINZA}&lang=ja", width=420, height=900)
    number = page.locator(".card").get_attribute("data-number") or ""
    prepare(page)

    phone.reload()
    shown = phone.locator(".qr").get_attribute("data-says") or ""
    assert shown == counter.qr(order)
    snap(phone, "real-track-en")
    scan(page, shown)
    expect(page.get_by_test_id("slot")).to_have_text("P-01")
    snap(page, "real-store-slot-ja")
    page.get_by_test_id("given").click()
    expect(page.get_by_test_id("handed")).to_be_visible()
    phone.reload()
    expect(phone.get_by_test_id("status")).to_have_text("Collected")

    page.locator("[data-to=returns]").click()
    scan(page, number)
    page.locator("[data-reason=SIZE]").click()  # of one unit, one comes back
    page.locator("[data-grade=A]").click()
    page.get_by_test_id("take").click()
    expect(page.locator("[data-disposition=RESTOCK]")).to_be_visible()
    snap(page, "real-store-returned-ja")


def prepare(page: Page) -> None:
    """The only thing of the queue: accepted, fetched, bagged, put into its slot."""
    page.locator(".card").click()
    page.locator("[data-act=accept]").click()
    page.locator("[data-act=prepare]").click()
    expect(page.get_by_test_id("big")).to_have_text("FLOOR-1")
    scan(page, "FLOOR-1")
    scan(page, "TEA")
    expect(page.get_by_test_id("confirm")).to_be_visible()
    bag = page.get_by_test_id("big").inner_text()
    page.get_by_test_id("confirm").click()
    scan(page, bag)
    scan(page, "P-01")
    expect(page.locator(".card .timer")).to_have_attribute("data-mood", "ready")


@pytest.mark.nightly
def test_supervisors_see_why_and_try_the_rules(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    house.sku("TEA")
    house.stock("TEA", 10, "A01-01-1", tote="T-1")
    house.stock("TEA", 10, "S01-01", site=SPOKE)
    order = house.put_order(("TEA", 2))
    house.tick()
    page = open_page(f"{real_soko}/ui/decisions?lang=en&order={order}", width=1280, height=900)
    expect(page.locator(".bars > .won")).to_have_count(1)
    page.locator(".bars button:enabled").first.click()
    expect(page.get_by_test_id("what-if")).to_be_visible()
    snap(page, "real-decision-en")
    page.goto(f"{real_soko}/ui/rules?lang=ja")
    expect(page.locator("[data-outcome=CHOSEN]")).to_have_count(1)
    page.locator("[name=recipient]").select_option("沖縄県")
    expect(page.get_by_test_id("answer")).to_have_attribute("data-service", "YUPACK")
    page.goto(f"{real_soko}/ui/proposals?lang=ja")
    expect(page.get_by_text("判断が必要な提案はありません")).to_be_visible()
    page.goto(f"{real_soko}/find?sku=TEA&lang=ja")
    expect(page.get_by_test_id("places")).to_be_visible()
