"""People at the control room tell machines what to do: in two steps, with a reason, and see it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browser import Opener, Snapper
from tests.web.played_site import PlayedSite, playing
from tests.web.test_masters import serious
from tests.wms.house import House
from wcs.messages import AreaHold, RobotHold, SafetyConfirmed


@pytest.fixture
def site(real_soko: str, broker: str, tmp_path: Path) -> Iterator[PlayedSite]:
    assert real_soko
    with playing(broker, tmp_path / "clock") as site:
        yield site


def ask(page: Page, deed: str, reason: str) -> None:
    """The first step: what is wanted, and why."""
    page.locator(f"[data-deed={deed}]").click()
    form = page.get_by_test_id("why")
    form.locator("[name=reason]").fill(reason)
    form.locator("[data-act=ask]").click()


def confirm(page: Page) -> None:
    """The second."""
    page.get_by_test_id("confirm").locator("[data-act=confirm]").click()


def test_a_robot_is_held_and_let_go_on_in_two_steps_with_a_reason(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    page = open_page(f"{real_soko}/ui/control?lang=en")
    page.locator("[data-robot=R-05]").click()
    plate = page.get_by_test_id("faceplate")
    expect(plate).to_contain_text("R-05")
    ask(page, "HOLD", "a spill")
    waits = page.get_by_test_id("confirm")
    expect(waits).to_contain_text("a spill")
    snap(page, "control-confirm-en")
    assert house.said() == [], "asked for is not told"
    other = open_page(f"{real_soko}/ui/control?lang=ja&look=dark")  # somebody else sees it too
    expect(other.get_by_test_id("confirm")).to_contain_text("R-05")
    assert serious(other) == []
    confirm(other)
    sent = other.get_by_test_id("sent")
    expect(sent).to_have_attribute("data-state", "sent")  # the robot has not said so
    expect(waits).to_have_count(0)
    (hold,) = house.said()
    assert isinstance(hold, RobotHold)
    assert (hold.robot, hold.held, hold.cancel, hold.reason) == ("R-05", True, False, "a spill")
    site.also("R-05", paused=True)
    expect(sent).to_have_attribute("data-state", "seen")
    expect(plate.get_by_test_id("held")).to_be_visible()
    snap(other, "control-held-ja-dark")

    ask(page, "GO_ON", "mopped")
    confirm(page)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "sent")
    (go_on,) = house.said()
    assert isinstance(go_on, RobotHold)
    assert (go_on.robot, go_on.held, go_on.reason) == ("R-05", False, "mopped")
    site.also("R-05", paused=False)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "seen")


@pytest.mark.nightly
def test_an_area_is_closed_and_opened_and_an_order_taken_back(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    page = open_page(f"{real_soko}/ui/control?lang=ja")
    west = page.locator("[data-area='storage west']")
    expect(west).to_have_attribute("data-closed", "false")
    west.locator("button[data-deed=CLOSE]").click()
    form = west.get_by_test_id("why")
    form.locator("[name=reason]").fill("清掃")
    form.locator("[data-act=ask]").click()
    assert house.said() == []
    confirm(page)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "sent")
    (close,) = house.said()
    assert isinstance(close, AreaHold)
    assert (close.area, close.held, close.reason) == ("storage west", True, "清掃")
    site.closed = ("storage west",)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "seen")
    expect(west.locator("button[data-deed=OPEN]")).to_be_visible()
    snap(page, "control-area-ja")
    assert serious(page) == []

    site.also("R-04", transport="t-1", load=None)
    page.locator("[data-robot=R-04]").click()
    ask(page, "WITHDRAW", "破損")
    confirm(page)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "sent")
    (taken,) = house.said()
    assert isinstance(taken, RobotHold)
    assert (taken.robot, taken.withdraw, taken.held, taken.cancel) == ("R-04", True, False, False)
    site.also("R-04", transport=None)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "seen")
    snap(page, "control-withdrawn-ja")


def test_the_last_hour_stands_against_the_plan(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    assert site.stops == ()
    assert house.ok(house.http.get("/console/v1/hour")) == []
    page = open_page(f"{real_soko}/ui/control?lang=en&look=dark")
    pick = page.locator("[data-kind=pick]")
    expect(pick).to_contain_text("plan 40")
    expect(pick).to_have_attribute("data-behind", "true")
    expect(pick).to_contain_text("▲")  # not by colour alone
    snap(page, "control-hour-en-dark")


@pytest.mark.nightly
def test_a_drive_is_taken_away_or_left_alone(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    page = open_page(f"{real_soko}/ui/control?lang=ja")
    page.locator("[data-robot=R-03]").click()
    ask(page, "CANCEL", "修理")
    page.get_by_test_id("confirm").locator("[data-act=dismiss]").click()
    expect(page.get_by_test_id("confirm")).to_have_count(0)
    assert house.said() == []
    ask(page, "CANCEL", "修理")
    snap(page, "control-cancel-ja")
    confirm(page)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "sent")
    (cancel,) = house.said()
    assert isinstance(cancel, RobotHold)
    assert (cancel.robot, cancel.cancel) == ("R-03", True)
    site.also("R-03", why="cancelled", state="FAULT")
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "seen")
    expect(page.locator("[data-deed=CANCEL]")).to_have_count(0)
    expect(page.locator("[data-deed=GO_ON]")).to_have_count(1)


@pytest.mark.nightly
def test_after_an_emergency_stop_the_screen_says_that_it_is_safe_only_after_the_reset(
    house: House, site: PlayedSite, real_soko: str, open_page: Opener, snap: Snapper
):
    site.stop("hall", reset=False)
    page = open_page(f"{real_soko}/ui/control?lang=en")
    stands = page.get_by_test_id("stops")
    expect(stands).to_contain_text("Not reset yet")
    assert stands.get_by_role("button").count() == 0
    buttons = " ".join(page.get_by_role("button").all_inner_texts())
    assert not re.search(r"emergency|e-stop", buttons, re.IGNORECASE), "a stop is no web button"
    snap(page, "control-stopped-en")
    site.stop("hall", reset=True)
    ask(page, "SAFE", "everybody is out")
    confirm(page)
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "sent")
    (safe,) = house.said()
    assert isinstance(safe, SafetyConfirmed)
    assert (safe.circuit, safe.reason) == ("hall", "everybody is out")
    site.stops = ()
    expect(page.get_by_test_id("sent")).to_have_attribute("data-state", "seen")
    expect(stands).to_have_count(0)
