"""Gather: the unsourced orders with all that a decision needs, read at one moment.

Who has a higher priority comes first, then who was placed first. Nothing is locked; what changes
before the decision is carried out is seen then.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.ids import SkuId
from wms.orders import capacity
from wms.orders.costs import Demand, Facts, Goods, Node, OrderFacts, place_of
from wms.orders.model import ENDED, Allocation, Order
from wms.orders.policy import Policy, live_policy, shadow_policies
from wms.orders.rules import HELD_AT
from wms.shipping.rates import RateCard
from wms.shipping.tables import calendars, card_in_force
from wms.sites import Site
from wms.stock import availability

ORDERS_MAX = 25  # of one batch: a search should take no longer than a customer's patience
SOURCED_HERE = ("DELIVERY", "COLLECT", "TRANSFER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A batch, and by which policies it is decided: the live one, and those in its shadow."""

    facts: Facts
    policy: Policy
    shadows: tuple[Policy, ...]
    card: RateCard


def gather(session: Session, *, now: datetime, limit: int = ORDERS_MAX) -> Gathered | None:
    """The next unsourced orders with all that a decision needs; None if there are none."""
    waits = exists().where(
        Allocation.order_id == Order.id,
        Allocation.state == "HELD",
        Allocation.supply_id.is_(None),
    )
    query = select(Order).where(~Order.sourced, Order.fulfilment.in_(SOURCED_HERE), waits)
    orders = session.scalars(
        query.order_by(Order.priority.desc(), Order.placed_at, Order.id).limit(limit)
    ).all()
    if not orders:
        return None
    return Gathered(
        facts=facts_of(session, orders, demands_of(session, [o.id for o in orders]), now=now),
        policy=live_policy(session),
        shadows=tuple(shadow_policies(session)),
        card=card_in_force(session),
    )


def facts_of(
    session: Session, orders: Sequence[Order], demands: Sequence[Demand], *, now: datetime
) -> Facts:
    """What is to be known of these orders and of the network; their own holds count as free."""
    nodes = nodes_of(session, now=now)
    skus = {SkuId(demand.sku_id) for demand in demands}
    there = availability.free_units(session, skus, now=now)
    free = defaultdict[tuple[UUID, UUID], int](
        int, {(site, sku): n for (site, sku), n in there.items()}
    )
    for demand in demands:
        for site_id, _, units in demand.held:
            free[site_id, demand.sku_id] += units
    kept: dict[tuple[str, UUID, UUID], int] = {}
    for channel in {order.channel for order in orders}:
        for (site, sku), units in availability.kept_from(session, channel, skus).items():
            kept[channel, site, sku] = units
    query = select(capacity.StockValue).where(capacity.StockValue.sku_id.in_(skus))
    values = session.scalars(query).all()
    goods = select(Sku.id, Sku.weight_g, Sku.temperature).where(Sku.id.in_(skus))
    return Facts(
        at=now,
        orders=_orders(session, orders),
        demands=tuple(demands),
        nodes=nodes,
        goods={
            row.id: Goods(weight_g=row.weight_g, cool=row.temperature != "AMBIENT")
            for row in session.execute(goods)
        },
        free=free,
        kept=kept,
        value={(v.site_id, v.sku_id): v.markdown_minor for v in values},
        scarcity={(v.site_id, v.sku_id): v.scarcity_minor for v in values},
    )


def nodes_of(session: Session, *, now: datetime) -> tuple[Node, ...]:
    """The sites that orders are sent from, with what they can send, by code."""
    closed = capacity.closed_sites(session, now)
    given = capacity.given(session, now.date() - timedelta(days=1))
    work = capacity.in_work(session)
    calendar = calendars(session)
    sites = session.scalars(select(Site).where(Site.kind.in_(HELD_AT)).order_by(Site.code))
    return tuple(
        Node(
            id=site.id,
            code=site.code,
            kind=site.kind,
            prefecture=place_of(site.prefecture, site.latitude, site.longitude),
            latitude=site.latitude,
            longitude=site.longitude,
            calendar=calendar[site.code],
            units_per_day=site.units_per_day,
            given=given.get(site.id, {}),
            in_work=work.get(site.id, 0),
            closed=closed[site.id].reason if site.id in closed else "",
        )
        for site in sites
    )


def demands_of(
    session: Session, orders: Iterable[UUID], states: Sequence[str] = ("HELD",)
) -> list[Demand]:
    """What of these orders is held of stock in one of those states, line by line."""
    query = (
        select(Allocation)
        .where(
            Allocation.order_id.in_(list(orders)),
            Allocation.state.in_(states),
            Allocation.supply_id.is_(None),
        )
        .order_by(Allocation.order_id, Allocation.line_no, Allocation.site_id, Allocation.id)
    )
    by_line: dict[tuple[UUID, int], list[Allocation]] = defaultdict(list)
    for allocation in session.scalars(query, execution_options={"populate_existing": True}):
        by_line[allocation.order_id, allocation.line_no].append(allocation)
    return [
        Demand(
            order_id=order_id,
            line_no=line_no,
            sku_id=held[0].sku_id,
            units=sum(each.units for each in held),
            held=tuple((each.site_id, each.id, each.units) for each in held),
        )
        for (order_id, line_no), held in by_line.items()
    ]


def _orders(session: Session, orders: Sequence[Order]) -> tuple[OrderFacts, ...]:
    excluded = capacity.excluded_sites(session, [order.id for order in orders])
    at = _begun_at(session, [o.id for o in orders if o.split == "ONE_SITE" and not o.to_site_id])
    points = _points(session, {order.to_site_id for order in orders if order.to_site_id})
    found = []
    for order in orders:
        name, place = order.prefecture, (order.latitude, order.longitude)
        if order.to_site_id is not None and order.to_site_id in points:
            name, place = points[order.to_site_id]
        found.append(
            OrderFacts(
                id=order.id,
                prefecture=place_of(name, *place),
                latitude=place[0],
                longitude=place[1],
                channel=order.channel,
                fulfilment=order.fulfilment,
                split=order.split,
                priority=order.priority,
                promised_by=order.promised_by,
                to_site_id=order.to_site_id,
                excluded=excluded[order.id],
                only_at=at.get(order.id),
            )
        )
    return tuple(found)


def _points(session: Session, sites: set[UUID]) -> dict[UUID, tuple[str, tuple[float, float]]]:
    if not sites:
        return {}
    query = select(Site).where(Site.id.in_(sites))
    return {s.id: (s.prefecture, (s.latitude, s.longitude)) for s in session.scalars(query)}


def _begun_at(session: Session, orders: Sequence[UUID]) -> dict[UUID, UUID]:
    """Where these orders, which may not be parted, have something already."""
    if not orders:
        return {}
    query = select(Allocation.order_id, Allocation.site_id).where(
        Allocation.order_id.in_(orders), Allocation.state.not_in((*ENDED, "HELD"))
    )
    return {row.order_id: row.site_id for row in session.execute(query)}
