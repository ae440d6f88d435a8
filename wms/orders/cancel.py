"""Cancel: an order is taken back while its goods still stand where they stood."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order, lock_order
from wms.orders.model import ENDED, Allocation, Order
from wms.orders.place import open_lines
from wms.stock import ledger

STILL_POSSIBLE = frozenset({"HELD", "ALLOCATED"})


class TooLateToCancel(Conflict):
    """The floor is at work on it, or it has left.

    Attributes:
        order_id: the order.
    """

    code: ClassVar[str] = "too_late_to_cancel"

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"order {order_id} is being picked, or has left")
        self.order_id = order_id


def cancel_order(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Cancel all lines that have not ended. Repeating changes nothing.

    Raises:
        NotFound: there is no such order.
        TooLateToCancel: some of it is being picked or has left; nothing is cancelled.
    """
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    order = lock_order(session, order_id)
    lines = open_lines(session, order_id)
    if not lines:
        if order.shipped_at is not None:
            raise TooLateToCancel(order_id)
        return
    query = select(Allocation).where(
        Allocation.order_id == order_id, Allocation.state.not_in(ENDED)
    )
    live = session.scalars(query.order_by(Allocation.site_id, Allocation.id).with_for_update())
    allocations = live.all()
    if any(allocation.state not in STILL_POSSIBLE for allocation in allocations):
        raise TooLateToCancel(order_id)
    ledger.advance(
        session,
        [
            ledger.Advance(
                command_id=CommandId(derive(allocation.id, "cancel")),
                site_id=SiteId(allocation.site_id),
                hold_id=HoldId(allocation.id),
                to="RELEASED",
                actor="rule:cancel",
                occurred_at=now,
            )
            for allocation in allocations
        ],
    )
    for allocation in allocations:
        allocation.state = "RELEASED"
    for line in lines:
        line.state = "CANCELLED"
    order.sourced = True
    body = {"id": str(order.id), "number": order.number}
    outbox.record(session, topic="order", key=order.id, type="OrderCancelled", body=body, now=now)
    close_order(session, order, at=now)
