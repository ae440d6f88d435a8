"""Carrier: parcels are booked and followed. Each call stands between two transactions.

    unbooked(session)  ->  carrier.book(...)   ->  store_booking(session, ...)
    cursor(session)    ->  carrier.tracking()  ->  take_tracking(session, ...)

A booking is known by the parcel's id: made twice, it is made once. The cursor is moved in the
transaction that does what the events say.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.orders.model import Order
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.outbound.ship import take_delivery
from wms.ports import Booking, Tracking

CARRIER = "carrier"


class PartnerCursor(Base):
    """How much of what a partner says has been done."""

    __tablename__ = "partner_cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[int] = mapped_column(server_default="0")


def unbooked(session: Session, *, limit: int = 50) -> list[Booking]:
    """Parcels that no carrier knows yet, the oldest first."""
    query = (
        select(Parcel, Order.postal_code)
        .join(Order, Order.id == Parcel.order_id)
        .where(Parcel.tracking.is_(None), Parcel.state.not_in(("PLANNED", "CANCELLED")))
        .where(Parcel.to_site_id.is_(None))  # vans of ours take those
        .order_by(Parcel.made_at)
        .limit(limit)
    )
    return [
        Booking(
            parcel_id=parcel.id,
            sscc=parcel.sscc,
            service=parcel.service,
            weight_g=parcel.weight_g,
            postal_code=postal_code,
        )
        for parcel, postal_code in session.execute(query)
    ]


def store_booking(session: Session, sscc: str, tracking: str) -> None:
    """Keep a parcel's tracking number."""
    query = select(Parcel).where(Parcel.sscc == sscc).with_for_update()
    parcel = session.scalars(query).one()
    parcel.tracking = parcel.tracking or tracking


def cursor(session: Session) -> int:
    """How far the carrier's events have been done."""
    row = session.get(PartnerCursor, CARRIER)
    return 0 if row is None else row.cursor


def take_tracking(
    session: Session, floor: Floor, known: int, tracking: Tracking, *, now: datetime
) -> None:
    """Do what the carrier's events say, unless somebody has meanwhile."""
    session.execute(insert(PartnerCursor).values(name=CARRIER, cursor=0).on_conflict_do_nothing())
    row = session.get_one(PartnerCursor, CARRIER, with_for_update=True, populate_existing=True)
    if row.cursor != known:
        return
    delivered = {each.sscc: each.at for each in tracking.events if each.status == "DELIVERED"}
    take_delivery(session, floor, delivered, now=now)
    row.cursor = tracking.cursor


def parcels_of_order(session: Session, order_id: UUID) -> list[Parcel]:
    """An order's parcels, in the order they were packed."""
    query = select(Parcel).where(Parcel.order_id == order_id).order_by(Parcel.made_at, Parcel.sscc)
    return list(session.scalars(query))
