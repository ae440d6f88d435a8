"""A browser and a stage for the screens. The browser is Debian's chromium."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import hatch_build
from tests.web.browser import (
    CHROMIUM,
    FLAGS,
    ROOT,
    SHOTS,
    Opener,
    Snapper,
    StageHand,
    needs,
    serving,
)


@pytest.fixture(scope="session")
def built_screens() -> Path:
    """The screens, built if something changed; one worker builds, the others wait."""
    with (ROOT / "web" / "package.json").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        hatch_build.build()
    return ROOT / hatch_build.BUILT


@pytest.fixture(scope="session")
def stage_server(built_screens: Path) -> Iterator[str]:
    assert built_screens.is_dir()
    with serving("tests.web.stage:app") as address:
        yield address


@pytest.fixture
def stage(stage_server: str) -> Iterator[StageHand]:
    hand = StageHand(stage_server)
    hand.tell("reset")
    yield hand
    hand.tell("resume")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    needs(CHROMIUM, "chromium", "fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Opener]:
    """Open an address in a fresh browser profile; a script's error fails the test."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def opened(url: str, *, width: int = 1440, height: int = 810, touch: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale="en-GB", has_touch=touch
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def snap() -> Snapper:
    """Keep a picture of the page under a name, for people to look at."""

    def snapped(page: Page, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png")

    return snapped
