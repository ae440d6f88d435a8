"""Settle: what goes back for what came back, decided once for a return.

The price paid goes back, to the tenders of the order alone, and never more than was captured
(wms.payments). What was replaced before it came back is paid for with what came: only the
difference goes back, and if less came than was sent out, people are told; nobody is charged.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Numeric, cast, func, select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.money import Money
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.payments.refund import refund_order, refunded_for
from wms.returns.entitled import units_back
from wms.returns.goods import Taken
from wms.returns.model import Return, ReturnLine
from wms.returns.people import tell_of_return
from wms.returns.rules import Came, Owed, Policy, owed

REASON = "return"


def settle(
    session: Session,
    back: Return,
    found: Mapping[ReturnLine, Taken],
    policy: Policy,
    *,
    now: datetime,
) -> None:
    """Decide what goes back, and want it; the return has ended, but for the provider."""
    back.settled_at, back.closed = now, True
    came = any(taken.units for taken in found.values())
    back.state = "DISPOSED" if came else "REJECTED"
    if back.order_id is None:
        return
    order = session.get_one(Order, back.order_id)
    due = _owed(session, order, found, policy)
    for line in found:
        line.refund_minor = due.lines.get(line.line_no, 0)
    if back.exchange_id is not None:
        if came:
            back.state = "EXCHANGED"
        _settle_exchange(session, back, order, due.minor, now)
    elif due.minor > 0:
        back.refund_minor = _refund(session, back, order, due.minor, "refund", now)


def exchange_ended(session: Session, back: Return, *, now: datetime) -> None:
    """The replacement has ended: what of it did not go out goes back after all, once."""
    if back.settled_at is None or back.order_id is None or back.exchange_id is None:
        return
    order = session.get_one(Order, back.order_id)
    lines = session.scalars(select(ReturnLine).where(ReturnLine.return_id == back.id))
    worth = sum(line.refund_minor for line in lines)
    value = value_of(session, back.exchange_id)
    rest = worth - value - back.refund_minor
    name = f"exchange/{value}"  # it only ever gets less
    if rest > 0 and not refunded_for(session, order.id, cause_of(back, name)):
        back.refund_minor += _refund(session, back, order, rest, name, now)


def value_of(session: Session, order_id: UUID) -> int:
    """What of an order's goods has gone out or will, in minor units."""
    query = select(
        func.sum(
            cast(OrderLine.price_minor, Numeric)
            * (OrderLine.units - OrderLine.units_short - OrderLine.units_cancelled)
        )
    ).where(OrderLine.order_id == order_id)
    return int(session.scalar(query) or 0)


def cause_of(back: Return, name: str = "refund") -> UUID:
    """What a refund for a return says that it is for."""
    return derive(back.id, name)


def _settle_exchange(
    session: Session, back: Return, order: Order, worth: int, now: datetime
) -> None:
    assert back.exchange_id is not None
    rest = worth - value_of(session, back.exchange_id)
    if rest > 0:
        back.refund_minor = _refund(session, back, order, rest, "refund", now)
    elif rest < 0:
        assert back.site_id is not None
        facts = {"order": str(order.id), "exchange": str(back.exchange_id), "missing_minor": -rest}
        tell_of_return(session, back.site_id, back.id, code="exchange.unpaid", facts=facts, at=now)


def _refund(
    session: Session, back: Return, order: Order, minor: int, name: str, now: datetime
) -> int:
    """Want that much back; how much it was that could go back."""
    cause = cause_of(back, name)
    amount = Money(minor, order.currency)
    refund_order(session, order.id, amount, cause_id=cause, reason=REASON, now=now)
    return refunded_for(session, order.id, cause)


def _owed(
    session: Session, order: Order, found: Mapping[ReturnLine, Taken], policy: Policy
) -> Owed:
    session.flush()
    lines: Sequence[OrderLine] = session.scalars(
        select(OrderLine).where(OrderLine.order_id == order.id)
    ).all()
    price = {line.line_no: line.price_minor for line in lines}
    came = [
        Came(
            line_no=line.line_no,
            units=taken.units,
            price_minor=price.get(line.line_no, 0),
            grade=line.grade or "",
            reason=line.reason,
        )
        for line, taken in found.items()
    ]
    services = sum(line.price_minor * line.units for line in lines if line.sku_id is None)
    return owed(
        came,
        services_minor=max(0, services),
        all_back=_nothing_is_left(session, order),
        policy=policy,
    )


def _nothing_is_left(session: Session, order: Order) -> bool:
    """Whether the customer has no unit of the order any more, and none is on its way there."""
    query = select(func.sum(Allocation.units)).where(
        Allocation.order_id == order.id,
        Allocation.state.not_in(ENDED),
        Allocation.onward_id.is_(None),
    )
    had = int(session.scalar(query) or 0)
    return order.closed and sum(units_back(session, order.id).values()) >= had
