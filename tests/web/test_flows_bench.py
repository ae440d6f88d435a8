"""At the bench and the dock: packed with scale and printer, loaded, handed over, closed out."""

from collections.abc import Iterator

import pytest

from edge.messages import WeightRead
from simulators.printer import PrinterServer
from tests.web.browser import Opener
from tests.web.floor_world import LANGS, World
from tests.web.hands import Hand, filmed
from tests.wms.house import HUB, SPOKE

IN_BOTH = pytest.mark.parametrize("lang", LANGS)
BOX = {"code": "BOX-S", "length_mm": 300, "width_mm": 200, "height_mm": 150, "tare_g": 100,
       "max_g": 5_000}  # fmt: skip


@pytest.fixture
def printer() -> Iterator[PrinterServer]:
    with PrinterServer() as printer:
        yield printer


def bench(world: World, printer: PrinterServer) -> None:
    """A bench with a scale and a printer, and a box."""
    world.put(f"/console/v1/printers/{HUB}/zebra-1", host="127.0.0.1", port=printer.port)
    station = {"weigh": "SCALE", "scale": "scale-1", "printer": "zebra-1", "devices": ["hh-1"]}
    world.put(f"/console/v1/pack-stations/{HUB}/P1", **station)
    world.house.ok(world.house.http.put(f"/console/v1/cartons/{HUB}", json=[BOX]))


def weigh(world: World, grams: int, *, stable: bool = True) -> None:
    """What the edge hears of the scale."""
    world.sync()
    at = world.house.clock.now()
    world.house.hear(WeightRead(at=at, device="scale-1", grams=grams, stable=stable))


def picked(world: World, *orders: list[tuple[str, int]], site: str = HUB, **more: object) -> None:
    """Orders that have been picked."""
    for lines in orders:
        world.house.put_order(*lines, **more)
    world.go()
    world.house.work_off(site, "pick")


@pytest.mark.nightly
@IN_BOTH
def test_packed_weighed_printed_scanned_back_and_what_goes_wrong(  # noqa: PLR0915 - one walk
    world: World, printer: PrinterServer, open_page: Opener, lang: str
):
    bench(world, printer)
    world.goods("TEA", "CUP", weight_g=400, length_mm=100, width_mm=80, height_mm=60)
    world.stock("TEA", 30, "P01-01")
    world.stock("CUP", 30, "Q03-01")
    line = {"line_no": 1, "sku": "TEA", "units": 3, "gift": "のし: 御祝"}
    more = {"line_no": 2, "sku": "CUP", "units": 2}
    picked(world, [("TEA", 1)], lines=[line, more])
    with filmed("pack", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("pack")
        number = "N1"
        hand.start(number, "pack")
        hand.refused("N-OTHER", "wrong_scan")
        hand.scan(number)
        hand.refused("MILK", "wrong_scan")
        _fill(hand)
        if hand.step.endswith("gift"):
            hand.confirm()
        hand.refused("BOX-XL", "wrong_scan")
        hand.scan("BOX-S")
        hand.refused("CMD:DONE", "no_weight")
        weigh(world, 700, stable=False)
        hand.refused("CMD:DONE", "no_weight")
        weigh(world, 2_900)
        hand.confirm()
        assert hand.step.endswith("differs")
        hand.undo()
        weigh(world, 1_310)
        hand.confirm()
        hand.confirm()
        world.go("print")
        hand.odd("label_torn")
        hand.confirm()
        hand.refused("349012345000009999", "wrong_scan")
        hand.scan(hand.code())
        hand.say("LEFT_OVER")
        hand.scan("CUP")
        hand.confirm()
        hand.done()
        back = hands.at("putback", device="hh-2", operator="ken")
        back.take()
        back.until("")
        back.done()
    assert len(printer.labels) >= 2


def _fill(hand: Hand) -> None:
    """Tea: one is missing; cups: one is broken, and another one lay among them."""
    while hand.wanted()["qty"]:
        code = hand.code()
        hand.scan(code)
        if code == "TEA":
            hand.scan(code)
            hand.odd("missing", 2)
        else:
            hand.odd("damaged", 1)
    assert hand.step.partition(".")[2] in {"gift", "carton"}


@pytest.mark.nightly
@IN_BOTH
def test_a_van_is_loaded_counted_and_closed(world: World, open_page: Opener, lang: str):
    world.goods("TEA")
    world.stock("TEA", 20, "P01-01")
    picked(world, *([("TEA", 1)] for _ in range(3)))
    world.house.work_off(HUB, "pack")
    one, two, three = world.house.parcels()
    rows = world.house.ok(world.house.http.get(f"/console/v1/manifests/{HUB}"))
    route = rows[0]["carrier"]
    with filmed("ship", world.soko, open_page, HUB, lang) as hands:
        hand = hands.at("ship")
        hand.start(f"GATE-OUT/{route}", "ship")
        hand.refused("349012345000009999", "wrong_scan")
        hand.scan(f"]C100{one.sscc}")
        hand.refused(two.epc_hex, "wrong_scan")
        hand.refused(f"00{one.sscc}", "scanned_twice")
        hand.scan(two.sscc)
        hand.odd("missing", 2)
        hand.scan("SEAL-77")
        hand.say("CLOSED")
        hand.done()
    states = {parcel.sscc: parcel.state for parcel in world.house.parcels()}
    assert [states[each.sscc] for each in (one, two, three)] == ["SHIPPED", "SHIPPED", "INDUCTED"]


@pytest.mark.nightly
@IN_BOTH
def test_a_site_loads_for_the_hub_and_hands_to_the_carrier(
    world: World, open_page: Opener, lang: str
):
    world.goods("TEA")
    world.stock("TEA", 20, "S01-01", site=SPOKE)
    picked(world, [("TEA", 2)], site=SPOKE)
    world.house.work_off(SPOKE, "pack")
    (parcel,) = world.house.parcels()
    with filmed("load", world.soko, open_page, SPOKE, lang) as hands:
        hand = hands.at("load")
        hand.start(parcel.sscc, "load")
        hand.refused("349012345000009999", "wrong_scan")
        hand.odd("missing")
        hand.done()
        hand.take()  # it is asked for again
        hand.scan(parcel.sscc)
        hand.done()
        site = {"code": SPOKE, "kind": "FC", "name_en": "Osaka", "latitude": 34.7,
                "longitude": 135.5, "dispatch": "CARRIER"}  # fmt: skip
        world.house.ok(world.house.http.put("/master/v1/sites", json=[site]))
        picked(world, [("TEA", 1)], site=SPOKE)
        world.house.work_off(SPOKE, "pack")
        carrier = hands.at("handoff", device="hh-2", operator="ken")
        carrier.take()
        carrier.until("")
        carrier.done()
    assert {each.state for each in world.house.parcels()} == {"LINE_HAUL", "SHIPPED"}
