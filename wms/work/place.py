"""Where work begins and ends, so that the next piece is near the last one.

A place without coordinates counts as far down its aisle as its bay says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.sites import Location
from wms.work.model import WorkPlace
from wms.work.packet import Packet, Step

AISLE_MM, BAY_MM = 4_000, 1_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point on the floor, and the zone that it is in."""

    zone: str = ""
    x_mm: int = 0
    y_mm: int = 0


def begins_at(session: Session, site: UUID, steps: Iterable[Step]) -> Place:
    """The first place that these steps lead to."""
    codes = _codes(steps)
    return _place(session, site, codes[0] if codes else None) or Place()


def leave_at(session: Session, site: UUID, worker: str, packet: Packet, *, now: datetime) -> None:
    """Keep in mind where somebody is when they have done that."""
    codes = _codes(packet.steps)
    place = _place(session, site, codes[-1] if codes else None)
    if place is None:
        return
    where = {"x_mm": place.x_mm, "y_mm": place.y_mm, "at": now}
    row = insert(WorkPlace).values(site_id=site, worker=worker, **where)
    session.execute(row.on_conflict_do_update(index_elements=["site_id", "worker"], set_=where))


def _codes(steps: Iterable[Step]) -> list[str]:
    return [
        expect.codes[0]
        for step in steps
        for expect in step.expect
        if expect.kind == "location" and expect.codes
    ]


def _place(session: Session, site: UUID, code: str | None) -> Place | None:
    if code is None:
        return None
    query = select(Location.zone, Location.x_mm, Location.y_mm, Location.aisle, Location.bay).where(
        Location.site_id == site, Location.code == code
    )
    found = session.execute(query).first()
    if found is None:
        return None
    x_mm, y_mm = found.x_mm, found.y_mm
    if not x_mm and not y_mm:
        x_mm, y_mm = (found.aisle or 0) * AISLE_MM, (found.bay or 0) * BAY_MM
    return Place(zone=found.zone, x_mm=x_mm, y_mm=y_mm)
