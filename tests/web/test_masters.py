"""The masters' page on the real thing: a site drawn, places and goods edited, files in and out."""

from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import ROOT, Opener, Snapper
from tests.wms.house import HUB, House
from wms.masters.sheet import read, write_csv, write_xlsx

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
FAULTY = """拠点コード,ロケーション,種別,最大数量,X(mm),色
TYO1,B01-01,PICK_FACE,40,1000,赤
TYO1,B01-02,SHELF,40,2000,赤
TYO1,B01-02,PICK_FACE,四十,2000,赤
NOWHERE,B01-03,RESERVE,,3000,赤
"""
GOOD = [("site", "code", "kind", "zone", "x_mm", "y_mm", "max_units", "mix")] + [
    (HUB, f"B{aisle:02d}-{bay:02d}", "PICK_FACE" if bay < 6 else "RESERVE", f"Z{aisle % 3}",
     aisle * 3_000 + (bay % 2) * 1_000, bay * 700, 60, "ONE_SKU")
    for aisle in range(1, 13) for bay in range(1, 21)
]  # fmt: skip


def serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds serious or worse."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        (each["id"], each["nodes"][0]["html"])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]


def furnish(house: House) -> None:
    """Goods in some places, so that there is something to see."""
    house.sku("TEA")
    house.sku("RICE")
    for number, (code, units) in enumerate((("TEA", 35), ("RICE", 60), ("TEA", 8))):
        house.stock(code, units, f"S0{number + 1}-01")


def test_a_file_is_mended_applied_drawn_and_taken_out_again(  # noqa: PLR0915 - one walk
    house: House, real_soko: str, open_page: Opener, snap: Snapper, tmp_path: Path
):
    furnish(house)
    page = open_page(
        f"{real_soko}/ui/masters?tab=files&lang=ja&site={HUB}", width=1400, height=1000
    )
    faulty = tmp_path / "場所.csv"
    faulty.write_bytes(FAULTY.encode("cp932"))
    page.locator("input[type=file]").set_input_files(faulty)
    rows = page.get_by_test_id("faults").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(page.locator("[data-fault=unknown_column]")).to_contain_text("不明な列です")
    expect(page.locator("[data-fault=not_whole]")).to_contain_text("四十")
    expect(page.locator("[data-fault=unknown_site]")).to_contain_text("先に拠点を取り込む")
    expect(page.get_by_test_id("import").get_by_role("button", name="反映")).to_have_count(0)
    snap(page, "masters-faults-ja")
    assert serious(page) == []
    good = tmp_path / "places.xlsx"
    good.write_bytes(write_xlsx(GOOD))
    page.locator("input[type=file]").set_input_files(good)
    expect(page.locator("[data-count=new] b")).to_have_text("240")
    snap(page, "masters-checked-ja")
    page.locator("[data-act=apply]").click()
    expect(page.get_by_test_id("import")).to_have_attribute("data-state", "APPLIED")
    page.get_by_role("button", name="English").click()
    with page.expect_download() as loading:
        page.locator("[data-kind=locations] [data-form=xlsx]").click()
    sheet = read(Path(loading.value.path()).read_bytes())
    assert {row[1] for _, row in sheet.rows} >= {code for _, code, *_ in GOOD[1:]}
    page.locator("[data-tab=places]").click()
    plan = page.get_by_test_id("plan")
    expect(plan).to_have_attribute("data-places", "241")  # the house's own stand all at one point
    expect(plan).to_have_attribute("aria-label", "253 places, 3 with goods, 0 blocked")
    page.locator("[data-by=zone]").click()
    snap(page, "masters-plan-en")
    page.locator("[name=q]").fill("B01-0")
    expect(page.locator("tr[data-place]")).to_have_count(9)
    page.get_by_role("checkbox", name="Choose B01-02").check()
    page.locator(".chosen [name=reason]").fill("broken beam")
    page.locator(".chosen [data-act=block]").click()
    expect(page.locator("[data-place='B01-02']")).to_contain_text("broken beam")
    page.get_by_role("button", name="B01-03").click()
    editor = page.get_by_test_id("editor")
    editor.locator("[name=max_units]").fill("75")
    editor.locator("[name=storage_type]").fill("flow")
    editor.get_by_role("button", name="Save").click()
    expect(page.locator("[data-place='B01-03']")).to_contain_text("FLOW · one SKU only")
    page.locator("[name=q]").fill("S01-01")
    page.get_by_role("button", name="S01-01").click()
    editor.locator("[name=kind]").select_option("QUARANTINE")
    editor.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Goods lie at S01-01")
    with page.expect_download() as loading:
        page.locator("[data-act=pdf]").first.click()
    assert Path(loading.value.path()).read_bytes().startswith(b"%PDF")


@pytest.mark.nightly
def test_goods_and_sites_are_edited(house: House, real_soko: str, open_page: Opener, snap: Snapper):
    furnish(house)
    page = open_page(f"{real_soko}/ui/masters?tab=goods&lang=en&look=dark", width=1400, height=900)
    page.get_by_role("button", name="TEA").click()
    editor = page.get_by_test_id("editor")
    editor.locator("[name=name_ja]").fill("お茶")
    editor.locator("[name=gtins]").fill("4901234567894")
    editor.locator("[data-act=pack]").click()
    editor.locator("[name='units 0']").fill("24")
    editor.locator("[name='gtins 0']").fill("14901234567891")
    snap(page, "masters-goods-en-dark")
    assert serious(page) == []
    editor.get_by_role("button", name="Save").click()
    expect(page.locator("[data-sku=TEA]")).to_contain_text("Case 24")
    page.locator("[name=q]").fill("14901234567891")
    expect(page.locator("tr[data-sku]")).to_have_count(1)
    page.locator("[data-tab=sites]").click()
    page.locator("[data-act=new]").click()
    editor.locator("[name=code]").fill("NGO1")
    editor.locator("[name=name_en]").fill("Nagoya")
    editor.locator("[name=latitude]").fill("35.1815")
    editor.get_by_role("button", name="Save").click()
    expect(page.locator("[data-site=NGO1]")).to_contain_text("35.1815")
    snap(page, "masters-sites-en-dark")
    assert serious(page) == []
    found = httpx2.get(f"{real_soko}/console/v1/masters/skus", params={"q": "TEA"}).json()
    assert found["skus"][0]["packs"][0]["gtins"] == ["14901234567891"]


@pytest.mark.nightly
@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
def test_it_is_legible_on_a_phone_and_on_a_desk(
    house: House, real_soko: str, open_page: Opener, snap: Snapper, width: int, look: str
):
    furnish(house)
    file = write_csv(GOOD)
    sent = httpx2.post(
        f"{real_soko}/console/v1/imports/locations",
        params={"id": "0198f000-0000-7000-8000-000000000901", "dry_run": "false"},
        content=file,
    )
    assert sent.json()["state"] == "APPLIED"
    for tab in ("places", "sites", "goods", "files"):
        page = open_page(
            f"{real_soko}/ui/masters?tab={tab}&lang=ja&look={look}&site={HUB}",
            width=width, height=900,
        )  # fmt: skip
        page.locator("[data-place], [data-site], [data-sku], [data-kind]").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"masters-{tab}-{width}-{look}")
        assert serious(page) == []
