"""COD (代引): the carrier collects at the door, and that is when money has been captured.

A tender of kind COD is expected to bring `expected_minor` and has brought nothing until the
carrier says that it handed the parcel over. Who refuses the parcel at the door has paid nothing,
and so nothing goes back. Where an order comes in several parcels the carrier collects all of it
with the first.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.money import Money
from wms.payments.model import TenderRow
from wms.payments.tenders import lock_tenders


def due_at_the_door(session: Session, order_id: UUID, currency: str = "JPY") -> Money:
    """What the carrier has still to collect of an order."""
    query = select(func.sum(TenderRow.expected_minor - TenderRow.captured_minor)).where(
        TenderRow.order_id == order_id, TenderRow.kind == "COD", TenderRow.currency == currency
    )
    return Money(max(0, int(session.scalar(query) or 0)), currency)


def collected(session: Session, order_id: UUID, *, now: datetime) -> bool:
    """The carrier has collected what was due at the door; False if it had, or nothing was."""
    changed = False
    for tender in lock_tenders(session, order_id):
        if tender.kind == "COD" and tender.captured_minor < tender.expected_minor:
            tender.captured_minor, tender.captured_at = tender.expected_minor, now
            changed = True
    session.flush()
    return changed
