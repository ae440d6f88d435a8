"""What a person who scans something is shown of the stock: what lies there, what moved last.

Read only, a few lines each; units. Nothing here decides anything.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.orm import Session

FEW = 5
_SITE = bindparam("site", type_=Uuid())
_LIES = text("""
SELECT k.code AS sku, sum(q.units) AS units, q.lot
  FROM quant q
  JOIN sku k ON k.id = q.sku_id
  LEFT JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
 WHERE q.site_id = :site AND q.units > 0
   AND (u.code = :code OR (u.id IS NULL AND q.location_id = CAST(:place AS uuid))
        OR u.location_id = CAST(:place AS uuid))
 GROUP BY k.code, q.lot ORDER BY k.code, q.lot LIMIT :few
""").bindparams(_SITE)
_MOVED = text("""
SELECT m.occurred_at, m.units, f.code AS from_place, t.code AS to_place
  FROM movement m
  JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
 WHERE m.site_id = :site AND m.sku_id = :sku
 ORDER BY m.id DESC LIMIT :few
""").bindparams(_SITE, bindparam("sku", type_=Uuid()))


@dataclass(frozen=True, slots=True)
class Lies:
    """Units of goods in a place or a unit."""

    sku: str
    units: int
    lot: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement: when, how many, from where to where."""

    at: datetime
    units: int
    from_place: str
    to_place: str


def lies(
    session: Session, site: UUID, *, place: UUID | None = None, unit: str | None = None
) -> list[Lies]:
    """What lies at a place, also in units that stand there; or in a unit."""
    facts = {"site": site, "code": unit, "place": place, "few": FEW}
    return [Lies(row.sku, int(row.units), row.lot) for row in session.execute(_LIES, facts)]


def last_moves(session: Session, site: UUID, sku: UUID) -> list[Moved]:
    """The last movements of a SKU at a site, the latest first."""
    rows = session.execute(_MOVED, {"site": site, "sku": sku, "few": FEW})
    return [Moved(row.occurred_at, row.units, row.from_place, row.to_place) for row in rows]
