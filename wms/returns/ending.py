"""Ending: a return that does not happen: the customer keeps the goods, or nothing comes in time.

What was expected is with the customer again, the units may be returned anew, and a replacement
that has not left is taken back (wms.returns.exchange).
"""

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound
from wms.returns import exchange, goods, label
from wms.returns.bench import lock_return, off_bench
from wms.returns.model import COMING, Return

Why: TypeAlias = Literal["on_its_way", "being_received", "received"]


class TooLateToKeep(Conflict):
    """The goods are on their way back, or here.

    Attributes:
        reason: "on_its_way", "being_received" or "received".
    """

    code: ClassVar[str] = "too_late_to_keep"

    def __init__(self, reason: Why) -> None:
        super().__init__(reason)
        self.reason = reason


def cancel_return(session: Session, return_id: UUID, *, now: datetime) -> None:
    """The customer keeps the goods after all. Repeating changes nothing.

    Raises:
        NotFound: there is no such return.
        TooLateToKeep: they are on their way, or here.
    """
    back = lock_return(session, return_id)
    if back is None:
        raise NotFound(f"return {return_id}")
    if back.state in {"CANCELLED", "EXPIRED"}:
        return
    if back.state == "IN_TRANSIT":
        raise TooLateToKeep("on_its_way")
    if back.state not in COMING or back.closed:
        raise TooLateToKeep("received")
    if not off_bench(session, back, now=now):
        raise TooLateToKeep("being_received")
    _end(session, back, "CANCELLED", now)


def expire_returns(session: Session, *, now: datetime, limit: int = 50) -> int:
    """End returns of which nothing came in time; how many."""
    query = (
        select(Return.id)
        .where(Return.state.in_(("REQUESTED", "LABELLED")), Return.expires_at < now)
        .where(Return.order_id.is_not(None), Return.closed.is_(False))
        .order_by(Return.expires_at, Return.id)
        .limit(limit)
    )
    ended = 0
    for return_id in session.scalars(query).all():
        back = lock_return(session, return_id)
        if back is None or back.state not in {"REQUESTED", "LABELLED"}:
            continue
        if off_bench(session, back, now=now):
            _end(session, back, "EXPIRED", now)
            ended += 1
    return ended


def _end(session: Session, back: Return, state: str, now: datetime) -> None:
    goods.forget(session, back, goods.lines_of(session, back.id), now)
    back.state, back.closed = state, True
    label.give_up(session, back, now=now)
    exchange.take_back(session, back, now=now)
    body = {"id": str(back.id), "number": back.number, "order": str(back.order_id)}
    kind = "ReturnCancelled" if state == "CANCELLED" else "ReturnExpired"
    key = back.order_id or back.id
    outbox.record(session, topic="order", key=key, type=kind, body=body, now=now)
