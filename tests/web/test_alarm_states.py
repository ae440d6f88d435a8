"""Alarms latched, hidden by design, out of service, and how the day went: on the real thing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.builders import an_id
from tests.web.browser import Opener, Snapper
from tests.web.played_site import PlayedSite, playing
from tests.web.test_control_alarms import hear
from tests.web.test_masters import serious
from tests.wms.house import House
from wcs.messages import Alarm


@pytest.fixture
def site(real_soko: str, broker: str, tmp_path: Path) -> Iterator[PlayedSite]:
    assert real_soko
    with playing(broker, tmp_path / "clock") as site:
        yield site


def over(house: House, id_: str, site: PlayedSite, after_s: float) -> None:
    """Its trouble is over, by itself."""
    code, _, source = id_.partition("/")
    at = site.clock.now() + timedelta(seconds=after_s)
    house.hear(Alarm(at=at, id=id_, source=source, code=code, priority=2, active=False))


def take_out(page: Page, name: str, hours: int, why: str, *, whole: bool) -> None:
    """Out of service until then, with all of its machine or not."""
    row = page.locator(f"[data-alarm='{name}']")
    row.get_by_role("button").first.click()
    row.locator("[name=shelve]").fill(why)
    if whole:
        row.locator("[name=whole]").check()
    row.locator(f"[data-out='{hours}']").click()


@pytest.mark.parametrize(
    "shown", ["lang=en&look=light", pytest.param("lang=ja&look=dark", marks=pytest.mark.nightly)]
)
def test_what_is_latched_hidden_or_out_of_service_says_so_in_shape_and_words(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper, shown: str
):  # fmt: skip
    now = site.clock.now() - timedelta(minutes=3)
    for n, id_ in enumerate(
        ("portal.lost/fire-door-3", "robot.manual/R-05", "robot.silent/R-05",
         "sorter.no_read_rate/sorter1", "portal.fault/lift-1", "robot.fault/R-08")
    ):  # fmt: skip
        hear(house, id_, now + timedelta(seconds=n))
    over(house, "portal.lost/fire-door-3", site, 0)
    page = open_page(f"{real_soko}/ui/control?{shown}")
    latched = page.locator("[data-alarm='portal.lost/fire-door-3']")
    expect(latched).to_have_attribute("data-state", "LATCHED")
    expect(latched).to_contain_text("△")  # hollow: its trouble is over
    expect(latched).to_contain_text("◈")
    hidden = page.get_by_test_id("suppressed")
    expect(hidden).to_contain_text("⊘")
    hidden.locator("summary").click()
    silent = hidden.locator("[data-alarm='robot.silent/R-05']")
    silent.get_by_role("button").first.click()
    expect(silent.get_by_test_id("alarm")).to_contain_text("R-05")
    take_out(page, "portal.fault/lift-1", 8, "cable of the cabin", whole=True)
    take_out(page, "sorter.no_read_rate/sorter1", 168, "スキャナー部品待ち", whole=False)
    out = page.get_by_test_id("out-of-service")
    expect(out.locator("li")).to_have_count(2)
    expect(out.locator("[data-out='lift-1/']")).to_have_attribute("data-stands", "true")
    expect(out).to_contain_text("スキャナー部品待ち")
    expect(page.get_by_test_id("rates")).to_be_visible()
    snap(page, f"control-states-{shown[5:7]}")
    assert serious(page) == []
    wall = open_page(f"{real_soko}/ui/control?{shown}&kiosk=1")
    expect(wall.get_by_test_id("out-of-service").locator("li")).to_have_count(2)
    expect(wall.locator("[data-act=put-back]").first).to_be_hidden()
    wall.close()
    latched.get_by_role("button").first.click()
    latched.locator("[data-act=reset]").click()
    expect(latched).to_have_count(0)
    out.locator("[data-out='lift-1/'] [data-act=put-back]").click()
    expect(out.locator("li")).to_have_count(1)
    expect(page.locator("[data-alarm='portal.fault/lift-1']")).to_be_visible()


@pytest.mark.nightly
def test_how_the_day_went_stands_beside_what_the_standard_would_have(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    now = site.clock.now()
    hear(house, "gate.ambiguous/GATE-1", now - timedelta(hours=30), 3)
    for n in range(160):  # more than six an hour
        hear(house, f"robot.blocked/R-{n % 4:02}", now - timedelta(hours=20, seconds=-10 * n))
    page = open_page(f"{real_soko}/ui/control?lang=ja")
    rates = page.get_by_test_id("rates")
    expect(rates.locator("summary")).to_contain_text("▲ 1人 6.7 件/時")  # closed, it says that much
    rates.locator("summary").click()
    expect(rates.locator("[data-rate=operator]")).to_have_attribute("data-over", "true")
    expect(rates.locator("[data-rate=operator]")).to_contain_text("▲ 6.7")
    expect(rates.locator("[data-rate=flood]")).to_contain_text("▲ 2.1%")
    expect(rates.locator("[data-rate=stale]")).to_have_attribute("data-over", "false")
    expect(rates.locator("[data-rate=chatter]")).to_contain_text("0")
    expect(rates.locator(".actors li").first).to_contain_text("40")
    snap(page, "control-rates-ja")
    assert serious(page) == []


def test_an_area_is_called_as_its_people_call_it_wherever_it_is_named(
    site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    assert site.stops == ()
    page = open_page(f"{real_soko}/ui/control?lang=ja")
    west = page.locator("[data-area='storage west']")
    expect(west).to_contain_text("西側棚")
    body = {"command_id": str(an_id()), "deed": "CLOSE", "machine": "storage west"}
    answer = httpx2.post(f"{real_soko}/console/v1/machines:ask", json=body | {"reason": "清掃"})
    answer.raise_for_status()
    asked = page.get_by_test_id("confirm")
    expect(asked).to_contain_text("西側棚")
    expect(
        page.get_by_test_id("alarms").locator("[data-alarm='machine.close/storage west']")
    ).to_contain_text("西側棚")
    snap(page, "control-area-names-ja")
    page.get_by_test_id("language").click()
    for place in (west, asked):
        expect(place).to_contain_text("storage west")
        expect(place).not_to_contain_text("西側棚")
