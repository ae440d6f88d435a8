"""Whose device, who is at it, and when it is shut: pairing, badge, PIN, lock, on the real thing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.builders import an_id
from tests.web.browser import Opener
from tests.web.floor_world import LANGS, World, world_of
from tests.web.hands import Hand, filmed
from tests.web.test_handheld import scan
from tests.web.test_handheld_steps import press, sent
from tests.wms.house import HUB, House
from wms.database import Database

IN_BOTH = pytest.mark.parametrize("lang", LANGS)
SIZE = {"width": 360, "height": 640}
PIN, WRONG, PINS = "4711", "0000", 5


@pytest.fixture
def shut_world(
    database: Database, database_url: str, broker: str, built_screens: Path, tmp_path: Path
) -> Iterator[World]:
    """A floor whose handhelds must be paired and whose people must sign in."""
    assert built_screens.is_dir()
    with world_of(database, database_url, broker, tmp_path, SOKO_HANDHELD="paired") as world:
        yield world


def office(world: World, method: str, path: str, **body: Any) -> Any:
    """What the office does, at the server's own door."""
    return House.ok(httpx2.request(method, f"{world.soko}{path}", json=body, timeout=60))


def people(world: World, *codes: str, lang: str) -> None:
    """Operators with a badge and a PIN."""
    for code in codes:
        who = {"code": code, "name": f"{code} san", "badge": f"BADGE-{code}", "pin": PIN}
        office(world, "PUT", f"/console/v1/operators/{an_id()}", **who, languages=[lang])


def new_code(world: World, device: object) -> str:
    """The pairing code that the office shows."""
    body = {"command_id": str(an_id())}
    return str(office(world, "POST", f"/console/v1/devices/{device}:pairing", **body)["code"])


def says(page: Page, problem: str) -> None:
    """That is said against it."""
    expect(page.get_by_test_id("problem")).to_have_attribute("data-code", problem)


def enter(page: Page, pin: str) -> None:
    """Type a PIN and give it; the server has answered."""
    press(page, pin)
    with page.expect_response("**/api/v1/people/sign-in"):
        page.get_by_test_id("keypad-ok").click()


@pytest.mark.nightly
@IN_BOTH
def test_a_device_is_paired_opened_passed_round_locked_and_shut_out(  # noqa: PLR0915 - one walk
    shut_world: World, open_page: Opener, lang: str
):
    world, device = shut_world, an_id()
    people(world, "hana", "ken", "mio", lang=lang)
    office(world, "PUT", f"/console/v1/devices/{device}", name="hh-7", site=HUB)
    world.goods("TEA")
    world.stock("TEA", 10, "P01-01")
    world.house.channel(style={"mode": "SINGLE"})
    world.house.put_order(("TEA", 3))
    world.go()
    with filmed("entry", world.soko, open_page, HUB, lang) as hands:
        page = open_page(f"{world.soko}/ui/h?lang={lang}", **SIZE, touch=True)
        hand = Hand(page, hands.film, device="hh-7", operator="hana")
        look = hands.film.look
        page.get_by_test_id("next").click()  # nobody has paired it
        page.locator("[data-sheet=lock]").wait_for()
        look(page, "nobody")
        scan(page, "BADGE-hana")
        page.locator("[data-sheet=pair]").wait_for()
        look(page, "pair")
        scan(page, "NOCODE77")
        says(page, "pairing_over")
        look(page, "no such code")
        scan(page, f"https://soko.example/ui/h#pair={new_code(world, device)}")  # the QR
        page.locator("[data-sheet=lock]").wait_for()
        scan(page, "BADGE-nobody")
        enter(page, PIN)
        says(page, "sign_in_failed")
        scan(page, "BADGE-hana")
        expect(page.get_by_test_id("problem")).to_have_count(0)
        press(page, WRONG)
        look(page, "pin")
        enter(page, "")
        says(page, "sign_in_failed")
        look(page, "wrong pin")
        enter(page, PIN)
        page.wait_for_selector("[data-view=work]")  # what was asked for before
        look(page, "signed in")
        hand.scan("P01-01", "TEA")
        sent(page)
        scan(page, "CMD:LOCK")
        page.locator("[data-sheet=lock]").wait_for()
        look(page, "locked")
        scan(page, "BADGE-ken")  # the next user: hana's task stays hers
        enter(page, PIN)
        expect(page.locator(".who")).to_contain_text("ken san")
        scan(page, "BADGE-hana")  # back with the badge alone
        expect(page.locator(".who")).to_contain_text("hana san")
        hand.take()
        hand.counts(1)
        world.later(minutes=16)  # left alone: the server locks as well
        people(world, "aoi", lang=lang)  # who was remembered is looked up anew
        scan(page, "TEA")
        page.locator("[data-sheet=lock]").wait_for()
        scan(page, "BADGE-hana")
        page.locator("[data-sheet=lock]").wait_for(state="detached")
        hand.counts(2)
        hand.until("")
        hand.done()
        scan(page, "BADGE-mio")
        for _ in range(PINS):
            enter(page, WRONG)
            says(page, "sign_in_failed")
        enter(page, PIN)
        says(page, "entry_shut")
        look(page, "too often")
        page.get_by_text("戻る" if lang == "ja" else "Back").last.click()
        office(world, "POST", f"/console/v1/devices/{device}:revoke", command_id=str(an_id()))
        page.get_by_test_id("next").click()
        page.locator("[data-sheet=lock]").wait_for()
        scan(page, "BADGE-hana")
        page.locator("[data-sheet=pair]").wait_for()
        look(page, "shut out")
    assert world.house.stock_row("TEA")["picked"] == 3
