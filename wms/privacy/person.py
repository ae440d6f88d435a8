"""Person: the orders of contacts, and why data may still be needed for one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.orders.model import Order
from wms.outbound.model import Parcel
from wms.payments.model import RefundRow
from wms.returns.model import Return

Open: TypeAlias = Literal["order_open", "parcel_on_its_way", "return_open", "refund_open"]
LOST_AFTER = timedelta(days=60)  # nobody says any more that such a parcel has come


def orders_of(session: Session, contact_ids: Sequence[UUID]) -> Sequence[Order]:
    """The orders of these contacts, oldest first."""
    query = select(Order).where(Order.contact_id.in_(contact_ids))
    return session.scalars(query.order_by(Order.placed_at, Order.id)).all()


def is_open(session: Session, order: Order, *, now: datetime) -> Open | None:
    """Why it must still be known who that order is for; None if it need not."""
    if not order.closed:
        return "order_open"
    on_its_way = select(Parcel.id).where(
        Parcel.order_id == order.id,
        Parcel.state != "DELIVERED",
        or_(Parcel.shipped_at.is_(None), Parcel.shipped_at > now - LOST_AFTER),
    )
    if session.scalars(on_its_way.limit(1)).first() is not None:
        return "parcel_on_its_way"
    returning = select(Return.id).where(Return.order_id == order.id, ~Return.closed)
    if session.scalars(returning.limit(1)).first() is not None:
        return "return_open"
    refunds = select(RefundRow.id).where(
        RefundRow.order_id == order.id, RefundRow.state.in_(("WANTED", "ASKED"))
    )
    return None if session.scalars(refunds.limit(1)).first() is None else "refund_open"
