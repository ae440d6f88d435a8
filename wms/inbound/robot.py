"""Robots put totes away: a person hands one over at a station, a transport order brings it home.

    OPEN -> (tote scanned at a station) -> MOVING -> FINISHED: it stands at its place
                                                  -> FAILED: a person looks for it

In the books the tote stands at the dock until the WCS says that it is at its place.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import TransportOrder, TransportReport
from wms.ids import derive
from wms.inbound.goods import carry
from wms.inbound.model import Putaway
from wms.outbound.floor import Floor
from wms.outbound.tell import report, tell_wcs
from wms.sites import Location


def send_robot(session: Session, floor: Floor, putaway: Putaway, station: str) -> None:
    """A robot is asked to bring the tote from the station to its place."""
    assert putaway.to_location_id is not None
    place = session.get_one(Location, (putaway.site_id, putaway.to_location_id))
    putaway.state = "MOVING"
    putaway.second_location_id = None
    putaway.transport_id = derive(putaway.id, "transport")
    session.flush()
    order = TransportOrder(
        id=str(putaway.transport_id),
        load=putaway.unit_code,
        source=station,
        destination=place.code,
    )
    tell_wcs(session, floor.hub_code, order)


def take_putaway_report(
    session: Session, floor: Floor, message: TransportReport, *, now: datetime
) -> None:
    """What the WCS says of a transport order of ours. What is late or of others changes nothing."""
    query = select(Putaway).where(
        Putaway.site_id == floor.hub,
        Putaway.transport_id == UUID(message.id),
        Putaway.state == "MOVING",
    )
    putaway = session.scalars(query.with_for_update()).first()
    if putaway is None:
        return
    if message.state == "FINISHED":
        assert putaway.to_location_id is not None
        putaway.state, putaway.done_units = "DONE", putaway.units
        putaway.ended_at, putaway.ended_by = message.at, f"robot:{message.robot or ''}"
        session.flush()
        carry(
            session, putaway, putaway.to_location_id, putaway.units,
            actor=putaway.ended_by, at=message.at, now=now,
        )  # fmt: skip
    elif message.state in {"FAILED", "WITHDRAWN"}:
        putaway.state, putaway.ended_at = "CANCELLED", message.at
        putaway.ended_by = f"robot:{message.robot or ''}"
        facts = {"tote": putaway.unit_code, "reason": message.reason}
        report(
            session, floor.hub, putaway.id, code="putaway.not_brought", source="wcs",
            facts=facts, at=message.at,
        )  # fmt: skip
