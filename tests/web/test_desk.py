"""For supervisors: why a site was chosen, shipping rules and their test box, proposals."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.browser import LOOKS, Opener, Snapper, StageHand
from tests.web.stage_desk import ORDER


def test_a_decision_shows_what_each_site_would_have_cost(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/ui/decisions?lang=en", width=1280, height=900)
    page.get_by_role("link", name="N-10433").click()
    expect(page).to_have_url(re.compile(ORDER))
    bars = page.locator(".bars > li")
    expect(bars).to_have_count(4)
    expect(bars.first).to_contain_text("chosen")
    expect(bars.first.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"^carrier ¥940")
    )
    expect(page.locator("[data-out=S-UENO]")).to_contain_text("line 1: 2 units are missing")
    expect(page.locator(".whys")).to_contain_text("Cheaper than OSA1 by ¥203")
    snap(page, "decision-en")
    page.locator("[data-site=OSA1] button").click()
    answer = page.get_by_test_id("what-if")
    expect(answer).to_contain_text("OSA1 would have to be cheaper by ¥203")
    expect(answer.locator("tbody tr").first).to_contain_text("¥857")
    expect(page.get_by_test_id("shadow")).to_contain_text("▼ 14.8%")


def test_an_order_that_is_not_there_says_so(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/decisions?lang=en&order=NOBODY")
    expect(page.get_by_role("alert")).to_contain_text("Nobody knows this code")


def test_every_rule_says_what_it_makes_of_a_parcel(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/ui/rules?lang=en", width=1280, height=900)
    answer = page.get_by_test_id("answer")
    expect(answer).to_have_attribute("data-service", "YAMATO")
    rows = page.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("does not fit")
    expect(rows.nth(2)).to_contain_text("to Hokkaido, Okinawa")
    page.locator("[name=value_minor]").fill("42000")
    expect(rows.nth(0)).to_have_attribute("data-outcome", "CHOSEN")
    page.locator("[name=cool]").check()
    expect(answer).to_have_attribute("data-service", "YAMATO-COOL")
    snap(page, "rules-en")
    page.locator("[name=weight_g]").fill("900000")  # nothing takes that: the last row does
    expect(rows.last).to_have_attribute("data-outcome", "CHOSEN")


def test_a_proposal_is_approved_or_rejected(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/proposals?lang=ja", width=1280, height=700)
    rows = page.locator("[data-id]")
    expect(rows).to_have_count(4)
    snap(page, "proposals-ja")
    rows.first.locator("[data-act=approve]").click()
    expect(rows).to_have_count(3)
    expect(page.get_by_role("status")).to_contain_text("S-GINZA")
    rows.first.locator("[data-act=reject]").click()
    expect(rows).to_have_count(2)
    page.locator("[data-state=APPROVED]").click()
    expect(rows).to_have_count(1)


@pytest.mark.parametrize(("width", "look"), LOOKS)
def test_it_is_legible_on_a_phone_and_on_a_desk(
    stage: StageHand, open_page: Opener, snap: Snapper, width: int, look: str
):
    for name, query in (("decisions", f"order={ORDER}&"), ("rules", ""), ("proposals", "")):
        address = f"{stage.address}/ui/{name}?{query}lang=ja&look={look}"
        page = open_page(address, width=width, height=900)
        page.locator(".bars, .answer, [data-id]").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"desk-{name}-{width}-{look}")
