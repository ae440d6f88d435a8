"""Whose: the owner (荷主) that an event is about, so that nobody hears of another's orders.

Events of topic "order" are known by the id of an order, of a delivery that was announced, or of a
return. What is none of these (who waits for goods to come back) is told the house alone.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from wms.inbound.model import Asn
from wms.orders.model import Order
from wms.returns.model import Return


def owners_of(session: Session, keys: Collection[str]) -> dict[str, UUID]:
    """The owners of what these keys name; what is nobody's is left out."""
    ids = sorted({UUID(key) for key in keys})
    of_return = select(Return.id, Order.owner_id).join(Order, Order.id == Return.order_id)
    query = union_all(
        select(Order.id, Order.owner_id).where(Order.id.in_(ids)),
        select(Asn.id, Asn.owner_id).where(Asn.id.in_(ids)),
        of_return.where(Return.id.in_(ids)),
    )
    return {str(id_): owner for id_, owner in session.execute(query)}
