"""Where handhelds are paired, a desk asks who is there: a pairing code once, then badge and PIN."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect

from edge.clock import ScaledClock
from tests.builders import an_id
from tests.web.browser import Opener, Snapper, soko_serve
from tests.wms.house import HUB, House


@pytest.fixture
def paired_soko(
    house: House, database_url: str, broker: str, built_screens: Path, tmp_path: Path
) -> Iterator[str]:
    """`soko serve` whose handhelds must be paired."""
    assert built_screens.is_dir()
    clock = tmp_path / "clock"
    ScaledClock.start(clock, at=house.clock.now() + timedelta(hours=1), speed=1.0)
    with soko_serve(database_url, broker, clock, SOKO_HANDHELD="paired") as address:
        yield address


@pytest.mark.nightly
def test_a_desk_is_paired_once_and_people_sign_in(
    paired_soko: str, open_page: Opener, snap: Snapper
):
    def office(method: str, path: str, body: dict[str, Any]) -> Any:
        return House.ok(httpx2.request(method, f"{paired_soko}{path}", json=body))

    device = an_id()
    boss = {"code": "yuki", "name": "yuki san", "badge": "BADGE-yuki", "pin": "4711",
            "supervisor": True, "languages": ["ja"]}  # fmt: skip
    office("PUT", f"/console/v1/operators/{an_id()}", boss)
    office("PUT", f"/console/v1/devices/{device}", {"name": "desk-1", "site": HUB})
    act = {"command_id": str(an_id())}
    pairing = office("POST", f"/console/v1/devices/{device}:pairing", act)

    page = open_page(f"{paired_soko}/ui/floor?lang=en&tab=people")
    form = page.get_by_test_id("signin")
    page.get_by_test_id("whoisthere").click()
    expect(form).to_be_visible()
    snap(page, "desk-signin-en")
    form.locator("[name=code]").fill(pairing["code"].lower())
    form.locator("[name=badge]").fill("BADGE-yuki")
    form.locator("[name=pin]").fill("0000")
    form.locator("[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(form.locator("[name=code]")).to_have_count(0)  # paired, once
    form.locator("[name=badge]").fill("BADGE-yuki")
    form.locator("[name=pin]").fill("4711")
    form.locator("[type=submit]").click()
    expect(page.get_by_test_id("whoisthere")).to_have_text("yuki san")
    expect(form).to_have_count(0)
    page.goto(f"{paired_soko}/ui/masters?lang=ja")
    expect(page.get_by_test_id("whoisthere")).to_have_text("yuki san")
