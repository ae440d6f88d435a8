"""Promise: what a customer was told about when, and each time that it changed.

Nobody else writes `promised_by`. A promise never changes silently (I15): each change is a row of
the order's history and an event, with the reason.

Reasons: placed, backordered, stock_came, supply_landed, supply_failed, sourced, short_pick,
slot, address, collection_point; and those of who else calls it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.orders.model import Order, OrderPromise

PLACED = "placed"


def set_promise(
    session: Session,
    order: Order,
    *,
    by: datetime | None,
    reason: str,
    now: datetime,
    since: datetime | None = None,
) -> bool:
    """Promise an order by that time (None: nobody can say); False if that was the promise.

    `since` is before when it does not come; without it the old one stays where it still fits.
    Whoever calls holds the order's lock.
    """
    if since is None and order.promised_from and by and order.promised_from <= by:
        since = order.promised_from
    last = session.scalars(
        select(OrderPromise)
        .where(OrderPromise.order_id == order.id)
        .order_by(OrderPromise.no.desc())
        .limit(1)
    ).first()
    known = (None, None) if last is None else (last.promised_from, last.promised_by)
    if known == (since, by):
        return False
    order.promised_from, order.promised_by = since, by
    session.add(
        OrderPromise(
            order_id=order.id,
            no=1 if last is None else last.no + 1,
            promised_from=since,
            promised_by=by,
            reason=reason,
            at=now,
        )
    )
    session.flush()
    if reason != PLACED:
        body = {
            "id": str(order.id),
            "number": order.number,
            "reason": reason,
            "was": known[1].isoformat() if known[1] else None,
            "by": by.isoformat() if by else None,
        }
        outbox.record(
            session, topic="order", key=order.id, type="PromiseChanged", body=body, now=now
        )
    return True


def promises_of(session: Session, order_id: UUID) -> Sequence[OrderPromise]:
    """All that the customer was told, in order."""
    query = select(OrderPromise).where(OrderPromise.order_id == order_id)
    return session.scalars(query.order_by(OrderPromise.no)).all()


def time_taken(session: Session, order: Order) -> timedelta | None:
    """How long after placing the first promise was; None if nothing was ever promised.

    What is promised anew, when goods that were missing have come, is so long from then.
    """
    first = next(iter(promises_of(session, order.id)), None)
    if first is None or first.promised_by is None:
        return None
    return max(first.promised_by - order.placed_at, timedelta(0))
