"""What the books have at some places, and what has moved there since a moment that was remembered.

    books = books_at(session, site, places)            what lies there, and the moment, exactly
    moved_since(session, site, books.moment, places)   what went there or left since, in order

The moment is a snapshot of the database, not a time: a movement belongs to what came after if the
snapshot did not see it, whatever the clocks say. Goods in a handling unit lie where it stands.
"""

# ruff: noqa: S608 - nothing in these queries comes from outside

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Text

from wms.ids import HandlingUnitId, LocationId, OwnerId, SiteId, SkuId

_HERE = """
WITH RECURSIVE here AS (
  SELECT u.id, u.location_id AS place_id FROM handling_unit u
   WHERE u.site_id = :site AND u.parent_id IS NULL AND u.location_id = ANY(:places)
  UNION ALL
  SELECT u.id, h.place_id FROM handling_unit u JOIN here h ON u.parent_id = h.id
   WHERE u.site_id = :site)
"""
_PLACES = bindparam("places", type_=ARRAY(Uuid()))
_SITE = bindparam("site", type_=Uuid())
_BOOKS = text(
    _HERE
    + """
SELECT n.moment, q.* FROM (SELECT pg_current_snapshot()::text AS moment) AS n
  LEFT JOIN LATERAL (
    SELECT coalesce(h.place_id, q.location_id) AS place_id, q.location_id, q.sku_id, q.owner_id,
           q.handling_unit_id, q.lot, q.condition, q.units, q.pinned, q.weight_g
      FROM quant q
      JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
      LEFT JOIN here h ON h.id = q.handling_unit_id
     WHERE q.site_id = :site AND q.units > 0 AND l.counter = 'sellable'
       AND (q.location_id = ANY(:places) OR h.id IS NOT NULL)) AS q ON true
 ORDER BY q.place_id, q.sku_id, q.lot, q.handling_unit_id, q.condition
"""
).bindparams(_SITE, _PLACES)
_UNITS = text(
    _HERE
    + """
SELECT u.id, u.code, h.place_id FROM here h
  JOIN handling_unit u ON u.site_id = :site AND u.id = h.id ORDER BY u.code
"""
).bindparams(_SITE, _PLACES)
_MOVED = text("""
SELECT m.sku_id, m.lot, m.from_location_id, m.from_unit_id, m.to_location_id, m.to_unit_id, m.units
  FROM movement m
 WHERE m.site_id = :site AND m.sku_id = ANY(:skus)
   AND m.recorded_at >= now() - interval '2 days'
   AND NOT pg_visible_in_snapshot(m.xid::text::xid8, CAST(:moment AS pg_snapshot))
   AND (m.from_location_id = ANY(:accounts) OR m.to_location_id = ANY(:accounts))
 ORDER BY m.id
""").bindparams(
    _SITE,
    bindparam("skus", type_=ARRAY(Uuid())),
    bindparam("accounts", type_=ARRAY(Uuid())),
)
_SERIALS = text("""
SELECT s.site_id, s.sku_id, s.owner_id, s.serial, s.location_id, s.handling_unit_id, s.lot,
       s.condition, s.hold_id IS NOT NULL AS held, l.counter
  FROM serial s JOIN location l ON l.site_id = s.site_id AND l.id = s.location_id
 WHERE s.sku_id = ANY(:skus) AND s.serial = ANY(:serials) AND l.counter <> 'outside'
 ORDER BY s.sku_id, s.serial
""").bindparams(bindparam("skus", type_=ARRAY(Uuid())), bindparam("serials", type_=ARRAY(Text())))
_SERIALS_HERE = text("""
SELECT s.site_id, s.sku_id, s.owner_id, s.serial, s.location_id, s.handling_unit_id, s.lot,
       s.condition, s.hold_id IS NOT NULL AS held, l.counter
  FROM serial s JOIN location l ON l.site_id = s.site_id AND l.id = s.location_id
 WHERE s.site_id = :site AND s.location_id = ANY(:accounts) AND s.sku_id = ANY(:skus)
 ORDER BY s.sku_id, s.serial
""").bindparams(
    _SITE, bindparam("accounts", type_=ARRAY(Uuid())), bindparam("skus", type_=ARRAY(Uuid()))
)
_NAMED = text("""
SELECT s.sku_id, s.serial, s.site_id FROM serial s
 WHERE s.site_id = :site AND s.serial = ANY(:serials) ORDER BY s.serial, s.sku_id
""").bindparams(_SITE, bindparam("serials", type_=ARRAY(Text())))
_HOLDS = text("""
SELECT h.id, h.state, h.kind, h.units, h.created_at, h.location_id, h.handling_unit_id, h.lot
  FROM hold h
 WHERE h.site_id = :site AND h.owner_id = :owner AND h.sku_id = :sku AND h.segment = 'A'
   AND h.state IN ('HELD', 'ALLOCATED', 'PINNED') AND h.supply_id IS NULL
 ORDER BY h.created_at DESC, h.id
""").bindparams(_SITE, bindparam("owner", type_=Uuid()), bindparam("sku", type_=Uuid()))
_FREE = text("""
SELECT b.sellable - b.reserved - b.allocated + b.overdraft FROM stock_balance b
 WHERE b.site_id = :site AND b.owner_id = :owner AND b.sku_id = :sku AND b.segment = 'A'
""").bindparams(_SITE, bindparam("owner", type_=Uuid()), bindparam("sku", type_=Uuid()))
_AT = text("""
SELECT q.handling_unit_id, q.lot, q.condition, q.units, q.pinned, q.weight_g FROM quant q
 WHERE q.site_id = :site AND q.location_id = :location AND q.owner_id = :owner AND q.sku_id = :sku
   AND q.units > 0 ORDER BY q.condition, q.lot, q.handling_unit_id
""").bindparams(
    _SITE,
    bindparam("location", type_=Uuid()),
    bindparam("owner", type_=Uuid()),
    bindparam("sku", type_=Uuid()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """Units at a place: `location_id` accounts for them, they lie at `place_id`."""

    place_id: LocationId
    location_id: LocationId
    sku_id: SkuId
    owner_id: OwnerId
    handling_unit_id: HandlingUnitId
    lot: str
    condition: str
    units: int
    pinned: int
    weight_g: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What lies at some places, at that moment."""

    moment: str
    rows: tuple[Lying, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """Units that came to (or, negative, left) an account."""

    location_id: UUID
    sku_id: UUID
    handling_unit_id: UUID
    lot: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSerial:
    """A serial and where it is; `held`: it goes with a hold."""

    site_id: SiteId
    sku_id: SkuId
    owner_id: OwnerId
    serial: str
    location_id: LocationId
    handling_unit_id: HandlingUnitId
    lot: str
    condition: str
    held: bool
    counter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingHold:
    """A hold of condition A that can still be given up."""

    id: UUID
    state: str
    kind: str
    units: int
    created_at: Any
    location_id: UUID | None
    handling_unit_id: UUID
    lot: str


def books_at(session: Session, site: SiteId, places: Iterable[UUID]) -> Books:
    """What the books have at these places now."""
    found = session.execute(_BOOKS, {"site": site, "places": list(places)}).all()
    names = Lying.__slots__
    rows = [Lying(**{name: getattr(row, name) for name in names}) for row in found if row.sku_id]
    return Books(moment=found[0].moment, rows=tuple(rows))


def moved_since(
    session: Session, site: SiteId, moment: str, accounts: Iterable[UUID], skus: Iterable[UUID]
) -> list[Shifted]:
    """What came to these accounts or left them since that moment, in order; of two days at most."""
    inside = set(accounts)
    facts = {"site": site, "moment": moment, "accounts": list(inside), "skus": list(set(skus))}
    shifted = []
    for row in session.execute(_MOVED, facts):
        ends = (
            (row.from_location_id, row.from_unit_id, -row.units),
            (row.to_location_id, row.to_unit_id, row.units),
        )
        shifted += [
            Shifted(
                location_id=place, sku_id=row.sku_id, handling_unit_id=unit, lot=row.lot,
                units=units,
            )
            for place, unit, units in ends
            if place in inside
        ]  # fmt: skip
    return shifted


def units_standing(
    session: Session, site: SiteId, places: Iterable[UUID]
) -> list[tuple[HandlingUnitId, str, LocationId]]:
    """The handling units that stand at these places (or in units there): id, code, place."""
    rows = session.execute(_UNITS, {"site": site, "places": list(places)})
    return [(HandlingUnitId(row.id), row.code, LocationId(row.place_id)) for row in rows]


def serials_named(
    session: Session, skus: Iterable[UUID], serials: Sequence[str]
) -> list[StandingSerial]:
    """Where these serials of these SKUs are, at any site of this database."""
    facts = {"skus": list(set(skus)), "serials": list(serials)}
    return [StandingSerial(**row._asdict()) for row in session.execute(_SERIALS, facts)]


def serials_at(
    session: Session, site: SiteId, accounts: Iterable[UUID], skus: Iterable[UUID]
) -> list[StandingSerial]:
    """The serials of these SKUs that are accounted for at these places."""
    facts = {"site": site, "accounts": list(set(accounts)), "skus": list(set(skus))}
    return [StandingSerial(**row._asdict()) for row in session.execute(_SERIALS_HERE, facts)]


def skus_with_serials(
    session: Session, site: SiteId, serials: Sequence[str]
) -> dict[str, list[SkuId]]:
    """Of which SKUs at that site these serials could be."""
    found: dict[str, list[SkuId]] = {}
    for row in session.execute(_NAMED, {"site": site, "serials": list(serials)}):
        found.setdefault(row.serial, []).append(SkuId(row.sku_id))
    return found


def living_holds(session: Session, site: SiteId, owner: UUID, sku: UUID) -> list[LivingHold]:
    """Holds of a SKU at a site that can still be given up, the latest made first."""
    facts = {"site": site, "owner": owner, "sku": sku}
    return [LivingHold(**row._asdict()) for row in session.execute(_HOLDS, facts)]


def unpromised(session: Session, site: SiteId, owner: UUID, sku: UUID) -> int:
    """Units in condition A that no hold has (the safety stock is among them)."""
    found = session.scalar(_FREE, {"site": site, "owner": owner, "sku": sku})
    return int(found or 0)


def quants_at(
    session: Session, site: SiteId, location: UUID, owner: UUID, sku: UUID
) -> list[tuple[UUID, str, str, int, int, int]]:
    """What is accounted for at one place: unit, lot, condition, units, pinned, grams."""
    facts = {"site": site, "location": location, "owner": owner, "sku": sku}
    return [tuple(row) for row in session.execute(_AT, facts)]
