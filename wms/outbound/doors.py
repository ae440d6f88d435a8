"""Doors: what is loaded at each, beside what its gate sees.

A tag that does not belong on the van at the door is put before people at once: it may still be
taken off. Only a gate whose name is the door's says anything of it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.outbound.model import Parcel
from wms.outbound.packing_tables import DockLoad
from wms.outbound.tell import report


def open_load(session: Session, site: UUID, door: str) -> DockLoad | None:
    """What is being loaded at a door, locked."""
    query = select(DockLoad).where(
        DockLoad.site_id == site, DockLoad.door == door, DockLoad.closed_at.is_(None)
    )
    return session.scalars(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).first()


def see_passage(
    session: Session, site: UUID, gate: str, parcels: Sequence[Parcel], *, at: datetime
) -> None:
    """Parcels went out through a gate: compare with what is loaded at that door."""
    load = open_load(session, site, gate)
    if load is None:
        return
    known = set(load.parcels)
    seen = [str(parcel.id) for parcel in parcels if str(parcel.id) in known]
    load.seen = [*load.seen, *(id_ for id_ in seen if id_ not in load.seen)]
    for parcel in parcels:
        if str(parcel.id) not in known:
            facts = {"door": gate, "route": load.route, "sscc": parcel.sscc,
                     "service": parcel.service}  # fmt: skip
            report(
                session, site, derive(load.id, "unexpected", str(parcel.id)),
                code="door.unexpected", source=gate, facts=facts, at=at,
            )  # fmt: skip
