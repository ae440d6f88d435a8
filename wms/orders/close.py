"""Close: lines and orders end, each line in exactly one final state.

A line has ended when none of its units is on its way any more:
    SHIPPED       all its units have left for the customer
    BACKORDERED   some or all of its units are nowhere to be had
    CANCELLED     the customer took it back (wms.orders.cancel)
    SERVICE       it was no goods to begin with
    RETURNED      only lines of returns (wms.returns)
"""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.orders.model import ENDED, Allocation, Order, OrderLine

SENT = frozenset({"SHIPPED", "DELIVERED"})


def close_order(session: Session, order: Order, *, at: datetime) -> None:
    """End the lines that have nothing on its way, and the order with its last line.

    `at` is when the last thing happened, by the clock of who saw it.
    """
    if order.closed:
        return
    session.flush()
    states: dict[int, set[str]] = defaultdict(set)
    rows = select(Allocation.line_no, Allocation.state).where(Allocation.order_id == order.id)
    for line_no, state in session.execute(rows):
        states[line_no].add(state)
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all()
    for line in lines:
        if line.state == "OPEN":
            live = states[line.line_no].difference(ENDED)
            if live <= SENT and (live or line.units_short):
                line.state = "BACKORDERED" if line.units_short else "SHIPPED"
    if any(line.state == "OPEN" for line in lines):
        return
    order.closed = True
    shipped = any(states[line.line_no] & SENT for line in lines)
    if shipped:
        order.shipped_at = at
    outbox.record(
        session,
        topic="order",
        key=order.id,
        type="OrderShipped" if shipped else "OrderClosed",
        body={
            "id": str(order.id),
            "number": order.number,
            "lines": [{"line_no": line.line_no, "state": line.state} for line in lines],
        },
        now=at,
    )


def lock_order(session: Session, order_id: object) -> Order:
    """The order, locked: whoever changes its lines or allocations holds this lock."""
    query = select(Order).where(Order.id == order_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()
