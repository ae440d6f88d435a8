"""Parcels as a task names them: read, announced, and taken a step further."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import ParcelExpected
from wms.ids import CommandId, HoldId, LocationId, SiteId, derive
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.outbound.tell import tell_wcs
from wms.stock import ledger
from wms.work.model import Task
from wms.work.tasks import Actor


def parcels_of(session: Session, task: Task) -> Sequence[Parcel]:
    """The parcels of a PACK, LOAD or HANDOFF task, locked."""
    ids = [UUID(each) for each in task.plan["parcels"]]
    query = select(Parcel).where(Parcel.site_id == task.site_id, Parcel.id.in_(ids))
    return session.scalars(query.order_by(Parcel.id).with_for_update()).all()


def expect_parcel(session: Session, floor: Floor, parcel: Parcel) -> None:
    """Tell the hub's WCS that this parcel will come to its sorter."""
    message = ParcelExpected(code=parcel.sscc, epc_hex=parcel.epc_hex, lane=parcel.lane)
    tell_wcs(session, floor.hub_code, message)


def advances(
    task: Task,
    allocations: Sequence[Allocation],
    to: ledger.HoldState,
    actor: Actor,
    at: datetime,
    *,
    place: LocationId | None = None,
) -> list[ledger.Advance]:
    """Postings that take these allocations one step further, to a place if it is not the usual."""
    return [
        ledger.Advance(
            command_id=CommandId(derive(each.id, to)),
            site_id=SiteId(task.site_id),
            hold_id=HoldId(each.id),
            to=to,
            location_id=place,
            actor=str(actor),
            occurred_at=at,
        )
        for each in allocations
    ]
