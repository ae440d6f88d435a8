"""The first administrator comes by a link, gives somebody a right, and sees what was done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from edge.clock import ScaledClock
from tests.web.browser import Opener, Snapper, soko_serve
from tests.wms.house import House
from tests.wms.identity.offices import PASSWORD
from wms.identity.accounts import begin_set_up


@pytest.fixture
def guarded_soko(
    house: House, database_url: str, broker: str, built_screens: Path, tmp_path: Path
) -> Iterator[str]:
    """`soko serve` that asks everybody who they are."""
    assert built_screens.is_dir()
    clock = tmp_path / "clock"
    ScaledClock.start(clock, at=house.clock.now(), speed=1.0)
    with soko_serve(
        database_url, broker, clock, SOKO_ACCESS="keys", SOKO_HANDHELD="paired"
    ) as address:
        yield address


@pytest.mark.nightly
def test_an_administrator_comes_by_a_link_and_gives_a_right(
    guarded_soko: str, house: House, open_page: Opener, snap: Snapper
):
    token = house.database.run(lambda s: begin_set_up(s, now=house.clock.now()))
    page = open_page(f"{guarded_soko}/ui/admin?lang=en#set-up={token}")
    form = page.get_by_test_id("enter")
    form.locator("[name=code]").fill("chief")
    form.locator("[name=name]").fill("Chief")
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[type=submit]").click()
    expect(page.get_by_test_id("myself")).to_contain_text("Chief")
    assert token not in page.url
    give = page.get_by_test_id("add-right")
    give.locator("[name=code]").fill("mori")
    give.locator("[name=role]").select_option("supervisor")
    give.locator("[name=sites]").fill("TYO1")
    give.locator("[type=submit]").click()
    expect(page.get_by_test_id("accounts")).to_contain_text("supervisor TYO1 / *")
    snap(page, "admin-accounts-en")
    page.locator("[data-tab=log]").click()
    expect(page.get_by_test_id("log")).to_contain_text("account:chief")
    page.goto(f"{guarded_soko}/ui/admin?lang=ja")
    expect(page.get_by_test_id("myself")).to_contain_text("Chief")
    snap(page, "admin-accounts-ja")
