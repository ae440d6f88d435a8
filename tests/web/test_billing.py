"""The billing page on the real thing: drafted, looked into, made final, printed, corrected."""

import pytest
from playwright.sync_api import expect

from tests.builders import an_id
from tests.web.browser import Opener, Snapper
from tests.web.test_masters import serious
from tests.wms.billing.test_invoices import ISSUER, LINES
from tests.wms.house import HUB, House

MONTH = "2026-11"


def furnish(house: House) -> None:
    """An owner with goods and a tariff, and somebody who bills."""
    house.ok(house.http.put("/billing/v1/issuer", json=ISSUER))
    house.ok(house.http.put("/master/v1/owners", json=[{"code": "ACME", "name": "アクメ商事"}]))
    sku = [{"code": "A", "name_en": "A", "weight_g": 100, "owner": "ACME"}]
    house.ok(house.http.put("/master/v1/skus", json=sku))
    line = {"site": HUB, "location": "S01-01", "sku": "A", "units": 20, "owner": "ACME"}
    house.ok(house.http.post("/master/v1/receipts", json={"id": str(an_id()), "lines": [line]}))
    tariff = {"valid_from": "2026-01-01", "lines": LINES}
    assert house.http.put("/billing/v1/tariffs/ACME/1", json=tariff).status_code == 201


@pytest.mark.nightly
def test_a_month_is_billed_down_to_its_movements(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    furnish(house)
    page = open_page(f"{real_soko}/ui/billing?lang=ja")
    page.locator("[name=owner]").fill("ACME")
    page.locator("[name=month]").fill(MONTH)
    page.locator("[name=draft]").click()
    expect(page.get_by_test_id("invoice")).to_be_visible()
    page.locator("[data-line=IN] button").click()
    expect(page.get_by_test_id("movements").locator("tr")).to_have_count(1)
    expect(page.get_by_test_id("movements")).to_contain_text("仕入先 → S01-01")
    snap(page, "billing-ja")
    assert serious(page) == []
    page.locator("[name=issued_on]").fill("2026-12-01")
    page.get_by_test_id("invoice").locator("[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text("確定")
    expect(page.get_by_test_id("invoice")).to_contain_text(ISSUER["registration"])
    with page.expect_download() as paper:
        page.get_by_role("button", name="適格請求書").click()
    assert paper.value.path().read_bytes().startswith(b"%PDF")
    page.locator("[name=rerate]").click()
    expect(page.get_by_role("status")).to_contain_text("訂正は不要")


@pytest.mark.nightly
def test_a_new_version_is_made_of_the_last_and_who_bills_is_said(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    furnish(house)
    page = open_page(f"{real_soko}/ui/billing?lang=en&tab=tariffs&owner=ACME")
    expect(page.locator("[data-tariff='1']")).to_contain_text("1.25")
    snap(page, "billing-tariffs-en")
    assert serious(page) == []
    page.locator("[data-act=version]").click()
    page.locator("[name=valid_from]").fill("2026-12-01")
    table, editor = page.get_by_test_id("table"), page.get_by_test_id("roweditor")
    expect(page.get_by_test_id("pending")).to_have_attribute("data-state", "CHECKED")
    table.get_by_role("button", name="IN", exact=True).click()
    editor.locator("[name=rate]").fill("1.5")
    editor.locator("[name=per]").select_option("MONTH")
    editor.locator("[type=submit]").click()
    expect(page.get_by_test_id("faults")).to_contain_text("not charged by that")
    snap(page, "billing-version-en")
    assert serious(page) == []
    table.get_by_role("button", name="IN", exact=True).click()
    editor.locator("[name=per]").select_option("UNIT")
    editor.locator("[type=submit]").click()
    page.locator("[data-act=apply]").click()
    expect(page.locator("[data-tariff='2']")).to_contain_text("1.5")
    page.locator("[data-tab=issuer]").click()
    page.locator("[name=registration]").fill("T1234567890123")
    page.get_by_test_id("issuer").locator("[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("no registration number")
    snap(page, "billing-issuer-en")
    page.locator("[name=registration]").fill(ISSUER["registration"])
    page.get_by_test_id("issuer").locator("[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text(ISSUER["name"])
    assert serious(page) == []
