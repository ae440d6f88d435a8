"""Scarcity: what a unit at a site is worth to orders still to come, from the orders of past days.

    priced(wanted, network, ...)   the prices, by site and SKU; pure (optimizer.scarcity)
    reprice(database, clock)       a job: prices into stock_value, from four weeks' orders

Sourcing adds the price to the cost of taking the unit (the term "scarcity"), so that an order
leaves a site its last units where others could only be sent from farther, or in one parcel more.

The past is the forecast: the customers' orders of the last PAST, as they came, with baskets and
places, stand for those of the AHEAD to come, after which stock is taken to be filled up. Prices
are of moments: stock sinks between two rounds, and an old price is somewhat low.

Units: minor units of money.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.clock import Clock
from optimizer.scarcity import Forecast, prices
from wms.catalog import Sku
from wms.database import Database
from wms.ids import SkuId
from wms.orders.capacity import StockValue
from wms.orders.costs import KINDS, TARE_G, Node, place_of
from wms.orders.model import Order, OrderLine
from wms.orders.policy import Weights, live_policy
from wms.orders.source_facts import nodes_of
from wms.shipping.rates import WEIGHTS_G, RateCard, all_prefectures
from wms.shipping.tables import card_in_force
from wms.stock import availability

PAST = timedelta(days=28)  # each day of the week four times: few want one SKU at one site
AHEAD = timedelta(days=1)
ORDERS_MAX = 600_000  # of 560,000, prices took about a minute of one core
REGRET_MAX = 2_000.0  # about two parcels: no unit is worth more to a later order


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order as it was placed: where it went, what it weighed, units by SKU."""

    prefecture: str
    weight_g: int
    units: Mapping[UUID, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What prices are made from. Each order stands for `weight` orders to come."""

    wanted: tuple[Wanted, ...]
    nodes: tuple[Node, ...]
    free: Mapping[tuple[UUID, UUID], int]
    card: RateCard
    weights: Weights
    weight: float = 1.0


def priced(gathered: Gathered) -> dict[tuple[UUID, UUID], int]:
    """The prices above 0, by site and SKU."""
    wanted = [each for each in gathered.wanted if each.units]
    nodes = gathered.nodes
    if not wanted or not nodes:
        return {}
    skus = {sku: at for at, sku in enumerate(sorted({sku for w in wanted for sku in w.units}))}
    row = {node.id: at for at, node in enumerate(nodes)}
    stock = np.zeros((len(nodes), len(skus)), dtype=np.int64)
    for (site, sku), units in gathered.free.items():
        if site in row and sku in skus and not nodes[row[site]].closed:
            stock[row[site], skus[sku]] = max(0, units)
    kind = [KINDS.index(node.kind) for node in nodes]
    lines = [(o, skus[sku], units) for o, w in enumerate(wanted) for sku, units in w.units.items()]
    of_order, of_sku, units_of = np.array(lines, dtype=np.int64).T
    found = prices(
        Forecast(
            order_of_line=of_order,
            sku_of_line=of_sku,
            units=units_of,
            parcel_cost=_parcel_cost(gathered, wanted),
            unit_cost=np.array(gathered.weights.unit_minor, dtype=np.float64)[kind],
            weight=gathered.weight,
        ),
        stock,
        regret_max=REGRET_MAX,
    )
    names = list(skus)
    return {
        (nodes[node].id, names[sku]): round(found[node, sku])
        for node, sku in np.argwhere(found >= 1)
    }


def _parcel_cost(gathered: Gathered, wanted: Sequence[Wanted]) -> np.ndarray:
    """What a parcel costs from each node, with what a second one costs more: shape (o, n)."""
    weights, everywhere = gathered.weights, all_prefectures()
    number = {name: at for at, name in enumerate(everywhere)}
    matrix = gathered.card.matrix([node.prefecture for node in gathered.nodes], everywhere)
    packing = [weights.packing_minor[KINDS.index(node.kind)] for node in gathered.nodes]
    each = np.array(packing) + weights.carton_minor + weights.split_minor
    classes = [matrix.class_of(min(w.weight_g + TARE_G, WEIGHTS_G[-1])) for w in wanted]
    to = [number[w.prefecture] for w in wanted]
    found: np.ndarray = matrix.cost_minor[classes, :, to] + each
    return found.astype(np.float64)


def gather(session: Session, *, now: datetime) -> Gathered:
    """The orders of the last PAST (the newest, if they are many), and the stock that is free."""
    of = (Order.id, Order.placed_at, Order.prefecture, Order.latitude, Order.longitude)
    query = select(*of).where(
        Order.kind == "CUSTOMER",
        Order.fulfilment == "DELIVERY",
        Order.placed_at > now - PAST,
        Order.placed_at <= now,
    )
    newest = query.order_by(Order.placed_at.desc(), Order.id).limit(ORDERS_MAX)
    orders = session.execute(newest).all()
    lines = select(OrderLine.order_id, OrderLine.sku_id, OrderLine.units, Sku.weight_g).join(
        Sku, Sku.id == OrderLine.sku_id
    )
    units: dict[UUID, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    weight_g: dict[UUID, int] = defaultdict(int)
    for line in session.execute(
        lines.where(OrderLine.order_id.in_(newest.with_only_columns(Order.id)))
    ):
        units[line.order_id][line.sku_id] += line.units
        weight_g[line.order_id] += line.units * line.weight_g
    skus = {SkuId(sku) for basket in units.values() for sku in basket}
    free = availability.free_units(session, skus, now=now) if skus else {}
    begun = min((order.placed_at for order in orders), default=now)
    return Gathered(
        wanted=tuple(
            Wanted(
                prefecture=place_of(order.prefecture, order.latitude, order.longitude),
                weight_g=weight_g[order.id],
                units=units[order.id],
            )
            for order in orders
            if order.id in units
        ),
        nodes=nodes_of(session, now=now),
        free={(site, sku): count for (site, sku), count in free.items()},
        card=card_in_force(session),
        weights=live_policy(session).weights,
        weight=AHEAD / max(AHEAD, now - begun),
    )


def keep(session: Session, found: Mapping[tuple[UUID, UUID], int]) -> int:
    """Make these the prices in force; how many changed."""
    kept = {
        (row.site_id, row.sku_id): row.scarcity_minor
        for row in session.scalars(select(StockValue).order_by(StockValue.site_id))
    }
    new = {
        key: found.get(key, 0)
        for key in {*kept, *found}
        if found.get(key, 0) != kept.get(key, 0)
    }  # fmt: skip
    for (site, sku), minor in sorted(new.items()):
        row = {"site_id": site, "sku_id": sku, "scarcity_minor": minor}
        session.execute(
            insert(StockValue)
            .values(row)
            .on_conflict_do_update(
                index_elements=["site_id", "sku_id"], set_={"scarcity_minor": minor}
            )
        )
    return len(new)


def reprice(database: Database, clock: Clock) -> int:
    """Find the prices of this moment; that is all until the next round, so 0.

    The search runs between transactions.
    """
    now = clock.now()
    gathered = database.run(lambda s: gather(s, now=now))
    found = priced(gathered)
    database.run(lambda s: keep(s, found))
    return 0
