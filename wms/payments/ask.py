"""Ask: the provider is asked for what is wanted, with the refund's own id, until it answers.

    due(session)  ->  payments.refund(...)  ->  done | refused        between two transactions

Taking a refund up marks it ASKED and puts its next time off: so a worker that dies in between, an
answer that is lost and one that comes too late are all the same thing, a refund that is asked for
again later, under the same id. A provider knows the id and does it once. A refusal ends the
asking: people are told, and may have it asked once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.money import Money
from wms.payments.model import RefundRow, TenderRow
from wms.ports import Refund

FIRST_PAUSE = timedelta(seconds=30)  # longer than any answer is waited for
PAUSE_MAX = timedelta(hours=1)
REASON_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A refund that a provider will not make: what people are told of it."""

    order_id: UUID
    refund_id: UUID
    kind: str
    amount: Money
    problem: str


def due(session: Session, *, now: datetime, limit: int = 20) -> list[Refund]:
    """Take up refunds whose time has come, the oldest first; others leave them alone meanwhile."""
    query = (
        select(RefundRow, TenderRow.payment, TenderRow.currency)
        .join(
            TenderRow,
            (TenderRow.order_id == RefundRow.order_id) & (TenderRow.id == RefundRow.tender_id),
        )
        .where(RefundRow.state.in_(("WANTED", "ASKED")), RefundRow.due_at <= now)
        .order_by(RefundRow.due_at, RefundRow.id)
        .limit(limit)
        .with_for_update(of=RefundRow, skip_locked=True)
    )
    refunds = []
    for row, payment, currency in session.execute(query):
        row.state, row.attempts = "ASKED", row.attempts + 1
        row.due_at = now + pause(row.attempts)
        amount = Money(row.amount_minor, currency)
        refunds.append(Refund(refund_id=row.id, payment=payment, amount=amount))
    return refunds


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, an hour at most."""
    return min(PAUSE_MAX, FIRST_PAUSE * (1 << min(attempts - 1, 10)))


def done(session: Session, refund_id: UUID, reference: str, *, now: datetime) -> None:
    """The provider has done it; hearing that again changes nothing."""
    row = _lock(session, refund_id)
    if row.state == "DONE":
        return
    row.state, row.provider_reference, row.problem, row.ended_at = "DONE", reference, None, now
    _tell(session, row, "RefundDone", now, reference=reference)


def refused(session: Session, refund_id: UUID, problem: str, *, now: datetime) -> Refused | None:
    """The provider will not do it; None if that is known, or it was done after all."""
    row = _lock(session, refund_id)
    if row.state in {"DONE", "REFUSED"}:
        return None
    row.state, row.problem, row.ended_at = "REFUSED", problem[:REASON_MAX], now
    tender = _tell(session, row, "RefundRefused", now, reason="refused_by_provider")
    return Refused(
        order_id=row.order_id,
        refund_id=row.id,
        kind=tender.kind,
        amount=Money(row.amount_minor, tender.currency),
        problem=problem[:REASON_MAX],
    )


def refused_refunds(session: Session, *, limit: int = 100) -> Sequence[RefundRow]:
    """Those that wait for a person, the oldest first."""
    query = select(RefundRow).where(RefundRow.state == "REFUSED")
    return session.scalars(query.order_by(RefundRow.wanted_at, RefundRow.id).limit(limit)).all()


def _lock(session: Session, refund_id: UUID) -> RefundRow:
    query = select(RefundRow).where(RefundRow.id == refund_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def _tell(session: Session, row: RefundRow, type_: str, now: datetime, **more: str) -> TenderRow:
    tender = session.get_one(TenderRow, (row.order_id, row.tender_id))
    body = {
        "order": str(row.order_id),
        "refund": str(row.id),
        "tender": tender.kind,
        "amount_minor": row.amount_minor,
        "currency": tender.currency,
        **more,
    }
    outbox.record(session, topic="order", key=row.order_id, type=type_, body=body, now=now)
    return tender
