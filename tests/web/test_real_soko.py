"""The screens on the real thing: `soko serve`, PostgreSQL, a broker; only the robots are played."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from edge.mqtt import BlockingBus, frame_topic
from tests.web.browser import Opener, Snapper
from tests.web.stage import FRAME_S, Stage
from tests.web.test_control_room import CANVAS_CHANGES, ROBOTS_MOVE
from tests.web.test_handheld import scan
from tests.wms.house import SPOKE, House
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
