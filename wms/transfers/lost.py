"""Lost: a parcel that never came is given up, by a person who has looked for it.

The clock only warns (`warn`): an arrival past its lane's age limit is an exception at its
destination. Given up, its goods are lost on the lane and wanted again, as if the box had come
empty. The task that should have received it ends as an empty box would: what is scanned for it
later is put before people.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.ids import derive
from wms.orders.close import lock_order
from wms.outbound.tell import report
from wms.sites import Site
from wms.transfers.model import Arrival
from wms.transfers.receive import arrive, count_lines, lines_of
from wms.work.model import Task


class ArrivalEnded(Conflict):
    """A parcel has arrived, and so it is not lost.

    Attributes:
        arrival_id: the parcel.
    """

    code: ClassVar[str] = "arrival_ended"

    def __init__(self, arrival_id: UUID) -> None:
        super().__init__(f"parcel {arrival_id} has arrived")
        self.arrival_id = arrival_id


def close_lost(
    session: Session, site: UUID, arrival_id: UUID, *, actor: str, reason: str, now: datetime
) -> None:
    """Give a parcel up. Repeating changes nothing.

    Raises:
        NotFound: no such parcel is on its way to that site.
        ArrivalEnded: it has arrived.
    """
    known = session.get(Arrival, (site, arrival_id))
    if known is None:
        raise NotFound(f"parcel {arrival_id}")
    order = lock_order(session, known.order_id)
    arrival = session.get_one(
        Arrival, (site, arrival_id), with_for_update=True, populate_existing=True
    )
    if arrival.state == "LOST":
        return
    if arrival.state != "EXPECTED":
        raise ArrivalEnded(arrival_id)
    lines = lines_of(session, arrival)
    count_lines(lines, {})
    arrive(
        session, order, arrival, lines, {}, actor=actor, at=now, now=now, state="LOST",
        reason=reason or "lost",
    )  # fmt: skip
    task = session.get(Task, (site, arrival.task_id), with_for_update=True)
    if task is not None and task.state == "OPEN" and task.fence == 0:
        session.delete(task)


def warn(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Put arrivals that are overdue before people, once; how many."""
    query = (
        select(Arrival)
        .where(Arrival.state == "EXPECTED", Arrival.due_at < now, ~Arrival.overdue)
        .order_by(Arrival.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    late = session.scalars(query).all()
    for arrival in late:
        source = session.get_one(Site, arrival.from_site_id).code
        report(
            session, arrival.site_id, derive(arrival.id, "overdue"), code="transfer.overdue",
            source="transfers", at=now, priority=3,
            facts={"sscc": arrival.sscc, "from": source, "parcel": str(arrival.id),
                   "shipped_at": arrival.shipped_at.isoformat()},
        )  # fmt: skip
        arrival.overdue = True
    return len(late)
