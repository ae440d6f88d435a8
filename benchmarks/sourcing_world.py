"""The world of benchmarks/sourcing_day.py: a network, goods, stock and days of orders, by a seed.

What it is and why, fixed before anything was measured on it:

* Sites: the demo's 11 DCs and FCs and 24 stores (simulators.network), with their coordinates.
* Customers: by population; the 29 prefectures that simulators.network does not name have 1.4
  million each (126 million less those named). A warehouse's pull is the population nearest to it.
* Goods: three SKUs for ten orders a day, so that the mean SKU sells some ten units and most sell
  one or none; demand by rank as 1 / (rank + 10), a long tail with a blunt head. Weights are
  lognormal, half below 500 g; 2 % are cooled.
* Baskets: 2.6 lines on average (a third has one); two in five further lines are of the family of
  the first, 40 SKUs that are next to each other in rank.
* Assortment is by family: a warehouse carries a family with 60 %, a store with 30 %, as DCs are
  not alike and nobody has all.
* Stock is that of the day before replenishment: of each SKU 1.25 times the units that are wanted
  on a day, at least one; 85 % in warehouses by pull, 15 % in stores, each share off by up to a
  half, as forecasts are. So nothing is lacking in the network and much at a place.
* Hours: warehouses send what comes before four in the afternoon, stores before one (less the time
  that work takes). Promises are of two, three or four days (25, 50, 25 %); 5 % of the orders
  have priority 3; 80 % may be parted, 15 % by lines only, 5 % not.
* Capacity: units a day, a quarter more than the stock of the site would be by its share.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import TypeAlias
from uuid import UUID

from simulators.network import PLACES, REGIONS
from wms.orders.costs import Demand, Goods, Node, OrderFacts
from wms.orders.rules import distance_km
from wms.shipping.calendar import SiteCalendar, ends_at
from wms.shipping.prefectures import PREFECTURES, nearest

DAY = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # midnight in Tokyo
SKUS_PER_ORDER = 0.3
OTHERS_M = 1.4
FAMILY = 40
IN_FAMILY = 0.4
LINES = ((1, 2, 3, 4, 5, 6, 8), (34, 24, 16, 11, 7, 5, 3))
UNITS = ((1, 2, 3), (80, 15, 5))
COVER = 1.25
IN_WAREHOUSES = 0.85
CARRIES = {"DC": 0.6, "FC": 0.6, "STORE": 0.3}
OFF = 0.5
ROOM = 1.25
HOURS = (1, 1, 0.5, 0.5, 0.5, 1, 2, 4, 5, 6, 6, 6, 8, 6, 5, 5, 5, 6, 7, 8, 10, 10, 8, 4)

Placed: TypeAlias = tuple[datetime, OrderFacts, list[Demand]]
Stock: TypeAlias = dict[tuple[UUID, UUID], int]


@dataclass(frozen=True, slots=True)
class World:
    """All that a day begins with."""

    nodes: tuple[Node, ...]
    goods: dict[UUID, Goods]
    stock: Stock
    orders: list[Placed]
    past: list[list[Placed]]  # days before


def world(seed: int, orders: int, past_days: int) -> World:
    """The world of a seed. The days before have chances of their own, and do not change it."""
    chance = random.Random(seed)
    skus = [uuid(chance) for _ in range(max(FAMILY, round(orders * SKUS_PER_ORDER)))]
    wanted = orders * mean(LINES) * mean(UNITS)
    pull = pulls()
    nodes = network(chance, wanted, pull)
    goods = {
        sku: Goods(weight_g=round(chance.lognormvariate(6.2, 0.9)), cool=chance.random() < 0.02)
        for sku in skus
    }
    stock = stock_of(chance, nodes, skus, wanted, pull)
    today = day_of_orders(chance, skus, orders, DAY)
    past = [
        day_of_orders(
            random.Random(f"{seed} {back}"), skus, orders, DAY - timedelta(days=back)
        )
        for back in range(1, past_days + 1)
    ]  # fmt: skip
    return World(nodes, goods, stock, today, past)


def mean(choice: tuple[Sequence[int], Sequence[int]]) -> float:
    """The mean of a weighted choice."""
    values, weights = choice
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


def uuid(chance: random.Random) -> UUID:
    """Some id, the same in each run."""
    return UUID(int=chance.getrandbits(128))


def people() -> dict[str, float]:
    """Millions by prefecture."""
    named = {region.prefecture: region.population_m for region in REGIONS}
    return {each.name: named.get(each.name, OTHERS_M) for each in PREFECTURES}


def pulls() -> dict[str, float]:
    """The share of the population that is nearest to each warehouse, by its code."""
    warehouses = [place for place in PLACES if place.kind != "STORE"]
    found: dict[str, float] = defaultdict(float)
    million = people()
    for each in PREFECTURES:
        here = (each.latitude, each.longitude)
        near = min(warehouses, key=lambda w: distance_km(here, (w.latitude, w.longitude)))
        found[near.code] += million[each.name]
    # the four of the Kanto plain serve it together
    plain = ("TYO1", "SAI1", "CHB1", "YOK1")
    together = sum(found[code] for code in plain)
    total = sum(found.values())
    found |= {code: together / len(plain) for code in plain}
    return {code: share / total for code, share in found.items()}


def network(chance: random.Random, wanted: float, pull: dict[str, float]) -> tuple[Node, ...]:
    """The demo's sites."""
    stores = sum(place.kind == "STORE" for place in PLACES)
    nodes = []
    for place in PLACES:
        is_store = place.kind == "STORE"
        share = (1 - IN_WAREHOUSES) / stores if is_store else IN_WAREHOUSES * pull[place.code]
        nodes.append(
            Node(
                id=uuid(chance),
                code=place.code,
                kind=place.kind,
                prefecture=nearest(place.latitude, place.longitude),
                latitude=place.latitude,
                longitude=place.longitude,
                calendar=SiteCalendar(cut_off=clock_time(13 if is_store else 16)),
                units_per_day=round(wanted * share * ROOM),
            )
        )
    return tuple(nodes)


def stock_of(
    chance: random.Random,
    nodes: Sequence[Node],
    skus: Sequence[UUID],
    wanted: float,
    pull: dict[str, float],
) -> Stock:
    """Units by site and SKU; `skus` in the order of how much they are wanted."""
    stores = sum(node.kind == "STORE" for node in nodes)
    share = {
        node.id: (1 - IN_WAREHOUSES) / stores
        if node.kind == "STORE"
        else IN_WAREHOUSES * pull[node.code]
        for node in nodes
    }
    total = sum(1 / (rank + 10) for rank in range(len(skus)))
    stock: Stock = defaultdict(int)
    carriers: list[Node] = []
    for rank, sku in enumerate(skus):
        if rank % FAMILY == 0:
            carriers = [n for n in nodes if chance.random() < CARRIES[n.kind]] or list(nodes)
        weights = [share[node.id] * chance.uniform(1 - OFF, 1 + OFF) for node in carriers]
        units = max(1, int(COVER * wanted / (rank + 10) / total + chance.random()))
        for node in chance.choices(carriers, weights, k=units):
            stock[node.id, sku] += 1
    return stock


def day_of_orders(
    chance: random.Random, skus: Sequence[UUID], count: int, day: datetime
) -> list[Placed]:
    """Orders over a day, most in the evening and at noon, with baskets that go together."""
    where = {each.name: each for each in PREFECTURES}
    million = people()
    weights = [1 / (rank + 10) for rank in range(len(skus))]
    moments = sorted(
        day + timedelta(hours=hour, seconds=chance.uniform(0, 3600))
        for hour in chance.choices(range(24), HOURS, k=count)
    )
    sold = chance.choices(range(len(skus)), weights, k=count * 8)
    names = chance.choices(list(million), [*million.values()], k=count)
    found = []
    for at, name in zip(moments, names, strict=True):
        order = uuid(chance)
        basket = [sold[chance.randrange(len(sold))]]
        lines = chance.choices(*LINES)[0]
        while len(basket) < lines:
            family = basket[0] // FAMILY * FAMILY
            near = min(len(skus) - 1, family + chance.randrange(FAMILY))
            anyone = sold[chance.randrange(len(sold))]
            one = near if chance.random() < IN_FAMILY else anyone
            basket += [] if one in basket else [one]
        on = (at + timedelta(hours=9)).date()
        on += timedelta(days=chance.choices((2, 3, 4), (25, 50, 25))[0])
        place = where[name]
        facts = OrderFacts(
            id=order,
            prefecture=name,
            latitude=place.latitude + chance.uniform(-0.2, 0.2),
            longitude=place.longitude + chance.uniform(-0.2, 0.2),
            split=chance.choices(("ANY", "WHOLE_LINES", "ONE_SITE"), (80, 15, 5))[0],
            priority=chance.choices((0, 3), (95, 5))[0],
            promised_by=ends_at(SiteCalendar(), on, 24),
        )
        demands = [
            Demand(
                order_id=order,
                line_no=number,
                sku_id=skus[sku],
                units=chance.choices(*UNITS)[0],
            )
            for number, sku in enumerate(sorted(basket), start=1)
        ]
        found.append((at, facts, demands))
    return found
