"""Click and collect on the real thing: fetched, bagged, handed over, put back; both tongues."""

import pytest
from playwright.sync_api import expect

from tests.web.browser import Opener
from tests.web.floor_world import LANGS, World
from tests.web.hands import SIZE, Film, Hand, filmed
from tests.web.test_handheld import scan
from tests.wms.collect.counter import Counter
from tests.wms.house import GINZA

IN_BOTH = pytest.mark.parametrize("lang", LANGS)


class Store(Hand):
    """A phone at the counter."""

    def card(self, number: str) -> None:
        """Open what the queue has under that number."""
        self.page.locator("[data-to=queue]").click()
        self.page.locator(f"[data-number={number}]").click()
        self.page.get_by_test_id("one").wait_for()

    def act(self, name: str) -> None:
        """Press what may be done with it."""
        self.page.locator(f"[data-act={name}]").click()

    def counter(self) -> None:
        """Where customers come."""
        self.page.locator("[data-to=handover]").click()
        self.page.locator("[name=code]").wait_for()

    def trouble(self, code: str) -> None:
        """That is said against it."""
        said = self.page.get_by_test_id("trouble")
        expect(said).to_have_attribute("data-code", code)
        self.film.look(self.page, code)

    def given(self) -> None:
        """The bag is out of the house."""
        expect(self.page.get_by_test_id("handed")).to_be_visible()
        self.film.look(self.page, "handed")


def at_the_counter(world: World, open_page: Opener, film: Film, lang: str) -> Store:
    query = f"site={GINZA}&lang={lang}&device=hh-1&operator=hana"
    page = open_page(f"{world.soko}/ui/store?{query}", **SIZE, touch=True)
    page.locator("[data-number]").first.wait_for()
    film.look(page, "queue")
    return Store(page, film, device="hh-1", operator="hana")


@pytest.mark.nightly
@IN_BOTH
def test_bags_are_fetched_kept_and_given_to_who_shows_the_code(  # noqa: PLR0915 - one walk
    world: World, open_page: Opener, lang: str
):
    counter = Counter(world.house)
    world.goods("TEA", "CUP", "RICE")
    world.stock("TEA", 5, "FLOOR-1", site=GINZA)
    world.stock("CUP", 5, "BACK-1", site=GINZA)
    world.sync()
    order = counter.collect(("TEA", 2), ("CUP", 2))
    number = counter.of(order)["number"]
    with filmed("collect", world.soko, open_page, GINZA, lang) as hands:
        store = at_the_counter(world, open_page, hands.film, lang)
        store.card(number)
        store.film.look(store.page, "one")
        store.act("accept")
        store.act("prepare")
        store._begun()
        store.refused("B-99-99", "wrong_scan")
        while store.step.rpartition(".")[2] in {"place", "item"}:
            if store.step.endswith("item") and store.code() == "CUP":
                store.scan("CUP")
                store.odd("short", 1)  # one is nowhere: it is wanted again elsewhere
            else:
                store.go_on()
        store.confirm()  # the label is printed
        bag = store.code()
        store.refused("BAG-0", "wrong_scan")
        store.scan(bag)
        store.refused("FLOOR-1", "wrong_scan")
        store.scan("P-01")
        store.film.look(store.page, "prepared")
        ready = store.page.locator(f"[data-number={number}] .timer")
        expect(ready).to_have_attribute("data-mood", "ready")
        store.film.look(store.page, "ready")
        world.go()
        store.counter()
        store.film.look(store.page, "counter")
        scan(store.page, "482913")
        store.trouble("choose_bag_first")
        scan(store.page, counter.qr(order))
        expect(store.page.get_by_test_id("slot")).to_have_text("P-01")
        store.film.look(store.page, "slot")
        scan(store.page, "BAG-0")
        store.trouble("wrong_scan")
        scan(store.page, bag)
        store.given()
    assert world.house.stock_row("TEA", GINZA)["sellable"] == 3


@pytest.mark.nightly
@IN_BOTH
def test_what_was_reserved_is_paid_and_what_nobody_fetches_goes_back(
    world: World, open_page: Opener, lang: str
):
    counter = Counter(world.house)
    world.goods("TEA", "CUP")
    world.stock("TEA", 5, "FLOOR-1", site=GINZA)
    world.stock("CUP", 5, "BACK-1", site=GINZA)
    world.sync()
    kept, left = counter.reserve(("TEA", 1)), counter.collect(("CUP", 1))
    counter.ready(kept)
    with filmed("reserve", world.soko, open_page, GINZA, lang) as hands:
        store = at_the_counter(world, open_page, hands.film, lang)
        store.counter()
        number = counter.of(kept)["number"]
        store.page.locator(f"[data-ready={number}]").click()
        expect(store.page.get_by_test_id("slot")).to_be_visible()
        scan(store.page, "111111")
        expect(store.page.get_by_test_id("given")).to_be_disabled()
        store.film.look(store.page, "till")
        store.page.locator("[name=till]").fill("R-88")
        store.page.keyboard.press("Enter")
        store.page.get_by_test_id("given").click()
        store.trouble("wrong_pickup_code")
        scan(store.page, counter.code(kept))
        store.given()
        number = counter.of(left)["number"]
        store.card(number)
        store.act("reject")
        store.film.look(store.page, "reject")
        store.page.locator("[data-reason=damaged]").click()
        store.page.locator(f"[data-number={number}]").wait_for(state="detached")
    assert world.house.stock_row("TEA", GINZA)["sellable"] == 4


@pytest.mark.nightly
@IN_BOTH
def test_a_bag_that_nobody_fetches_is_put_back(world: World, open_page: Opener, lang: str):
    counter = Counter(world.house)
    world.goods("TEA")
    world.stock("TEA", 5, "FLOOR-1", site=GINZA)
    world.sync()
    order = counter.collect(("TEA", 2))
    counter.ready(order)
    number = counter.of(order)["number"]
    world.later(days=30)
    counter.go()
    with filmed("floor", world.soko, open_page, GINZA, lang) as hands:
        store = at_the_counter(world, open_page, hands.film, lang)
        store.card(number)
        store.film.look(store.page, "one")
        store.act("put-back")
        store._begun()
        store.refused("BAG-0", "wrong_scan")
        store.until("")
        expect(store.page.locator("[data-to=queue]")).to_be_visible()
    assert world.house.stock_row("TEA", GINZA)["sellable"] == 5
