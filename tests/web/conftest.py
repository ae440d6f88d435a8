"""A browser and a stage for the screens. The browser is Debian's chromium."""

import fcntl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import hatch_build
from edge.broker import broker_child, url_of
from edge.clock import ScaledClock
from tests.web.browser import (
    CHROMIUM,
    FLAGS,
    ROOT,
    SHOTS,
    Opener,
    Snapper,
    StageHand,
    free_port,
    needs,
    soko_serve,
    staging,
)
from tests.web.floor_world import World, world_of
from tests.wms.house import House
from wms.database import Database
from wms.orders import laws
from wms.stock.verify import LAWS, verify

expect.set_options(timeout=15_000)  # it ends as soon as it is so; a busy machine takes its time


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
    with staging() as address:
        yield address


@pytest.fixture
def stage(stage_server: str) -> Iterator[StageHand]:
    hand = StageHand(stage_server)
    hand.tell("reset")
    yield hand
    hand.tell("resume")


@pytest.fixture
def house(database: Database) -> Iterator[House]:
    """A small network in a database of its own; afterwards its books must be right."""
    house = House(database)
    yield house
    house.http.close()
    report = database.run(lambda session: verify(session, (*LAWS, *laws.LAWS)))
    assert report.clean, report


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with broker_child(tmp_path_factory.mktemp("broker"), port=port):
        yield url_of(port)


@pytest.fixture
def real_soko(
    house: House, database_url: str, broker: str, built_screens: Path, tmp_path: Path
) -> Iterator[str]:
    """`soko serve` over the house, its clock running on from the house's time; the address."""
    assert built_screens.is_dir()
    clock = tmp_path / "clock"
    ScaledClock.start(clock, at=house.clock.now() + timedelta(hours=1), speed=1.0)
    with soko_serve(database_url, broker, clock) as address:
        yield address


@pytest.fixture
def world(
    database: Database, database_url: str, broker: str, built_screens: Path, tmp_path: Path
) -> Iterator[World]:
    """A floor with all that flows need, and `soko serve` over it."""
    assert built_screens.is_dir()
    with world_of(database, database_url, broker, tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser a module: while Playwright runs, no asyncio test of this worker could."""
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
        context.set_default_navigation_timeout(30_000)  # a server that has just begun
        contexts.append(context)
        # These scanners send Enter, as a used device knows: a slow machine may stutter in a code.
        context.add_init_script("try { localStorage.setItem('soko.scanner', 'enter') } catch {}")
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser on a busy machine is slow; what a test waits for has its own, shorter limits."""
    for item in items:
        if "/web/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(180))
