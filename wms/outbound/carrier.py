"""Carrier: what is packed is announced, followed, and given to another if its carrier is silent.

    wish(session)   parcels that are packed become bookings (wms.shipping.bookings)
    forget(session) those of parcels that are not sent after all are taken back
    note(session)   a booking's tracking number goes to its parcel, what it means to its order
    hear(session)   what a carrier said: kept, told, and done (delivered, refused, returned)

Calls stand between transactions (wms.outbound.booking). The cursor of a carrier's events is moved
in the transaction that does what they say.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wcs.messages import ParcelExpected
from wms import outbox
from wms.database import Base
from wms.ids import derive
from wms.orders.model import Order
from wms.outbound.floor import Floor
from wms.outbound.manifests import change_manifest
from wms.outbound.model import Parcel
from wms.outbound.rules import lane_of
from wms.outbound.ship import take_delivery
from wms.outbound.tell import report, tell_wcs
from wms.payments.cod import due_at_the_door
from wms.ports import Tracking, TrackingEvent
from wms.shipping import bookings
from wms.shipping.calendar import NeverOpen, ships_on
from wms.shipping.model import BookingRow, ParcelEvent
from wms.shipping.prefectures import nearest
from wms.shipping.tables import calendar_of, card_in_force, rules_in_force
from wms.sites import Site

CARRIER = "carrier"
UNPACKED = ("PLANNED", "CANCELLED")
GONE = ("SORTED", "SHIPPED", "DELIVERED", "LOST", "CANCELLED")
TOLD = frozenset({"OUT_FOR_DELIVERY", "ATTEMPTED", "REFUSED", "RETURNED"})
TROUBLE = frozenset({"REFUSED", "RETURNED"})


class PartnerCursor(Base):
    """How much of what a partner says has been done."""

    __tablename__ = "partner_cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[int] = mapped_column(server_default="0")


def wish(session: Session, *, now: datetime, limit: int = 50) -> int:
    """Let parcels that are packed be booked, the oldest first; how many there were."""
    query = (
        select(Parcel, Order, Site)
        .join(Order, Order.id == Parcel.order_id)
        .join(Site, Site.id == Parcel.site_id)
        .outerjoin(
            BookingRow, (BookingRow.site_id == Parcel.site_id) & (BookingRow.id == Parcel.id)
        )
        .where(Parcel.tracking.is_(None), Parcel.state.not_in(UNPACKED))
        .where(Parcel.to_site_id.is_(None), BookingRow.id.is_(None))  # vans of ours take others
        .order_by(Parcel.made_at)
        .limit(limit)
    )
    rows = session.execute(query).all()
    if not rows:
        return 0
    wishes = [_wish(session, parcel, order, site, now) for parcel, order, site in rows]
    return bookings.want(session, card_in_force(session), wishes, now=now)


def forget(session: Session, *, now: datetime, limit: int = 50) -> int:
    """Take back what was wished for parcels that are not sent after all; how many there were."""
    query = (
        select(BookingRow.site_id, BookingRow.id)
        .join(Parcel, (Parcel.site_id == BookingRow.site_id) & (Parcel.id == BookingRow.id))
        .where(Parcel.state == "CANCELLED", BookingRow.state.in_(("WANTED", "BOOKED")))
        # a carrier that has collected it does not forget it, and has said so
        .where(or_(BookingRow.state == "WANTED", BookingRow.problem == ""))
        .limit(limit)
    )
    rows = session.execute(query).all()
    for site_id, parcel_id in rows:
        bookings.cancel(session, site_id, parcel_id, now=now)
    return len(rows)


def _wish(
    session: Session, parcel: Parcel, order: Order, site: Site, now: datetime
) -> bookings.Wish:
    try:
        ship_on = ships_on(calendar_of(session, site.id), now, parcel.service)
    except NeverOpen:
        ship_on = None
    return bookings.Wish(
        site_id=parcel.site_id,
        parcel_id=parcel.id,
        sscc=parcel.sscc,
        service=parcel.service,
        weight_g=parcel.weight_g,
        order_id=order.id,
        contact_id=order.contact_id,
        number=order.number,
        sender=site.prefecture or nearest(site.latitude, site.longitude),
        prefecture=order.prefecture,
        postal_code=order.postal_code,
        ship_on=ship_on,
        deliver_on=order.delivery_on,
        slot=order.slot,
        leave_at=order.leave_at,
        cod_minor=_cod_minor(session, parcel, order),
        currency=order.currency,
    )


def _cod_minor(session: Session, parcel: Parcel, order: Order) -> int:
    """All that is due at the door, with the order's first parcel."""
    first = session.scalar(
        select(Parcel.id)
        .where(Parcel.order_id == order.id, Parcel.to_site_id.is_(None))
        .where(Parcel.state != "CANCELLED")
        .order_by(Parcel.made_at, Parcel.sscc)
        .limit(1)
    )
    return (
        due_at_the_door(session, order.id, order.currency).amount_minor if first == parcel.id else 0
    )


def note(session: Session, site_id: UUID, parcel_id: UUID, tracking: str) -> None:
    """Write a booking's tracking number on its parcel, if it is one of ours to a customer."""
    parcel = session.get(Parcel, (site_id, parcel_id), with_for_update=True)
    if parcel is not None:
        parcel.tracking = parcel.tracking or tracking


def report_refused(session: Session, key: bookings.Key, reason: str, *, now: datetime) -> None:
    """Put before people that a carrier does not take a parcel."""
    row = session.get(BookingRow, (key.site_id, key.parcel_id))
    if row is None or row.state != "REFUSED":
        return
    report(
        session,
        row.site_id,
        derive(row.id, "carrier.refuses"),
        code="carrier.refuses",
        source=row.carrier,
        facts={"sscc": row.sscc, "service": row.service, "reason": reason},
        at=now,
    )


def fall_back(session: Session, floor: Floor, *, now: datetime) -> int:
    """Give parcels of silent carriers to another, as the rules say; how many.

    The parcel has a new service and lane, the WCS is told, and people are: its label is another.
    """
    rules = rules_in_force(session)
    fallen = bookings.fall_back(
        session,
        card_in_force(session),
        dict(rules.fall_backs),
        after=timedelta(minutes=rules.fall_back_after_min),
        now=now,
    )
    for each in fallen:
        parcel = session.get(Parcel, (each.site_id, each.parcel_id), with_for_update=True)
        if parcel is None or parcel.state in GONE:
            continue
        parcel.service, parcel.lane = each.service, lane_of(each.service)
        change_manifest(session, parcel, now=now)
        message = ParcelExpected(code=parcel.sscc, epc_hex=parcel.epc_hex, lane=parcel.lane)
        tell_wcs(session, floor.hub_code, message)
        report(
            session,
            each.site_id,
            derive(each.parcel_id, "carrier.fallback", each.service),
            code="carrier.fallback",
            source=each.was,
            facts={"sscc": parcel.sscc, "was": each.was, "service": each.service},
            at=now,
        )
    return len(fallen)


# --------------------------------------------------------------------------------- tracking
def cursor_name(carrier: str) -> str:
    """What the cursor of a carrier is called; "" is the one for all that have none of their own."""
    return f"{CARRIER}:{carrier}" if carrier else CARRIER


def cursor(session: Session, carrier: str = "") -> int:
    """How far the carrier's events have been done."""
    row = session.get(PartnerCursor, cursor_name(carrier))
    return 0 if row is None else row.cursor


def hear(
    session: Session,
    floor: Floor,
    known: int,
    tracking: Tracking,
    *,
    carrier: str = "",
    now: datetime,
) -> None:
    """Do what the carrier's events say, unless somebody has meanwhile."""
    name = cursor_name(carrier)
    session.execute(insert(PartnerCursor).values(name=name, cursor=0).on_conflict_do_nothing())
    row = session.get_one(PartnerCursor, name, with_for_update=True, populate_existing=True)
    if row.cursor != known:
        return
    take_events(session, floor, tracking.events, now=now)
    row.cursor = tracking.cursor


def take_events(
    session: Session, floor: Floor, events: Sequence[TrackingEvent], *, now: datetime
) -> None:
    """Keep what was said, tell what customers care for, and do what follows."""
    _keep(session, events, now)
    delivered = {each.sscc: each.at for each in events if each.status == "DELIVERED"}
    take_delivery(session, floor, delivered, now=now)


def _keep(session: Session, events: Sequence[TrackingEvent], now: datetime) -> None:
    query = select(BookingRow).where(BookingRow.sscc.in_({each.sscc for each in events}))
    rows = {row.sscc: row for row in session.scalars(query.order_by(BookingRow.id))}
    for each in events:
        if (row := rows.get(each.sscc)) is None:
            continue
        fresh = session.execute(
            insert(ParcelEvent)
            .values(site_id=row.site_id, parcel_id=row.id, at=each.at, status=each.status)
            .on_conflict_do_nothing()
            .returning(ParcelEvent.status)
        ).first()
        if fresh is None:
            continue
        if row.status_at is None or each.at >= row.status_at:
            row.status, row.status_at = each.status, each.at
        if each.status in TOLD:
            _tell(session, row, each, now)


def _tell(session: Session, row: BookingRow, event: TrackingEvent, now: datetime) -> None:
    if row.order_id is not None:
        body = {
            "order": str(row.order_id),
            "sscc": row.sscc,
            "direction": row.direction,
            "status": event.status,
            "at": event.at.isoformat(),
        }
        outbox.record(
            session, topic="order", key=row.order_id, type="ParcelTracked", body=body, now=now
        )
    if event.status in TROUBLE:
        report(
            session,
            row.site_id,
            derive(row.id, event.status),
            code=f"parcel.{event.status.lower()}",
            source=row.carrier,
            facts={"sscc": row.sscc, "tracking": row.tracking, "order": row.number},
            at=event.at,
        )


def events_of(session: Session, parcels: Sequence[UUID]) -> list[ParcelEvent]:
    """What carriers said of these parcels, in the order in which it happened."""
    query = select(ParcelEvent).where(ParcelEvent.parcel_id.in_(parcels))
    return list(session.scalars(query.order_by(ParcelEvent.at, ParcelEvent.status)))


def parcels_of_order(session: Session, order_id: UUID) -> list[Parcel]:
    """An order's parcels, in the order they were packed."""
    query = select(Parcel).where(Parcel.order_id == order_id).order_by(Parcel.made_at, Parcel.sscc)
    return list(session.scalars(query))
