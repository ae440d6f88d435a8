"""Export: all that is known of a person, as plain data for JSON.

What a person has been told stands with the notices, and is added where the answer is put together.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.contacts.keep import read_contact
from wms.contacts.keys import Keys
from wms.contacts.model import ContactRow
from wms.orders.model import Order, OrderLine
from wms.outbound.model import Parcel
from wms.payments.refund import refunds_of
from wms.privacy.person import orders_of
from wms.returns.model import Return


def export_person(session: Session, keys: Keys, contact_ids: Sequence[UUID]) -> dict[str, Any]:
    """Contacts with their orders, parcels, returns and refunds."""
    return {
        "contacts": [_contact(session, keys, contact_id) for contact_id in contact_ids],
        "orders": [_order(session, order) for order in orders_of(session, contact_ids)],
    }


def _contact(session: Session, keys: Keys, contact_id: UUID) -> dict[str, Any]:
    row = session.get(ContactRow, contact_id)
    contact = read_contact(session, keys, contact_id)
    return {
        "id": contact_id,
        "channel": None if row is None else row.channel,
        "saved_at": None if row is None else row.made_at,
        "keep_until": None if row is None else row.keep_until,
        "erased_at": None if row is None else row.erased_at,
        "contact": None if contact is None else asdict(contact),
    }


def _order(session: Session, order: Order) -> dict[str, Any]:
    lines = select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.line_no)
    parcels = select(Parcel).where(Parcel.order_id == order.id).order_by(Parcel.made_at)
    returns = select(Return).where(Return.order_id == order.id).order_by(Return.recorded_at)
    return {
        "id": order.id,
        "number": order.number,
        "channel": order.channel,
        "customer": order.customer,
        "placed_at": order.placed_at,
        "prefecture": order.prefecture,
        "postal_code": order.postal_code,
        "latitude": order.latitude,
        "longitude": order.longitude,
        "leave_at": order.leave_at,
        "lines": [
            {"line_no": line.line_no, "sku": line.sku, "units": line.units, "state": line.state}
            for line in session.scalars(lines)
        ],
        "parcels": [
            {"sscc": parcel.sscc, "service": parcel.service, "tracking": parcel.tracking,
             "state": parcel.state, "shipped_at": parcel.shipped_at,
             "delivered_at": parcel.delivered_at}
            for parcel in session.scalars(parcels)
        ],
        "returns": [
            {"id": back.id, "number": back.number, "recorded_at": back.recorded_at,
             "closed": back.closed}
            for back in session.scalars(returns)
        ],
        "refunds": [
            {"id": refund.id, "amount_minor": refund.amount_minor, "reason": refund.reason,
             "state": refund.state}
            for refund in refunds_of(session, order.id)
        ],
    }  # fmt: skip
