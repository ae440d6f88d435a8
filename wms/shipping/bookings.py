"""Bookings: a parcel is announced to its carrier once, whatever is lost on the way.

    want(session, wishes)                     the wish stands, by the parcel's id
    due(session) -> [Key, ...]                whose carrier may be asked now
    ask(session, key) -> Asked                it is going to be asked: said before it is
        carrier.book(asked.booking)           between two transactions
    keep(session, ...) | failed(...) | refused(...)

A call whose answer was lost is made again under the same id, and the carrier answers as it did.
A carrier that does not answer is left alone, a little longer each time, and then asked for one
parcel; the others go on. A booking that was never asked for may fall back to another carrier; one
that was asked for may exist there, and waits.

Law: at most one label is bought for a parcel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.ports import Booked, Booking
from wms.shipping.model import BookingRow, CarrierHealth
from wms.shipping.rates import RateCard
from wms.shipping.tables import all_carrier_facts

REFERENCE_DIGITS = 12  # the end of the SSCC; every carrier's file has room for it
LEASE = timedelta(seconds=30)  # longer than a call takes
PAUSE_MAX_S = 300


class Key(NamedTuple):
    """A booking, and whom it asks."""

    site_id: UUID
    parcel_id: UUID
    carrier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A parcel that shall have a carrier. `sender` and `prefecture` are names of prefectures."""

    site_id: UUID
    parcel_id: UUID
    sscc: str
    service: str
    weight_g: int
    order_id: UUID | None = None
    contact_id: UUID | None = None
    number: str = ""
    direction: Literal["OUT", "RETURN"] = "OUT"
    sender: str = ""
    prefecture: str = ""
    postal_code: str = ""
    ship_on: date | None = None
    deliver_on: date | None = None
    slot: str = ""
    leave_at: str = ""
    cod_minor: int = 0
    currency: str = "JPY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a carrier is asked: to book, or to forget."""

    key: Key
    cancel: bool
    booking: Booking
    contact_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FallenBack:
    """A booking that goes to another service."""

    site_id: UUID
    parcel_id: UUID
    was: str
    service: str


def carrier_of(card: RateCard, service: str) -> str:
    """Who runs a service; a service that is not on the card is its own carrier."""
    known = card.all_services.get(service)
    return service if known is None else known.carrier


def want(session: Session, card: RateCard, wishes: Iterable[Wish], *, now: datetime) -> int:
    """Let these parcels be booked; how many were not wished for before."""
    rows = [_row(card, wish, now) for wish in wishes]
    if not rows:
        return 0
    statement = insert(BookingRow).values(rows).on_conflict_do_nothing()
    return len(session.execute(statement.returning(BookingRow.id)).all())


def due(session: Session, *, now: datetime, limit: int = 50) -> list[Key]:
    """Bookings whose carrier may be asked now, the oldest first.

    Of a carrier that did not answer the last time, one. Those that work with files are not asked.
    """
    by_file = {code for code, facts in all_carrier_facts(session).items() if facts.mode == "FILE"}
    health = {row.carrier: row for row in session.scalars(select(CarrierHealth))}
    silent = {code for code, row in health.items() if row.failures and row.due_at > now}
    query = (
        select(BookingRow.site_id, BookingRow.id, BookingRow.carrier)
        .where(BookingRow.state.in_(("WANTED", "CANCELLING")), BookingRow.due_at <= now)
        .where(BookingRow.carrier.not_in(by_file | silent))
        .order_by(BookingRow.wanted_at, BookingRow.site_id, BookingRow.id)
    )
    tried = {code for code, row in health.items() if row.failures} - silent
    keys = [
        Key(*row)
        for row in session.execute(query.where(BookingRow.carrier.not_in(tried)).limit(limit))
    ]
    for code in sorted(tried):
        one = session.execute(query.where(BookingRow.carrier == code).limit(1)).first()
        keys += [] if one is None else [Key(*one)]
    return keys


def ask(session: Session, key: Key, *, now: datetime) -> Asked | None:
    """Note that the carrier is going to be asked; None if somebody else is asking it."""
    row = _lock(session, key.site_id, key.parcel_id)
    if row is None or row.state not in {"WANTED", "CANCELLING"} or row.due_at > now:
        return None
    if row.carrier != key.carrier:
        return None
    row.attempts += 1
    row.due_at = now + LEASE
    return Asked(
        key=key,
        cancel=row.state == "CANCELLING",
        booking=_booking(row),
        contact_id=row.contact_id,
    )


def keep(session: Session, key: Key, booked: Booked, *, now: datetime) -> str | None:
    """Keep what the carrier answered; the tracking number, None if the booking is gone."""
    _answered(session, key.carrier)
    row = _lock(session, key.site_id, key.parcel_id)
    if row is None:
        return None
    if row.tracking is None:
        row.tracking, row.booked_at = booked.tracking_number, now
        row.label_pdf, row.cost_minor = booked.label_pdf or None, booked.cost_minor
    if row.state == "WANTED":
        row.state, row.problem = "BOOKED", ""
    elif row.state == "CANCELLING":  # taken back while the carrier was asked
        row.due_at = now
    return row.tracking


def failed(session: Session, key: Key, problem: str, *, now: datetime) -> None:
    """The carrier did not answer: leave it alone for a while."""
    row = _lock(session, key.site_id, key.parcel_id)
    if row is not None:
        row.problem = problem[:500]
        row.due_at = now + pause(row.attempts)
    first = {"carrier": key.carrier, "failures": 0, "due_at": now}
    session.execute(insert(CarrierHealth).values(first).on_conflict_do_nothing())
    health = session.get_one(
        CarrierHealth, key.carrier, with_for_update=True, populate_existing=True
    )
    health.failures += 1
    health.down_since = health.down_since or now
    health.due_at = now + pause(health.failures)
    health.problem = problem[:500]


def refused(session: Session, key: Key, reason: str, *, now: datetime) -> None:
    """The carrier does not take it, or cannot forget it any more."""
    _answered(session, key.carrier)
    row = _lock(session, key.site_id, key.parcel_id)
    if row is None:
        return
    was_cancelling = row.state == "CANCELLING"
    row.state = "BOOKED" if was_cancelling and row.tracking else "REFUSED"
    row.problem, row.due_at = reason[:500], now


def forgotten(session: Session, key: Key) -> None:
    """The carrier has taken the announcement back."""
    _answered(session, key.carrier)
    row = _lock(session, key.site_id, key.parcel_id)
    if row is not None and row.state == "CANCELLING":
        row.state = "CANCELLED"


def cancel(session: Session, site_id: UUID, parcel_id: UUID, *, now: datetime) -> str | None:
    """No longer want a carrier for a parcel; the state then, None if none was ever wanted."""
    row = _lock(session, site_id, parcel_id)
    if row is None:
        return None
    if row.state in {"WANTED", "BOOKED"}:
        never_asked = row.state == "WANTED" and not row.attempts
        at_once = never_asked or row.file_id is not None
        row.state, row.due_at = ("CANCELLED" if at_once else "CANCELLING"), now
        if row.file_id is not None:
            row.problem = "in a file: a person takes it out of the carrier's program"
    return row.state


def fall_back(
    session: Session,
    card: RateCard,
    services: dict[str, str],
    *,
    after: timedelta,
    now: datetime,
    limit: int = 100,
) -> list[FallenBack]:
    """Give bookings of carriers that have been silent for long to another service.

    Only those that were never asked for; and only to a carrier that answers and takes them.
    """
    health = {row.carrier: row for row in session.scalars(select(CarrierHealth))}
    down = [c for c, row in health.items() if row.down_since and row.down_since + after <= now]
    query = (
        select(BookingRow)
        .where(BookingRow.carrier.in_(down), BookingRow.state == "WANTED")
        .where(BookingRow.attempts == 0, BookingRow.direction == "OUT")
        .where(BookingRow.wanted_at <= now - after, BookingRow.file_id.is_(None))
        .order_by(BookingRow.wanted_at, BookingRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    fallen = []
    for row in session.scalars(query):
        to = services.get(row.service, "")
        if to not in card.all_services or not _takes(card, to, row):
            continue
        other = health.get(carrier_of(card, to))
        if other is not None and other.down_since is not None:
            continue
        each = FallenBack(site_id=row.site_id, parcel_id=row.id, was=row.service, service=to)
        row.service, row.carrier, row.due_at = to, carrier_of(card, to), now
        fallen.append(each)
    return fallen


def bookings_of(session: Session, parcels: Iterable[UUID]) -> Sequence[BookingRow]:
    """The bookings of these parcels."""
    return session.scalars(select(BookingRow).where(BookingRow.id.in_(list(parcels)))).all()


def find(session: Session, code: str) -> BookingRow | None:
    """The booking that a code means: an SSCC, our reference, or a tracking number."""
    either = or_(BookingRow.sscc == code, BookingRow.reference == code, BookingRow.tracking == code)
    return session.scalars(select(BookingRow).where(either).limit(1)).first()


def pause(failures: int) -> timedelta:
    """How long to leave alone who did not answer so many times."""
    return timedelta(seconds=min(PAUSE_MAX_S, 2 ** min(failures, 10)))


def as_booking(row: BookingRow) -> Booking:
    """A booking as a carrier is told it, without the people."""
    return _booking(row)


def _takes(card: RateCard, service: str, row: BookingRow) -> bool:
    one = card.all_services[service]
    return (
        one.size_class(row.weight_g) is not None
        and row.cod_minor <= one.cod_max_minor
        and not one.slot_refused(row.slot)
    )


def _row(card: RateCard, wish: Wish, now: datetime) -> dict[str, object]:
    known = card.all_services.get(wish.service)
    estimate = None
    if known is not None:
        estimate = card.cost_minor(wish.service, wish.sender, wish.prefecture, wish.weight_g)
    return {
        "site_id": wish.site_id,
        "id": wish.parcel_id,
        "order_id": wish.order_id,
        "contact_id": wish.contact_id,
        "number": wish.number,
        "sscc": wish.sscc,
        "reference": wish.sscc[-REFERENCE_DIGITS:],
        "direction": wish.direction,
        "carrier": carrier_of(card, wish.service),
        "service": wish.service,
        "weight_g": wish.weight_g,
        "cool": known is not None and known.cool,
        "postal_code": wish.postal_code,
        "prefecture": wish.prefecture,
        "ship_on": wish.ship_on,
        "deliver_on": wish.deliver_on,
        "slot": wish.slot,
        "leave_at": wish.leave_at,
        "cod_minor": wish.cod_minor,
        "currency": wish.currency,
        "wanted_at": now,
        "due_at": now,
        "estimate_minor": estimate,
    }


def _booking(row: BookingRow) -> Booking:
    return Booking(
        parcel_id=row.id,
        sscc=row.sscc,
        service=row.service,
        weight_g=row.weight_g,
        postal_code=row.postal_code,
        carrier=row.carrier,
        direction="RETURN" if row.direction == "RETURN" else "OUT",
        reference=row.reference,
        number=row.number,
        prefecture=row.prefecture,
        ship_on=row.ship_on,
        deliver_on=row.deliver_on,
        slot=row.slot,
        leave_at=row.leave_at,
        cod_minor=row.cod_minor,
        currency=row.currency,
        cool=row.cool,
    )


def _answered(session: Session, carrier: str) -> None:
    health = session.get(CarrierHealth, carrier, with_for_update=True, populate_existing=True)
    if health is not None and health.failures:
        health.failures, health.down_since, health.problem = 0, None, ""


def _lock(session: Session, site_id: UUID, parcel_id: UUID) -> BookingRow | None:
    return session.get(
        BookingRow, (site_id, parcel_id), with_for_update=True, populate_existing=True
    )
