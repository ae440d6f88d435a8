"""Flows that bring goods in and keep them, on the real thing: to the end, with what goes wrong."""

from pathlib import Path

import pytest

from tests.web.browser import Opener
from tests.web.floor_world import LANGS, World
from tests.web.hands import filmed
from tests.web.test_handheld_steps import picture
from tests.wms.house import GINZA, HUB
from tests.wms.returns.customers import back, delivered, line, news, put_return, say
from tests.wms.supply import arrivals, put_transfer, send

IN_BOTH = pytest.mark.parametrize("lang", LANGS)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture as a phone takes one."""
    taken = tmp_path / "damage.jpg"
    taken.write_bytes(picture())
    return taken


@pytest.mark.nightly
@IN_BOTH
def test_a_truck_is_received_with_all_that_is_odd(  # noqa: PLR0915 - one walk
    world: World, open_page: Opener, lang: str, photo: Path
):
    dock = world.dock
    world.goods("TEA", "RICE")
    world.goods("MILK", tracking="LOT", shelf_life_days=20)
    world.goods("TV", tracking="SERIAL")
    asn = dock.announce(("TEA", 12), ("MILK", 6), ("TV", 2))
    number = dock.asn(asn)["number"]
    with filmed("receive", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("inbound")
        hand.start(number, "inbound")
        hand.refused("NOBODY-KNOWS", "unknown_goods")
        hand.odd("unknown")
        hand.photo(photo)
        hand.scan("TEA")
        hand.scan("TEA")
        hand.typed(13)  # one more than was announced
        hand.confirm()
        hand.say("OK")
        hand.odd("correct")  # it was twelve
        hand.scan("TEA", "TEA")
        hand.typed(12)
        hand.confirm()
        hand.say("OK")
        hand.scan("MILK")
        hand.scan("L-77")
        hand.refused("tomorrow", "not_a_day")
        hand.scan("20270630")
        hand.scan("MILK")
        hand.typed(5)
        hand.confirm()
        hand.say("DAMAGED")
        hand.photo(photo)
        hand.scan("TV", "SN-1")
        hand.refused("SN-1", "scanned_twice")
        hand.scan("SN-2")
        hand.confirm()
        hand.say("QUARANTINE")
        hand.confirm()  # without a picture
        hand.odd("finish")
        hand.say("CLOSE")
        hand.done()
        blind = hands.at("inbound", device="hh-2", operator="ken")
        blind.page.locator("[data-start=blind]").click()
        blind._begun()
        blind.scan("RICE", "RICE")
        blind.confirm()
        blind.say("OK")
        blind.odd("finish")
        blind.say("CLOSE")
        blind.done()
    assert [dock.line(asn, no)["received"] for no in (1, 2, 3)] == [12, 0, 0]


@pytest.mark.nightly
@IN_BOTH
def test_goods_are_put_away_where_there_is_room(world: World, open_page: Opener, lang: str):
    dock = world.dock
    world.goods("TEA", "RICE")
    dock.places(*({"code": f"B-0{n}", "max_units": 30} for n in (1, 2, 3, 4)))
    dock.rules({"name": "bulk", "zones": ["BULK"], "prefer": ["SAME_SKU", "EMPTY"]})
    world.sync()
    person = dock.receive(dock.announce(("TEA", 12), ("RICE", 3)), device="hh-9")
    person.take("TEA", 12)
    person.take("RICE", 3)
    person.finish("CLOSE")
    with filmed("putaway", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("putaway")
        hand.take()
        goods = hand.code()
        hand.refused("CUP", "wrong_scan")
        hand.scan(goods)
        first = hand.big
        hand.refused("P01-01", "wrong_scan")
        hand.odd("full")
        hand.confirm()
        assert hand.big != first
        second = hand.big
        hand.odd("blocked")
        hand.confirm()
        assert hand.big not in {first, second}
        hand.check(world.check(hand.big))
        if hand.page.get_by_test_id("task").count():
            hand.scan(hand.code())
            hand.odd("full", 2)
        hand.done()
        for _ in range(2):
            hand.take()
            hand.until("")
            hand.done()
    assert sum(dock.at(place) for place in ("B-01", "B-02", "B-03", "B-04", "BULK-1")) == 15


@pytest.mark.nightly
@IN_BOTH
def test_a_place_is_counted_twice_by_two_people(world: World, open_page: Opener, lang: str):
    world.goods("TEA", "RICE")
    world.stock("TEA", 10, "P01-01")
    world.stock("RICE", 4, "P01-01")
    with filmed("count", world.soko, open_page, HUB, lang) as hands:
        hana = hands.at("count")
        hana.start("P01-01", "count")
        hana.refused("P01-02", "wrong_scan")
        hana.scan("P01-01", "TEA")
        hana.typed(7)
        hana.undo()
        hana.typed(7)
        hana.scan("RICE", "RICE", "RICE", "RICE", "MYSTERY")
        hana.confirm()
        hana.confirm()
        hana.done()
        hana.start("P01-01", "count")
        hana.refused("P01-01", "count_other_person")
        world.later(hours=1)
        hana.home()
        ken = hands.at("count", device="hh-2", operator="ken")
        ken.take()
        ken.scan("P01-01", "TEA")
        ken.typed(7)
        ken.scan("RICE", "RICE", "RICE", "RICE")
        ken.confirm()
        ken.confirm()
        ken.done()
    assert world.house.stock_row("TEA")["unknown"] == 3


@pytest.mark.nightly
@IN_BOTH
def test_a_face_is_filled_before_it_runs_dry(world: World, open_page: Opener, lang: str):
    world.goods("TEA")
    world.stock("TEA", 40, "BULK-1")
    world.stock("TEA", 2, "P01-01")
    world.put(f"/console/v1/pick-faces/{HUB}/P01-01/TEA", low=5, high=20)
    world.go("replenish")
    (wanted,) = world.house.ok(world.house.http.get("/console/v1/proposals"))
    body = {"command_id": str(world.dock.new_id())}
    answer = world.house.http.post(f"/console/v1/proposals/{wanted['id']}:approve", json=body)
    assert answer.status_code < 300, answer.text
    with filmed("replenish", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("replenish")
        hand.take()
        hand.refused("P01-01", "wrong_scan")
        hand.scan("BULK-1", "TEA")
        hand.odd("short", 12)
        hand.scan("P01-01")
        hand.done()
    assert world.dock.at("P01-01") == 14


@pytest.mark.nightly
@IN_BOTH
def test_a_transfer_arrives_with_something_missing(world: World, open_page: Opener, lang: str):
    world.goods("TEA", "CUP")
    world.stock("TEA", 20, "S01-01")
    world.stock("CUP", 20, "S02-01")
    put_transfer(world.house, HUB, GINZA, ("TEA", 8), ("CUP", 2))
    world.sync()
    send(world.house, HUB)
    (coming,) = arrivals(world.house, GINZA)
    with filmed("transfer", world.soko, open_page, GINZA, lang) as hands:
        hand = hands.at("receive")
        hand.start(f"]C100{coming['sscc']}", "receive")
        hand.refused("349012345000009999", "wrong_scan")
        hand.scan(coming["sscc"])
        for _ in range(2):
            code = hand.code()
            hand.scan(code)
            hand.odd("short" if code == "TEA" else "damaged", 6 if code == "TEA" else 1)
            hand.scan(hand.code())
        hand.say("MORE")
        hand.done()
    assert world.house.stock_row("TEA", GINZA)["sellable"] == 6
    assert world.house.stock_row("CUP", GINZA)["quarantine"] == 1


@pytest.mark.nightly
@IN_BOTH
def test_a_box_comes_back_and_is_graded(world: World, open_page: Opener, lang: str, photo: Path):
    house = world.house
    world.goods("TEA", "CUP")
    world.stock("TEA", 20, "S01-01")
    world.stock("CUP", 20, "S02-01")
    world.sync()
    order = delivered(house, ("TEA", 2), ("CUP", 2))
    id_, answer = put_return(house, order, line("TEA", 2), line("CUP", 2, line_no=2), way="PARCEL")
    assert answer.status_code == 201, answer.text
    house.after_hours()
    news(house)
    number = back(house, id_)["number"]
    sscc = next(each.sscc for each in house.carrier.booked.values() if each.number == number)
    say(house, sscc, "DELIVERED")
    house.after_hours()
    news(house)
    with filmed("return", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("return")
        hand.start(sscc, "return")
        hand.refused("MILK", "wrong_scan")
        hand.scan("TEA", "TEA")
        hand.say("A")
        hand.refused("P01-01", "wrong_scan")
        hand.scan(hand.code())
        hand.scan("CUP")
        hand.odd("short", 1)
        hand.say("C")
        hand.photo(photo)
        hand.scan(hand.code())
        hand.done()
    assert back(house, id_)["state"] == "DISPOSED"


@pytest.mark.nightly
@IN_BOTH
def test_a_zone_is_swept_by_radio(world: World, open_page: Opener, lang: str):
    world.goods("TV", tracking="SERIAL", gtin="4912345678904")
    serials = ["101", "102", "103"]
    world.sync()
    body = {"id": str(world.dock.new_id()), "lines": [{"site": HUB, "tote": None, "sku": "TV",
            "units": 3, "serials": serials, "location": "Q03-01"}]}  # fmt: skip
    world.house.ok(world.house.http.post("/master/v1/receipts", json=body))
    answer = world.house.http.post(
        "/console/v1/counts", json={"command_id": str(world.dock.new_id()), "site": HUB,
                                    "kind": "SWEEP", "zone": "Q"}
    )  # fmt: skip
    assert answer.status_code < 300, answer.text
    with filmed("sweep", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("sweep")
        hand.take()
        hand.confirm()
        for serial in serials[:2]:
            hand.scan(f"010491234567890421{serial}")
        hand.refused("010491234567890421101", "scanned_twice")
        hand.confirm()
        hand.confirm()
        hand.done()


@pytest.mark.nightly
@IN_BOTH
def test_anything_is_looked_up(world: World, open_page: Opener, lang: str):
    world.goods("TEA", "CUP")
    world.stock("TEA", 4, "A01-01-1", tote="T-1")
    world.stock("TEA", 9, "S01-01")
    world.stock("TEA", 9, "BACK-1", site=GINZA)
    world.house.put_order(("TEA", 6))
    world.go()
    number = world.dock.asn(world.dock.announce(("TEA", 12)))["number"]
    with filmed("lookup", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick")
        for code in ("TEA", "T-1", "S01-01", "N1", number, "NOBODY-1"):
            hand.page.keyboard.type(code)
            hand.page.keyboard.press("Enter")
            hand.page.locator(".known", has_text=code).wait_for()
            hand.film.look(hand.page, code)
