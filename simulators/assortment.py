"""What the demo sells and where it lies: SKUs with GTINs, and stock over the network, by a seed.

Without an order file the assortment is our own: crafts and household goods from all over Japan.
With one it is the SKUs of that file. Either way stock follows a fixed rule from the SKU's code
and the seed: a few SKUs sell much (ABC), the hub holds most, other DCs a part of the range,
stores a few pieces. Nobody looks at the demand: so some orders are split, and some lines are
larger than all that there is.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from edge.gs1 import gtin_with_check_digit
from simulators.network import HUB, PLACES

ROBOT_AISLES, ROBOT_BAYS, ROBOT_LEVELS = 12, 12, 6
SHELF_AISLES, SHELF_BAYS = 10, 20
SPOKE_AISLES, SPOKE_BAYS = 4, 15
PICKUP_SLOTS = 24  # of a store's pickup shelf
WALL_SLOTS = 16  # of the hub's put wall
EMPTY = (6, (1, 2), 6)  # aisles, bays, level of robot places that are free when the day begins
FEW = 3

_CRAFTS = (
    ("有田焼", "Arita ware"), ("波佐見焼", "Hasami ware"), ("美濃焼", "Mino ware"),
    ("九谷焼", "Kutani ware"), ("益子焼", "Mashiko ware"), ("南部鉄器", "Nambu iron"),
    ("江戸切子", "Edo cut glass"), ("輪島塗", "Wajima lacquer"), ("会津塗", "Aizu lacquer"),
    ("今治", "Imabari"), ("西陣織", "Nishijin weave"), ("越前和紙", "Echizen paper"),
    ("箱根寄木", "Hakone marquetry"), ("燕三条", "Tsubame-Sanjo"), ("堺打刃物", "Sakai blades"),
    ("琉球ガラス", "Ryukyu glass"),
)  # fmt: skip
_GOODS = (
    ("飯碗", "rice bowl", 220, 1800), ("湯呑", "tea cup", 180, 1500),
    ("小鉢", "small bowl", 160, 1200), ("大皿", "platter", 780, 4200),
    ("急須", "teapot", 430, 3600), ("箸置き", "chopstick rest", 40, 500),
    ("箸", "chopsticks", 35, 900), ("弁当箱", "lunch box", 310, 2400),
    ("タオル", "towel", 140, 1100), ("風呂敷", "wrapping cloth", 90, 1600),
    ("手ぬぐい", "hand towel", 50, 800), ("花瓶", "vase", 640, 3900),
    ("包丁", "kitchen knife", 260, 7800), ("おろし器", "grater", 120, 1300),
    ("グラス", "glass", 240, 2100), ("お盆", "tray", 520, 3300),
    ("便箋", "letter paper", 110, 700), ("香立て", "incense stand", 95, 1000),
    ("巾着", "pouch", 70, 950), ("風鈴", "wind chime", 150, 1700),
)  # fmt: skip
_COLOURS = (
    ("藍", "indigo"), ("朱", "vermilion"), ("白", "white"), ("墨", "ink black"),
    ("若竹", "bamboo green"), ("桜", "cherry pink"), ("山吹", "golden yellow"), ("藤", "wisteria"),
    ("空", "sky blue"), ("栗", "chestnut"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sku:
    """What is sold. `popularity` is in (0, 1]: the share of customers it appeals to, so to say."""

    code: str
    gtin: str
    name_en: str
    name_ja: str
    weight_g: int
    price_minor: int
    popularity: float


def own_assortment() -> list[Sku]:
    """3,200 SKUs, most wanted first by a fixed shuffle; popularity follows Zipf's law."""
    wares = list(product(_CRAFTS, _GOODS, _COLOURS))
    random.Random(1603).shuffle(wares)
    return [
        Sku(
            code=f"SK{number:05d}",
            gtin=_gtin(number),
            name_en=f"{craft[1]} {goods[1]}, {colour[1]}",
            name_ja=f"{craft[0]} {goods[0]} {colour[0]}",
            weight_g=goods[2],
            price_minor=goods[3],
            popularity=(number + 5) ** -0.8 * 5**0.8,
        )
        for number, (craft, goods, colour) in enumerate(wares)
    ]


def assortment_of(goods: Iterable[tuple[str, str, int]]) -> list[Sku]:
    """SKUs from (code, description, price in minor units), each code once."""
    first = {code: (text, price) for code, text, price in reversed(list(goods))}
    skus = []
    for number, code in enumerate(sorted(first)):
        text, price = first[code]
        draw = random.Random(f"sku {code}")
        skus.append(
            Sku(
                code=code,
                gtin=_gtin(10_000 + number),
                name_en=text or code,
                name_ja=text or code,
                weight_g=draw.choice((60, 90, 120, 180, 240, 320, 450)),
                price_minor=max(1, price),
                popularity=draw.random() ** 2 + 0.01,
            )
        )
    return skus


def _gtin(number: int) -> str:
    """A GTIN-13 of the range that GS1 leaves to companies' own use (prefix 20-29)."""
    return gtin_with_check_digit(f"2900000{number:05d}")


def locations() -> Iterator[dict[str, Any]]:
    """All storage places of the network, as the WMS's master API takes them."""
    for aisle, bay, level in product(
        range(1, ROBOT_AISLES + 1), range(1, ROBOT_BAYS + 1), range(1, ROBOT_LEVELS + 1)
    ):
        place = _location(HUB, f"A{aisle:02d}-{bay:02d}-{level}", "ROBOT", aisle, bay)
        yield place | {"mix": "ONE_SKU"}
    for slot in range(1, WALL_SLOTS + 1):
        place = _location(HUB, f"W-{slot:02d}", "WALL", 1, slot)
        yield place | {"kind": "PUT_WALL"}
    yield _location(HUB, "TOTES", "", 1, 1) | {"kind": "TOTE"}
    for site in PLACES:
        hub = site.code == HUB
        aisles, bays = (SHELF_AISLES, SHELF_BAYS) if hub else (SPOKE_AISLES, SPOKE_BAYS)
        for aisle, bay in product(range(1, aisles + 1), range(1, bays + 1)):
            yield _location(site.code, f"S{aisle:02d}-{bay:02d}", "SHELF", aisle, bay)
        if site.kind == "STORE":
            for slot in range(1, PICKUP_SLOTS + 1):
                place = _location(site.code, f"P-{slot:02d}", "PICKUP", 1, slot)
                yield place | {"kind": "PICKUP_SHELF"}


def _location(site: str, code: str, zone: str, aisle: int, bay: int) -> dict[str, Any]:
    return {
        "site": site,
        "code": code,
        "kind": "PICK_FACE" if zone == "SHELF" else "RESERVE",
        "zone": zone,
        "aisle": aisle,
        "bay": bay,
        "x_mm": aisle * 3000,
        "y_mm": bay * 1200,
    }


def opening_stock(skus: list[Sku], *, seed: int) -> Iterator[dict[str, Any]]:
    """Where what lies when the day begins: lines of a receipt, as the WMS takes them.

    The hub's most wanted SKUs stand in robot totes, one SKU a tote, the others on its shelves.
    """
    every = product(
        range(1, ROBOT_LEVELS + 1), range(1, ROBOT_BAYS + 1), range(1, ROBOT_AISLES + 1)
    )
    robot_places = (place for place in every if not _is_empty(*place))
    ranked = sorted(skus, key=lambda sku: (-sku.popularity, sku.code))
    for rank, sku in enumerate(ranked):
        draw = random.Random(f"stock {seed} {sku.code}")
        wanted = 30 + round(500 * sku.popularity)
        units = round(wanted * draw.uniform(0.4, 1.4))
        if draw.random() < 0.98:  # a few SKUs the hub has run out of
            place = next(robot_places, None) if rank % 10 < 8 else None
            if place is None:
                code = f"S{rank % SHELF_AISLES + 1:02d}-{rank // SHELF_AISLES % SHELF_BAYS + 1:02d}"
                yield _stock(HUB, code, None, sku, units)
            else:
                level, bay, aisle = place
                code = f"A{aisle:02d}-{bay:02d}-{level}"
                yield _stock(HUB, code, f"T-{aisle:02d}{bay:02d}{level}", sku, units)
        for site in PLACES[1:]:
            share = 0.30 if site.kind != "STORE" else 0.08
            if draw.random() < share:
                most = wanted * (0.5 if site.kind != "STORE" else 0.06)
                at = draw.randrange(SPOKE_AISLES * SPOKE_BAYS)
                code = f"S{at // SPOKE_BAYS + 1:02d}-{at % SPOKE_BAYS + 1:02d}"
                yield _stock(site.code, code, None, sku, max(1, round(draw.random() * most)))


def _is_empty(level: int, bay: int, aisle: int) -> bool:
    aisles, bays, at = EMPTY
    return level == at and bay in bays and aisle <= aisles


def on_the_shelves(skus: list[Sku], *, seed: int) -> dict[str, list[Sku]]:
    """What each store has when the day begins, of what it has a few of."""
    known = {sku.code: sku for sku in skus}
    found: dict[str, list[Sku]] = {place.code: [] for place in PLACES if place.kind == "STORE"}
    for line in opening_stock(skus, seed=seed):
        if line["site"] in found and line["units"] >= FEW:
            found[line["site"]].append(known[line["sku"]])
    return found


def _stock(site: str, location: str, tote: str | None, sku: Sku, units: int) -> dict[str, Any]:
    line = {"site": site, "location": location, "sku": sku.code, "units": units}
    return line | {"tote": tote} if tote else line
