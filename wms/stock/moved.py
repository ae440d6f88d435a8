"""Movements of one owner, in the order in which they were written: what bills are made of.

A day is the site's own. Nothing is added up here: who asks decides what a movement means.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.ids import OwnerId

ROWS_AT_ONCE = 5_000
_MOVED = text("""
SELECT m.id, m.site_id, s.code AS site,
       CAST(timezone(s.time_zone, m.occurred_at) AS date) AS day,
       m.sku_id, m.lot, m.units, m.cause_kind, m.cause_id, m.occurred_at,
       f.kind AS from_kind, f.lane AS from_lane, f.counter AS from_counter,
       t.kind AS to_kind, t.lane AS to_lane, t.counter AS to_counter,
       m.from_location_id, m.from_unit_id, m.to_location_id, m.to_unit_id,
       coalesce(u.kind, '') AS to_unit_kind
  FROM movement m
  JOIN site s ON s.id = m.site_id
  JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
  LEFT JOIN handling_unit u ON u.site_id = m.site_id AND u.id = m.to_unit_id
 WHERE m.owner_id = :owner AND CAST(timezone(s.time_zone, m.occurred_at) AS date) < :until
 ORDER BY m.id
""").bindparams(bindparam("owner", type_=Uuid()))
_ONE = text("""
SELECT m.id, m.site_id, s.code AS site, m.occurred_at, k.code AS sku, m.lot, m.serial, m.units,
       f.code AS from_place, t.code AS to_place, m.cause_kind, m.cause_id, m.reason
  FROM movement m
  JOIN site s ON s.id = m.site_id
  JOIN sku k ON k.id = m.sku_id
  JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
 WHERE m.id = ANY(:ids)
""")

_LEFT = text("""
SELECT DISTINCT m.serial FROM movement m
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
 WHERE m.sku_id = :sku AND m.serial <> '' AND m.cause_kind = 'HOLD' AND m.cause_id = ANY(:holds)
   AND (t.kind = 'LANE' OR t.counter = 'outside')
 ORDER BY m.serial
""").bindparams(bindparam("sku", type_=Uuid()), bindparam("holds", type_=ARRAY(Uuid())))


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A movement, with what its two places are."""

    id: int
    site_id: UUID
    site: str
    day: date
    sku_id: UUID
    lot: str
    units: int
    cause_kind: str
    cause_id: UUID
    occurred_at: datetime
    from_kind: str
    from_lane: str | None
    from_counter: str
    to_kind: str
    to_lane: str | None
    to_counter: str
    from_location_id: UUID
    from_unit_id: UUID
    to_location_id: UUID
    to_unit_id: UUID
    to_unit_kind: str


@dataclass(frozen=True, slots=True)
class MovementView:
    """A movement as a person reads it."""

    id: int
    site_id: UUID
    site: str
    occurred_at: datetime
    sku: str
    lot: str
    serial: str
    units: int
    from_place: str
    to_place: str
    cause_kind: str
    cause_id: UUID
    reason: str


def moved_until(session: Session, owner: OwnerId, until: date) -> Iterator[MovedRow]:
    """All movements of an owner's goods before that day, the first written first."""
    rows = session.execute(
        _MOVED, {"owner": owner, "until": until}, execution_options={"yield_per": ROWS_AT_ONCE}
    )
    for row in rows:
        yield MovedRow(*row)


def movements_by_id(session: Session, ids: list[int]) -> dict[int, MovementView]:
    """These movements, to be read."""
    rows = session.execute(_ONE, {"ids": ids})
    return {row.id: MovementView(*row) for row in rows}


def serials_that_left(session: Session, sku: UUID, holds: list[UUID]) -> list[str]:
    """The serials of a SKU that left the house with these holds."""
    if not holds:
        return []
    return list(session.scalars(_LEFT, {"sku": sku, "holds": holds}))


_SINCE = text("""
SELECT m.xid, m.id, m.command_id, s.code AS site, s.time_zone, o.code AS owner, k.code AS sku,
       (SELECT min(b.gtin) FROM barcode b WHERE b.sku_id = m.sku_id AND b.units = 1) AS gtin,
       m.lot, m.serial, m.units, m.occurred_at, m.cause_kind, m.cause_id,
       f.code AS from_place, f.kind AS from_kind, f.counter AS from_counter,
       t.code AS to_place, t.kind AS to_kind, t.counter AS to_counter,
       coalesce(fu.code, '') AS from_unit, coalesce(tu.code, '') AS to_unit,
       m.from_condition, m.to_condition
  FROM movement m
  JOIN site s ON s.id = m.site_id
  JOIN owner o ON o.id = m.owner_id
  JOIN sku k ON k.id = m.sku_id
  JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
  JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
  LEFT JOIN handling_unit fu ON fu.site_id = m.site_id AND fu.id = m.from_unit_id
  LEFT JOIN handling_unit tu ON tu.site_id = m.site_id AND tu.id = m.to_unit_id
 WHERE (m.xid, m.id) > (:xid, :id) AND m.xid >= :xid
   AND m.xid < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
 ORDER BY m.xid, m.id
 LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class MovedNow:
    """A movement as somebody outside would be told of it: codes, not ids."""

    xid: int
    id: int
    command_id: UUID
    site: str
    time_zone: str
    owner: str
    sku: str
    gtin: str | None
    lot: str
    serial: str
    units: int
    occurred_at: datetime
    cause_kind: str
    cause_id: UUID
    from_place: str
    from_kind: str
    from_counter: str
    to_place: str
    to_kind: str
    to_counter: str
    from_unit: str
    to_unit: str
    from_condition: str
    to_condition: str


def moved_since(session: Session, *, xid: int, movement_id: int, limit: int) -> list[MovedNow]:
    """What has moved since that transaction and movement, in the order of transactions.

    Only what no transaction that still runs can come before: nothing is missed by going on from
    the last row of an answer.
    """
    given = {"xid": xid, "id": movement_id, "limit": limit}
    return [MovedNow(*row) for row in session.execute(_SINCE, given)]
