"""The demo's day: the same for a seed, shaped like demand, and nothing lost on the way."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from edge.gs1 import is_gtin
from simulators.assortment import locations, opening_stock, own_assortment
from simulators.day import TOKYO, assortment_of_invoices, calls_of, own_day
from simulators.network import HUB, PLACES, line_haul_s
from simulators.order_file import COLUMNS, read_invoices

SKUS = own_assortment()
FILE = "\n".join(
    [
        ",".join(COLUMNS),
        "1,22423,STAND,2,12/1/2010 9:00,1,,France",
        "1,POST,POSTAGE,1,12/1/2010 9:00,18,,France",
        "1,22424,LAMP,-3,12/1/2010 9:00,4,,France",
        "C2,22423,STAND,-1,12/1/2010 8:00,1,,France",
    ]
).encode()


def test_a_seed_is_a_day():
    assert own_day(SKUS, orders=50, seed=3) == own_day(SKUS, orders=50, seed=3)
    assert own_day(SKUS, orders=50, seed=3) != own_day(SKUS, orders=50, seed=4)
    assert list(opening_stock(SKUS, seed=3)) == list(opening_stock(SKUS, seed=3))


def test_the_day_has_the_shape_of_demand():
    calls = own_day(SKUS, orders=1000, seed=1)
    orders = [call.body for call in calls if "/orders/" in call.path and call.body]
    lines = [line for order in orders for line in order["lines"] if not line["service"]]
    sizes = Counter(len(order["lines"]) for order in orders)
    sold = Counter(line["sku"] for line in lines)
    by_hour = Counter(
        datetime.fromisoformat(order["placed_at"]).astimezone(TOKYO).hour for order in orders
    )

    assert len(orders) == 1000
    assert sum(n for size, n in sizes.items() if size <= 3) > 700, "most baskets are small"
    best = sum(n for _, n in sold.most_common(len(SKUS) // 5))
    assert best > 0.5 * len(lines), "a fifth of the range makes most of the sales"
    assert by_hour[12] > 2 * by_hour[9]
    assert len(calls) == 1000 + 40 + 25, "returns and second thoughts"
    regretted = {call.path.removesuffix("/cancellation") for call in calls if not call.body}
    assert len(regretted) == 25
    assert regretted <= {call.path for call in calls if "/orders/" in call.path}


def test_every_line_of_a_file_is_said_once_and_as_what_it_is():
    invoices = read_invoices(FILE, zone=TOKYO)
    calls = calls_of(invoices, seed=1)
    said = [
        (call.path.split("/")[3], line["sku"], line["units"], line.get("service", False))
        for call in calls
        for line in (call.body or {})["lines"]
    ]
    assert said == [
        ("returns", "22423", 1, False),
        ("orders", "22423", 2, False),
        ("orders", "POST", 1, True),
        ("returns", "22424", 3, False),
    ]
    assert sum(call.lines for call in calls) == 4
    assert [sku.code for sku in assortment_of_invoices(invoices)] == ["22423", "22424"]


def test_goods_lie_where_there_is_a_place_and_have_true_barcodes():
    places = {(row["site"], row["code"]) for row in locations()}
    totes = Counter(line["tote"] for line in opening_stock(SKUS, seed=1) if "tote" in line)
    for line in opening_stock(SKUS, seed=1):
        assert (line["site"], line["location"]) in places
        assert line["units"] > 0
    assert set(totes.values()) == {1}, "one SKU a tote"
    assert all(is_gtin(sku.gtin) for sku in SKUS)
    assert len({sku.gtin for sku in SKUS}) == len(SKUS) == 3200


def test_the_network_has_eleven_dcs_and_24_stores_and_far_vans_take_longer():
    assert Counter(place.kind == "STORE" for place in PLACES) == {False: 11, True: 24}
    assert PLACES[0].code == HUB
    assert line_haul_s("S-GNZ") < line_haul_s("NGY1") < line_haul_s("SPK1")
    assert str(TOKYO) == str(ZoneInfo("Asia/Tokyo"))
