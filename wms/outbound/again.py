"""Again: units that went missing on their way are wanted somewhere else.

They are held where they still are, as the order's fulfilment asks for; what is nowhere waits, or
ends its line as short. The customer is told by an event with its reason.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms import outbox
from wms.orders.backorder import wait_or_end
from wms.orders.cancel import keep_whole
from wms.orders.hold import hold_lines
from wms.orders.model import Order, OrderLine


def want_again(  # noqa: PLR0913 - what is wanted, and why
    session: Session,
    order: Order,
    units: Mapping[int, int],
    *,
    cause: UUID,
    reason: str,
    now: datetime,
    held: bool = True,
) -> None:
    """Hold that many units for these lines again; without `held`, they just end or wait.

    The order is locked. The ids of the holds are derived from `cause`.
    """
    lines = {
        session.get_one(OrderLine, (order.id, line_no)): missing
        for line_no, missing in units.items()
    }
    unfilled = list(lines)
    if held:
        unfilled = hold_lines(session, order, lines, cause=cause, state="ALLOCATED", now=now)
    for line in unfilled:
        wait_or_end(session, order, line, lines[line], now=now)
    for kit in keep_whole(session, order, now=now) if unfilled else ():
        outbox.record(
            session, topic="order", key=order.id, type="KitIncomplete", now=now,
            body={"id": str(order.id), "number": order.number, "line_no": kit},
        )  # fmt: skip
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": reason,
        "lines": [line.line_no for line in lines],
        "backordered": [line.line_no for line in unfilled],
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
