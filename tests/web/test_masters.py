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


def furnish_rules(house: House) -> None:
    """Goods for a kit, and a rule of each kind."""
    furnish(house)
    skus = [{"code": code, "name_en": code} for code in ("BOX", "CUP")]
    house.ok(house.http.put("/master/v1/skus", json=skus))
    rules = [
        {"code": "N-OIWAI", "kind": "NOSHI", "name": "御祝 紅白蝶結び", "text": "外のし",
         "when": {"gifts": ["のし"]}},
        {"code": "WRAP-RED", "kind": "WRAP", "name": "赤い包装紙",
         "when": {"worth_min_minor": 10_000}},
        {"code": "FLYER-12", "kind": "FLYER", "name": "冬のチラシ", "scan": "FL-12",
         "each": "PARCEL", "when": {"channels": ["web"], "until_on": "2026-12-31"}},
    ]  # fmt: skip
    house.ok(house.http.put(f"/console/v1/pack-rules/{HUB}", json=rules))
    bench = {"weigh": "SCALE", "scale": "SC-1", "printer": "P1", "devices": ["HT-1", "HT-2"]}
    house.ok(house.http.put(f"/console/v1/pack-stations/{HUB}/BENCH-1", json=bench))
    house.ok(house.http.put(f"/console/v1/pick-stations/{HUB}/GTP-1", json={"slots": 6}))
    house.ok(house.http.put(f"/console/v1/printers/{HUB}/P1", json={"host": "10.1.4.20"}))
    kit = {"made": "ORDER", "parts": [{"sku": "TEA", "units": 2}]}
    house.ok(house.http.put("/console/v1/kits/BOX", json=kit))


@pytest.mark.nightly
def test_rules_are_edited_with_their_faults_beside_them(
    house: House, real_soko: str, open_page: Opener, snap: Snapper
):
    furnish_rules(house)
    page = open_page(f"{real_soko}/ui/masters?tab=rules&lang=ja", width=1400, height=900)
    table, editor, pending = (
        page.get_by_test_id(name) for name in ("table", "roweditor", "pending")
    )
    expect(table).to_have_attribute("data-rows", "3")
    snap(page, "masters-rules-ja")
    page.get_by_role("button", name="FLYER-12").click()
    editor.locator("[name=from_on]").fill("2027-01-01")
    snap(page, "masters-rule-editor-ja")
    assert serious(page) == []
    editor.locator("[type=submit]").click()
    expect(pending).to_have_attribute("data-state", "FAULTY")
    expect(page.get_by_test_id("faults")).to_contain_text("FLYER-12")
    expect(page.locator("[data-row='2']")).to_have_attribute("data-bad", "true")
    expect(pending.locator("[data-act=apply]")).to_be_disabled()
    snap(page, "masters-rules-faults-ja")
    page.get_by_role("button", name="FLYER-12").click()
    editor.locator("[name=from_on]").fill("2026-12-01")
    editor.locator("[type=submit]").click()
    page.locator("[data-row='2'] [data-act=up]").click()
    page.locator("[data-row='0'] [data-act=out]").click()
    expect(pending).to_have_attribute("data-state", "CHECKED")
    expect(pending.locator("[data-count=gone]")).to_contain_text("1")
    snap(page, "masters-rules-checked-ja")
    assert serious(page) == []
    pending.locator("[data-act=apply]").click()
    expect(pending).to_have_count(0)
    rules = httpx2.get(f"{real_soko}/console/v1/pack-rules/{HUB}").json()
    assert [rule["code"] for rule in rules] == ["FLYER-12", "WRAP-RED"]
    assert rules[0]["when"]["from_on"] == "2026-12-01"
    page.locator("[data-table=kits]").click()
    page.locator("[data-act=new]").click()
    editor.locator("[name=kit]").fill("BOX")
    editor.locator("[name=sku]").fill("CUP")
    editor.locator("[name=units]").fill("1")
    editor.locator("[name=made]").select_option("ORDER")
    editor.locator("[type=submit]").click()
    pending.locator("[data-act=apply]").click()
    expect(table).to_have_attribute("data-rows", "2")
    kit = httpx2.get(f"{real_soko}/console/v1/kits/BOX").json()
    assert kit["parts"] == [{"sku": "CUP", "units": 1}, {"sku": "TEA", "units": 2}]


@pytest.mark.nightly
@pytest.mark.parametrize("how", [(420, "ja", "dark"), (1280, "en", "light"), (1280, "ja", "dark")])
def test_every_table_of_rules_is_legible(
    house: House, real_soko: str, open_page: Opener, snap: Snapper, how: tuple[int, str, str]
):
    width, lang, look = how
    furnish_rules(house)
    page = open_page(
        f"{real_soko}/ui/masters?tab=rules&lang={lang}&look={look}", width=width, height=900
    )
    names = [each.get_attribute("data-table") for each in page.locator("[data-table]").all()]
    assert len(names) == 13
    for name in names:
        page.locator(f"[data-table={name}]").click()
        page.locator(f"[data-kind={name}]").wait_for()
        page.locator("[data-act=new], tbody .link").first.click()
        page.get_by_test_id("roweditor").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("option, button, th, label").filter(has_text="masters.").count() == 0
        snap(page, f"rules-{name}-{width}-{lang}-{look}")
        assert serious(page) == []
