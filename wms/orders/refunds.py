"""Refunds: money for units that will not come goes back, once for each change of a line.

What a change is worth is its units at their price; when an order ends and nothing of it was sent,
its service lines (postage) go back too. `wms.payments` sees to it that never more goes back than
was captured, and only to the tenders that it came from.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.money import Money
from wms.orders.model import Order, OrderLine
from wms.payments.refund import refund_order, refunds_of
from wms.payments.tenders import captured


def give_back(
    session: Session, order: Order, ended: Mapping[OrderLine, int], *, reason: str, now: datetime
) -> None:
    """Give back what these units cost; their lines have counted them as ended already.

    The lines' counts only grow, so the same counts are the same cause.
    """
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all()
    worth = sum(line.price_minor * units for line, units in ended.items())
    goods = [line for line in lines if line.sku_id is not None]
    if all(line.units_short + line.units_cancelled == line.units for line in goods):
        worth += sum(line.price_minor * line.units for line in lines if line.sku_id is None)
    if worth <= 0:
        return
    counts = ",".join(
        f"{line.line_no}:{line.units_short + line.units_cancelled}"
        for line in sorted(ended, key=lambda line: line.line_no)
    )
    refund_order(
        session,
        order.id,
        Money(worth, order.currency),
        cause_id=derive(order.id, "ended", counts),
        reason=reason,
        now=now,
    )


def give_back_late(session: Session, order: Order, *, now: datetime) -> None:
    """Money that was captured after units had ended goes back: a bill that was paid too late.

    What is due is what has not ended; of what was captured above that, what those units cost.
    """
    lines = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).all()
    goods = [line for line in lines if line.sku_id is not None]
    worth = sum(line.price_minor * line.units for line in lines)
    ended = sum(line.price_minor * (line.units_short + line.units_cancelled) for line in goods)
    if all(line.units_short + line.units_cancelled == line.units for line in goods):
        ended += sum(line.price_minor * line.units for line in lines if line.sku_id is None)
    given = sum(r.amount_minor for r in refunds_of(session, order.id) if r.reason != "return")
    brought = captured(session, order.id, order.currency).amount_minor
    over = min(brought - given - (worth - ended), ended - given)
    if over <= 0:
        return
    refund_order(
        session,
        order.id,
        Money(over, order.currency),
        cause_id=derive(order.id, "late", brought),
        reason="paid_late",
        now=now,
    )
