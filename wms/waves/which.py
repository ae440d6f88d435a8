"""Which orders: what a channel or a wave takes, said as a filter, asked as a condition.

Empty means any. Carriers are chosen when a parcel is packed; which one an order will have is asked
of the same rules, as if all of it went into one box.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, select, true
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.orders.model import Allocation, Order
from wms.outbound.choose import service_of
from wms.outbound.rules import TARE_G, Box, Packed
from wms.outbound.steps import items_of

LOOK = 500  # orders, of which the carriers are asked at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """A filter. `due_within_min`: promised for a time that is no further away than that."""

    channels: tuple[str, ...] = ()
    fulfilments: tuple[str, ...] = ()
    prefectures: tuple[str, ...] = ()
    carriers: tuple[str, ...] = ()
    priority_min: int | None = None
    due_within_min: int | None = None


def condition(
    session: Session, site: SiteId, which: Which, *, now: datetime
) -> ColumnElement[bool]:
    """What an allocation that is to be released must be like to pass the filter."""
    asked: list[ColumnElement[bool]] = []
    if which.channels:
        asked.append(Order.channel.in_(which.channels))
    if which.fulfilments:
        asked.append(Order.fulfilment.in_(which.fulfilments))
    if which.prefectures:
        asked.append(Order.prefecture.in_(which.prefectures))
    if which.priority_min is not None:
        asked.append(Order.priority >= which.priority_min)
    if which.due_within_min is not None:
        asked.append(Order.promised_by <= now + timedelta(minutes=which.due_within_min))
    found = exists().where(Order.id == Allocation.order_id, *asked) if asked else true()
    if not which.carriers:
        return found
    mine = _by_carrier(session, site, found, which.carriers)
    return and_(found, Allocation.order_id.in_(mine))


def _by_carrier(
    session: Session, site: SiteId, found: ColumnElement[bool], carriers: tuple[str, ...]
) -> list[UUID]:
    """Those of the orders that one of these carriers will take."""
    query = (
        select(Allocation)
        .where(Allocation.site_id == site, Allocation.state == "ALLOCATED", found)
        .order_by(Allocation.ordered_at, Allocation.order_id)
        .limit(LOOK)
    )
    goods: dict[UUID, list[Allocation]] = defaultdict(list)
    for each in session.scalars(query):
        goods[each.order_id].append(each)
    items = items_of(session, [each.sku_id for its in goods.values() for each in its])
    mine = []
    for order_id, its in goods.items():
        contents = tuple(
            Packed(
                allocation_id=each.id,
                units=each.units,
                unit_weight_g=items[each.sku_id].weight_g,
                cool=items[each.sku_id].cool,
            )
            for each in its
        )
        weight_g = TARE_G + sum(each.units * each.unit_weight_g for each in contents)
        cool = any(each.cool for each in contents)
        box = Box(contents=contents, weight_g=weight_g, cool=cool)
        service = service_of(session, session.get_one(Order, order_id), box, site)
        if service in carriers or service.partition("-")[0] in carriers:
            mine.append(order_id)
    return mine
