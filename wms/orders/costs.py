"""What it costs to send goods from a site, by name: the numbers that sourcing weighs. Pure.

Of a parcel (order x node):
    carrier    the cheapest service that takes it, for a light parcel
    packing    packing it: cheapest in a warehouse, dearest where a shop assistant does it
    cartons    its carton
    late       days after the promise, dearer with the order's priority
    time       days under way
Of a unit (line x node):
    weight     what its weight adds to the carrier's price, further parcels included
    cartons    its share of further cartons
    handling   the walk that picks it, least where robots bring it
    co2        the price of what carrying it emits
    balance    what the last units of a shelf are worth beyond their price
    markdown   what it would lose if it stayed: a credit, below zero
    scarcity   what the unit is worth there to orders still to come (wms.orders.scarcity)
Of an order or a line: split (each site beyond the first), backorders.

A whole order from one site costs exactly what its parcels cost; of an order in parts, weight is
shared out by the weight of the lines, which is an estimate.

Units: minor units of money as floats (they are weighed, not paid), grams, seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from wms.orders.policy import Weights
from wms.orders.rules import distance_km
from wms.shipping.calendar import (
    NeverOpen,
    SiteCalendar,
    arrives_on,
    ends_at,
    local_day,
    next_working_day,
    ships_on,
)
from wms.shipping.prefectures import nearest, prefecture
from wms.shipping.rates import UNSERVED, Matrix, RateCard, all_prefectures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("DC", "FC", "STORE")
PAID = ("carrier", "weight", "packing", "cartons", "handling")  # money that leaves the house
HANDLING_TIME = {"DC": timedelta(hours=1), "FC": timedelta(hours=1), "STORE": timedelta(hours=2)}
PARCEL_MAX_G = 20_000
TARE_G = 150
LAST_SLOT_ENDS = 21  # o'clock: by then the parcels of a day have been brought
INTERNAL_SHARE = 0.5  # what goes to a store of ours goes with others
DAY = timedelta(days=1)
DAYS_AHEAD_MAX = 14
RANK_MAX = 10
HOME_CLOCK = SiteCalendar()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A site that may send.

    `given` is units it was given to send, by day; `in_work` those not yet picked; `closed` why it
    sends nothing, or "".
    """

    id: UUID
    code: str
    kind: str
    prefecture: str
    latitude: float
    longitude: float
    calendar: SiteCalendar = HOME_CLOCK
    units_per_day: int = 1_000_000
    given: Mapping[date, int] = field(default_factory=dict)
    in_work: int = 0
    closed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What of one order line is held, and where."""

    order_id: UUID
    line_no: int
    sku_id: UUID
    units: int
    held: tuple[tuple[UUID, UUID, int], ...] = ()  # site, hold, units


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What sourcing must know of an order. Where it goes is a customer's place, or a site's.

    `excluded` are sites that do not send it, with the reason; `only_at` the one site that may, as
    the rest of it is there already.
    """

    id: UUID
    prefecture: str
    latitude: float
    longitude: float
    channel: str = ""
    fulfilment: str = "DELIVERY"
    split: str = "ANY"
    priority: int = 0
    promised_by: datetime | None = None
    to_site_id: UUID | None = None
    excluded: Mapping[UUID, str] = field(default_factory=dict)
    only_at: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What sourcing must know of a SKU."""

    weight_g: int = 0
    cool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A batch as the world has it: what is to be decided, on what stock.

    Attributes:
        at: the moment of the decision.
        free: units free by site and SKU, with what these orders hold themselves.
        kept: units that a channel may not have, by channel, site and SKU.
        value: what a unit loses if it stays, by site and SKU.
        scarcity: what a unit is worth there to orders still to come, by site and SKU.
    """

    at: datetime
    orders: tuple[OrderFacts, ...]
    demands: tuple[Demand, ...]
    nodes: tuple[Node, ...]
    goods: Mapping[UUID, Goods]
    free: Mapping[tuple[UUID, UUID], int]
    kept: Mapping[tuple[str, UUID, UUID], int] = field(default_factory=dict)
    value: Mapping[tuple[UUID, UUID], int] = field(default_factory=dict)
    scarcity: Mapping[tuple[UUID, UUID], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """When goods that a site is given now leave it, and how many more can leave with them."""

    ships_on: date
    room: int
    past_cut_off: bool  # today's was missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The named costs of a batch, and what is known of each way beside.

    Attributes:
        parcel: by name, shape (o, n).
        unit: by name, shape (l, n).
        arrives_s: shape (o, n), when a parcel arrives, in seconds since 1970.
        late_days: shape (o, n), days after the promise, begun ones whole.
        co2_g: shape (l, n), of a unit.
        unserved: shape (o, n), no carrier goes there.
    """

    parcel: Mapping[str, Floats]
    unit: Mapping[str, Floats]
    arrives_s: Ints
    late_days: Ints
    co2_g: Floats
    unserved: NDArray[np.bool_]


def place_of(name: str, latitude: float, longitude: float) -> str:
    """The prefecture of a place: as it says, or else the nearest."""
    found = prefecture(name)
    return found.name if found is not None else nearest(latitude, longitude)


def departure(node: Node, at: datetime) -> Departure | None:
    """When goods given to a site now leave; None if it does not work for a year, or is full.

    The first working day whose cut-off can still be met, after the time that picking and packing
    take, and on which there is room.
    """
    calendar = node.calendar
    try:
        first = day = ships_on(calendar, at + HANDLING_TIME[node.kind])
        backlog = node.in_work - sum(n for later, n in node.given.items() if later > first)
        for _ in range(DAYS_AHEAD_MAX):
            used = node.given.get(day, 0)
            room = node.units_per_day - (max(used, backlog) if day == first else used)
            if room > 0:
                today = next_working_day(calendar, local_day(calendar, at))
                return Departure(ships_on=day, room=room, past_cut_off=first > today)
            day = next_working_day(calendar, day + DAY)
    except NeverOpen:
        return None
    return None


def named_terms(
    facts: Facts, weights: Weights, card: RateCard, departs: Sequence[Departure | None]
) -> Terms:
    """All costs of a batch, by name. `departs` is when each node sends."""
    lanes = _Lanes(facts, card)
    orders, nodes = len(facts.orders), len(facts.nodes)
    kind = np.array([KINDS.index(node.kind) for node in facts.nodes], dtype=np.int64)
    arrives_s = lanes.arrivals(departs)
    late = _late_days(facts, arrives_s)
    rank = np.array([max(0, min(RANK_MAX, order.priority)) for order in facts.orders])
    dearer = 1 + rank * weights.rank_percent / 100
    way_s = np.maximum(0, arrives_s - int(facts.at.timestamp()))
    full = np.ones((orders, nodes))
    light, by_weight = lanes.carrier()
    boxes = np.array([parcels_of(g) for g in lanes.order_weight_g], dtype=np.int64)
    row = lanes.row
    share = lanes.line_share[:, None] * np.ones((1, nodes))
    units = lanes.units[:, None]
    co2_g = lanes.co2_g_per_kg()[row] * (lanes.weight_g / 1000)[:, None]
    return Terms(
        parcel={
            "carrier": light,
            "packing": full * np.array(weights.packing_minor, dtype=np.float64)[kind],
            "cartons": full * weights.carton_minor,
            "late": late * weights.late_day_minor * dearer[:, None],
            "time": way_s / DAY.total_seconds() * weights.day_minor,
        },
        unit={
            "weight": by_weight[row] * share / units,
            "cartons": (boxes[row] - 1)[:, None] * weights.carton_minor * share / units,
            "handling": np.array(weights.unit_minor, dtype=np.float64)[kind] * np.ones_like(share),
            "co2": co2_g / 1000 * weights.co2_minor_per_kg,
            "balance": _balance(facts, weights, kind),
            "markdown": -weights.markdown * _by_pair(facts, facts.value),
            "scarcity": weights.scarcity * _by_pair(facts, facts.scarcity),
        },
        arrives_s=arrives_s,
        late_days=late,
        co2_g=co2_g,
        unserved=light >= UNSERVED,
    )


def distances(facts: Facts) -> Floats:
    """Kilometres from each order's place to each node, shape (o, n)."""
    return np.array(
        [
            [
                distance_km((o.latitude, o.longitude), (node.latitude, node.longitude))
                for node in facts.nodes
            ]
            for o in facts.orders
        ]
    ).reshape(len(facts.orders), len(facts.nodes))


def stock_of(facts: Facts) -> Ints:
    """Units of each line's SKU at each node, shape (l, n)."""
    return _by_pair(facts, facts.free).astype(np.int64)


def parcels_of(weight_g: int) -> int:
    """How many parcels goods of that weight make."""
    return max(1, ceil((weight_g + TARE_G) / PARCEL_MAX_G))


def _by_pair(facts: Facts, values: Mapping[tuple[UUID, UUID], int]) -> Floats:
    rows = [[values.get((node.id, d.sku_id), 0) for node in facts.nodes] for d in facts.demands]
    return np.array(rows, dtype=np.float64).reshape(len(facts.demands), len(facts.nodes))


def _balance(facts: Facts, weights: Weights, kind: Ints) -> Floats:
    """Dearer the fewer units a store would have left of those that its shelf should keep."""
    units = np.array([d.units for d in facts.demands], dtype=np.float64)[:, None]
    after = np.maximum(0, _by_pair(facts, facts.free) - units)
    lacking = np.clip(1 - after / max(1, weights.keep_units), 0, 1)
    kept = (kind == KINDS.index("STORE")) & (weights.keep_units > 0)
    worth: Floats = lacking * weights.balance_minor * kept
    return worth


def _late_days(facts: Facts, arrives_s: Ints) -> Ints:
    none = np.iinfo(np.int64).max // 4
    by = np.array(
        [none if o.promised_by is None else int(o.promised_by.timestamp()) for o in facts.orders],
        dtype=np.int64,
    )
    over_s = np.maximum(0, arrives_s - by[:, None])
    days: Ints = -(-over_s // int(DAY.total_seconds()))
    return days


class _Lanes:
    """From every node to every order: prices, days and CO2, looked up by prefecture."""

    def __init__(self, facts: Facts, card: RateCard) -> None:
        self.facts = facts
        at = {order.id: number for number, order in enumerate(facts.orders)}
        self.row = np.array([at[d.order_id] for d in facts.demands], dtype=np.int64)
        self.units = np.array([d.units for d in facts.demands], dtype=np.float64)
        goods = [facts.goods.get(d.sku_id, Goods()) for d in facts.demands]
        self.weight_g = np.array([each.weight_g for each in goods], dtype=np.float64)
        total = np.zeros(len(facts.orders))
        np.add.at(total, self.row, self.weight_g * self.units)
        self.order_weight_g = total.astype(np.int64).tolist()
        self.line_share = np.where(
            total[self.row] > 0, self.weight_g * self.units / np.maximum(total[self.row], 1), 0.0
        )
        cool = np.zeros(len(facts.orders), dtype=bool)
        np.logical_or.at(cool, self.row, np.array([each.cool for each in goods], dtype=bool))
        self.cool = cool
        self.tables = {chill: _matrix(_Card(card), chill) for chill in set(cool.tolist())}
        self.froms = _numbers(node.prefecture for node in facts.nodes)
        self.tos = _numbers(order.prefecture for order in facts.orders)
        self.internal = np.array([o.to_site_id is not None for o in facts.orders], dtype=bool)

    def carrier(self) -> tuple[Floats, Floats]:
        """What a light parcel costs, and what the weight of the whole order adds, (o, n) each."""
        light = np.zeros((len(self.facts.orders), len(self.facts.nodes)))
        more = np.zeros_like(light)
        for at, weight_g in enumerate(self.order_weight_g):
            table, to = self.tables[bool(self.cool[at])], self.tos[at]
            boxes = parcels_of(weight_g)
            last_g = weight_g + TARE_G - (boxes - 1) * PARCEL_MAX_G
            cost = table.cost_minor[:, self.froms, to]
            whole = cost[table.class_of(last_g)] + (boxes - 1) * cost[table.class_of(PARCEL_MAX_G)]
            share = INTERNAL_SHARE if self.internal[at] else 1.0
            light[at] = np.where(cost[0] >= UNSERVED, UNSERVED, cost[0] * share)
            more[at] = np.where(light[at] >= UNSERVED, 0.0, (whole - cost[0]) * share)
        return light, more

    def arrivals(self, departs: Sequence[Departure | None]) -> Ints:
        """When a parcel arrives, (o, n), in seconds; far away where nothing leaves."""
        found = np.full((len(self.facts.orders), len(departs)), _never(self.facts.at))
        for at, to in enumerate(self.tos):
            lead = self.tables[bool(self.cool[at])].lead_days[0]
            least = 1 if self.internal[at] else 0
            for node, leaves in enumerate(departs):
                if leaves is not None:
                    days = max(least, int(lead[self.froms[node], to]))
                    found[at, node] = _arrival_s(leaves.ships_on, days)
        return found

    def co2_g_per_kg(self) -> Floats:
        """Grams of CO2 a kilogram, (o, n)."""
        table = next(iter(self.tables.values()))
        kg = table.weights_g[0] / 1000
        found: Floats = table.co2_g[0][np.ix_(self.froms, self.tos)].T / kg
        return found


def _numbers(names: Any) -> Ints:
    return np.array([_PREFECTURE[name] for name in names], dtype=np.int64)


_PREFECTURE = {name: number for number, name in enumerate(all_prefectures())}


class _Card:
    """A card by its identity, as it is not hashable."""

    def __init__(self, card: RateCard) -> None:
        self.card = card

    @override
    def __hash__(self) -> int:
        return id(self.card)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Card) and other.card is self.card


@lru_cache(maxsize=8)
def _matrix(card: _Card, cool: bool) -> Matrix:  # noqa: FBT001 - a key of the cache
    everywhere = all_prefectures()
    return card.card.matrix(everywhere, everywhere, cool=cool)


@lru_cache(maxsize=4096)
def _arrival_s(ships: date, lead_days: int) -> int:
    day = arrives_on(ships, lead_days)
    return int(ends_at(HOME_CLOCK, day, LAST_SLOT_ENDS).timestamp())


def _never(at: datetime) -> int:
    return int((at.astimezone(UTC) + 365 * DAY).timestamp())
