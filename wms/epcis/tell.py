"""Our own events: of every movement of the ledger, in the order of transactions, each once.

    tell(session, base=..., now=...)    the next ones; how many movements

Where it stands is written with the events, so a job that dies in between makes nothing twice; and
were one made twice, its hash would be the same and it would be known. Gates say what they saw by
themselves (`passed`): which tags, where, in which direction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.clock import Clock
from edge.epc import NotAnEpc, decode_epc
from wcs.messages import GatePassage
from wms.database import Database
from wms.epcis.model import EpcisTold
from wms.epcis.names import own
from wms.epcis.steps import LANES, events_of
from wms.epcis.store import keep
from wms.job import Job
from wms.outbound.model import Parcel, ParcelLine
from wms.sites import site_id
from wms.stock.moved import MovedNow, moved_since

BASE = "urn:soko"  # begins our names where the house has no address of its own
ROWS = 1_000
IN_PARCELS = frozenset({"packed", "outside"})


def epcis_jobs(database: Database, clock: Clock, base: str = BASE) -> list[Job]:
    """Tell what has moved."""
    return [
        Job(
            name="epcis",
            run=lambda: database.run(lambda s: tell(s, base=base, now=clock.now())),
            idle_s=1.0,
        )
    ]


def tell(session: Session, *, base: str = BASE, now: datetime, limit: int = ROWS) -> int:
    """Make events of the next movements; how many movements there were."""
    session.execute(insert(EpcisTold).values(one=1, xid=0, movement_id=0).on_conflict_do_nothing())
    told = session.scalars(
        select(EpcisTold).with_for_update(), execution_options={"populate_existing": True}
    ).one()
    rows = moved_since(session, xid=told.xid, movement_id=told.movement_id, limit=limit)
    if not rows:
        return 0
    if len(rows) == limit and rows[0].xid != rows[-1].xid:  # the rest of the last comes next time
        rows = [row for row in rows if row.xid != rows[-1].xid]
    told_now = events_of(rows, base=base, parcels=_parcels(session, rows))
    keep(session, told_now, {}, capture=None, now=now)
    told.xid, told.movement_id = rows[-1].xid, rows[-1].id
    return len(rows)


def passed(
    session: Session, site: str, passage: GatePassage, message_id: UUID, *, now: datetime,
    base: str = BASE,
) -> bool:  # fmt: skip
    """What a gate saw, if it is sure of it; tags that are no EPCs are left out."""
    epcs = [epc for epc in map(decode_epc, passage.epcs_hex) if not isinstance(epc, NotAnEpc)]
    names = sorted({name for epc in epcs if (name := epc.link)})
    if passage.direction == "AMBIGUOUS" or not names:
        return False
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": passage.ended_at.isoformat(timespec="milliseconds"),
        "eventTimeZoneOffset": "+00:00",
        "epcList": names,
        "bizStep": "departing" if passage.direction == "OUT" else "arriving",
        "disposition": "in_transit" if passage.direction == "OUT" else "in_progress",
        "readPoint": {"id": own(base, "site", site, "gate", passage.gate)},
        "bizLocation": {"id": own(base, "site", site)},
        "bizTransactionList": [{"bizTransaction": own(base, "passage", str(message_id))}],
    }
    keep(session, [event], {}, capture=None, now=now)
    return True


def _parcels(session: Session, rows: Sequence[MovedNow]) -> dict[UUID, str]:
    """The SSCC of the parcel that goods of a hold are in."""
    holds = {
        (site_id(row.site), row.cause_id)
        for row in rows if row.to_counter in IN_PARCELS | LANES
    }  # fmt: skip
    if not holds:
        return {}
    query = (
        select(ParcelLine.allocation_id, Parcel.sscc)
        .join(Parcel, (Parcel.site_id == ParcelLine.site_id) & (Parcel.id == ParcelLine.parcel_id))
        .where(tuple_(ParcelLine.site_id, ParcelLine.allocation_id).in_(holds))
    )
    return {row.allocation_id: row.sscc for row in session.execute(query)}
