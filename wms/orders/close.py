"""Close: lines and orders end, each line in exactly one final state.

A line has ended when none of its units is on its way any more, and none waits:
    SHIPPED       all its units have gone to the customer, but for those that were taken back
    BACKORDERED   some or all of its units are nowhere to be had
    CANCELLED     all of it was taken back (wms.orders.cancel)
    SERVICE       it was no goods to begin with
    RETURNED      only lines of returns (wms.returns)

What is delivered to an address has gone when it has left. What is collected, or goes to a site of
ours, has gone when it was handed over; on the lane to that site it is still on its way.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.orders.model import ENDED, Allocation, Order, OrderLine

SENT = frozenset({"SHIPPED", "DELIVERED"})


@dataclass(slots=True)
class Way:
    """How many units of a line have gone, and how many are on their way."""

    gone: int = 0
    live: int = 0


def close_order(session: Session, order: Order, *, at: datetime) -> None:
    """End the lines that have nothing on its way, and the order with its last line.

    `at` is when the last thing happened, by the clock of who saw it.
    """
    if order.closed:
        return
    session.flush()
    ways = ways_of(session, order)
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all()
    for line in lines:
        way = ways[line.line_no]
        ended = way.gone + line.units_short + line.units_cancelled
        if line.state == "OPEN" and not way.live and ended == line.units:
            line.state = (
                "BACKORDERED" if line.units_short else "SHIPPED" if way.gone else "CANCELLED"
            )
    if any(line.state == "OPEN" for line in lines):
        return
    order.closed = order.sourced = True
    gone = any(way.gone for way in ways.values())
    if gone:
        order.shipped_at = at
    outbox.record(
        session,
        topic="order",
        key=order.id,
        type="OrderShipped" if gone and order.fulfilment == "DELIVERY" else "OrderClosed",
        body={
            "id": str(order.id),
            "number": order.number,
            "lines": [{"line_no": line.line_no, "state": line.state} for line in lines],
        },
        now=at,
    )


def ways_of(session: Session, order: Order) -> defaultdict[int, Way]:
    """What has gone of an order and what is on its way, by line number."""
    there = SENT if order.fulfilment == "DELIVERY" else {"DELIVERED"}
    ways: defaultdict[int, Way] = defaultdict(Way)
    rows = select(Allocation.line_no, Allocation.state, Allocation.units).where(
        Allocation.order_id == order.id,
        Allocation.state.not_in(ENDED),
        Allocation.onward_id.is_(None),  # those count as what they went on as
    )
    for line_no, state, units in session.execute(rows):
        if state in there:
            ways[line_no].gone += units
        else:
            ways[line_no].live += units
    return ways


def lock_order(session: Session, order_id: object) -> Order:
    """The order, locked: whoever changes its lines or allocations holds this lock."""
    query = select(Order).where(Order.id == order_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()
