"""Load: parcels of other sites leave for the hub, where sorter and gate are.

Their goods leave the site's books here: they are under way to the customer. The order counts as
shipped when the hub's gate has seen the parcel.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.pack import advances, expect_parcel, parcels_of
from wms.outbound.ship import forward
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor


def finish_load(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished LOAD packet."""
    ids = [UUID(each) for each in task.plan["allocations"]]
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == task.site_id, Allocation.id.in_(ids))
        .order_by(Allocation.id)
    ).all()
    at = max((event.at for event in packet.history), default=now)
    ledger.advance(session, advances(task, allocations, "SHIPPED", actor, at))
    for parcel in parcels_of(session, task):
        forward(parcel, "LINE_HAUL")
        expect_parcel(session, floor, parcel)
