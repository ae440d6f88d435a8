"""Reserve: what is kept at a store, unpaid (取置き): a reminder, one extension, an end.

    remind   some hours before the end, once
    extend   a day more, once
    expire   nobody came: the units are free again, and who waits for them is offered them at once

What the store has taken off the shelf meanwhile it keeps until the same time, and puts back
itself (wms.collect); here ends only what is still held.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.cancel import count_cancelled, live_allocations, locked
from wms.orders.model import Allocation, Order, OrderLine
from wms.orders.waitlist import promote
from wms.sites import Site
from wms.stock import availability, ledger, posting, promises

REMINDED_BEFORE = timedelta(hours=3)
EXTENSION = timedelta(days=1)


class NotExtendable(Conflict):
    """A reservation cannot be kept longer.

    Attributes:
        order_id: the reservation.
        reason: "extended" (it has been, once), "ended", or "not_reserved".
    """

    code: ClassVar[str] = "not_extendable"

    def __init__(self, order_id: UUID, reason: str) -> None:
        super().__init__(f"order {order_id}: {reason}")
        self.order_id = order_id
        self.reason = reason


def to_remind(session: Session, *, now: datetime, limit: int = 200) -> Sequence[UUID]:
    """The reservations that end soon and whose customers have not been told."""
    query = select(Order.id).where(
        Order.fulfilment == "RESERVE",
        ~Order.closed,
        Order.reminded_at.is_(None),
        Order.expires_at > now,
        Order.expires_at <= now + REMINDED_BEFORE,
        Order.expires_at - Order.placed_at > REMINDED_BEFORE,  # else they have just been told
    )
    return session.scalars(query.order_by(Order.expires_at, Order.id).limit(limit)).all()


def remind(session: Session, order_id: UUID, *, now: datetime) -> bool:
    """Remind a customer, once."""
    order = locked(session, order_id)
    if order.closed or order.reminded_at is not None:
        return False
    order.reminded_at = now
    _say(session, order, "ReserveReminder", now)
    return True


def extend_reservation(session: Session, order_id: UUID, *, now: datetime) -> datetime:
    """Keep it a day longer; until when.

    Raises:
        NotFound: there is no such order.
        NotExtendable: it has ended or been extended, or is no reservation.
    """
    order = locked(session, order_id)
    if order.fulfilment != "RESERVE" or order.expires_at is None:
        raise NotExtendable(order_id, "not_reserved")
    if order.closed or order.expires_at <= now:
        raise NotExtendable(order_id, "ended")
    if order.extended_at is not None:
        raise NotExtendable(order_id, "extended")
    until = order.expires_at + EXTENSION
    held = [each for each in live_allocations(session, order_id) if each.state == "HELD"]
    promises.extend(
        session,
        [
            promises.Extend(
                command_id=CommandId(derive(each.id, "extended")),
                site_id=SiteId(each.site_id),
                hold_id=HoldId(each.id),
                expires_at=until,
            )
            for each in held
        ],
        now=now,
    )
    order.extended_at, order.expires_at, order.reminded_at = now, until, None
    _say(session, order, "ReserveExtended", now)
    return until


def overdue(session: Session, *, now: datetime, limit: int = 200) -> Sequence[UUID]:
    """The reservations whose time has run out while something is still held for them."""
    query = (
        select(Order.id, Order.expires_at)
        .join(Allocation, Allocation.order_id == Order.id)
        .where(~Order.closed, Order.expires_at <= now, Allocation.state == "HELD")
        .order_by(Order.expires_at, Order.id)
        .distinct()
        .limit(limit)
    )
    return [row.id for row in session.execute(query)]


def expire(session: Session, order_id: UUID, *, now: datetime) -> int:
    """Nobody came: end what is held, and offer it to who waits; how many units."""
    order = locked(session, order_id)
    if order.closed or order.expires_at is None or order.expires_at > now:
        return 0
    held = [each for each in live_allocations(session, order_id) if each.state == "HELD"]
    steps = {each.id: _expired(each, now) for each in held}
    posting.lock(session, list(steps.values()), ())
    known = availability.holds_by_id(session, [HoldId(id_) for id_ in steps])
    alive = {id_ for id_, hold in known.items() if hold.state == "HELD"}
    ledger.advance(session, [step for id_, step in steps.items() if id_ in alive])
    ended: dict[OrderLine, int] = {}
    for each in held:
        each.state = "EXPIRED"
        line = session.get_one(OrderLine, (order_id, each.line_no))
        ended[line] = ended.get(line, 0) + each.units
    if not ended:
        return 0
    _say(session, order, "ReserveExpired", now)
    count_cancelled(session, order, ended, reason="expired", now=now)
    for site, sku in sorted({(each.site_id, each.sku_id) for each in held}):
        promote(session, site, sku, now=now)
    return sum(ended.values())


def _expired(allocation: Allocation, now: datetime) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(allocation.id, "expired")),
        site_id=SiteId(allocation.site_id),
        hold_id=HoldId(allocation.id),
        to="EXPIRED",
        actor="rule:expire",
        occurred_at=now,
    )


def _say(session: Session, order: Order, type_: str, now: datetime) -> None:
    site = session.get(Site, order.to_site_id)
    if site is None:
        raise NotFound(f"site {order.to_site_id}")
    body = {"id": str(order.id), "number": order.number, "site": site.code}
    if type_ != "ReserveExpired" and order.expires_at is not None:
        body["until"] = order.expires_at.isoformat()
    outbox.record(session, topic="order", key=order.id, type=type_, body=body, now=now)
