"""Entitled: how much of an order may still come back, and until when.

    may come back = what the customer has had - what is on its way back - what came back

Whoever asks holds the lock of the order, so that two counters cannot take the same unit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from wms.errors import Rejected
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.model import Parcel
from wms.returns.model import NOTHING_CAME, Return, ReturnLine
from wms.returns.rules import Policy

Why: TypeAlias = Literal["no_such_line", "other_goods", "too_many_units", "window_over"]


class NotReturnable(Rejected):
    """These units cannot come back.

    Attributes:
        reason: "no_such_line", "other_goods", "too_many_units" or "window_over".
        line_no: of the first such line.
        units_left: how many of it may.
    """

    code: ClassVar[str] = "not_returnable"

    def __init__(self, reason: Why, line_no: int, units_left: int = 0) -> None:
        super().__init__(f"line {line_no}: {reason}, {units_left} may come back")
        self.reason = reason
        self.line_no = line_no
        self.units_left = units_left


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Units of an order line that somebody wants to bring back. `sku`: what they are, if said."""

    line_no: int
    units: int
    sku: str | None = None


def check_claims(
    session: Session,
    order: Order,
    claims: Iterable[Claim],
    policy: Policy,
    *,
    in_hand: bool,
    now: datetime,
) -> Mapping[int, OrderLine]:
    """Whether these may come back; the order's lines by number.

    `in_hand`: somebody holds them in front of us, so what has left counts as delivered.

    Raises:
        NotReturnable: they may not.
    """
    query = select(OrderLine).where(OrderLine.order_id == order.id)
    lines = {line.line_no: line for line in session.scalars(query)}
    left = units_left(session, order, in_hand=in_hand)
    until = window_end(session, order, policy)
    for claim in claims:
        line = lines.get(claim.line_no)
        if line is None or line.sku_id is None:
            raise NotReturnable("no_such_line", claim.line_no)
        if claim.sku not in {None, line.sku}:
            raise NotReturnable("other_goods", claim.line_no, left.get(claim.line_no, 0))
        if claim.units > left.get(claim.line_no, 0):
            raise NotReturnable("too_many_units", claim.line_no, left.get(claim.line_no, 0))
        if until is not None and now > until:
            raise NotReturnable("window_over", claim.line_no)
    return lines


def units_left(session: Session, order: Order, *, in_hand: bool = False) -> dict[int, int]:
    """How many units of each line may still come back."""
    states = ("SHIPPED", "DELIVERED") if in_hand else ("DELIVERED",)
    had = select(Allocation.line_no, func.sum(Allocation.units)).where(
        Allocation.order_id == order.id,
        Allocation.state.in_(states),
        Allocation.onward_id.is_(None),
    )
    left = {line: int(units) for line, units in session.execute(had.group_by(Allocation.line_no))}
    came = case(
        (Return.received_at.is_not(None), ReturnLine.units_received), else_=ReturnLine.units
    )
    claimed = (
        select(ReturnLine.line_no, func.sum(came))
        .join(Return, Return.id == ReturnLine.return_id)
        .where(Return.order_id == order.id, Return.state.not_in(NOTHING_CAME))
        .group_by(ReturnLine.line_no)
    )
    for line, units in session.execute(claimed):
        left[line] = left.get(line, 0) - int(units)
    return left


def units_back(session: Session, order_id: UUID) -> dict[int, int]:
    """How many units of each line have come back."""
    query = (
        select(ReturnLine.line_no, func.sum(ReturnLine.units_received))
        .join(Return, Return.id == ReturnLine.return_id)
        .where(Return.order_id == order_id)
        .group_by(ReturnLine.line_no)
    )
    return {line: int(units) for line, units in session.execute(query)}


def window_end(session: Session, order: Order, policy: Policy) -> datetime | None:
    """Until when it may be asked for; None while not all has been delivered."""
    last = select(func.max(Parcel.delivered_at)).where(Parcel.order_id == order.id)
    delivered = session.scalar(last) or order.shipped_at
    return None if delivered is None else delivered + timedelta(days=policy.window_days)
