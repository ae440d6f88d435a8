"""What lies where, place by place: for files of stock, drawn plans, and places that change.

    lying(session, site)         every line of goods that stands in the house, with its serials
    fill(session, site)          units a place, for a plan
    in_use(session, site, ids)   places with goods: their kind must not change, for the kind says
                                 which counter of the balance the goods are part of

Goods in a handling unit in storage are accounted for at the site's place UNITS; here they are told
where their unit stands. Weights are grams.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.errors import Conflict
from wms.ids import LocationId, OwnerId, SiteId, SkuId
from wms.sites import Location, LocationRecord, location_id

HOUSED = ("sellable", "received", "quarantine", "damaged", "return_received")
BATCH = 5_000
_LYING = text("""
SELECT q.site_id, coalesce(p.id, l.id) AS place_id, coalesce(p.code, l.code) AS place,
  coalesce(u.code, '') AS unit, q.owner_id, w.code AS owner, q.sku_id, k.code AS sku, q.lot,
  q.condition, q.units, q.weight_g,
  (SELECT array_agg(s.serial ORDER BY s.serial) FROM serial s
   WHERE s.site_id = q.site_id AND s.owner_id = q.owner_id AND s.sku_id = q.sku_id
     AND s.location_id = q.location_id AND s.handling_unit_id = q.handling_unit_id
     AND s.lot = q.lot AND s.condition = q.condition) AS serials
FROM quant q
JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
JOIN owner w ON w.id = q.owner_id
JOIN sku k ON k.id = q.sku_id
LEFT JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
LEFT JOIN handling_unit o ON o.site_id = u.site_id AND o.id = u.parent_id
LEFT JOIN location p ON p.site_id = q.site_id AND p.id = coalesce(u.location_id, o.location_id)
  AND l.code = '@UNITS'
WHERE q.site_id = :site AND q.units > 0 AND l.counter = ANY(:counters)
  AND (cast(:places AS uuid[]) IS NULL OR coalesce(p.id, l.id) = ANY(:places))
ORDER BY place, unit, owner, sku, q.lot, q.condition
""").bindparams(bindparam("places", type_=ARRAY(Uuid())), bindparam("site", type_=Uuid()))
_FILL = text("""
SELECT coalesce(p.code, l.code) AS place, sum(q.units) AS units, count(DISTINCT q.sku_id) AS skus
FROM quant q
JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
LEFT JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
LEFT JOIN location p ON p.site_id = q.site_id AND p.id = u.location_id AND l.code = '@UNITS'
WHERE q.site_id = :site AND q.units > 0 GROUP BY 1
""").bindparams(bindparam("site", type_=Uuid()))
_IN_USE = text("""
SELECT DISTINCT q.location_id FROM quant q
WHERE q.site_id = :site AND q.location_id = ANY(:places) AND q.units <> 0
""").bindparams(bindparam("places", type_=ARRAY(Uuid())), bindparam("site", type_=Uuid()))


class PlaceInUse(Conflict):
    """Goods lie at a place, so it stays of its kind: move them first.

    Attributes:
        place: its code.
    """

    code: ClassVar[str] = "place_in_use"

    def __init__(self, place: str) -> None:
        super().__init__(f"goods lie at {place}: its kind cannot change now")
        self.place = place


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """Units of a SKU that lie together: same place, unit, lot and condition."""

    place: str
    place_id: LocationId
    unit: str
    owner: str
    owner_id: OwnerId
    sku: str
    sku_id: SkuId
    lot: str
    condition: str
    units: int
    weight_g: int
    serials: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """How much lies at a place."""

    units: int
    skus: int


def lying(
    session: Session, site: SiteId, places: Collection[LocationId] | None = None
) -> Iterator[Lying]:
    """What lies in the house: stored, received, set aside; not what is promised on its way out."""
    wanted = None if places is None else list(places)
    facts = {"site": site, "places": wanted, "counters": list(HOUSED)}
    for row in session.execute(_LYING, facts).yield_per(BATCH):
        yield _lying(row)


def fill(session: Session, site: SiteId) -> dict[str, Fill]:
    """Units and SKUs of every place where there are any, by its code."""
    rows = session.execute(_FILL, {"site": site})
    return {row.place: Fill(units=int(row.units), skus=row.skus) for row in rows}


def in_use(session: Session, site: SiteId, places: Collection[UUID]) -> set[UUID]:
    """Those of the places where goods are, or are owed."""
    if not places:
        return set()
    return set(session.scalars(_IN_USE, {"site": site, "places": list(places)}))


def keep_kinds(session: Session, site: SiteId, records: Sequence[LocationRecord]) -> None:
    """Whether these places may become what they are to be.

    Raises:
        PlaceInUse: goods lie at one that would be of another kind.
    """
    wanted = {location_id(site, each.code): (each.kind, each.lane) for each in records}
    query = select(Location).where(Location.site_id == site, Location.id.in_(wanted))
    changed = {
        place.id: place.code
        for place in session.scalars(query)
        if wanted[LocationId(place.id)] != (place.kind, place.lane)
    }
    for used in sorted(in_use(session, site, changed)):
        raise PlaceInUse(changed[used])


def _lying(row: Any) -> Lying:
    return Lying(
        place=row.place,
        place_id=row.place_id,
        unit=row.unit,
        owner=row.owner,
        owner_id=row.owner_id,
        sku=row.sku,
        sku_id=row.sku_id,
        lot=row.lot,
        condition=row.condition,
        units=row.units,
        weight_g=row.weight_g,
        serials=tuple(row.serials or ()),
    )
