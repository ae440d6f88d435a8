"""The control room: robots move, one can be followed, old data looks old, both languages."""

import pytest
from playwright.sync_api import expect

from tests.web.browser import Opener, Snapper, StageHand

CANVAS_CHANGES = """() => {
    const now = document.querySelector('.map > canvas').toDataURL();
    window.first ??= now;
    return window.first !== now;
}"""
ROBOTS_MOVE = """() => {
    const now = [...document.querySelectorAll('[data-robot]')].map((each) => each.dataset.at);
    window.places ??= now;
    return now.filter((each, index) => each !== window.places[index]).length >= 5;
}"""


def test_robots_move_on_the_map(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/control?lang=en")
    expect(page.get_by_test_id("net")).to_contain_text("live")
    expect(page.locator("[data-robot]")).to_have_count(30)
    page.wait_for_function(ROBOTS_MOVE)
    page.wait_for_function(CANVAS_CHANGES)
    expect(page.get_by_role("heading", name="TYO1")).to_be_visible()
    snap(page, "control-en")


def test_a_robot_is_followed_and_let_go(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/control?lang=ja&look=dark")
    page.locator("[data-robot=R-18]").click()
    plate = page.get_by_test_id("faceplate")
    expect(plate).to_contain_text("R-18")
    place = plate.get_by_test_id("position").inner_text()
    expect(plate.get_by_test_id("position")).not_to_have_text(place)
    snap(page, "control-ja-dark")
    plate.get_by_role("button", name="閉じる").click()
    expect(page.get_by_test_id("fleet")).to_be_visible()


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "2 of 6: T-7001, T-7002"), ("ja", "6 枠中 2： T-7001, T-7002")]
)
def test_of_a_robot_with_slots_all_loads_are_named(
    stage: StageHand, open_page: Opener, lang: str, said: str
):
    page = open_page(f"{stage.address}/ui/control?lang={lang}")
    page.locator("[data-robot=R-20]").click()
    expect(page.get_by_test_id("loads")).to_have_text(said)


def test_there_is_no_emergency_stop_button(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/control?lang=en")
    expect(page.locator("[data-robot]")).to_have_count(30)
    page.locator("[data-robot=R-05]").click()
    buttons = page.get_by_role("button").all_inner_texts()
    assert not [name for name in buttons if "emergency" in name.lower() or "e-stop" in name.lower()]
    deeds = page.get_by_test_id("faceplate").locator("[data-deed]")
    expect(deeds.first).to_have_text("Stand still …")
    expect(deeds.nth(1)).to_have_text("Take its drive away …")
    assert deeds.count() <= 3  # an order may be taken back that it has not begun


def test_old_data_is_greyed_out_and_says_so(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/control?lang=en")
    board = page.get_by_test_id("map")
    expect(board).to_have_attribute("data-stale", "false")
    stage.tell("pause")
    expect(board).to_have_attribute("data-stale", "true", timeout=8000)
    expect(board).to_contain_text("Old data")
    expect(page.get_by_test_id("net")).to_contain_text("old data")
    snap(page, "control-stale")
    stage.tell("resume")
    expect(board).to_have_attribute("data-stale", "false", timeout=8000)


def test_alarms_are_listed_by_priority_with_what_to_do(stage: StageHand, open_page: Opener):
    page = open_page(f"{stage.address}/ui/control?lang=ja")
    rows = page.locator(".alarms li")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("異常停止")
    expect(rows.first).to_contain_text("■")
    rows.first.get_by_role("button").click()
    expect(page.get_by_test_id("faceplate")).to_contain_text("R-08")


def test_the_language_changes_in_place(stage: StageHand, open_page: Opener, snap: Snapper):
    page = open_page(f"{stage.address}/ui/control?lang=en")
    expect(page.get_by_test_id("figures")).to_contain_text("Gate passages")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("figures")).to_contain_text("ゲート通過")
    assert page.evaluate("document.documentElement.lang") == "ja"
    snap(page, "control-ja")


@pytest.mark.parametrize("width", [1024, 420])
def test_small_windows_show_everything_too(
    stage: StageHand, open_page: Opener, snap: Snapper, width: int
):
    page = open_page(f"{stage.address}/ui/control?lang=en", width=width, height=800)
    expect(page.locator("[data-robot]")).to_have_count(30)
    expect(page.locator("[data-testid=figures] .card h2 b").first).not_to_have_text("0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    snap(page, f"control-{width}")
    stage.tell("pause")  # then it says in words how old the picture is
    expect(page.locator("[data-testid=map]")).to_have_attribute("data-stale", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
