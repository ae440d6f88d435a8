"""The store's screens: queue, preparing by packets, handing over, returns, find in store."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.browser import LOOKS, Opener, Snapper, StageHand
from tests.web.stage_store import CODE, QR
from tests.web.test_handheld import scan

STORE = "/ui/store?site=S-GINZA"
LEGIBLE = """() => [...document.querySelectorAll('.store button, .store input:not(.sink)')]
    .map((each) => each.getBoundingClientRect())
    .filter((box) => box.width > 0 && Math.min(box.width, box.height) < 63.5).length"""


@pytest.fixture
def counter(stage: StageHand, open_page: Opener):
    """A phone at the counter, in English."""
    page = open_page(f"{stage.address}{STORE}&lang=en", width=420, height=900, touch=True)
    expect(page.locator("[data-number]")).to_have_count(8)
    return page


def tab(page: Page, name: str) -> None:
    """Go to another tab."""
    page.locator(f"[data-to={name}]").click()


def test_what_is_late_comes_first_with_a_sign_a_time_and_a_word(counter: Page, snap: Snapper):
    numbers = [each.get_attribute("data-number") for each in counter.locator("[data-number]").all()]
    assert numbers == [f"N-{n}" for n in range(10401, 10409)]
    first = counter.locator("[data-number=N-10401] .timer")
    expect(first).to_have_attribute("data-mood", "late")
    expect(first).to_contain_text("■")
    expect(first).to_contain_text(re.compile(r"\+4:\d\d"))
    expect(first).to_contain_text("late")
    snap(counter, "store-queue-en")
    counter.locator("[data-kind=RESERVE]").click()
    expect(counter.locator("[data-number]")).to_have_count(2)


def test_a_collection_is_accepted_prepared_by_scans_and_given(counter: Page, snap: Snapper):
    """From the queue through the handheld's packets to the customer, and back each time."""
    counter.locator("[data-number=N-10402]").click()
    snap(counter, "store-one-en")
    counter.locator("[data-act=prepare]").click()
    expect(counter.get_by_test_id("big")).to_have_text("F-04-3")
    scan(counter, "F-04-3")
    scan(counter, "SN-WHT-26")
    counter.get_by_test_id("confirm").click()  # the label is printed
    scan(counter, "BAG-002")
    snap(counter, "store-packet-en")
    scan(counter, "P-03")
    expect(counter.get_by_test_id("done")).to_contain_text("Ready")
    card = counter.locator("[data-number=N-10402]")  # back by itself
    expect(card.locator(".timer")).to_have_attribute("data-mood", "ready")


def test_the_qr_shows_the_slot_and_the_bag_is_given(counter: Page, snap: Snapper):
    scan(counter, QR)  # on the queue: straight to the counter
    expect(counter.get_by_test_id("slot")).to_have_text("P-02")
    snap(counter, "store-slot-en")
    scan(counter, "BAG-001")
    expect(counter.get_by_test_id("trouble")).to_contain_text("That is BAG-001. Scan BAG-005.")
    scan(counter, "BAG-005")
    expect(counter.get_by_test_id("handed")).to_be_visible()
    tab(counter, "queue")
    expect(counter.locator("[data-number=N-10405]")).to_have_count(0)


def test_a_wrong_code_gives_nothing_and_says_how_many_are_left(counter: Page):
    tab(counter, "handover")
    scan(counter, "482913")  # six digits alone do not say whose
    expect(counter.get_by_test_id("trouble")).to_have_attribute("data-code", "choose_bag_first")
    counter.locator("[data-ready=N-10405]").click()
    expect(counter.get_by_test_id("slot")).to_be_visible()
    scan(counter, "111111")
    expect(counter.get_by_test_id("trouble")).to_contain_text("4 tries left")
    scan(counter, CODE)
    expect(counter.get_by_test_id("handed")).to_be_visible()


def test_what_was_reserved_is_paid_before_it_is_given(counter: Page, snap: Snapper):
    tab(counter, "handover")
    counter.locator("[data-ready=N-10406]").click()
    expect(counter.locator("[name=till]")).to_be_visible()  # the order is on the screen
    scan(counter, CODE)
    expect(counter.get_by_test_id("given")).to_be_disabled()
    counter.locator("[name=till]").fill("R-20261127-88")
    counter.keyboard.press("Enter")
    expect(counter.get_by_test_id("trouble")).to_have_count(0)  # nothing was tried in vain
    snap(counter, "store-till-en")
    counter.get_by_test_id("given").click()
    expect(counter.get_by_test_id("handed")).to_be_visible()


def test_what_cannot_be_given_is_rejected_with_a_reason(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}{STORE}&lang=ja", width=1280, height=800)
    page.locator("[data-number=N-10401]").click()
    snap(page, "store-queue-1280-ja")
    page.locator("[data-act=reject]").click()
    page.locator(".reject .line").first.click()
    snap(page, "store-reject-ja")
    page.locator("[data-reason=not_found]").click()
    expect(page.locator("[data-number=N-10401]")).to_have_count(0)
    rejected = stage.get("/store/v1/S-GINZA/collections/0198f000-0000-7000-8000-000000000001")
    assert (rejected["state"], rejected["reason"]) == ("REJECTED", "not_found")
    page.locator("[data-number=N-10404]").click()  # a delivery has doors of its own
    page.locator("[data-act=accept]").click()
    expect(page.get_by_test_id("one")).to_have_attribute("data-state", "ACCEPTED")


def test_a_return_shows_where_it_goes_and_what_goes_back(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}{STORE}&lang=ja", width=420, height=900, touch=True)
    tab(page, "returns")
    scan(page, "N-10450")
    line = page.locator("[data-line='1']")
    line.get_by_role("button", name="増やす").click()
    expect(page.get_by_test_id("take")).to_be_disabled()
    line.locator("[data-reason=SIZE]").click()
    line.locator("[data-grade=B]").click()
    snap(page, "store-return-ja")
    page.get_by_test_id("take").click()
    settled = page.get_by_test_id("settled")
    expect(settled.locator("[data-disposition=OUTLET]")).to_be_visible()
    expect(page.get_by_test_id("refund")).to_contain_text("1,980")
    expect(page.get_by_test_id("refund")).to_contain_text("クレジットカード")
    assert settled.locator("input").count() == 0  # an amount cannot be typed
    snap(page, "store-returned-ja")


def test_what_was_announced_waits_in_the_queue_and_is_taken_in(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}{STORE}&lang=ja", width=420, height=900, touch=True)
    page.locator("[data-kind=RETURN]").click()
    page.locator("[data-number=N-10408]").click()
    snap(page, "store-return-expected-ja")
    page.locator("[data-act=take-in]").click()
    expect(page.get_by_test_id("return")).to_contain_text("N-10408")
    expect(page.locator("[data-line='1'] output")).to_have_text("2")
    expect(page.locator("[data-line='1'] [data-reason=SIZE]")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_another_one_is_given_in_exchange(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}{STORE}&lang=en", width=420, height=1100, touch=True)
    tab(page, "returns")
    scan(page, "N-10450")
    line = page.locator("[data-line='1']")
    line.get_by_role("button", name="more").click()
    line.locator("[data-reason=SIZE]").click()
    line.locator("[data-grade=A]").click()
    line.locator("[data-way=goods]").click()
    line.locator("[name=instead]").fill("TEAPOT")
    line.locator(".entry button").click()
    line.locator("[data-instead=TEAPOT-01]").click()
    snap(page, "store-exchange-en")
    page.get_by_test_id("take").click()
    expect(page.get_by_test_id("exchanged")).to_contain_text("held for this store")
    snap(page, "store-exchanged-en")
    sent = stage.get("/stage/shop")["taken_back"]["exchange"]
    assert (sent["to_site"], sent["lines"]) == (
        "S-GINZA", [{"line_no": 1, "sku": "TEAPOT-01", "units": 1, "price_minor": 1980}],
    )  # fmt: skip


def test_what_the_store_has_not_is_ordered_for_the_customer(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}{STORE}&lang=ja", width=420, height=1400, touch=True)
    tab(page, "seek")
    scan(page, "TEAPOT-01")
    page.locator("[data-act=order]").click()
    for name, value in {
        "units": "2", "price": "1980", "number": "R-77", "name": "山田 花子",
        "phone": "090-1234-5678", "postal_code": "060-0001", "address": "北1条西2",
    }.items():  # fmt: skip
        page.locator(f".order [name={name}]").fill(value)
    page.locator(".order [name=prefecture]").select_option("北海道")
    snap(page, "store-order-ja")
    page.locator(".order [type=submit]").click()
    expect(page.get_by_test_id("ordered")).to_contain_text("R-77")
    sent = stage.get("/stage/shop")["ordered"]
    assert (sent["to"], sent["prefecture"], sent["lines"][0]["units"]) == ("HOME", "北海道", 2)


def test_another_store_has_one(counter: Page, snap: Snapper):
    tab(counter, "seek")
    scan(counter, "TEAPOT-01")
    expect(counter.get_by_test_id("found")).to_have_attribute("data-sku", "TEAPOT-01")
    expect(counter.locator("[data-site]").first).to_contain_text("this store")
    expect(counter.locator("[data-site=S-UENO]")).to_contain_text("4.8 km")
    snap(counter, "store-find-en")
    counter.locator("[name=sku]").fill("o")
    counter.keyboard.press("Enter")
    expect(counter.locator(".seek .choices button").nth(1)).to_be_visible()


def test_without_a_network_it_says_what_goes_on_and_what_waits(counter: Page, snap: Snapper):
    counter.locator("[data-number=N-10401]").click()
    counter.context.set_offline(True)
    expect(counter.get_by_role("alert")).to_contain_text("No connection.")
    expect(counter.get_by_role("alert")).to_contain_text("as of")
    expect(counter.locator("[data-act=accept]")).to_be_disabled()
    snap(counter, "store-offline-en")
    counter.context.set_offline(False)
    expect(counter.locator("[data-act=accept]")).to_be_enabled()


def test_what_had_no_answer_is_sent_again_as_the_same_act(counter: Page):
    told: list[str] = []

    def lose_the_first(route: Route) -> None:
        sent = route.request.post_data_json
        assert sent is not None
        told.append(sent["command_id"])
        if len(told) == 1:
            route.abort()
        else:
            route.continue_()

    counter.route("**/collections/*:accept", lose_the_first)
    counter.locator("[data-number=N-10401]").click()
    counter.locator("[data-act=accept]").click()
    expect(counter.get_by_role("alert").first).to_contain_text("No connection")
    counter.locator("[data-act=accept]").click()  # as soon as it can be
    expect(counter.get_by_test_id("one")).to_have_attribute("data-state", "ACCEPTED")
    assert len(told) == 2
    assert told[0] == told[1]


@pytest.mark.parametrize(("width", "look"), LOOKS)
def test_it_is_legible_in_a_hand_and_on_a_counter(
    stage: StageHand, open_page: Opener, snap: Snapper, width: int, look: str
):
    address = f"{stage.address}{STORE}&lang=ja&look={look}"
    page = open_page(address, width=width, height=900, touch=True)
    page.locator("[data-number=N-10401]").wait_for()
    for name in ("queue", "handover", "returns", "seek"):
        tab(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if name == "queue":
            snap(page, f"store-{name}-{width}-{look}")
        small = page.evaluate(LEGIBLE.replace(".store button", ".store main button, .tabs button"))
        assert small == 0
