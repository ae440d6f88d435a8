"""Near orders first: what a channel releases one by one, so that it is picked together.

Without waves orders are released as the floor has room. Of those that are waiting, the ones go
first that are due soon, in their turn; then, class by class, always the one that enters the fewest
aisles for each of its lines, beside those where somebody goes anyway. An order that is far from
all others waits until it is due soon, and no longer.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.release import BY_TURN, Ordered, shelf_lives, stock_for, take
from wms.outbound.style import Release
from wms.sites import Location

Aisle: TypeAlias = tuple[str, int]  # zone and number
LOOK = 8  # lines that are weighed for each that there is room for
LOOK_MAX = 2_000


@dataclass(slots=True, kw_only=True)
class Waiting:
    """An order: its class, until when it is promised, and what it takes where."""

    order_id: UUID
    priority: int = 0
    due_at: datetime | None = None
    lines: int = 0
    aisles: set[Aisle] = field(default_factory=set)


def nearest_first(
    waiting: Sequence[Waiting], busy: Collection[Aisle], *, room: int, soon: datetime
) -> list[UUID]:
    """Which go now, in order, until there is no room for a line more.

    `waiting` is in turn; `busy`: aisles where somebody goes anyway; due until `soon` is urgent.
    """
    entered, chosen, lines = set(busy), [], 0
    left = list(waiting)
    while left and lines < room:
        urgent = (each for each in left if each.due_at is not None and each.due_at <= soon)
        best = next(urgent, None)
        if best is None:
            first = max(each.priority for each in left)
            best = min(
                (each for each in left if each.priority == first),
                key=lambda each: len(each.aisles - entered) / max(1, each.lines),
            )
        left.remove(best)
        entered |= best.aisles
        chosen.append(best.order_id)
        lines += best.lines
    return chosen


def near_orders(  # noqa: PLR0913 - of what, how much, when
    session: Session,
    site: SiteId,
    mine: ColumnElement[bool],
    how: Release,
    *,
    room: int,
    hurry_min: int,
    now: datetime,
) -> list[UUID]:
    """The orders that a channel releases now."""
    query = (
        select(Allocation, Ordered.priority, Ordered.promised_by)
        .join(Ordered, Ordered.id == Allocation.order_id)
        .where(Allocation.site_id == site, Allocation.state == "ALLOCATED", mine)
        .order_by(*BY_TURN)
        .limit(min(LOOK_MAX, LOOK * room))
    )
    rows = session.execute(query).all()
    waiting: dict[UUID, Waiting] = {}
    for each, priority, due_at in rows:
        order = waiting.setdefault(
            each.order_id, Waiting(order_id=each.order_id, priority=priority, due_at=due_at)
        )
        order.lines += 1
    goods = [each for each, _, _ in rows]
    stock = stock_for(session, site, {each.sku_id for each in goods}, how.binding, now)
    lives = shelf_lives(session, how, goods)
    for each, choice in take(goods, stock, how.binding, lives, None).pinned:
        if choice.spot.zone != "ROBOT":
            waiting[each.order_id].aisles.add((choice.spot.zone, choice.spot.way[1]))
    soon = now + timedelta(minutes=hurry_min)
    return nearest_first(list(waiting.values()), _busy(session, site), room=room, soon=soon)


def _busy(session: Session, site: SiteId) -> set[Aisle]:
    """Where what is pinned is still to be picked."""
    query = (
        select(Location.zone, Location.aisle)
        .join(
            Allocation,
            (Allocation.site_id == Location.site_id) & (Allocation.location_id == Location.id),
        )
        .where(Allocation.site_id == site, Allocation.state == "PINNED", ~Allocation.by_robot)
        .distinct()
    )
    return {(zone, aisle or 0) for zone, aisle in session.execute(query)}
