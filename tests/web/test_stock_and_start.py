"""The stock page, the start page, and that nobody is shut out (axe)."""

import re

import pytest
from playwright.sync_api import expect

from tests.web.browser import LOOKS, ROOT, Opener, Snapper, StageHand, needs
from tests.web.stage_desk import ORDER

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"


def test_the_list_has_a_line_for_each_sku_and_its_sites_below(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/ui/stock?lang=en")
    line = page.locator("[data-sku=RICE-5KG]")
    line.get_by_role("button").click()
    expect(line.locator(".of-sites > li")).to_have_count(10)
    expect(line.locator(".of-sites")).to_contain_text("S-GINZA")
    expect(page.get_by_test_id("age")).to_contain_text("ago")
    snap(page, "stock-en")


def test_stock_is_searched_and_filtered(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/stock?lang=ja")
    lines = page.locator("[data-sku]")
    expect(lines.nth(20)).to_be_attached()
    snap(page, "stock-ja")
    search = page.get_by_role("searchbox")
    search.fill("teapot")
    expect(lines).to_have_count(1)
    search.fill("急須")
    expect(page.locator("[data-sku=TEAPOT-01]")).to_be_visible()
    expect(page).to_have_url(re.compile("q=%E6%80%A5%E9%A0%88"))
    search.fill("nothing-like-it")
    expect(page.get_by_text("在庫は見つかりません")).to_be_visible()
    search.fill("")
    page.get_by_role("button", name="検品保留").click()
    expect(page).to_have_url(re.compile("state=quarantine"))
    expect(page.get_by_role("button", name="検品保留")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("拠点", exact=True).select_option("S-GINZA")
    expect(lines.first).to_contain_text("1 拠点")


def test_the_list_goes_on_as_one_goes_down(stage: StageHand, open_page: Opener):
    """A page may be short; what nobody sees is not asked for."""
    page = open_page(f"{stage.address}/ui/stock?lang=en")
    lines = page.locator("[data-sku]")
    expect(lines.nth(30)).to_be_attached()
    expect(page.get_by_role("button", name="Show more")).to_be_attached()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(page.get_by_text("67 SKUs: that is all.")).to_be_attached()
    expect(lines).to_have_count(67)


def test_a_sale_shows_by_itself(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/stock?lang=en&q=towel")
    free = page.locator("[data-sku=TOWEL-BLU] .total > .free b")
    expect(free).to_be_visible()
    before = int((free.text_content() or "").replace(",", ""))
    stage.tell("sell?sku=TOWEL-BLU&site=TYO1")
    expect(free).to_have_text(f"{before - 1:,}")
    page.locator("[data-sku=TOWEL-BLU] a").click()
    big = page.locator(".head .big b")
    expect(big).to_have_text(f"{before - 1:,}")
    stage.tell("sell?sku=TOWEL-BLU&site=TYO1")
    expect(big).to_have_text(f"{before - 2:,}")
    page.go_back()
    expect(page.locator("[data-sku=TOWEL-BLU] .total")).to_be_visible()


def test_a_sku_in_all_states_in_days_to_come_and_near_by(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/ui/stock?lang=en&sku=TEAPOT-01", height=1000)
    expect(page.get_by_test_id("network")).to_contain_text("free to promise")
    expect(page.locator(".matrix tbody tr")).to_have_count(10)
    picture = page.get_by_role("img", name=re.compile(r"Today [\d,]+; by"))
    expect(picture).to_be_visible()
    expect(page.locator(".atp .mark")).to_have_count(6)
    expect(page.locator(".near li")).to_have_count(5)
    expect(page.locator(".near li").first).to_contain_text("S-GINZA")
    snap(page, "stock-sku-en")
    page.get_by_label("Site", exact=True).select_option("OSA1")
    expect(page.locator(".atp .mark")).to_have_count(1)
    page.get_by_label("From where").select_option("OSA1")
    expect(page.locator(".near li").first).to_contain_text("S-UMEDA")


@pytest.mark.parametrize(("width", "look"), LOOKS)
def test_it_is_legible_on_a_phone_and_on_a_desk(
    stage: StageHand, open_page: Opener, snap: Snapper, width: int, look: str
):
    """Nothing runs out of the page sideways, and what is tapped is as large as a fingertip."""
    for name, query in (("list", ""), ("sku", "&sku=TEAPOT-01")):
        address = f"{stage.address}/ui/stock?lang=ja&look={look}{query}"
        page = open_page(address, width=width, height=900, touch=width < 500)
        expect(page.locator("[data-sku]").first).to_be_visible()
        expect(page.get_by_test_id("age")).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = page.evaluate(
            "[...document.querySelectorAll('main button, main select, main input')]"
            ".map((each) => each.getBoundingClientRect())"
            ".filter((box) => box.width > 0 && Math.min(box.width, box.height) < 43).length"
        )
        assert small == 0
        snap(page, f"stock-{name}-{width}-{look}")


def test_the_start_page_leads_to_every_screen(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/?lang=en")
    expect(page.locator(".door")).to_have_count(12)
    snap(page, "start-en")
    page.locator(".door[href='/ui/stock']").click()
    expect(page).to_have_url(f"{stage.address}/ui/stock")


@pytest.mark.parametrize("look", ["light", pytest.param("dark", marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("ui/", ".door"),
        pytest.param("ui/control", "h1", marks=pytest.mark.nightly),
        pytest.param("ui/stock", "[data-sku]", marks=pytest.mark.nightly),
        ("ui/stock?sku=TEAPOT-01", "[data-sku]"),
        ("ui/h", "h1"),
        ("ui/store?site=S-GINZA", "[data-number]"),
        (f"ui/decisions?order={ORDER}", ".bars"),
        pytest.param("ui/rules", "[data-outcome]", marks=pytest.mark.nightly),
        pytest.param("ui/proposals", "[data-id]", marks=pytest.mark.nightly),
        ("t/door", ".deed"),
        pytest.param("t/counter", ".qr", marks=pytest.mark.nightly),
        pytest.param("find?sku=TEAPOT-01", "[data-site]", marks=pytest.mark.nightly),
    ],
)
def test_axe_finds_nothing_serious(
    stage: StageHand, open_page: Opener, path: str, shown: str, look: str
):
    needs(AXE, "nodejs")
    more = "&" if "?" in path else "?"
    page = open_page(f"{stage.address}/{path}{more}lang=ja&look={look}")
    page.wait_for_selector(shown)
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    serious = [
        (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []
