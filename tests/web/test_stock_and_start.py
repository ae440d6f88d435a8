"""The stock page, the start page, and that nobody is shut out (axe)."""

import pytest
from playwright.sync_api import expect

from tests.web.browser import ROOT, Opener, Snapper, StageHand, needs

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"


def test_stock_shows_all_states_and_all_sites(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/stock?lang=en")
    row = page.locator("[data-sku=RICE-5KG]")
    row.locator(".total").click()
    expect(row.get_by_role("row")).to_have_count(11)
    expect(row).to_contain_text("S-GINZA")
    expect(page.get_by_test_id("network")).to_contain_text("quarantine")
    expect(page.get_by_test_id("age")).to_contain_text("ago")
    snap(page, "stock-en")


def test_stock_is_searched_by_code_or_name(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/stock?lang=ja")
    expect(page.locator("[data-sku]")).to_have_count(7)
    snap(page, "stock-ja")
    page.get_by_role("searchbox").fill("teapot")
    expect(page.locator("[data-sku]")).to_have_count(1)
    page.get_by_role("searchbox").fill("急須")
    expect(page.locator("[data-sku=TEAPOT-01]")).to_be_visible()
    page.get_by_role("searchbox").fill("nothing-like-it")
    expect(page.get_by_text("在庫は見つかりません")).to_be_visible()


def test_the_start_page_leads_to_every_screen(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/?lang=en")
    expect(page.locator(".door")).to_have_count(5)
    snap(page, "start-en")
    page.get_by_role("link", name="Stock").click()
    expect(page).to_have_url(f"{stage.address}/ui/stock")


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "control", "stock", "h"])
def test_axe_finds_nothing_serious(stage: StageHand, open_page: Opener, path: str, look: str):
    needs(AXE, "nodejs")
    page = open_page(f"{stage.address}/ui/{path}?lang=ja&look={look}")
    page.wait_for_selector("h1")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []
