"""Ready: a bag lies on the pickup shelf, the customer is told, and told once more before the end.

The end is counted from the moment that the bag is ready; of what is only reserved, it is the end of
the reservation.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.collect.goods import Goods, lines_of, lock_collection, tell
from wms.collect.model import Collection
from wms.collect.policy import policy_of
from wms.ids import SiteId
from wms.orders.model import Order


def is_bagged(goods: Goods) -> bool:
    """Whether all that is left of the order lies in its bag."""
    return goods.is_whole and goods.states == {"PACKED"}


def make_ready(session: Session, order: Order, collection: Collection, *, now: datetime) -> None:
    """Say that it can be fetched, and until when."""
    kept = now + policy_of(session, collection.site_id).keep
    if order.fulfilment == "RESERVE" and order.expires_at is not None:
        kept = order.expires_at
    collection.state = "READY"
    collection.reason = ""
    collection.ready_at, collection.keep_until, collection.reminded_at = now, kept, None
    missing = [line.line_no for line in lines_of(session, order.id) if line.units_short]
    tell(session, order, collection, "CollectReady", now,
         keep_until=kept.isoformat(), missing=missing)  # fmt: skip


def to_remind(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Site and id of collections whose customer should hear of them once more."""
    query = (
        select(Collection.site_id, Collection.id, Collection.keep_until)
        .join(Order, Order.id == Collection.order_id)
        .where(
            Collection.state == "READY",
            Collection.reminded_at.is_(None),
            Order.fulfilment == "COLLECT",  # of reservations wms.orders reminds
        )
    )
    due = []
    for site, id_, kept in session.execute(query):
        if kept is not None and kept - policy_of(session, site).remind_before <= now:
            due.append((site, id_))
    return due


def remind(session: Session, site: UUID, id_: UUID, *, now: datetime) -> None:
    """Record that it should be fetched soon; once."""
    order, collection = lock_collection(session, SiteId(site), id_)
    if collection.state != "READY" or collection.reminded_at is not None:
        return
    assert collection.keep_until is not None
    collection.reminded_at = now
    tell(session, order, collection, "CollectReminder", now,
         keep_until=collection.keep_until.isoformat())  # fmt: skip
