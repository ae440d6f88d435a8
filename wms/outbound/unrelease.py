"""Un-release: what is pinned and not yet picked is only allocated again (引当取消).

    pinned, nobody at work yet     its pin is given back, its walk is made anew without it
    pinned, a walk under way       likewise in the books; what the walk brings goes back to a shelf
    waiting for a robot's tote     the tote goes home again, or stays for the others
    picked                         too late

The allocation stays the order's own; it may be released again, then under ids of their own.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.picked import lock_for
from wms.outbound.putback import drop_walk
from wms.outbound.style import PickLine
from wms.stock import ledger


def unrelease(
    session: Session,
    floor: Floor,
    site: SiteId,
    allocation_ids: Sequence[UUID],
    *,
    actor: str,
    now: datetime,
) -> int:
    """Take back the release of those of these that are still pinned; how many."""
    _, locked = lock_for(session, site, allocation_ids)
    pinned = [each for each in locked.values() if each.state == "PINNED"]
    if not pinned:
        return 0
    for each in pinned:
        each.by_robot = False  # so that a tote at a station does not stay for them
    session.flush()
    for each in pinned:
        drop_walk(session, floor, each, now)
        each.state, each.task_id = "ALLOCATED", None
        each.location_id, each.tote, each.by_robot = None, None, False
    ledger.advance(
        session,
        [
            ledger.Advance(
                command_id=CommandId(derive(each.id, "unpin", each.releases)),
                site_id=site,
                hold_id=HoldId(each.id),
                to="ALLOCATED",
                actor=actor,
                reason="unrelease",
                occurred_at=now,
            )
            for each in pinned
        ],
    )
    session.execute(
        delete(PickLine).where(
            PickLine.site_id == site, PickLine.allocation_id.in_([each.id for each in pinned])
        )
    )
    session.flush()
    return len(pinned)


def pinned_of(session: Session, site: SiteId, order_ids: Sequence[UUID]) -> list[UUID]:
    """What is pinned of these orders at that site."""
    query = select(Allocation.id).where(
        Allocation.site_id == site,
        Allocation.order_id.in_(order_ids),
        Allocation.state == "PINNED",
    )
    return list(session.scalars(query.order_by(Allocation.id)))
