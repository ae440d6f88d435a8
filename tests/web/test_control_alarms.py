"""The control room on the real thing: a flood under its cause, shelves, the last day on the map."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.web.browser import Opener, Snapper
from tests.web.played_site import PlayedSite, playing
from tests.web.test_masters import serious
from tests.wms.house import HUB, House
from wcs.messages import Alarm, SiteFrame
from wms.control.record import Recorder
from wms.sites import site_id

pytestmark = pytest.mark.nightly


@pytest.fixture
def site(real_soko: str, broker: str, tmp_path: Path) -> Iterator[PlayedSite]:
    assert real_soko
    with playing(broker, tmp_path / "clock") as site:
        yield site


def hear(house: House, id_: str, at: datetime, priority: Literal[1, 2, 3] = 2) -> None:
    """The site's WCS tells of an alarm."""
    code, _, source = id_.partition("/")
    house.hear(Alarm(at=at, id=id_, source=source, code=code, priority=priority, active=True))


def test_a_flood_of_alarms_is_one_line_that_can_be_opened_known_and_shelved(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    now = site.clock.now()
    page = open_page(f"{real_soko}/ui/control?lang=en")
    hear(house, "device.down/edge", now, 1)
    for n in range(100):
        hear(house, f"robot.silent/R-{n:03}", now + timedelta(seconds=n / 10))
    hear(house, "sorter.no_read_rate/sorter1", now - timedelta(minutes=9), 3)
    rows = page.get_by_test_id("alarms").locator("> ol > li")
    cause = page.locator("[data-alarm='device.down/edge']")
    expect(cause).to_contain_text("100 follow from it")
    expect(rows).to_have_count(2)
    expect(page.locator(".flood")).to_be_visible()
    cause.get_by_role("button").first.click()
    cause.locator("[data-act=acknowledge]").click()
    expect(cause).to_have_attribute("data-state", "ACKED")
    snap(page, "control-flood-en")
    assert serious(page) == []
    reads = page.locator("[data-alarm='sorter.no_read_rate/sorter1']")
    reads.get_by_role("button").first.click()
    reads.locator("[name=shelve]").fill("cleaned at noon")
    reads.locator("[data-shelve='15']").click()
    expect(page.get_by_test_id("shelved")).to_contain_text("1")
    expect(rows).to_have_count(1)
    page.get_by_test_id("language").click()
    expect(cause).to_contain_text("派生アラーム 100 件")
    snap(page, "control-flood-ja")


def recorded(house: House, site: PlayedSite, minutes: int) -> None:
    """The last minutes, as a worker keeps them: in the first every robot stands at x 4 m."""
    recorder, now = Recorder(site_id(HUB), ("sorter1",)), site.clock.now()
    start = now.replace(second=0, microsecond=0) - timedelta(minutes=minutes)
    for n in range(60 * minutes + 1):
        frame: SiteFrame = site.frame()
        robots = frame.robots
        if n < 60:
            robots = tuple(replace(one, x_m=4.0) for one in robots)
        frame = replace(frame, at=start + timedelta(seconds=n), robots=robots)
        write = recorder.see(frame)
        if write is not None:
            house.database.run(write)


def test_the_last_day_plays_on_the_map_and_nobody_is_told_anything_in_it(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    recorded(house, site, 3)
    hear(house, "robot.fault/R-08", site.clock.now() - timedelta(minutes=2, seconds=90), 1)
    page = open_page(f"{real_soko}/ui/control?lang=ja&look=dark")
    bar = page.get_by_test_id("timebar")
    slider = bar.locator("[name=time]")
    slider.focus()
    page.keyboard.press("Home")
    expect(bar).to_have_attribute("data-past", "true")
    page.wait_for_function(
        "document.querySelector('[data-robot=\"R-05\"]')?.dataset.at.startsWith('4.0,')"
    )
    page.locator("[data-robot=R-05]").click()
    expect(page.get_by_test_id("faceplate")).to_be_visible()
    assert page.locator("[data-deed]").count() == 0, "what has been is told nothing"
    expect(page.get_by_test_id("day")).to_contain_text("%")
    before = page.get_by_test_id("past").inner_text()
    bar.locator("[data-speed='10']").click()
    expect(page.get_by_test_id("past")).not_to_have_text(before)
    bar.locator("[data-act=heat]").click()
    expect(bar.locator("[data-act=heat]")).to_have_attribute("aria-pressed", "true")
    snap(page, "control-past-ja-dark")
    assert serious(page) == []
    bar.locator("[data-act=live]").click()
    expect(bar).to_have_attribute("data-past", "false")
    expect(page.locator("[data-deed=HOLD]")).to_be_visible()
    page.get_by_test_id("faceplate").get_by_role("button").first.click()
    expect(page.get_by_test_id("health").locator("[data-machine]").first).to_be_visible()
    snap(page, "control-heat-ja-dark")


def test_on_a_wall_nothing_can_be_told(
    site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    assert site.stops == ()
    page = open_page(f"{real_soko}/ui/control?lang=en&kiosk=1", width=3840, height=2160)
    expect(page.locator("[data-robot]")).to_have_count(30)
    page.locator("[data-robot=R-05]").click()
    expect(page.get_by_test_id("faceplate")).to_be_visible()
    expect(page.locator("[data-deed=HOLD]")).to_be_hidden()
    snap(page, "control-kiosk-en")
