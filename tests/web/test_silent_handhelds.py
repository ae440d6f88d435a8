"""Handhelds that say nothing any more are named where people are led, and for how long."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx2
from playwright.sync_api import expect
from sqlalchemy import update

from tests.builders import an_id
from tests.web.browser import Opener, Snapper
from tests.web.test_masters import serious
from tests.wms.house import HUB, House
from wms.people.model import Device


def heard(house: House, soko: str, ago: Mapping[str, timedelta]) -> None:
    """Handhelds that were heard that long ago; HH-lost was shut out after that."""
    now = datetime.fromisoformat(httpx2.get(f"{soko}/console/v1/clock").json()["now"])
    for name, span in ago.items():
        path = f"{soko}/console/v1/devices/{an_id()}"
        httpx2.put(path, json={"name": name, "site": HUB}).raise_for_status()
        facts = {"last_seen_at": now - span, "paired_at": now - timedelta(days=1)}
        if name == "HH-lost":
            facts["revoked_at"] = now - timedelta(hours=1)
        statement = update(Device).where(Device.name == name).values(**facts)
        house.database.run(lambda s, statement=statement: s.execute(statement))  # type: ignore[misc]


def test_who_has_not_been_heard_is_said_in_words_and_with_a_sign(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    heard(house, real_soko, {
        "HH-now": timedelta(seconds=20),
        "HH-12": timedelta(minutes=12),
        "HH-night": timedelta(hours=9, minutes=7),
        "HH-lost": timedelta(hours=3),
    })  # fmt: skip
    page = open_page(f"{real_soko}/ui/floor?lang=en#people")
    page.locator("[data-tab=people]").click()

    def said(name: str, words: str, *, silent: bool) -> None:
        line = page.locator(f"[data-device='{name}'] [data-silent]")
        expect(line).to_have_attribute("data-silent", str(silent).lower())
        expect(line).to_contain_text(words)

    said("HH-12", silent=True, words="▲ silent for 12 min")
    said("HH-night", silent=True, words="▲ silent for 9 h 07")
    said("HH-lost", silent=False, words="3 h 00")  # shut out: nobody waits for it
    expect(page.locator("[data-device='HH-now'] [data-silent]")).to_have_attribute(
        "data-silent", "false"
    )
    snap(page, "floor-silent-en")
    assert serious(page) == []
    page.get_by_test_id("language").click()
    said("HH-12", silent=True, words="▲ 12 分 応答なし")
    snap(page, "floor-silent-ja")
