"""Ship from store: deliveries that a store is asked to send; accepted, they are picked and packed.

A store that answers by hand is asked first, and nothing of the order is released there until it
has said yes (`policy.is_for_release`); any store may say no as long as nobody is at work on it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.collect.model import ShipRequest, StorePolicy
from wms.collect.policy import policy_of
from wms.errors import Conflict, NotFound
from wms.ids import SiteId, derive
from wms.orders import exclusion
from wms.orders.cancel import locked
from wms.orders.model import Allocation, Order
from wms.outbound.tell import report

BATCH = 500
IN_STORE = ("HELD", "ALLOCATED", "PINNED", "PICKED", "PACKED")


class NotAskedToShip(Conflict):
    """The store has nothing of that order to send, or has said no already.

    Attributes:
        order_id: the order.
    """

    code: ClassVar[str] = "not_asked_to_ship"

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"nothing of order {order_id} is to be sent from here")
        self.order_id = order_id


def ask_stores(session: Session, *, now: datetime) -> int:
    """Ask the stores that answer by hand; forget what they need not answer any more."""
    known = exists().where(
        ShipRequest.site_id == Allocation.site_id, ShipRequest.id == Allocation.order_id
    )
    query = (
        select(Allocation.site_id, Allocation.order_id)
        .join(Order, Order.id == Allocation.order_id)
        .join(StorePolicy, StorePolicy.site_id == Allocation.site_id)
        .where(
            Allocation.state == "ALLOCATED",
            StorePolicy.accept_ship == "BY_HAND",
            Order.to_site_id.is_(None) | (Order.to_site_id != Allocation.site_id),
            ~known,
        )
        .distinct()
        .limit(BATCH)
    )
    new = session.execute(query).all()
    session.add_all(
        ShipRequest(site_id=site, id=order, state="TO_ACCEPT", asked_at=now, reason="")
        for site, order in new
    )
    unsent = exists().where(
        Allocation.site_id == ShipRequest.site_id,
        Allocation.order_id == ShipRequest.id,
        Allocation.state == "ALLOCATED",
    )
    idle = select(ShipRequest).where(ShipRequest.state == "TO_ACCEPT", ~unsent)
    over = session.scalars(idle.with_for_update(skip_locked=True)).all()
    for each in over:
        each.state, each.answered_at = "ENDED", now
    session.flush()
    return len(new) + len(over)


def accept_ship(session: Session, site: SiteId, order_id: UUID, *, now: datetime) -> None:
    """The store will send it. Repeating changes nothing.

    Raises:
        NotFound: there is no such order.
        NotAskedToShip: there is nothing to accept.
    """
    request = _request(session, site, order_id, now)
    if request.state in {"REJECTED", "ENDED"}:
        raise NotAskedToShip(order_id)
    if request.state == "TO_ACCEPT":
        request.state, request.answered_at = "ACCEPTED", now


def reject_ship(
    session: Session, site: SiteId, order_id: UUID, *, reason: str, now: datetime
) -> None:
    """The store cannot send it: another is found. Repeating changes nothing.

    Raises:
        NotFound: there is no such order.
        NotAskedToShip: there is nothing to reject.
        AlreadyInWork: it is being picked.
    """
    request = _request(session, site, order_id, now)
    if request.state == "REJECTED":
        return
    if not exclusion.reject(session, order_id, site, (), reason="store_rejected", now=now):
        raise NotAskedToShip(order_id)
    request.state, request.answered_at, request.reason = "REJECTED", now, reason


def silent_ships(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Site and order of deliveries whose store has been silent for too long."""
    due = []
    for each in session.scalars(select(ShipRequest).where(ShipRequest.state == "TO_ACCEPT")):
        policy = policy_of(session, each.site_id)
        silent = now - each.asked_at
        is_late = each.escalated_at is None and silent >= policy.answer_within
        if is_late or (policy.unanswered == "RESOURCE" and silent >= 2 * policy.answer_within):
            due.append((each.site_id, each.id))
    return due


def escalate_ship(session: Session, site: UUID, order_id: UUID, *, now: datetime) -> None:
    """As for collections: first before people, then, where policy says so, elsewhere."""
    request = _request(session, SiteId(site), order_id, now)
    policy = policy_of(session, site)
    silent = now - request.asked_at
    if request.state != "TO_ACCEPT":
        return
    if policy.unanswered == "RESOURCE" and silent >= 2 * policy.answer_within:
        _report(session, request, now, active=False)
        reject_ship(session, SiteId(site), order_id, reason="not_answered", now=now)
    elif request.escalated_at is None and silent >= policy.answer_within:
        request.escalated_at = now
        _report(session, request, now, active=True)


def _report(session: Session, request: ShipRequest, now: datetime, *, active: bool) -> None:
    report(
        session,
        request.site_id,
        derive(request.id, "ship", str(request.site_id)),
        code="ship.unanswered",
        source=f"order {request.id}",
        facts={},
        at=now,
        active=active,
    )


def _request(session: Session, site: SiteId, order_id: UUID, now: datetime) -> ShipRequest:
    """What the store was asked, locked after its order; made if it was not asked by hand."""
    order = locked(session, order_id)
    query = select(ShipRequest).where(ShipRequest.site_id == site, ShipRequest.id == order_id)
    known = session.scalars(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).first()
    if known is not None:
        return known
    there = exists().where(
        Allocation.site_id == site,
        Allocation.order_id == order_id,
        Allocation.state.in_(IN_STORE),
    )
    if order.to_site_id == site or not session.scalar(select(there)):
        raise NotFound(f"order {order_id} at this store")
    made = ShipRequest(site_id=site, id=order_id, state="TO_ACCEPT", asked_at=now, reason="")
    session.add(made)
    session.flush()
    return made
