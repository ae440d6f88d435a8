"""Back-order: units that are nowhere wait until they come, or end their line as short.

    wait_or_end   units that could not be had: what becomes of them is the order's to say
    candidates    the orders that wait for something that is there now, in their order
    fill          one of them gets what there is

Who has a higher priority comes first, then who has waited longest. An order that may be parted
takes what there is in its turn, so nobody with a smaller wish overtakes it for ever; one that may
not waits until all of it is there. The customer is told by `PromiseChanged`, both times.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.ids import SkuId, derive
from wms.orders.close import lock_order
from wms.orders.hold import Wish, hold_units, set_sourced
from wms.orders.model import Order, OrderLine
from wms.orders.promise import set_promise, time_taken
from wms.orders.refunds import give_back
from wms.stock import availability

CANDIDATES_MAX = 500


def wait_or_end(
    session: Session, order: Order, line: OrderLine, units: int, *, now: datetime
) -> bool:
    """What becomes of units that nobody has: True if they wait.

    Whoever calls holds the order's lock, and calls `close_order` in the end.
    """
    if units <= 0:
        return False
    if order.backorders == "WAIT":
        line.units_waiting += units
        if order.promised_by is not None:
            set_promise(session, order, by=None, reason="backordered", now=now)
        return True
    line.units_short += units
    session.flush()
    give_back(session, order, {line: units}, reason="short", now=now)
    return False


def candidates(session: Session, *, now: datetime) -> Sequence[UUID]:
    """Orders that wait for goods of which some are free, whose turn is first first."""
    waiting = select(OrderLine.sku_id).where(OrderLine.units_waiting > 0).distinct()
    skus = {SkuId(sku) for sku in session.scalars(waiting) if sku is not None}
    if not skus:
        return ()
    there = {sku for _, sku in availability.free_units(session, skus, now=now)}
    query = (
        select(Order.id, Order.priority, Order.placed_at)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.units_waiting > 0, OrderLine.sku_id.in_(there))
        .order_by(Order.priority.desc(), Order.placed_at, Order.id)
        .distinct()
        .limit(CANDIDATES_MAX)
    )
    return [row.id for row in session.execute(query)]


def fill(session: Session, order_id: UUID, *, now: datetime) -> int:
    """Hold what an order waits for, as far as it is there; how many units."""
    order = lock_order(session, order_id)
    query = select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.units_waiting > 0)
    fresh = {"populate_existing": True}
    lines = session.scalars(query.order_by(OrderLine.line_no), execution_options=fresh).all()
    wanted = {line: line.units_waiting for line in lines}
    wish = Wish(cause=derive(order.id, "fill", now.isoformat()), state="HELD", now=now, partly=True)
    missing = hold_units(session, order, wanted, wish)
    for line in lines:
        line.units_waiting = missing.get(line, 0)
    filled = [line for line in lines if line.units_waiting < wanted[line]]
    if not filled:
        return 0
    set_sourced(session, order)
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": "stock_came",
        "lines": [line.line_no for line in filled],
        "backordered": [line.line_no for line in lines if line.units_waiting],
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
    took = time_taken(session, order)
    if took is not None and not any(line.units_waiting for line in lines):
        set_promise(session, order, by=now + took, reason="stock_came", now=now)
    return sum(wanted[line] - line.units_waiting for line in filled)
