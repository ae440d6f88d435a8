"""Where work begins and ends, so that the next piece is near the last one.

A place without coordinates counts as far down its aisle as its bay says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.sites import Location
from wms.work.model import WorkPlace
from wms.work.packet import Packet, Step

AISLE_MM, BAY_MM = 4_000, 1_200
_UNSAID = (Location.x_mm == 0) & (Location.y_mm == 0)
X_MM = case((_UNSAID, func.coalesce(Location.aisle, 0) * AISLE_MM), else_=Location.x_mm)
Y_MM = case((_UNSAID, func.coalesce(Location.bay, 0) * BAY_MM), else_=Location.y_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A point on the floor, and the zone that it is in."""

    zone: str = ""
    x_mm: int = 0
    y_mm: int = 0


def begins_at(session: Session, site: UUID, steps: Iterable[Step]) -> Place:
    """The first place that these steps lead to."""
    codes = _codes(steps)
    return _place(session, site, codes[0]) if codes else Place()


def leave_at(session: Session, site: UUID, worker: str, packet: Packet, *, now: datetime) -> None:
    """Keep in mind where somebody is when they have done that."""
    codes = _codes(packet.steps)
    if not codes:
        return
    place = select(Location.site_id, literal(worker), X_MM, Y_MM, literal(now)).where(
        Location.site_id == site, Location.code == codes[-1]
    )
    row = insert(WorkPlace).from_select(["site_id", "worker", "x_mm", "y_mm", "at"], place)
    where = {name: row.excluded[name] for name in ("x_mm", "y_mm", "at")}
    session.execute(row.on_conflict_do_update(index_elements=["site_id", "worker"], set_=where))


def _codes(steps: Iterable[Step]) -> list[str]:
    return [
        expect.codes[0]
        for step in steps
        for expect in step.expect
        if expect.kind == "location" and expect.codes
    ]


def _place(session: Session, site: UUID, code: str) -> Place:
    query = select(Location.zone, X_MM, Y_MM).where(Location.site_id == site, Location.code == code)
    found = session.execute(query).first()
    return Place() if found is None else Place(zone=found.zone, x_mm=found[1], y_mm=found[2])
