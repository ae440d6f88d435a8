"""Handling units: totes, cartons, parcels, pallets, and where they stand.

A unit has a code that people and machines scan, and stands at a place. Goods in a unit in storage
are accounted for at the site's virtual place UNITS, whatever the unit's own place: when it is
carried elsewhere one row changes, not one for everything in it. Ids are derived from codes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import HandlingUnitId, LocationId, SiteId, derive
from wms.sites import Location
from wms.stock.model import HandlingUnit

UnitKind: TypeAlias = Literal["TOTE", "CARTON", "PARCEL", "PALLET", "CAGE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecord:
    """A unit as it is made known; without a place it keeps the one it has."""

    code: str
    kind: UnitKind = "TOTE"
    location_id: LocationId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingUnit:
    """A unit and where it stands."""

    id: HandlingUnitId
    site_id: SiteId
    code: str
    kind: UnitKind
    location_id: LocationId | None
    location_code: str | None


def unit_id(site: SiteId, code: str) -> HandlingUnitId:
    """The id of the unit with that code at that site."""
    return HandlingUnitId(derive(site, "unit", code))


def save_units(
    session: Session, site: SiteId, records: Sequence[UnitRecord]
) -> list[HandlingUnitId]:
    """Make or change units of a site, known by code."""
    rows = {
        record.code: {
            "site_id": site,
            "id": unit_id(site, record.code),
            "code": record.code,
            "kind": record.kind,
            "location_id": record.location_id,
        }
        for record in records
    }
    if rows:
        new = insert(HandlingUnit)
        place = func.coalesce(new.excluded.location_id, HandlingUnit.location_id)
        session.execute(
            new.on_conflict_do_update(
                index_elements=["site_id", "id"],
                set_={"kind": new.excluded.kind, "location_id": place},
            ),
            [rows[code] for code in sorted(rows)],
        )
    return [unit_id(site, record.code) for record in records]


def place_unit(
    session: Session, site: SiteId, unit: HandlingUnitId, location: LocationId | None
) -> None:
    """A unit now stands there; None: it is on its way.

    Raises:
        NotFound: there is no such unit at that site.
    """
    placed = session.scalar(
        update(HandlingUnit)
        .where(HandlingUnit.site_id == site, HandlingUnit.id == unit)
        .values(location_id=location)
        .returning(HandlingUnit.id)
    )
    if placed is None:
        raise NotFound(f"handling unit {unit}")


def find_units(session: Session, site: SiteId, codes: Iterable[str]) -> dict[str, StandingUnit]:
    """Those of the codes that there are at that site, and where they stand."""
    query = (
        select(
            HandlingUnit.id,
            HandlingUnit.site_id,
            HandlingUnit.code,
            HandlingUnit.kind,
            HandlingUnit.location_id,
            Location.code.label("location_code"),
        )
        .outerjoin(
            Location,
            (Location.site_id == HandlingUnit.site_id) & (Location.id == HandlingUnit.location_id),
        )
        .where(HandlingUnit.site_id == site, HandlingUnit.code.in_(set(codes)))
    )
    return {row.code: StandingUnit(**row._asdict()) for row in session.execute(query)}
