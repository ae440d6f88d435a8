"""Flows that take goods out, on the real thing: to the end, and through each of its exceptions."""

from datetime import timedelta

import pytest

from tests.builders import NOW
from tests.night import some_by_day
from tests.web.browser import Opener
from tests.web.floor_world import LANGS, NAMES, World
from tests.web.hands import filmed
from tests.wms.house import HUB
from tests.wms.waves.books import places_of

IN_BOTH = pytest.mark.parametrize("lang", LANGS)


def shelves(world: World, **more: int) -> None:
    """Goods on the shelves of two zones."""
    world.goods("TEA", "RICE", "CUP")
    units = {"TEA": 30, "RICE": 3, "CUP": 20} | more
    for sku, at in (("TEA", "P01-01"), ("RICE", "P02-02"), ("CUP", "Q03-01")):
        world.stock(sku, units[sku], at)


@pytest.mark.nightly
@IN_BOTH
def test_a_cluster_is_picked_into_totes_with_all_that_goes_wrong(
    world: World, open_page: Opener, lang: str
):
    shelves(world)
    world.house.channel(style={"mode": "CLUSTER"})
    world.house.put_order(("TEA", 2), ("RICE", 1))
    world.house.put_order(("TEA", 7), ("CUP", 1), ("RICE", 2))
    world.go()
    with filmed("pick-cluster", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick")
        hand.take()
        hand.scan("T-9")
        hand.refused("T-9", "tote_in_use")
        hand.scan("T-8")
        hand.refused("B-99-99", "wrong_scan")
        hand.call()
        first = hand.big
        hand.odd("skip")
        assert hand.big != first
        hand.check(world.check(hand.big))
        hand.until("slot")
        hand.refused("T-77", "wrong_scan")
        hand.undo()
        hand.until("slot")
        hand.odd("tote_full")
        hand.refused("T-8", "tote_in_use")
        hand.scan("T-7")
        hand.until("zero")
        hand.say("no")
        hand.until("item")
        hand.odd("damaged", 0)
        hand.until("pass")
        hand.until("")
        hand.done()
    assert sum(places_of(world.house.database, "CUP").values()) == 20
    assert {"T-7", "T-8"} <= {tote for sku in ("TEA", "RICE", "CUP")
                              for tote in places_of(world.house.database, sku)}  # fmt: skip


@pytest.mark.nightly
@IN_BOTH
def test_a_single_order_with_lots_serials_and_gaps(world: World, open_page: Opener, lang: str):
    world.goods("TV", tracking="SERIAL")
    world.goods("MILK", tracking="LOT", shelf_life_days=20)
    world.goods("TEA")
    world.stock("TEA", 9, "P01-01")
    for lot, day in (("L-1", "2027-01-10"), ("L-2", "2027-02-10")):
        body = [{"sku": "MILK", "code": lot, "expires_on": day}]
        world.house.ok(world.house.http.put("/master/v1/lots", json=body))
        _receipt(world, {"sku": "MILK", "units": 4, "lot": lot, "location": "P02-02"})
    _receipt(world, {"sku": "TV", "units": 2, "serials": ["S-1", "S-2"], "location": "Q03-01"})
    world.house.channel(style={"mode": "SINGLE"})
    order = world.house.put_order(("TEA", 8), ("MILK", 2), ("TV", 2))
    world.go()
    with filmed("pick-single", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick")
        hand.take()
        met = []  # on whatever way the tour goes
        while (kind := hand.until("serial", "lot", "item", "")) != "":
            if kind == "serial":
                hand.refused("S-9", "wrong_scan")
                hand.scan("S-2")
                hand.odd("short", 1)
            elif kind == "lot":
                hand.refused("L-9", "wrong_scan")
                hand.scan("010491234567890410L-1")
            elif (hand.wanted()["qty"] or {"target": 1})["target"] == 8:
                hand.fact("name", NAMES["TEA"][lang == "en"])
                hand.scan("TEA")
                hand.odd("wrong_item", 6)
            else:
                hand.go_on()
                continue
            met.append(kind)
        assert sorted(met) == ["item", "lot", "serial"]
        hand.done()
    lines = {each["line_no"]: each for each in world.house.order(order)["lines"]}
    assert lines[1]["units_short"] == 2
    assert lines[3]["units_short"] == 1


def _receipt(world: World, line: dict[str, object]) -> None:
    world.sync()
    body = {"id": str(world.dock.new_id()), "lines": [{"site": HUB, "tote": None, **line}]}
    world.house.ok(world.house.http.post("/master/v1/receipts", json=body))


@pytest.mark.nightly
@IN_BOTH
@pytest.mark.parametrize("mode", some_by_day(["BATCH", "ZONE", "PASS"], ["PASS"]))
def test_orders_are_picked_in_every_other_mode(
    world: World, open_page: Opener, lang: str, mode: str
):
    shelves(world)
    world.house.channel(style={"mode": mode})
    orders = [world.house.put_order(("TEA", 2), ("CUP", 1)) for _ in range(2)]
    world.go()

    def states() -> set[str]:
        return {line["status"] for each in orders for line in world.house.order(each)["lines"]}

    with filmed(f"pick-{mode.lower()}", world.soko, open_page, HUB, lang) as hands:
        hand, totes = hands.at("pick"), iter(range(1, 9))
        while states() != {"PICKED"}:
            hand.take()
            if hand.step.startswith("tote.") and "codes" in hand.wanted()["expect"][0]:
                known = hand.wanted()["expect"][0]["codes"]
                hand.scan(known[0] if known else f"T-{next(totes)}")
            hand.until("")
            hand.done()
            world.go()


@pytest.mark.nightly
@IN_BOTH
def test_a_put_wall_sorts_what_was_picked_for_many(world: World, open_page: Opener, lang: str):
    shelves(world)
    world.house.channel(style={"mode": "PUT_WALL"})
    orders = [world.house.put_order(("TEA", 3), ("CUP", 1)) for _ in range(2)]
    world.go()
    with filmed("putwall", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick")
        hand.take()
        hand.scan("T-1")
        hand.until("")
        hand.done()
        world.go("sort")
        wall = hands.at("putwall", device="hh-2", operator="ken")
        wall.start("T-1", "putwall")
        wall.scan("T-1")
        wall.until("to")
        wall.refused("W-6", "wrong_scan")
        wall.until("item")
        wall.odd("short", 0)
        wall.until("")
        wall.done()
    assert {"W-1", "W-2"} & set(places_of(world.house.database, "TEA", "picked"))
    assert sum(world.house.line(each)["units_short"] for each in orders) == 0, "wanted again"


@pytest.mark.nightly
@IN_BOTH
def test_goods_come_to_the_person(world: World, open_page: Opener, lang: str):
    world.goods("TEA")
    world.stock("TEA", 10, "A01-01-1", tote="BIN-1")
    order = world.house.put_order(("TEA", 3))
    world.house.put_order(("TEA", 2))
    world.go()
    (brought,) = world.house.transports()
    with filmed("pick-station", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pick", station=brought.destination)
        hand.take()
        hand.refused("BIN-2", "wrong_scan")
        hand.scan("BIN-1")
        hand.scan("TEA")
        hand.odd("short", 2)
        hand.until("")
        hand.done()
    assert world.house.line(order)["units_short"] in {0, 1}
    (home,) = world.house.transports()
    assert home.destination == "A01-01-1"


@pytest.mark.nightly
@IN_BOTH
def test_orders_stand_in_their_slots_at_a_station_until_they_are_whole(
    world: World, open_page: Opener, lang: str
):
    world.goods("TEA", "CUP")
    world.stock("TEA", 10, "A01-01-1", tote="BIN-1")
    world.stock("CUP", 10, "A02-01-1", tote="BIN-2")
    for name in world.house.floor.stations:
        world.put(f"/console/v1/pick-stations/{HUB}/{name}", slots=2)
    first = (NOW - timedelta(minutes=1)).isoformat()
    orders = [  # the older one gets its slot first, so the other can join it at that station
        world.house.put_order(("TEA", 3), ("CUP", 1), placed_at=first),
        world.house.put_order(("TEA", 1)),
    ]
    world.go()
    with filmed("pick-slots", world.soko, open_page, HUB, lang) as hands:
        for brought in sorted(world.house.transports(), key=lambda one: one.load):
            hand = hands.at("pick", station=brought.destination)
            hand.take()
            if brought.load == "BIN-1":
                hand.scan("T-1")
                hand.refused("T-1", "tote_in_use")
                hand.scan("T-2")
                hand.refused("BIN-2", "wrong_scan")
                hand.until("slot")
                hand.refused("T-2" if hand.code() == "T-1" else "T-1", "wrong_scan")
                hand.odd("tote_full")
                hand.scan("T-3")
            hand.until("")
            hand.done(home=False)
    lines = [line for each in orders for line in world.house.order(each)["lines"]]
    assert {line["status"] for line in lines} == {"PICKED"}
    assert sum(places_of(world.house.database, "TEA").values()) == 10
