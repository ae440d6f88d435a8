"""Tenders: what an order was paid with, and how much of that has been captured.

The shop charges; it tells us what it charged, with the order or later (a bill paid at the
convenience store, a capture at dispatch). Captures only ever grow: a message that comes late and
says less than is known is refused, not believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound
from wms.money import Money
from wms.payments.model import TenderRow

TenderKind: TypeAlias = Literal["CARD", "KONBINI", "BANK", "WALLET", "POINTS", "GIFT_CARD", "COD"]


class CaptureShrinks(Conflict):
    """A tender is said to have brought less than it has.

    Attributes:
        captured_minor: what is known to be captured.
    """

    code: ClassVar[str] = "capture_shrinks"

    def __init__(self, captured_minor: int) -> None:
        super().__init__(f"{captured_minor} are captured already")
        self.captured_minor = captured_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """One of the means that an order was paid with, as the shop tells it.

    `payment` is the provider's reference of it, `captured_minor` what has been charged so far,
    `expected_minor` what it is to bring in the end (None: what is captured).
    """

    id: UUID
    kind: TenderKind
    payment: str
    captured_minor: int
    currency: str = "JPY"
    expected_minor: int | None = None


def record_tenders(
    session: Session, order_id: UUID, tenders: Sequence[Tender], *, now: datetime
) -> bool:
    """Take note of an order's tenders, or that more has been captured; False: nothing was new.

    Raises:
        IdReused: a tender of that id is of another kind, payment or currency.
        CaptureShrinks: less is said to be captured than is known.
    """
    changed = False
    count = select(func.count()).where(TenderRow.order_id == order_id)
    before = session.scalar(count) or 0
    for tender in sorted(tenders, key=lambda each: each.id):  # locks in the order of keys
        expected = tender.captured_minor if tender.expected_minor is None else tender.expected_minor
        row = {
            "order_id": order_id,
            "id": tender.id,
            "no": before + tenders.index(tender) + 1,
            "kind": tender.kind,
            "payment": tender.payment,
            "expected_minor": expected,
            "captured_minor": tender.captured_minor,
            "currency": tender.currency,
            "recorded_at": now,
            "captured_at": now if tender.captured_minor else None,
        }
        statement = insert(TenderRow).values(row).on_conflict_do_nothing()
        if session.scalar(statement.returning(TenderRow.id)) is not None:
            changed = True
        else:
            changed |= _grow(session, order_id, tender, now)
    return changed


def lock_tenders(session: Session, order_id: UUID) -> Sequence[TenderRow]:
    """The tenders of an order in the order of their ids, locked: who refunds holds these locks."""
    query = select(TenderRow).where(TenderRow.order_id == order_id).order_by(TenderRow.id)
    return session.scalars(
        query.with_for_update(key_share=True), execution_options={"populate_existing": True}
    ).all()


def read_tenders(session: Session, order_id: UUID) -> Sequence[TenderRow]:
    """The tenders of an order, as they were recorded."""
    query = select(TenderRow).where(TenderRow.order_id == order_id)
    return session.scalars(
        query.order_by(TenderRow.no, TenderRow.id), execution_options={"populate_existing": True}
    ).all()


def refundable(session: Session, order_id: UUID, currency: str = "JPY") -> Money:
    """What of an order has been captured and neither given back nor promised to be."""
    query = select(func.sum(TenderRow.captured_minor - TenderRow.refunded_minor)).where(
        TenderRow.order_id == order_id, TenderRow.currency == currency
    )
    return Money(int(session.scalar(query) or 0), currency)


def captured(session: Session, order_id: UUID, currency: str = "JPY") -> Money:
    """What of an order has been captured."""
    query = select(func.sum(TenderRow.captured_minor)).where(
        TenderRow.order_id == order_id, TenderRow.currency == currency
    )
    return Money(int(session.scalar(query) or 0), currency)


def capture(
    session: Session, order_id: UUID, tender_id: UUID, captured_minor: int, *, now: datetime
) -> bool:
    """A tender has brought so much in all; False: that was known.

    Raises:
        NotFound: the order has no such tender.
        CaptureShrinks: it had brought more.
    """
    row = _lock(session, order_id, tender_id)
    if row is None:
        raise NotFound(f"tender {tender_id} of order {order_id}")
    return _capture(session, row, captured_minor, now)


def _grow(session: Session, order_id: UUID, tender: Tender, now: datetime) -> bool:
    row = _lock(session, order_id, tender.id)
    assert row is not None
    same = (row.kind, row.payment, row.currency) == (tender.kind, tender.payment, tender.currency)
    if not same:
        raise IdReused(tender.id)
    return _capture(session, row, tender.captured_minor, now)


def _capture(session: Session, row: TenderRow, captured_minor: int, now: datetime) -> bool:
    if captured_minor < row.captured_minor:
        raise CaptureShrinks(row.captured_minor)
    if captured_minor == row.captured_minor:
        return False
    row.captured_minor, row.captured_at = captured_minor, now
    session.flush()
    return True


def _lock(session: Session, order_id: UUID, tender_id: UUID) -> TenderRow | None:
    query = select(TenderRow).where(TenderRow.order_id == order_id, TenderRow.id == tender_id)
    return session.scalars(
        query.with_for_update(key_share=True), execution_options={"populate_existing": True}
    ).first()
