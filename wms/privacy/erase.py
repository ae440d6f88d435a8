"""Erase: a person's key is destroyed, and what else says where they live; the books stay.

While an order is open somebody must be able to bring it, so then it is refused, with the reason, or
noted and done when the order has ended (`at_close`).

Laws: nothing that was said of a person is found afterwards, in whatever table; asked again, the
answer is the receipt of then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.contacts.keep import DESTROYED, Receipt, erase_contact, receipt
from wms.contacts.model import ContactRow
from wms.errors import Conflict, NotFound
from wms.orders.model import Order
from wms.privacy.person import is_open, orders_of

OF_THE_ORDER = "customer reference, exact place, tracking link"
POSTAL_KEPT = 3  # digits: an area, no street


class StillNeeded(Conflict):
    """Somebody must still know who it is.

    Attributes:
        contact_id: whose data.
        number: of the order that needs it.
        reason: "order_open", "parcel_on_its_way", "return_open" or "refund_open".
    """

    code: ClassVar[str] = "still_needed"

    def __init__(self, contact_id: UUID, number: str, reason: str) -> None:
        super().__init__(f"order {number}: {reason}")
        self.contact_id = contact_id
        self.number = number
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased at once, and what will be when its orders have ended."""

    receipts: Sequence[Receipt]
    at_close: Sequence[UUID]


def erase_person(
    session: Session,
    contact_ids: Sequence[UUID],
    *,
    by: str,
    reason: str,
    at_close: bool,
    now: datetime,
) -> Erased:
    """Erase these contacts: all now, or with `at_close` each as soon as it is not needed any more.

    Raises:
        NotFound: there is no such contact. Nothing has been done.
        StillNeeded: an order is open, and it was not asked for at its close. Likewise.
    """
    receipts, later = [], []
    for contact_id in sorted(set(contact_ids)):
        row = session.get(ContactRow, contact_id, with_for_update=True)
        if row is None:
            raise NotFound(f"contact {contact_id}")
        needed = None if row.erased_at is not None else _needed(session, contact_id, now)
        if needed is None:
            receipts.append(erase_one(session, contact_id, by=by, reason=reason, now=now))
        elif at_close:
            row.erase_at_close = f"{by}: {reason}"
            later.append(contact_id)
        else:
            raise needed
    return Erased(receipts=receipts, at_close=later)


def erase_one(
    session: Session, contact_id: UUID, *, by: str, reason: str, now: datetime
) -> Receipt:
    """Erase a contact that nothing needs."""
    for order in orders_of(session, [contact_id]):
        _blur(session, order)
    destroyed = f"{DESTROYED}, {OF_THE_ORDER}"
    return erase_contact(session, contact_id, by=by, reason=reason, destroyed=destroyed, now=now)


def due_contacts(session: Session, *, now: datetime, after: UUID | None, limit: int) -> list[UUID]:
    """Contacts to be erased: kept for long enough, or asked for at the close. By id, from there."""
    query = select(ContactRow.id).where(
        ContactRow.erased_at.is_(None),
        (ContactRow.keep_until <= now) | ContactRow.erase_at_close.is_not(None),
    )
    if after is not None:
        query = query.where(ContactRow.id > after)
    return list(session.scalars(query.order_by(ContactRow.id).limit(limit)))


def erase_due(session: Session, contact_id: UUID, *, now: datetime) -> Receipt | None:
    """Erase a contact that is due; None while an order needs it."""
    row = session.get_one(ContactRow, contact_id, with_for_update=True)
    if row.erased_at is not None:
        return receipt(session, contact_id)
    if _needed(session, contact_id, now) is not None:
        return None
    by, reason = "retention", f"kept until {row.keep_until.isoformat()}"
    if row.erase_at_close is not None:
        by, _, reason = row.erase_at_close.partition(": ")
    return erase_one(session, contact_id, by=by, reason=reason, now=now)


def _needed(session: Session, contact_id: UUID, now: datetime) -> StillNeeded | None:
    for order in orders_of(session, [contact_id]):
        reason = is_open(session, order, now=now)
        if reason is not None:
            return StillNeeded(contact_id, order.number, reason)
    return None


def _blur(session: Session, order: Order) -> None:
    """Of where it went an area stays, and of who wanted it nothing."""
    order = session.get_one(Order, order.id, with_for_update=True)
    order.customer, order.token, order.leave_at = None, "", ""
    order.postal_code = order.postal_code[:POSTAL_KEPT]
    order.latitude, order.longitude = round(order.latitude, 1), round(order.longitude, 1)
