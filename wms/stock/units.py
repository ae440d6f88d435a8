"""Handling units: totes, cartons, parcels, pallets, and where they stand.

A unit has a code that people and machines scan, and stands at a place. Goods in a unit in storage
are accounted for at the site's virtual place UNITS, whatever the unit's own place: when it is
carried elsewhere one row changes, not one for everything in it. Ids are derived from codes.

    pallet P-1  stands at A01-01
      carton C-1, carton C-2      are in P-1: they stand where it stands

Units form a forest: none is inside itself. A unit goes where its goods change state (received, put
into quarantine, sent on its way) by `wms.stock.unit_moves`.
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
from wms.stock import posting
from wms.stock.faults import fault_of
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
    parent_id: HandlingUnitId | None
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


def put_unit(
    session: Session, site: SiteId, unit: HandlingUnitId, into: HandlingUnitId | None
) -> None:
    """A unit is put into another, or (None) taken out of the one it is in, and stands beside it.

    Its goods stay in their state: where one stands for packed goods the other must too.

    Raises:
        NotFound: there is no such unit at that site.
        UnitInsideItself: the other is in this one.
        WrongLocation: its goods would be in another state there: move the unit first.
    """
    row = session.execute(posting.PUT_UNIT, {"site": site, "unit": unit, "into": into}).one()
    if fault := fault_of(row, unit):
        raise fault


def find_units(session: Session, site: SiteId, codes: Iterable[str]) -> dict[str, StandingUnit]:
    """Those of the codes that there are at that site, and where they (or all around them) stand."""
    place = func.unit_place(HandlingUnit.site_id, HandlingUnit.id)
    query = (
        select(
            HandlingUnit.id,
            HandlingUnit.site_id,
            HandlingUnit.code,
            HandlingUnit.kind,
            HandlingUnit.parent_id,
            Location.id.label("location_id"),
            Location.code.label("location_code"),
        )
        .outerjoin(Location, (Location.site_id == HandlingUnit.site_id) & (Location.id == place))
        .where(HandlingUnit.site_id == site, HandlingUnit.code.in_(set(codes)))
    )
    return {row.code: StandingUnit(**row._asdict()) for row in session.execute(query)}
