"""Exchange: what the customer wants instead leaves before the old has come back.

The replacement is an order of kind EXCHANGE, held at once. It is paid for with what comes back,
so it may not be dearer than that; if it is cheaper, the difference goes back when the goods are
here (wms.returns.settle). Sending first is a risk, which the policy bounds: how much the open
exchanges of one customer may be worth together, and how many there may be. What does not come
back in time is told, not charged; a return that is taken back takes its exchange back, unless
that has left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Rejected
from wms.orders.cancel import TooLateToCancel, cancel_order
from wms.orders.model import Order, OrderLine
from wms.orders.place import PlaceLine, PlaceOrder, ShipTo, place_order
from wms.returns.model import NOTHING_CAME, Return, ReturnLine
from wms.returns.people import tell_of_return
from wms.returns.policy import read_policy
from wms.returns.settle import value_of

Why: TypeAlias = Literal["over_limit", "too_many_open", "dearer"]


class ExchangeRefused(Rejected):
    """Nothing is sent out before the goods are here; the return itself was not taken either.

    Attributes:
        reason: "over_limit", "too_many_open" or "dearer".
        most_minor: what it may be worth at most.
    """

    code: ClassVar[str] = "exchange_refused"

    def __init__(self, reason: Why, most_minor: int) -> None:
        super().__init__(f"{reason}: at most {most_minor}")
        self.reason = reason
        self.most_minor = most_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedExchange:
    """What the customer wants instead: an order under this id, sent as the old one or collected.

    `to_site` is the code of the store where it is collected.
    """

    id: UUID
    number: str
    lines: tuple[PlaceLine, ...]
    to_site: str | None = None


def place(
    session: Session,
    back: Return,
    order: Order,
    wanted: WantedExchange,
    *,
    now: datetime,
    seen: Mapping[int, int] | None = None,
) -> None:
    """Place the order that replaces what comes back.

    `seen`: the units of it that lie here, by line; all of it if nobody says.

    Raises:
        ExchangeRefused: it is worth too much.
        MalformedOrder, UnknownSku, IdReused: as for any order.
    """
    policy = read_policy(session)
    worth = sum(line.units * line.price_minor for line in wanted.lines)
    old = _worth_of_return(session, back, order, seen)
    if worth > old:
        raise ExchangeRefused("dearer", old)
    others = open_exchanges(session, order)
    if len(others) >= policy.exchange_open_max:
        raise ExchangeRefused("too_many_open", 0)
    room = policy.exchange_limit_minor - sum(other.exchange_minor for other in others)
    if worth > room:
        raise ExchangeRefused("over_limit", max(0, room))
    place_order(session, _request(order, wanted, now), now=now)
    back.exchange_id, back.exchange_minor = wanted.id, worth
    back.exchange_due_at = now + timedelta(days=policy.exchange_days)


def open_exchanges(session: Session, order: Order) -> Sequence[Return]:
    """Returns whose replacement is on its way and that are not here yet: of this customer.

    Of an order that names no customer, those of the order itself.
    """
    query = (
        select(Return)
        .join(Order, Order.id == Return.order_id)
        .where(Return.exchange_id.is_not(None), Return.settled_at.is_(None))
        .where(Return.state.not_in(NOTHING_CAME))
    )
    whose = Order.id == order.id
    if order.customer:
        whose = (Order.customer == order.customer) & (Order.channel == order.channel)
    return session.scalars(query.where(whose)).all()


def take_back(session: Session, back: Return, *, now: datetime) -> None:
    """The goods do not come: nor does what was to replace them, unless it has left."""
    if back.exchange_id is None or back.site_id is None:
        return
    try:
        with session.begin_nested():
            cancel_order(session, back.exchange_id, now=now)
    except TooLateToCancel:
        missing = value_of(session, back.exchange_id)
        facts = {"order": str(back.order_id), "exchange": str(back.exchange_id),
                 "missing_minor": missing}  # fmt: skip
        tell_of_return(session, back.site_id, back.id, code="exchange.unpaid", facts=facts, at=now)


def overdue(session: Session, *, now: datetime, limit: int = 50) -> int:
    """Say of which exchanges the old goods should have been back by now, once; how many."""
    query = (
        select(Return)
        .where(Return.exchange_due_at < now, Return.overdue_at.is_(None))
        .where(Return.exchange_id.is_not(None), Return.settled_at.is_(None))
        .where(Return.state.not_in(NOTHING_CAME))
        .order_by(Return.exchange_due_at, Return.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    late = session.scalars(query).all()
    for back in late:
        back.overdue_at = now
        body = {"id": str(back.id), "number": back.number, "order": str(back.order_id),
                "exchange": str(back.exchange_id), "amount_minor": back.exchange_minor}  # fmt: skip
        outbox.record(
            session, topic="order", key=str(back.order_id), type="ExchangeOverdue", body=body,
            now=now,
        )  # fmt: skip
    return len(late)


def _request(order: Order, wanted: WantedExchange, now: datetime) -> PlaceOrder:
    return PlaceOrder(
        id=wanted.id,
        number=wanted.number,
        channel=order.channel,
        placed_at=now,
        customer=order.customer,
        ship_to=ShipTo(
            prefecture=order.prefecture,
            postal_code=order.postal_code,
            latitude=order.latitude,
            longitude=order.longitude,
        ),
        lines=wanted.lines,
        kind="EXCHANGE",
        fulfilment="DELIVERY" if wanted.to_site is None else "COLLECT",
        to_site=wanted.to_site,
        priority=order.priority,
        currency=order.currency,
        language="ja" if order.language == "ja" else "en",
        contact_id=order.contact_id,
    )


def _worth_of_return(
    session: Session, back: Return, order: Order, seen: Mapping[int, int] | None
) -> int:
    prices: dict[int, int] = {
        line.line_no: line.price_minor
        for line in session.scalars(select(OrderLine).where(OrderLine.order_id == order.id))
    }
    lines = session.scalars(select(ReturnLine).where(ReturnLine.return_id == back.id))
    if seen is None:
        seen = {line.line_no: line.units for line in lines}
    return sum(units * prices.get(line_no, 0) for line_no, units in seen.items())


def return_of(session: Session, exchange_id: UUID) -> Return | None:
    """The return that this order replaces."""
    return session.scalars(select(Return).where(Return.exchange_id == exchange_id)).first()
