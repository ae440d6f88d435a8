"""Un-release: what is pinned and not yet picked is only allocated again (引当取消).

    pinned, nobody at work yet     its pin is given back, its walk is made anew without it
    pinned, a walk under way       likewise in the books; what the walk brings goes back to a shelf.
                                   One that is for nothing else is called off (recovery packet)
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
from wms.work.model import Task
from wms.work.steer import cancel


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
    begun = {
        each.task_id for each in pinned if not drop_walk(session, floor, each, now) and each.task_id
    }
    _call_off(session, site, begun, {each.id for each in pinned}, now)
    for each in pinned:
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


def _call_off(
    session: Session, site: SiteId, tasks: set[UUID], taken: set[UUID], now: datetime
) -> None:
    """Walks under way for nothing else are called off; who holds goods is told where they go."""
    others = select(Allocation.task_id).where(
        Allocation.site_id == site,
        Allocation.task_id.in_(tasks),
        Allocation.state == "PINNED",
        Allocation.id.not_in(taken),
    )
    goes_on = set(session.scalars(others))
    for task_id in sorted(tasks - goes_on):
        task = session.get(Task, (site, task_id), with_for_update=True)
        if (
            task is not None
            and task.state in {"OPEN", "LEASED"}
            and "presentation" not in task.plan
        ):
            cancel(session, task, "unrelease", now=now)


def pinned_of(session: Session, site: SiteId, order_ids: Sequence[UUID]) -> list[UUID]:
    """What is pinned of these orders at that site."""
    query = select(Allocation.id).where(
        Allocation.site_id == site,
        Allocation.order_id.in_(order_ids),
        Allocation.state == "PINNED",
    )
    return list(session.scalars(query.order_by(Allocation.id)))
