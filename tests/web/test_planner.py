"""A planner's journey: freeze, change, run, compare, propose; another approves; measured."""

import os
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import Opener, Snapper
from tests.web.hands import AXE, SERIOUS
from tests.wms.house import HUB, SPOKE, House

TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
    .map((each) => each.tagName + "." + each.className).slice(0, 12)"""


@pytest.fixture(autouse=True)
def _plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of a run need not compile loops for a handful of orders."""
    monkeypatch.setitem(os.environ, "SOKO_COMPILED", "0")


@pytest.fixture
def trading(house: House) -> House:
    """A house in which some orders came."""
    for shelf, sku in (("S01-01", "TEA"), ("S01-02", "RICE")):
        house.sku(sku, weight_g=500)
        for site in (HUB, SPOKE):
            house.stock(sku, 30, shelf, site=site)
    house.ok(
        house.http.put(f"/console/v1/doors/{HUB}/D1", json={"opens": "08:00", "closes": "18:00"})
    )
    osaka = {
        "prefecture": "大阪府",
        "postal_code": "530-0001",
        "latitude": 34.7,
        "longitude": 135.5,
    }
    for units in (1, 2, 3):
        house.put_order(("TEA", units), ("RICE", 1))
        house.put_order(("RICE", units), ship_to=osaka)
    house.tick()
    return house


def is_fine(page: Page) -> None:
    """Nothing serious for who cannot see it well."""
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
    assert page.evaluate(SERIOUS) == []
    assert page.evaluate(TOO_WIDE) == []


def make(page: Page, name: str) -> None:
    """A scenario by that name, open in the editor."""
    page.locator("[name=title]").fill(name)
    page.locator("[data-act=new]").click()
    expect(page.locator(f"[data-editing='{name}']")).to_be_visible()


def differ(page: Page, kind: str, **fields: str) -> None:
    """One difference more."""
    page.locator(f"[data-add={kind}]").click()
    one = page.locator(f"[data-patch={kind}]")
    for name, value in fields.items():
        field = one.locator(f"[name={name}]")
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.blur()


def save(page: Page, name: str, differences: int) -> None:
    """Keep it."""
    page.locator("[data-act=save]").click()
    card = page.locator(f"[data-scenario='{name}'] .facts")
    expect(card).to_contain_text(f"Differences: {differences}")


def run(page: Page, house: House, name: str) -> None:
    """Play it; the worker is this test."""
    card = page.locator(f"[data-scenario='{name}']")
    card.locator("[data-act=run]").click()
    expect(card.locator("[data-state=QUEUED]")).to_be_visible()
    assert house.job("plan") == 1
    expect(card.locator("[data-state=DONE]")).to_be_visible()
    card.locator("[name=chosen]").check()


def plan(page: Page, snap: Snapper) -> None:
    """A snapshot and three scenarios of it."""
    page.locator("[name=planner]").fill("mori")
    page.locator("[name=title]").fill("today")
    page.locator("[data-act=freeze]").click()
    expect(page.locator("[name=snapshot] option")).to_have_count(1)
    make(page, "as it is")
    make(page, "no Tokyo")
    differ(page, "close_node", node=HUB, stock_to=SPOKE)
    save(page, "no Tokyo", 1)
    make(page, "early and dear")
    differ(page, "cut_off", node=HUB, minute="600")
    differ(page, "add_node", code="NGY1", stock_share="0.25")
    differ(page, "rates", factor="-1")
    expect(page.locator("[data-patch=rates] .bad")).to_be_visible()
    expect(page.locator("[data-act=save]")).to_be_disabled()
    page.locator("[data-patch=rates] [name=factor]").fill("1.2")
    page.locator("[data-patch=rates] [name=factor]").blur()
    save(page, "early and dear", 3)
    snap(page, "planner-editor-en")


def compare(page: Page, snap: Snapper) -> None:
    """All three, and one of them is proposed."""
    page.locator("[data-act=compare]").click()
    expect(page.locator("[data-figure=cost_minor]")).to_contain_text("▲ +")
    expect(page.locator(".decisions tbody tr").first).to_contain_text("the site is closed")
    page.locator("[name=weight]").fill("0")
    expect(page.get_by_test_id("best")).to_contain_text("as it is")
    is_fine(page)
    snap(page, "planner-compare-en")
    page.locator("[name=reason]").fill("rent")
    page.locator("[data-act=propose]").click()


def agree(page: Page) -> None:
    """Not who proposed; somebody else."""
    one = page.locator("[data-plan='no Tokyo']")
    one.locator("[data-act=approve]").click()
    expect(page.get_by_role("alert")).to_contain_text("somebody else")
    page.locator("[name=planner]").fill("tanaka")
    one.locator("[data-act=approve]").click()
    expect(page.locator("[data-plan='no Tokyo'][data-state=APPROVED]")).to_be_visible()


def ahead(page: Page, house: House) -> None:
    """Two trucks get doors, which are booked."""
    page.locator("[data-tab=ahead]").click()
    page.locator("[data-ask=docks]").click()
    page.locator("form.ahead [name=site]").select_option(HUB)
    page.locator("[name=day]").fill("2026-11-30")
    page.locator("[data-act=ask]").click()
    expect(page.locator("[data-answer=QUEUED]")).to_be_visible()
    assert house.job("plan-ahead") == 1
    expect(page.get_by_test_id("answer").locator("tbody tr")).to_have_count(2)
    page.locator("[data-act=take-over]").click()
    expect(page.locator("[data-took='2']")).to_be_visible()


def on_a_phone(phone: Page, snap: Snapper) -> None:
    """Nothing is wider than the screen."""
    expect(phone.locator("[data-scenario='no Tokyo']")).to_be_visible()
    phone.locator("[data-scenario='no Tokyo'] [data-act=edit]").click()
    is_fine(phone)
    snap(phone, "planner-phone-ja")
    for tab in ("ahead", "plans", "report"):
        phone.locator(f"[data-tab={tab}]").click()
        is_fine(phone)


def asks(page: Page, house: House, kind: str) -> None:
    """A question of that kind is put with what the form proposes, and answered."""
    page.locator(f"[data-ask={kind}]").click()
    page.locator("form.ahead [name=site]").select_option(HUB)
    page.locator("[data-act=ask]").click()
    expect(page.locator("[data-answer=QUEUED]")).to_be_visible()
    assert house.job("plan-ahead") == 1
    expect(page.locator("[data-answer=DONE]")).to_be_visible()


PLACES: list[dict[str, Any]] = [
    {"code": f"F{aisle:02d}-{bay:02d}", "aisle": aisle, "bay": bay}
    for aisle, bay in ((1, 1), (1, 2), (8, 18), (9, 20))
]


@pytest.fixture
def waiting(trading: House) -> House:
    """Goods lie far away, and nothing is released by itself."""
    places = [{"site": HUB, "kind": "PICK_FACE", "zone": "F"} | each for each in PLACES]
    trading.ok(trading.http.put("/master/v1/locations", json=places))
    for sku, place in {"TEA": "F09-20", "RICE": "F08-18"}.items():
        face = f"/console/v1/pick-faces/{HUB}/{place}/{sku}"
        trading.ok(trading.http.put(face, json={"low": 1, "high": 4}))
        trading.stock(sku, 4, place)
        policy = f"/console/v1/stock-policies/{HUB}/{sku}"
        body = {"kind": "MINMAX", "low": 2, "high": 5, "source": SPOKE}
        trading.ok(trading.http.put(policy, json=body))
    trading.ok(trading.http.put(f"/console/v1/channels/{HUB}/all", json={"wip_lines_max": 0}))
    for sku in ("TEA", "RICE") * 5:
        trading.put_order((sku, 1))
    trading.tick()
    return trading


@pytest.mark.nightly
def test_answers_are_taken_over_on_one_screen(
    waiting: House, real_soko: str, open_page: Opener, snap: Snapper
):
    page = open_page(f"{real_soko}/ui/planner?lang=en&tab=ahead", width=1360, height=900)
    asks(page, waiting, "slots")
    expect(page.locator("svg.moves")).to_be_visible()
    rows = page.get_by_test_id("answer").locator("tbody tr")
    expect(rows).to_have_count(2)
    rows.last.get_by_role("checkbox").uncheck()
    is_fine(page)
    snap(page, "planner-slots-en")
    page.locator("[data-act=take-over]").click()
    expect(page.locator("[data-took='1']")).to_be_visible()
    assert len(waiting.work_off(HUB, "replenish")) == 1

    page.goto(f"{real_soko}/ui/planner?lang=ja&look=dark&tab=ahead")
    page.locator("form.ahead [name=cut_off_min]").fill("90")
    asks(page, waiting, "wave")
    expect(page.locator("figure.bars")).to_be_visible()
    (wave,) = waiting.ok(waiting.http.get("/console/v1/waves", params={"site": HUB}))
    assert wave["template"]["cut_off_at"] is not None
    is_fine(page)
    snap(page, "planner-wave-ja-dark")
    page.locator("[data-act=take-over]").click()
    expect(page.locator("[data-took='10']")).to_be_visible()
    page.locator("[data-ask=slots]").click()
    expect(page.locator("[data-took='1']")).to_be_visible()
    snap(page, "planner-slots-taken-ja-dark")
    page.locator("[data-ask=levels]").click()
    asks(page, waiting, "levels")
    is_fine(page)
    snap(page, "planner-levels-ja-dark")
    phone = open_page(f"{real_soko}/ui/planner?lang=ja&tab=ahead", width=390, height=844)
    phone.locator("[data-ask=slots]").click()
    expect(phone.locator("svg.moves")).to_be_visible()
    is_fine(phone)
    snap(phone, "planner-slots-phone-ja")


@pytest.mark.nightly
def test_a_planner_asks_what_if_and_another_makes_it_so(
    trading: House, real_soko: str, open_page: Opener, snap: Snapper
):
    page = open_page(f"{real_soko}/ui/planner?lang=en", width=1360, height=900)
    plan(page, snap)
    for name in ("as it is", "no Tokyo", "early and dear"):
        run(page, trading, name)
    expect(page.locator(".live [role=img]")).to_be_visible()
    is_fine(page)
    snap(page, "planner-list-en")
    compare(page, snap)
    agree(page)

    assert trading.job("plan-activate") == 1
    trading.put_order(("TEA", 1))
    trading.tick()
    one = page.locator("[data-plan='no Tokyo'][data-state=ACTIVE]")
    one.locator("[data-act=measure]").click()
    rows = one.get_by_test_id("measured").locator("tbody tr")
    expect(rows.last.locator("td").last).to_have_text("1")
    is_fine(page)
    snap(page, "planner-plans-en")
    ahead(page, trading)
    is_fine(page)
    snap(page, "planner-ahead-en")
    page.locator("[data-tab=plans]").click()
    one.locator("[data-act=rollback]").click()
    expect(page.locator("[data-plan='no Tokyo'][data-state=ROLLED_BACK]")).to_be_visible()

    page.goto(f"{real_soko}/ui/planner?lang=ja&look=dark&tab=report")
    page.locator("[name=day]").fill("2026-11-27")
    page.locator("[data-act=report]").click()
    expect(page.get_by_test_id("sourcing").locator("[data-side=done]")).to_be_visible()
    expect(page.get_by_test_id("picking")).to_contain_text(HUB)
    is_fine(page)
    snap(page, "planner-report-ja")
    page.locator("[data-tab=scenarios]").click()
    expect(page.locator("[data-scenario='no Tokyo']")).to_contain_text("完了")
    is_fine(page)
    snap(page, "planner-list-ja-dark")
    on_a_phone(open_page(f"{real_soko}/ui/planner?lang=ja", width=390, height=844), snap)
