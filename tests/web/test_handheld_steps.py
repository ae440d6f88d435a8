"""Every kind of step on the screen of the handheld: typed, skipped, pictured, asked, refused."""

import io
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, expect

from tests.web.browser import ROOT, Opener, Snapper, StageHand
from tests.web.stage_work import packet_of
from tests.web.test_handheld import scan, step_is
from wms.work.packet import END, Expect, Fact, Quantity, Say, Step

SIZE = {"width": 360, "height": 640}
AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
NOBODY = "NOBODY"


def place(step_id: str, code: str, check: str, group: str, **more: object) -> Step:
    return Step(
        id=step_id,
        op="scan",
        say=Say(code="pick.scan_location"),
        big=code,
        expect=(Expect(kind="location", codes=(code,), check=(check,)),),
        group=group,
        **more,  # type: ignore[arg-type]
    )


def goods(step_id: str, code: str, units: int, group: str, **qty: object) -> Step:
    return Step(
        id=step_id,
        op="count",
        say=Say(code="pick.scan_item", params={"units": units}),
        big=str(units),
        facts=(Fact(label="name", value="深蒸し茶 100g"), Fact(label="sku", value=code)),
        expect=(Expect(kind="item", codes=(code,)),),
        qty=Quantity(target=units, max=units, **qty),  # type: ignore[arg-type]
        allow=("short", "damaged", "skip", "undo"),
        group=group,
    )


PICK = packet_of(
    1,
    "pick",
    (
        place("1.place", "A-01-01", "47", "1", allow=("skip", "undo")),
        goods("1.item", "TEA", 2, "1"),
        place("2.place", "A-01-02", "93", "2", allow=("skip", "undo")),
        goods("2.item", "RICE", 1, "2"),
        Step(
            id="slot",
            op="scan",
            say=Say(code="putwall.put"),
            big="B",
            facts=(Fact(label="colour", value="yellow"),),
            expect=(Expect(kind="slot", codes=("SLOT-B",)),),
        ),
        Step(
            id="empty",
            op="choose",
            say=Say(code="pick.zero_check"),
            big="A-01-02",
            expect=(Expect(kind="empty", codes=("yes", "no")),),
            goto={"yes": END},
        ),
        Step(
            id="left",
            op="count",
            say=Say(code="count.scan_items"),
            big="?",
            qty=Quantity(target=1, max=99, by="type", open=True),
        ),
    ),
    note="割れ物です。ゆっくり運んでください。",
)
COUNT = packet_of(
    2,
    "count",
    (
        Step(
            id="serials",
            op="count",
            say=Say(code="pick.scan_serial"),
            big="TV-55",
            expect=(Expect(kind="serial"),),
            qty=Quantity(target=3, max=9, distinct=True, open=True),
        ),
        Step(id="photo", op="photo", say=Say(code="inbound.photo"), big="", next=END),
    ),
)
RECEIVE = packet_of(
    3,
    "inbound",
    (
        Step(
            id="1.item",
            op="scan",
            say=Say(code="inbound.scan_anything"),
            big="ASN-7",
            image="/ui/icon.svg",
            expect=(Expect(kind="any"),),
            allow=("finish", "undo"),
            online=True,
            next=END,
        ),
    ),
)


@pytest.fixture
def handheld(stage: StageHand, open_page: Opener) -> Page:
    page = open_page(f"{stage.address}/ui/h?lang=en", **SIZE, touch=True)
    expect(page.get_by_test_id("next")).to_be_visible()
    return page


def press(page: Page, digits: str) -> None:
    """The keys of the pad, one after the other."""
    for digit in digits:
        page.locator(".keys").get_by_role("button", name=digit, exact=True).click()


def sent(page: Page) -> None:
    expect(page.get_by_test_id("net")).to_have_attribute("data-pending", "0")


def picture() -> bytes:
    """A photo of a label, larger than a handheld sends."""
    code = zxingcpp.create_barcode("A-01-01", zxingcpp.BarcodeFormat.QRCode)
    label = Image.fromarray(code.to_image(scale=20)).convert("L")
    wide = Image.new("L", (2400, 1800), 200)
    wide.paste(label, (700, 500))
    taken = io.BytesIO()
    wide.save(taken, "jpeg")
    return taken.getvalue()


def test_a_pick_with_check_digits_a_skip_and_a_question(
    stage: StageHand, handheld: Page, snap: Snapper
):
    stage.hand_in(PICK)
    handheld.get_by_test_id("next").click()
    handheld.wait_for_selector("[data-view=work]")
    expect(handheld.get_by_test_id("note")).to_contain_text("割れ物")
    handheld.get_by_test_id("exceptions").click()
    handheld.locator("[data-exception=skip]").click()
    step_is(handheld, "2.place")
    expect(handheld.locator("[data-said='h.later']")).to_be_visible()
    handheld.get_by_test_id("other-ways").click()
    snap(handheld, "handheld-other-ways-en")
    handheld.get_by_test_id("check").click()
    press(handheld, "47")  # of the other place
    expect(handheld.get_by_test_id("problem")).to_contain_text("Scan A-01-02")
    scan(handheld, "93")  # a keyboard does as well
    scan(handheld, "RICE")
    step_is(handheld, "1.place")
    scan(handheld, "CMD:SKIP")
    expect(handheld.get_by_test_id("problem")).to_have_attribute("data-code", "nothing_else")
    scan(handheld, "A-01-01")
    scan(handheld, "CMD:HELP")
    expect(handheld.locator("[data-exception]")).to_have_count(4)  # and the call
    handheld.locator("[data-exception=supervisor]").click()
    expect(handheld.locator("[data-said='h.called']")).to_be_visible()
    scan(handheld, "TEA")
    scan(handheld, "CMD:SHORT")
    step_is(handheld, "slot")
    snap(handheld, "handheld-slot-en")
    scan(handheld, "SLOT-B")
    scan(handheld, "CMD:NO")
    step_is(handheld, "left")
    press(handheld, "3")
    snap(handheld, "handheld-keypad-en")
    handheld.get_by_test_id("keypad-ok").click()
    expect(handheld.get_by_test_id("done")).to_be_visible()
    sent(handheld)
    told = stage.get("/stage/work")
    packet = told["packets"][str(PICK.id)]
    assert packet["step"] is None
    assert packet["counts"] == {"2.item": 1, "1.item": 1, "left": 3}
    assert [call["step"] for call in told["calls"]] == ["1.item"]


def test_serials_are_listed_and_a_picture_follows_when_it_can(
    stage: StageHand, handheld: Page, snap: Snapper, tmp_path: Path
):
    stage.hand_in(COUNT)
    handheld.get_by_test_id("next").click()
    handheld.wait_for_selector("[data-view=work]")
    handheld.context.set_offline(True)
    scan(handheld, "010491234567890421SN-1")
    scan(handheld, "SN-2")
    scan(handheld, "]d2010491234567890421SN-1")
    expect(handheld.get_by_test_id("problem")).to_contain_text("scanned already")
    expect(handheld.get_by_test_id("units").locator("li")).to_have_count(2)
    expect(handheld.get_by_test_id("count")).to_have_text("2")
    snap(handheld, "handheld-serials-en")
    scan(handheld, "CMD:DONE")
    step_is(handheld, "photo")
    taken = tmp_path / "damage.jpg"
    taken.write_bytes(picture())
    handheld.get_by_test_id("photo").set_input_files(taken)
    expect(handheld.get_by_test_id("net")).to_have_attribute("data-pending", "5")
    handheld.context.set_offline(False)
    sent(handheld)
    told = stage.get("/stage/work")
    evidence = told["packets"][str(COUNT.id)]["choices"]["photo"]
    assert 1_000 < told["photos"][evidence] < 300_000


def test_what_only_the_server_knows_waits_and_other_work_goes_on(
    stage: StageHand, handheld: Page, snap: Snapper
):
    stage.hand_in(RECEIVE)
    handheld.get_by_test_id("next").click()
    handheld.wait_for_selector("[data-view=work]")
    scan(handheld, NOBODY)
    expect(handheld.get_by_test_id("problem")).to_contain_text("Nobody knows NOBODY")
    scan(handheld, "4912345678904")
    step_is(handheld, "1.item.more")
    handheld.get_by_test_id("undo").click()
    step_is(handheld, "1.item")
    sent(handheld)
    stage.hand_in(PICK)
    stage.tell(f"lost/{RECEIVE.id}")  # while the device is away, somebody else takes it
    handheld.context.set_offline(True)
    scan(handheld, "4900000000016")
    expect(handheld.locator("[data-said='h.needs_connection']")).to_be_visible()
    snap(handheld, "handheld-needs-connection-en")
    handheld.context.set_offline(False)
    scan(handheld, "4900000000016")
    expect(handheld.get_by_test_id("lost")).to_contain_text("no longer yours")
    snap(handheld, "handheld-lost-en")
    scan(handheld, "CMD:NEXT")
    step_is(handheld, "1.place")
    scan(handheld, "CMD:LOOKUP")
    scan(handheld, "T-4711")
    expect(handheld.get_by_test_id("found")).to_contain_text("A03-07-2")
    scan(handheld, "CMD:BACK")
    scan(handheld, "A-01-01")
    scan(handheld, "CMD:BACK")  # begun, so it stays in hand
    handheld.get_by_test_id("parked").click()
    step_is(handheld, "1.item")
    scan(handheld, "CMD:BACK")
    scan(handheld, "T-4711")
    handheld.locator("[data-start=putaway]").click()
    step_is(handheld, "place")
    scan(handheld, "47")
    expect(handheld.get_by_test_id("done")).to_be_visible()


def test_a_new_scanner_is_tried_and_a_camera_reads_too(
    handheld: Page, snap: Snapper, tmp_path: Path
):
    handheld.evaluate("localStorage.removeItem('soko.scanner')")
    handheld.get_by_test_id("scanner-test").click()
    for typed in ("SOKO-TEST-1", "SOKO-QR-2", "010491234567890410L-7~21S-9"):
        handheld.wait_for_selector("[data-scanner=ready]")
        handheld.keyboard.type(typed)
        handheld.keyboard.press("Enter")
    expect(handheld.get_by_text("GS arrives as ~")).to_be_visible()
    snap(handheld, "handheld-trial-en")
    scan(handheld, "BADGE-7")
    scan(handheld, "CMD:DONE")
    handheld.get_by_test_id("trial-end").click()
    kept = handheld.evaluate("JSON.parse(localStorage.getItem('soko.scanner'))")
    assert kept == {"suffix": "enter", "gs": "~", "tested": True}

    label = tmp_path / "label.jpg"
    label.write_bytes(picture())
    handheld.get_by_role("button", name="Scan with the camera").click()
    handheld.get_by_test_id("camera-file").set_input_files(label)
    expect(handheld.get_by_text("A-01-01: nobody knows this code.")).to_be_visible()
    scan(handheld, "カタカナ")
    expect(handheld.locator("[data-said='h.ime']")).to_be_visible()


@pytest.mark.parametrize("lang", ["ja", pytest.param("en", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("look", ["dark", pytest.param("light", marks=pytest.mark.nightly)])
def test_every_screen_is_legible_and_fits(
    stage: StageHand, open_page: Opener, snap: Snapper, lang: str, look: str
):
    page = open_page(f"{stage.address}/ui/h?lang={lang}&look={look}&sim=1", **SIZE, touch=True)
    expect(page.get_by_test_id("next")).to_be_visible()
    page.add_script_tag(path=AXE)
    look_at(page, snap, f"home-{lang}-{look}")
    for packet, codes in ((PICK, ["A-01-01", "TEA", "TEA", "A-01-02", "RICE", "SLOT-B"]),
                          (COUNT, ["SN-1"]), (RECEIVE, [])):  # fmt: skip
        stage.hand_in(packet)
        if page.get_by_test_id("next").count() == 0:
            scan(page, "CMD:BACK")
        stage.tell("reset")
        stage.hand_in(packet)
        page.get_by_test_id("next").click()
        page.wait_for_selector("[data-view=work]")
        for n, code in enumerate(["", *codes]):
            if code:
                scan(page, code)
            step = page.get_by_test_id("task").get_attribute("data-step")
            look_at(page, snap, f"{packet.kind}-{n}-{step}-{lang}-{look}")
    page.context.set_offline(True)
    scan(page, "4900000000016")  # only the server knows it
    expect(page.locator("[data-said='h.needs_connection']")).to_be_visible()
    expect(page.locator(".net.bad")).to_be_visible()
    look_at(page, snap, f"offline-{lang}-{look}")
    page.get_by_test_id("exceptions").click()
    look_at(page, snap, f"sheet-{lang}-{look}")


def look_at(page: Page, snap: Snapper, name: str) -> None:
    """Nothing serious for axe; nothing to scroll sideways on small and on larger devices."""
    for width, height in ((320, 480), (720, 1280), (SIZE["width"], SIZE["height"])):
        page.set_viewport_size({"width": width, "height": height})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name}: {wide} px on a screen of {width}"
    snap(page, f"handheld-{name}")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert not serious, name
