"""Where goods are, asked by who works with them: serials and lots at a place, what is in a tote.

Reads lock nothing; the posting that follows judges anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.sites import Location
from wms.stock.model import HandlingUnit, Hold, Quant, Serial
from wms.stock.posting import NIL


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """Where the goods of a hold are: codes of the place, and of the unit around them if any."""

    place: str
    unit: str
    lot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What a place has of a SKU: units, how many of them are promised, the lots they are of."""

    units: int = 0
    pinned: int = 0
    lots: tuple[str, ...] = ()


def at_places(
    session: Session, site: UUID, places: Iterable[UUID], skus: Iterable[UUID]
) -> dict[tuple[UUID, UUID], There]:
    """What these places have of these SKUs outside of any unit, by place and SKU."""
    query = (
        select(
            Quant.location_id,
            Quant.sku_id,
            func.sum(Quant.units),
            func.sum(Quant.pinned),
            func.array_agg(Quant.lot.distinct()),
        )
        .where(
            Quant.site_id == site,
            Quant.location_id.in_(set(places)),
            Quant.sku_id.in_(set(skus)),
            Quant.handling_unit_id == NIL,
            Quant.condition == "A",
            Quant.units > 0,
        )
        .group_by(Quant.location_id, Quant.sku_id)
    )
    return {
        (place, sku): There(units=int(units), pinned=int(pinned), lots=tuple(sorted(lots)))
        for place, sku, units, pinned, lots in session.execute(query)
    }


def serials_pinned(session: Session, site: UUID, holds: Iterable[UUID]) -> dict[UUID, list[str]]:
    """For each pinned hold, the serials that stand where its goods are taken from."""
    query = (
        select(Hold.id, Serial.serial)
        .join(
            Serial,
            (Serial.site_id == Hold.site_id)
            & (Serial.owner_id == Hold.owner_id)
            & (Serial.sku_id == Hold.sku_id)
            & (Serial.location_id == Hold.location_id)
            & (Serial.handling_unit_id == Hold.handling_unit_id)
            & (Serial.lot == Hold.lot)
            & (Serial.condition == Hold.segment)
            & Serial.hold_id.is_(None),
        )
        .where(Hold.site_id == site, Hold.id.in_(set(holds)), Hold.state == "PINNED")
        .order_by(Hold.id, Serial.serial)
    )
    return _gathered(session.execute(query).all())


def serials_of(session: Session, site: UUID, holds: Iterable[UUID]) -> dict[UUID, list[str]]:
    """For each hold whose goods are picked, packed or on their way, the serials that it has."""
    query = (
        select(Serial.hold_id, Serial.serial)
        .where(Serial.site_id == site, Serial.hold_id.in_(set(holds)))
        .order_by(Serial.hold_id, Serial.serial)
    )
    rows = [(hold, serial) for hold, serial in session.execute(query) if hold is not None]
    return _gathered(rows)


def holds_at(session: Session, site: UUID, holds: Iterable[UUID]) -> dict[UUID, Lying]:
    """Where the goods of these holds are."""
    asked = set(holds)
    if not asked:
        return {}
    query = (
        select(Hold.id, Location.code, HandlingUnit.code, Hold.lot)
        .join(Location, (Location.site_id == Hold.site_id) & (Location.id == Hold.location_id))
        .outerjoin(
            HandlingUnit,
            (HandlingUnit.site_id == Hold.site_id) & (HandlingUnit.id == Hold.handling_unit_id),
        )
        .where(Hold.site_id == site, Hold.id.in_(asked))
    )
    return {
        id_: Lying(place=place, unit=unit or "", lot=lot)
        for id_, place, unit, lot in session.execute(query)
    }


def units_inside(session: Session, site: UUID, codes: Iterable[str]) -> dict[str, int]:
    """How many units of goods are in these handling units, those that have any."""
    query = (
        select(HandlingUnit.code, func.sum(Quant.units))
        .join(
            Quant,
            (Quant.site_id == HandlingUnit.site_id) & (Quant.handling_unit_id == HandlingUnit.id),
        )
        .where(HandlingUnit.site_id == site, HandlingUnit.code.in_(set(codes)), Quant.units > 0)
        .group_by(HandlingUnit.code)
    )
    return {code: int(units) for code, units in session.execute(query)}


def taken_places(session: Session, site: UUID, places: Iterable[UUID]) -> set[UUID]:
    """Those of the places at which something lies."""
    query = select(Quant.location_id).where(
        Quant.site_id == site, Quant.location_id.in_(set(places)), Quant.units > 0
    )
    return set(session.scalars(query.distinct()))


def _gathered(rows: Sequence[tuple[UUID, str]]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    for id_, serial in rows:
        found[id_].append(serial)
    return dict(found)
