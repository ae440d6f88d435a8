"""Read: deliveries, what came of them, docks, inspections and putaways, for screens and systems.

Everything is told in codes and figures; words are the screen's. Lists go on behind the last row
(`after`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session, aliased

from wms.catalog import Owner, Sku
from wms.errors import NotFound
from wms.inbound.model import (
    Appointment,
    Asn,
    AsnLine,
    AsnUnit,
    Inspection,
    Putaway,
    Receipt,
)
from wms.sites import Location, Site

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsnFilter:
    """Which deliveries: of a site, in some states, of a supplier; behind (eta, id)."""

    site: str | None = None
    states: Sequence[str] = ()
    supplier: str | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100


def asns(session: Session, which: AsnFilter) -> list[Row]:
    """Deliveries, the first to come first, with the sums of their lines."""
    query = _asn_query().order_by(Asn.eta_p50, Asn.id).limit(which.limit)
    if which.site is not None:
        query = query.where(Site.code == which.site)
    if which.states:
        query = query.where(Asn.state.in_(which.states))
    if which.supplier is not None:
        query = query.where(Asn.supplier == which.supplier)
    if which.after is not None:
        query = query.where(tuple_(Asn.eta_p50, Asn.id) > which.after)
    return [row._asdict() for row in session.execute(query)]


def one_asn(session: Session, asn_id: UUID) -> Row:
    """A delivery with its lines, units and receipts.

    Raises:
        NotFound: there is none.
    """
    row = session.execute(_asn_query().where(Asn.id == asn_id)).first()
    if row is None:
        raise NotFound(f"delivery {asn_id}")
    lines = session.execute(
        select(
            AsnLine.line_no, Sku.code.label("sku"), Sku.name_en, Sku.name_ja, AsnLine.units,
            AsnLine.level, AsnLine.lot, AsnLine.expires_on, AsnLine.received, AsnLine.damaged,
            AsnLine.held, AsnLine.landed,
        )
        .join(Sku, Sku.id == AsnLine.sku_id)
        .where(AsnLine.asn_id == asn_id)
        .order_by(AsnLine.line_no)
    )  # fmt: skip
    units = session.execute(
        select(
            AsnUnit.code, AsnUnit.kind, AsnUnit.content, AsnUnit.state, AsnUnit.received_at,
            AsnUnit.received_by,
        )
        .where(AsnUnit.asn_id == asn_id)
        .order_by(AsnUnit.code)
    )  # fmt: skip
    return row._asdict() | {
        "lines": [each._asdict() | {"short": _short(each)} for each in lines],
        "units": [each._asdict() for each in units],
        "receipts": receipts(session, asn_id=asn_id, limit=1000),
    }


def receipts(
    session: Session,
    *,
    site: str | None = None,
    asn_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[Row]:
    """What was counted, the newest first."""
    query = (
        select(
            Receipt.id, Site.code.label("site"), Receipt.asn_id, Receipt.line_no,
            Sku.code.label("sku"), Receipt.units, Receipt.outcome, Receipt.why.label("reason"),
            Receipt.lot, Receipt.expires_on, Receipt.serials, Receipt.weight_g,
            Receipt.unit_code.label("lpn"), Location.code.label("location"), Receipt.photo,
            Receipt.actor, Receipt.at, Receipt.landed, Receipt.reversed_at, Receipt.reversed_by,
        )
        .join(Site, Site.id == Receipt.site_id)
        .join(Sku, Sku.id == Receipt.sku_id)
        .join(
            Location,
            (Location.site_id == Receipt.site_id) & (Location.id == Receipt.location_id),
        )
        .order_by(Receipt.at.desc(), Receipt.id.desc())
        .limit(limit)
    )  # fmt: skip
    if asn_id is not None:
        query = query.where(Receipt.asn_id == asn_id)
    if site is not None:
        query = query.where(Site.code == site)
    if after is not None:
        query = query.where(tuple_(Receipt.at, Receipt.id) < after)
    return [row._asdict() for row in session.execute(query)]


def appointments(
    session: Session, site: str, start: datetime, until: datetime, *, limit: int = 1000
) -> list[Row]:
    """The trucks of some hours, by time and door."""
    query = (
        select(
            Appointment.id, Site.code.label("site"), Appointment.door, Appointment.starts_at,
            Appointment.ends_at, Appointment.asn_id, Asn.number, Asn.supplier, Appointment.carrier,
            Appointment.vehicle, Appointment.state, Appointment.late, Appointment.checked_in_at,
            Appointment.ended_at,
        )
        .join(Site, Site.id == Appointment.site_id)
        .outerjoin(
            Asn, (Asn.site_id == Appointment.site_id) & (Asn.id == Appointment.asn_id)
        )
        .where(Site.code == site, Appointment.ends_at > start, Appointment.starts_at < until)
        .order_by(Appointment.starts_at, Appointment.door, Appointment.id)
        .limit(limit)
    )  # fmt: skip
    return [row._asdict() for row in session.execute(query)]


def one_appointment(session: Session, site: UUID, appointment_id: UUID) -> Row:
    """An appointment as it stands."""
    found = session.get_one(Appointment, (site, appointment_id))
    code = session.get_one(Site, site).code
    rows = appointments(session, code, found.starts_at, found.ends_at)
    return next(row for row in rows if row["id"] == appointment_id)


def inspections(session: Session, site: str, state: str | None, *, limit: int = 200) -> list[Row]:
    """Samples to be looked at, or that were, the oldest first."""
    query = (
        select(
            Inspection.id, Site.code.label("site"), Inspection.receipt_id, Inspection.supplier,
            Sku.code.label("sku"), Receipt.lot, Inspection.units, Inspection.sample,
            Inspection.accept, Inspection.mode, Inspection.bad, Inspection.state,
            Inspection.photo, Location.code.label("location"), Inspection.made_at,
            Inspection.ended_at, Inspection.ended_by,
        )
        .join(Site, Site.id == Inspection.site_id)
        .join(Sku, Sku.id == Inspection.sku_id)
        .join(
            Receipt,
            (Receipt.site_id == Inspection.site_id) & (Receipt.id == Inspection.receipt_id),
        )
        .join(
            Location,
            (Location.site_id == Receipt.site_id) & (Location.id == Receipt.location_id),
        )
        .where(Site.code == site)
        .order_by(Inspection.made_at, Inspection.id)
        .limit(limit)
    )  # fmt: skip
    if state is not None:
        query = query.where(Inspection.state == state)
    return [row._asdict() for row in session.execute(query)]


def putaways(
    session: Session,
    site: str,
    state: str | None,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 100,
) -> list[Row]:
    """Goods that are or were put away, the oldest first, with why they go there."""
    start, to, second = aliased(Location), aliased(Location), aliased(Location)
    query = (
        select(
            Putaway.id, Site.code.label("site"), Putaway.state, Putaway.unit_code.label("lpn"),
            Sku.code.label("sku"), Putaway.lot, Putaway.units, Putaway.done_units,
            start.code.label("from_location"), to.code.label("to_location"),
            second.code.label("second_location"), Putaway.refused, Putaway.verdict,
            Putaway.task_id, Putaway.transport_id, Putaway.made_at, Putaway.ended_at,
            Putaway.ended_by,
        )
        .join(Site, Site.id == Putaway.site_id)
        .outerjoin(Sku, Sku.id == Putaway.sku_id)
        .where(Site.code == site)
        .order_by(Putaway.made_at, Putaway.id)
        .limit(limit)
    )  # fmt: skip
    for place, column in (
        (start, Putaway.from_location_id),
        (to, Putaway.to_location_id),
        (second, Putaway.second_location_id),
    ):
        query = query.outerjoin(place, (place.site_id == Putaway.site_id) & (place.id == column))
    if state is not None:
        query = query.where(Putaway.state == state)
    if after is not None:
        query = query.where(tuple_(Putaway.made_at, Putaway.id) > after)
    return [row._asdict() for row in session.execute(query)]


def _asn_query() -> Any:
    sums = (
        select(
            AsnLine.site_id, AsnLine.asn_id, func.count().label("lines"),
            *(
                func.sum(getattr(AsnLine, name)).label(name)
                for name in ("units", "received", "damaged", "held")
            ),
        )
        .group_by(AsnLine.site_id, AsnLine.asn_id)
        .subquery()
    )  # fmt: skip
    return (
        select(
            Asn.id, Site.code.label("site"), Asn.kind, Asn.number, Asn.supplier,
            Owner.code.label("owner"), Asn.purchase_order, Asn.state, Asn.eta_p50, Asn.eta_p90,
            Asn.made_at, Asn.changed_at, Asn.arrived_at, Asn.ended_at, Asn.ended_by,
            func.coalesce(sums.c.lines, 0).label("line_count"),
            *(
                func.coalesce(sums.c[name], 0).label(label)
                for name, label in (
                    ("units", "units_announced"), ("received", "units_received"),
                    ("damaged", "units_damaged"), ("held", "units_held"),
                )
            ),
        )
        .join(Site, Site.id == Asn.site_id)
        .join(Owner, Owner.id == Asn.owner_id)
        .outerjoin(sums, (sums.c.site_id == Asn.site_id) & (sums.c.asn_id == Asn.id))
    )  # fmt: skip


def _short(line: Any) -> int:
    return max(0, int(line.units - line.received - line.damaged - line.held))
