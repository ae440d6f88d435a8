"""Refund: money goes back over the tenders of its order, once for its cause.

    captured  CARD 8,000  POINTS 2,000        refund 9,000  ->  CARD 8,000, POINTS 1,000

What was paid last goes back first, and points last of all: money is what customers miss. Where
two tenders can bear a refund there is one way to spread it, so that asking again spreads it the
same. Never more goes back than was captured and is not yet on its way back; what nobody captured
is not refunded.

Who refunds holds the locks of all tenders of the order (`lock_tenders`), so two counters cannot
spend the same yen; the constraints of the tables (wms.payments.model) say it once more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound
from wms.ids import derive
from wms.money import Money
from wms.payments.model import RefundRow, TenderRow
from wms.payments.tenders import lock_tenders


class RefundNotRefused(Conflict):
    """Only a refund that was refused is asked for again by hand; the others go on by themselves.

    Attributes:
        state: where it is.
    """

    code: ClassVar[str] = "refund_not_refused"

    def __init__(self, state: str) -> None:
        super().__init__(f"the refund is {state}")
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a refund goes to one tender."""

    tender_id: UUID
    amount_minor: int


def refund_order(
    session: Session,
    order_id: UUID,
    amount: Money,
    *,
    cause_id: UUID,
    reason: str,
    now: datetime,
) -> list[UUID]:
    """Want an amount to go back, once for that cause; the ids of the refunds.

    Asked again for the same cause, whatever the amount, it answers with what it wanted then. The
    provider is asked later, by the worker. Where less can go back than `amount`, that goes back:
    `refunded_for` says how much it was.
    """
    tenders = lock_tenders(session, order_id)
    known = _of_cause(session, order_id, cause_id)
    if known:
        return [row.id for row in known]
    ids = []
    for part in spread(amount, tenders):
        refund_id = derive(order_id, "refund", str(cause_id), str(part.tender_id))
        row = {
            "order_id": order_id,
            "id": refund_id,
            "tender_id": part.tender_id,
            "amount_minor": part.amount_minor,
            "reason": reason,
            "cause_id": cause_id,
            "due_at": now,
            "wanted_at": now,
        }
        session.execute(insert(RefundRow).values(row))
        kind = next(tender.kind for tender in tenders if tender.id == part.tender_id)
        body = {
            "order": str(order_id),
            "refund": str(refund_id),
            "tender": kind,
            "amount_minor": part.amount_minor,
            "currency": amount.currency,
            "reason": reason,
        }
        outbox.record(session, topic="order", key=order_id, type="RefundWanted", body=body, now=now)
        ids.append(refund_id)
    return ids


def spread(amount: Money, tenders: Sequence[TenderRow]) -> list[Part]:
    """Over which tenders an amount goes back, and how much to each."""
    parts: list[Part] = []
    left = amount.amount_minor
    for tender in sorted(tenders, key=lambda each: (each.kind == "POINTS", -each.no, each.id)):
        room = tender.captured_minor - tender.refunded_minor
        part = min(left, room) if tender.currency == amount.currency else 0
        if part > 0:
            parts.append(Part(tender_id=tender.id, amount_minor=part))
            left -= part
    return parts


def refunded_for(session: Session, order_id: UUID, cause_id: UUID) -> int:
    """How much went back, or shall, for that cause, in minor units."""
    return sum(row.amount_minor for row in _of_cause(session, order_id, cause_id))


def refunds_of(session: Session, order_id: UUID) -> Sequence[RefundRow]:
    """The refunds of an order, in the order in which they were wanted."""
    query = select(RefundRow).where(RefundRow.order_id == order_id)
    return session.scalars(query.order_by(RefundRow.wanted_at, RefundRow.id)).all()


def find_refund(session: Session, refund_id: UUID) -> RefundRow:
    """A refund, locked.

    Raises:
        NotFound: there is none.
    """
    query = select(RefundRow).where(RefundRow.id == refund_id).with_for_update()
    row = session.scalars(query, execution_options={"populate_existing": True}).first()
    if row is None:
        raise NotFound(f"refund {refund_id}")
    return row


def retry_refund(session: Session, refund_id: UUID, *, now: datetime) -> UUID:
    """Ask once more for a refund that was refused, when a person says so; the order's id.

    It keeps its id, so that a provider that did it after all does not do it twice.

    Raises:
        NotFound: there is no such refund.
        RefundNotRefused: it is done, or still on its way.
    """
    row = find_refund(session, refund_id)
    if row.state != "REFUSED":
        raise RefundNotRefused(row.state)
    row.state, row.attempts, row.due_at, row.ended_at = "WANTED", 0, now, None
    return row.order_id


def _of_cause(session: Session, order_id: UUID, cause_id: UUID) -> Sequence[RefundRow]:
    query = select(RefundRow).where(RefundRow.order_id == order_id, RefundRow.cause_id == cause_id)
    return session.scalars(query.order_by(RefundRow.id)).all()
