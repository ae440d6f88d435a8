"""Label: a parcel that comes back travels on a label of ours, bought once.

    wish(...)        the label is wanted, as a booking in the other direction (wms.shipping)
    follow(session)  what its carrier said: it has a label, is under way, has arrived

The booking is made, and asked for again until it is answered, by who does it for all parcels.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from edge.gs1 import sscc_from
from wms import outbox
from wms.catalog import Sku
from wms.ids import derive
from wms.orders.model import Order
from wms.outbound.floor import Floor
from wms.outbound.model import SSCC_SERIAL
from wms.returns import goods
from wms.returns.bench import lock_return, to_bench
from wms.returns.model import NOTHING_CAME, Return, ReturnLine
from wms.returns.people import UNEXPECTED, tell_of_return
from wms.shipping import bookings
from wms.shipping.model import BookingRow
from wms.shipping.tables import card_in_force

LEFT = ("COLLECTED", "OUT_FOR_DELIVERY", "ATTEMPTED", "DELIVERED")


def wish(
    session: Session,
    floor: Floor,
    back: Return,
    order: Order,
    lines: Sequence[ReturnLine],
    *,
    now: datetime,
) -> None:
    """Want a label for a return, from the customer to its site."""
    assert back.site_id is not None
    skus = {sku.id: sku for sku in session.scalars(
        select(Sku).where(Sku.id.in_([line.sku_id for line in lines]))
    )}  # fmt: skip
    weight_g = sum(skus[line.sku_id].weight_g * line.units for line in lines if line.sku_id)
    cool = any(sku.temperature != "AMBIENT" for sku in skus.values())
    card = card_in_force(session)
    fit = card.services(weight_g, cool=cool) or list(card.all_services.values())
    serial = session.scalar(SSCC_SERIAL.next_value())
    assert serial is not None
    back.sscc, back.service = sscc_from(floor.company_prefix, 1, serial), fit[0].code
    wanted = bookings.Wish(
        site_id=back.site_id,
        parcel_id=derive(back.id, "label"),
        sscc=back.sscc,
        service=back.service,
        weight_g=weight_g,
        order_id=order.id,
        contact_id=order.contact_id,
        number=back.number,
        direction="RETURN",
        sender=order.prefecture,
        prefecture=order.prefecture,
        postal_code=order.postal_code,
        currency=order.currency,
    )
    bookings.want(session, card, [wanted], now=now)


def give_up(session: Session, back: Return, *, now: datetime) -> None:
    """The label is no longer wanted."""
    if back.site_id is not None and back.sscc is not None:
        bookings.cancel(session, back.site_id, derive(back.id, "label"), now=now)


def follow(session: Session, *, now: datetime, limit: int = 50) -> int:
    """Do what carriers said of parcels that come back; how many went a step further."""
    on_its_way = Return.state.in_(("REQUESTED", "LABELLED"))
    moved = on_its_way & BookingRow.status.in_(LEFT)
    labelled = (Return.state == "REQUESTED") & BookingRow.state.in_(("BOOKED", "REFUSED"))
    here = Return.state.in_(("IN_TRANSIT", *NOTHING_CAME)) & (BookingRow.status == "DELIVERED")
    query = (
        select(Return.id)
        .join(BookingRow, (BookingRow.sscc == Return.sscc) & (BookingRow.site_id == Return.site_id))
        .where(Return.way == "PARCEL", Return.arrived_at.is_(None), or_(moved, labelled, here))
        .order_by(Return.recorded_at, Return.id)
        .limit(limit)
    )
    ids = session.scalars(query).all()
    for return_id in ids:
        back = lock_return(session, return_id)
        assert back is not None
        booking = session.get_one(BookingRow, (back.site_id, derive(back.id, "label")))
        _step(session, back, booking, now)
    return len(ids)


def arrive(session: Session, back: Return, *, now: datetime) -> None:
    """The parcel is at its site: somebody shall open it."""
    back.arrived_at = now
    to_bench(session, back, goods.lines_of(session, back.id), now=now)


def _step(session: Session, back: Return, booking: BookingRow, now: datetime) -> None:
    if back.state in NOTHING_CAME:  # and yet it is here
        back.arrived_at = now
        facts = {"order": str(back.order_id), "sscc": back.sscc}
        tell_of_return(session, booking.site_id, back.id, code=UNEXPECTED, facts=facts, at=now)
        return
    if back.state == "REQUESTED" and booking.state == "REFUSED":
        _without_label(session, back, booking, now)
        return
    if back.state == "REQUESTED" and booking.tracking is not None:
        back.state, back.tracking = "LABELLED", booking.tracking
        _tell(session, back, "ReturnLabelled", now, tracking=booking.tracking)
    if back.state in {"REQUESTED", "LABELLED"} and booking.status in LEFT:
        goods.collect(session, back, goods.lines_of(session, back.id), now)
        back.state = "IN_TRANSIT"
        _tell(session, back, "ReturnInTransit", now)
    if back.state == "IN_TRANSIT" and booking.status == "DELIVERED":
        arrive(session, back, now=now)


def _without_label(session: Session, back: Return, booking: BookingRow, now: datetime) -> None:
    """No carrier takes it: people must find a way; whatever comes is received."""
    assert back.site_id is not None
    facts = {"order": str(back.order_id), "problem": booking.problem}
    tell_of_return(session, back.site_id, back.id, code="return.no_label", facts=facts, at=now)
    back.way = "BENCH"
    to_bench(session, back, goods.lines_of(session, back.id), now=now)


def _tell(session: Session, back: Return, type_: str, now: datetime, **more: str) -> None:
    body = {"id": str(back.id), "number": back.number, "order": str(back.order_id), **more}
    outbox.record(session, topic="order", key=str(back.order_id), type=type_, body=body, now=now)
