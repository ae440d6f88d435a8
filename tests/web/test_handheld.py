"""The handheld: a pick by typing barcodes (a wedge scanner is a keyboard), undo, no Wi-Fi."""

from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import Opener, Snapper, StageHand

SHELF, ITEM = "A-12-03", "4912345678904"
SHELF_2, ITEM_2 = "A-12-04", "4900000000016"


SLOW_KEY_MS = 50
SLOW_KEY_MS = 50
LAST: WeakKeyDictionary[Page, str] = WeakKeyDictionary()


def scan(page: Page, code: str) -> None:
    """As a scanner does it: keys, then Enter; the same code not before it is meant again.

    The first code shows the page whether Enter ends one. Until then a pause ends it too, and a
    busy machine pauses: one slow key says that more is to come.
    """
    if LAST.get(page) == code:
        page.wait_for_selector("[data-scanner=ready]")
    is_first = page not in LAST
    LAST[page] = code
    page.keyboard.type(code[0])
    if is_first:
        page.wait_for_timeout(SLOW_KEY_MS)
    page.keyboard.type(code[1:])
    page.keyboard.press("Enter")


@pytest.fixture
def handheld(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/h?lang=en", width=400, height=800, touch=True)
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("big")).to_have_text(SHELF)
    return page


def step_is(page: Page, step: str) -> None:
    expect(page.get_by_test_id("task")).to_have_attribute("data-step", step)


def test_a_pick_is_done_by_scanning(stage: StageHand, handheld: Page, snap: Snapper):
    scan(handheld, SHELF)
    for _ in range(3):
        scan(handheld, ITEM)
    step_is(handheld, "2.place")
    scan(handheld, SHELF_2)
    scan(handheld, ITEM_2)
    expect(handheld.get_by_test_id("count")).to_have_text("1")
    snap(handheld, "handheld-count-en")
    handheld.get_by_test_id("big").dispatch_event("pointerdown")  # held
    handheld.get_by_role("button", name="4", exact=True).click()
    handheld.get_by_role("button", name="8", exact=True).click()
    handheld.get_by_test_id("keypad-ok").click()
    expect(handheld.get_by_test_id("done")).to_contain_text("Picked")
    snap(handheld, "handheld-done-en")
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "0")
    assert stage.get("/api/v1/work/next") is None


def test_a_wrong_scan_says_what_was_scanned_and_what_is_wanted(handheld: Page, snap: Snapper):
    scan(handheld, "B-02-01")
    problem = handheld.get_by_test_id("problem")
    expect(problem).to_have_text("✕ That is B-02-01. Scan A-12-03.")
    expect(handheld.locator(".handheld.wrong")).to_be_visible()
    snap(handheld, "handheld-wrong-en")
    scan(handheld, SHELF)
    expect(problem).to_have_count(0)
    step_is(handheld, "1.item")


def test_undo_takes_the_last_scan_back(stage: StageHand, handheld: Page):
    scan(handheld, SHELF)
    scan(handheld, ITEM)
    expect(handheld.get_by_test_id("count")).to_have_text("1")
    scan(handheld, "CMD:UNDO")
    expect(handheld.get_by_test_id("count")).to_have_text("0")
    handheld.get_by_test_id("undo").click()
    step_is(handheld, "1.place")
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "0")
    assert stage.get("/api/v1/work/next")["step"] == "1.place"


def test_a_double_read_counts_once(handheld: Page):
    scan(handheld, SHELF)
    scan(handheld, ITEM)
    handheld.keyboard.type(ITEM)
    handheld.keyboard.press("Enter")
    expect(handheld.get_by_test_id("count")).to_have_text("1")


def test_too_few_units_are_reported_with_how_many_were_found(
    stage: StageHand, handheld: Page, snap: Snapper
):
    scan(handheld, SHELF)
    scan(handheld, ITEM)
    handheld.get_by_test_id("exceptions").click()
    snap(handheld, "handheld-exceptions-en")
    handheld.locator("[data-exception=short]").click()
    handheld.get_by_test_id("keypad-ok").click()
    step_is(handheld, "2.place")
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "0")
    reported = stage.get("/api/v1/work/next")["reported"]
    assert reported == [{"step": "1.item", "code": "short", "found": 1}]


def test_without_wifi_work_goes_on_and_nothing_is_lost(
    stage: StageHand, handheld: Page, snap: Snapper
):
    handheld.evaluate("navigator.serviceWorker.ready")
    handheld.wait_for_function("caches.match('/ui/').then((kept) => Boolean(kept))")
    handheld.context.set_offline(True)
    scan(handheld, SHELF)
    scan(handheld, ITEM)
    expect(handheld.get_by_test_id("count")).to_have_text("1")
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "2")
    snap(handheld, "handheld-offline-en")

    handheld.reload()  # the page comes from the service worker, the packet from IndexedDB
    expect(handheld.get_by_test_id("count")).to_have_text("1")
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "2")

    handheld.context.set_offline(False)
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "0")
    told = stage.get("/api/v1/work/next")
    assert (told["step"], told["counts"]) == ("1.item", {"1.item": 1})


def test_without_a_scanner_the_wanted_codes_can_be_tapped(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/ui/h?sim=1&lang=ja", width=400, height=800, touch=True)
    snap(page, "handheld-start-ja")
    page.get_by_test_id("next").click()
    page.get_by_test_id("chip").first.click()
    step_is(page, "1.item")
    snap(page, "handheld-task-ja")


def test_a_scanner_without_enter_is_found_out(handheld: Page):
    handheld.evaluate("localStorage.removeItem('soko.scanner')")
    handheld.keyboard.insert_text(SHELF)  # all at once, as a quick scanner does
    step_is(handheld, "1.item")
    scan(handheld, "NOT-THIS")  # this one sends Enter: from now on silence ends nothing
    expect(handheld.get_by_test_id("problem")).to_be_visible()
    assert handheld.evaluate("localStorage.getItem('soko.scanner')") == "enter"
    handheld.wait_for_selector("[data-scanner=ready]")
    handheld.keyboard.insert_text(ITEM)  # another scanner, without Enter: a second of doubt
    expect(handheld.get_by_test_id("count")).to_have_text("1")
    assert handheld.evaluate("localStorage.getItem('soko.scanner')") is None


def test_anything_scanned_at_the_start_is_looked_up(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/h?lang=en", width=400, height=800, touch=True)
    expect(page.get_by_test_id("next")).to_be_visible()
    scan(page, "T-4711")
    expect(page.get_by_test_id("found")).to_contain_text("A03-07-2")
    scan(page, "NOBODY-1")
    expect(page.get_by_text("NOBODY-1: nobody knows this code.")).to_be_visible()


def test_small_devices_need_no_scrolling_sideways(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/h?lang=ja&sim=1", width=320, height=480, touch=True)
    page.get_by_test_id("next").click()
    expect(page.get_by_test_id("big")).to_have_text(SHELF)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
