"""The handheld on the real thing: `soko serve`, PostgreSQL, Chromium; flows to their end, by scans.

What a step wants is read from the chips of the virtual handheld (?sim=1) and typed as a scanner
types it. `walk` follows a packet wherever it branches.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from edge.clock import ScaledClock
from tests.builders import an_id
from tests.web.browser import Opener, Snapper, soko_serve
from tests.web.test_handheld import scan
from tests.web.test_handheld_steps import press, sent
from tests.wms.house import HUB, SPOKE, House
from tests.wms.inbound.dock import Dock

SIZE = {"width": 360, "height": 640}
PIN, WRONG = "4711", "0000"
STEPS_MAX = 60
MOVED = """(before) => {
  const hand = document.querySelector(".handheld").dataset;
  const task = document.querySelector("[data-testid=task]")?.dataset;
  const moved = hand.view !== "work" || `${task?.step} ${task?.at}` !== before;
  return hand.asking === "false" && moved;
}"""


def at(page: Page) -> str:
    task = page.get_by_test_id("task")
    return f"{task.get_attribute('data-step')} {task.get_attribute('data-at')}"


def one_deed(page: Page) -> None:
    """What the screen wants now."""
    op = page.get_by_test_id("task").get_attribute("data-op")
    if op in {"scan", "count"} and page.get_by_test_id("chip").count():
        scan(page, page.get_by_test_id("chip").first.inner_text().strip())
    elif op == "count":
        press(page, "1")
        page.get_by_test_id("keypad-ok").click()
    elif op == "choose":
        page.locator("[data-choice]").first.click()
    else:
        page.get_by_test_id("confirm").click()


def walk(page: Page, counts: int = 1) -> int:
    """Do the packet on the screen to its end; how many deeds it took."""
    for deeds in range(STEPS_MAX):
        if page.locator(".handheld").get_attribute("data-view") != "work":
            return deeds
        before = at(page)
        main = page.locator(".buttons .main")
        is_count = main.count() and page.get_by_test_id("count").count()
        units = page.get_by_test_id("piles").locator("li").count()  # where anything is counted
        if is_count and max(units, int(page.get_by_test_id("count").inner_text())) >= counts:
            scan(page, "CMD:DONE")
        else:
            one_deed(page)
        page.wait_for_function(MOVED, arg=before)
    raise AssertionError("it does not end")


def test_goods_come_in_are_put_away_and_are_counted(  # noqa: PLR0915 - one walk
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    dock = Dock(house)
    dock.sku("TEA")
    dock.sku("TV", tracking="SERIAL")
    dock.places({"code": "B-01", "max_units": 30}, {"code": "B-02", "max_units": 30})
    dock.rules({"name": "bulk", "zones": ["BULK"], "prefer": ["SAME_SKU", "EMPTY"]})
    asn = dock.announce(("TEA", 2), ("TV", 2))
    number = dock.asn(asn)["number"]
    page = open_page(f"{real_soko}/ui/h?lang=ja&site={HUB}&sim=1", **SIZE, touch=True)
    expect(page.get_by_test_id("next")).to_be_visible()
    scan(page, number)
    page.locator("[data-start=inbound]").click()
    page.wait_for_selector("[data-view=work]")  # what is scanned before is looked up
    scan(page, "NOBODY-KNOWS")
    expect(page.get_by_test_id("problem")).to_have_attribute("data-code", "unknown_goods")
    for goods, units in (("TEA", ["TEA", "TEA"]), ("TV", ["SN-1", "SN-2"])):
        scan(page, goods)
        expect(page.get_by_test_id("count")).to_be_visible()
        for unit in units:
            scan(page, unit)
        snap(page, f"real-inbound-{goods}-ja")
        scan(page, "CMD:DONE")
        page.locator("[data-choice=OK]").click()
        expect(page.get_by_test_id("big")).to_have_text(number)
    scan(page, "CMD:FINISH")
    page.locator("[data-choice=CLOSE]").click()
    expect(page.get_by_test_id("done")).to_be_visible()
    sent(page)
    assert [dock.line(asn, no)["received"] for no in (1, 2)] == [2, 2]

    page.locator("[data-testid=done] .next").click()
    for _ in range(2):  # the tea, and the television sets
        expect(page.get_by_test_id("task")).to_be_visible()
        snap(page, "real-putaway-ja")
        walk(page)
        page.locator("[data-testid=done] .next").click()
    sent(page)
    assert dock.at("B-01") + dock.at("B-02") == 4
    page.get_by_test_id("home").click()

    place = "B-01" if dock.at("B-01", "TEA") else "B-02"
    scan(page, place)
    page.locator("[data-start=count]").click()
    expect(page.get_by_test_id("task")).to_be_visible()
    snap(page, "real-count-ja")
    walk(page, counts=2)
    sent(page)


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


def test_a_device_is_paired_and_people_come_in_with_badge_and_pin(  # noqa: PLR0915 - one walk
    house: House, paired_soko: str, open_page: Opener, snap: Snapper
):
    def office(method: str, path: str, body: dict[str, Any]) -> Any:
        return House.ok(httpx2.request(method, f"{paired_soko}{path}", json=body or None))

    device = an_id()
    for code in ("hana", "ken"):
        who = {"code": code, "name": f"{code} san", "badge": f"BADGE-{code}", "pin": PIN}
        office("PUT", f"/console/v1/operators/{an_id()}", who | {"languages": ["ja"]})
    office("PUT", f"/console/v1/devices/{device}", {"name": "hh-7", "site": SPOKE})
    body = {"command_id": str(an_id())}
    pairing = office("POST", f"/console/v1/devices/{device}:pairing", body)
    house.sku("TEA")
    house.stock("TEA", 10, "S01-01", site=SPOKE)
    house.put_order(("TEA", 2))
    house.tick()

    page = open_page(f"{paired_soko}/ui/h?lang=en#pair={pairing['code']}", **SIZE, touch=True)
    expect(page.get_by_text("Scan your badge")).to_be_visible()
    snap(page, "real-lock-en")
    scan(page, "BADGE-hana")
    press(page, WRONG)
    page.get_by_test_id("keypad-ok").click()
    expect(page.get_by_test_id("problem")).to_have_attribute("data-code", "sign_in_failed")
    press(page, PIN)
    snap(page, "real-pin-en")
    page.get_by_test_id("keypad-ok").click()
    expect(page.locator("h1")).to_contain_text("hana san")
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("big")).to_have_text("S01-01")
    scan(page, "S01-01")
    sent(page)
    scan(page, "BADGE-ken")  # takes the device over: hana's pick stays hers
    press(page, PIN)
    page.get_by_test_id("keypad-ok").click()
    expect(page.locator("h1")).to_contain_text("ken san")
    expect(page.get_by_test_id("next")).to_be_visible()
    scan(page, "BADGE-hana")  # and back with the badge alone
    expect(page.locator("h1")).to_contain_text("hana san")
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("task")).to_have_attribute("data-at", "1")
    scan(page, "TEA")
    scan(page, "TEA")
    expect(page.get_by_test_id("done")).to_be_visible()
    sent(page)
    assert house.stock_row("TEA", SPOKE)["picked"] == 2

    told = "/api/v1/devices/me"
    with page.expect_response(lambda answer: answer.url.endswith(told) and answer.ok):
        page.reload()  # it says how it is when it begins, and every minute
    (known,) = office("GET", "/console/v1/devices", {})
    assert (known["queued"], known["firmware"] > "") == (0, True)
