"""Places: those that may come into question for goods, with what lies there and is on its way.

Kept free at a place are the units of putaways that are open and go there, as first or second
choice; so two people are never sent to the same room. What stands in a unit counts where the
unit stands.

Looked at are, of the places to sell from that are not blocked: those with the same goods, the
goods' pick faces, and of the others the emptiest and nearest, `CANDIDATES_MAX` in all.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.inbound.rules import Goods, Place

CANDIDATES_MAX = 400

# Where the goods lie, their pick faces, and as many others as are wanted, the nearest first.
_CANDIDATES = text("""
WITH mine AS (
  SELECT q.location_id AS id FROM quant q
   WHERE q.site_id = :site AND q.sku_id = ANY(:skus) AND q.units > 0
  UNION
  SELECT u.location_id FROM quant q
    JOIN handling_unit u ON u.site_id = q.site_id AND u.id = q.handling_unit_id
   WHERE q.site_id = :site AND q.sku_id = ANY(:skus) AND q.units > 0
  UNION
  SELECT f.location_id FROM pick_face f
   WHERE f.site_id = :site AND f.sku_id = ANY(:skus) AND f.active
), near AS (
  SELECT l.id, l.x_mm + l.y_mm AS far, l.code FROM location l
   WHERE l.site_id = :site AND l.counter = 'sellable' AND left(l.code, 1) <> '@'
     AND (cast(:zones AS text[]) = '{}' OR l.zone = ANY(cast(:zones AS text[])))
     AND (cast(:types AS text[]) = '{}' OR l.storage_type = ANY(cast(:types AS text[])))
     AND NOT EXISTS (SELECT 1 FROM quant q WHERE q.site_id = l.site_id AND q.location_id = l.id
                        AND q.units > 0 AND l.mix <> 'ANY' AND q.sku_id <> ALL(:skus))
   ORDER BY 2, 3 LIMIT :most
)
SELECT l.id FROM location l
 WHERE l.site_id = :site AND l.counter = 'sellable' AND left(l.code, 1) <> '@'
   AND l.id IN (SELECT id FROM mine UNION SELECT id FROM near)
""").bindparams(bindparam("skus", type_=ARRAY(Uuid())))

_THERE = text("""
WITH RECURSIVE unit AS (
  SELECT u.id, u.location_id AS place FROM handling_unit u
   WHERE u.site_id = :site AND u.location_id = ANY(:places) AND u.parent_id IS NULL
  UNION ALL
  SELECT u.id, p.place FROM unit p
    JOIN handling_unit u ON u.site_id = :site AND u.parent_id = p.id
), goods AS (
  SELECT q.location_id AS place, q.sku_id, q.lot, q.units, q.weight_g FROM quant q
   WHERE q.site_id = :site AND q.location_id = ANY(:places) AND q.units > 0
  UNION ALL
  SELECT p.place, q.sku_id, q.lot, q.units, q.weight_g FROM unit p
    JOIN quant q ON q.site_id = :site AND q.handling_unit_id = p.id AND q.units > 0
), coming AS (
  SELECT w.place, w.sku_id, p.lot, p.units, p.weight_g FROM putaway p
   CROSS JOIN LATERAL (VALUES (p.to_location_id, p.sku_id), (p.second_location_id, p.sku_id))
     AS w(place, sku_id)
   WHERE p.site_id = :site AND p.state IN ('OPEN', 'MOVING') AND p.id <> :me
     AND w.place = ANY(:places) AND (:seconds OR w.place = p.to_location_id)
)
SELECT z.place, sum(z.units)::bigint AS units, sum(z.grams)::bigint AS weight_g,
       array_agg(DISTINCT z.sku_id) FILTER (WHERE z.sku_id IS NOT NULL) AS skus,
       jsonb_agg(DISTINCT jsonb_build_array(z.sku_id, z.lot)) AS lots
  FROM (SELECT g.place, g.sku_id, g.lot, g.units,
               CASE WHEN g.weight_g > 0 THEN g.weight_g ELSE g.units * k.weight_g END AS grams
          FROM goods g JOIN sku k ON k.id = g.sku_id
        UNION ALL SELECT c.place, c.sku_id, c.lot, c.units, c.weight_g FROM coming c) AS z
 GROUP BY z.place
""").bindparams(bindparam("places", type_=ARRAY(Uuid())))

_PLACES = text("""
SELECT l.id, l.code, l.zone, l.storage_type, l.temperature, l.dangerous_goods, l.mix, l.max_units,
       l.max_weight_g, l.max_height_mm, l.blocked, l.x_mm, l.y_mm, l.z_mm,
       f.high AS face_high, o.location_id IS NOT NULL AS is_face_of_other
  FROM location l
  LEFT JOIN LATERAL (SELECT max(f.high) AS high FROM pick_face f
                      WHERE f.site_id = l.site_id AND f.location_id = l.id AND f.active
                        AND f.sku_id = ANY(:skus)) AS f ON true
  LEFT JOIN LATERAL (SELECT f.location_id FROM pick_face f
                      WHERE f.site_id = l.site_id AND f.location_id = l.id AND f.active
                        AND f.sku_id <> ALL(:skus) LIMIT 1) AS o ON true
 WHERE l.site_id = :site AND l.id = ANY(:places)
 ORDER BY l.code
""").bindparams(bindparam("skus", type_=ARRAY(Uuid())), bindparam("places", type_=ARRAY(Uuid())))
_POINTS = text("""
SELECT CASE WHEN l.kind = 'DOCK_IN' THEN 'door' ELSE 'demand' END AS point,
       avg(l.x_mm)::bigint AS x, avg(l.y_mm)::bigint AS y
  FROM location l WHERE l.site_id = :site AND l.kind IN ('DOCK_IN', 'PACK', 'DOCK_OUT')
   AND left(l.code, 1) <> '@'
 GROUP BY 1
""")
_LOCK = text(
    "SELECT 1 FROM location WHERE site_id = :site AND id = ANY(:places) ORDER BY id"
    " FOR NO KEY UPDATE"
).bindparams(bindparam("places", type_=ARRAY(Uuid())))


def candidates(
    session: Session,
    site: SiteId,
    goods: Goods,
    *,
    zones: Sequence[str] = (),
    storage_types: Sequence[str] = (),
) -> list[UUID]:
    """The ids of the places to be looked at."""
    facts = {
        "site": site, "skus": sorted(goods.skus), "zones": list(zones),
        "types": list(storage_types), "most": CANDIDATES_MAX,
    }  # fmt: skip
    return list(session.scalars(_CANDIDATES, facts))


def lock_places(session: Session, site: SiteId, ids: Iterable[UUID]) -> None:
    """Nobody else puts anything there until this transaction ends. In the order of ids."""
    session.execute(_LOCK, {"site": site, "places": sorted(set(ids))})


def places_of(
    session: Session,
    site: SiteId,
    ids: Iterable[UUID],
    goods: Goods,
    *,
    me: UUID,
    seconds: bool = True,
) -> list[Place]:
    """The places as they are now, for these goods; what is kept free for `me` is free.

    Without `seconds` what is kept free as somebody's second choice is free too.
    """
    wanted = sorted(set(ids))
    facts = {"site": site, "places": wanted, "me": me, "seconds": seconds}
    there = {row.place: row for row in session.execute(_THERE, facts)}
    points = {row.point: (row.x, row.y) for row in session.execute(_POINTS, {"site": site})}
    rows = session.execute(_PLACES, {"site": site, "places": wanted, "skus": sorted(goods.skus)})
    return [_place(row, there.get(row.id), points) for row in rows]


def _place(row: Any, there: Any, points: dict[str, tuple[int, int]]) -> Place:
    units = 0 if there is None else int(there.units)
    door, demand = points.get("door", (0, 0)), points.get("demand", (0, 0))
    return Place(
        id=row.id,
        code=row.code,
        zone=row.zone,
        storage_type=row.storage_type,
        temperature=row.temperature,
        dangerous_goods=frozenset(row.dangerous_goods.split()),
        mix=row.mix,
        max_units=row.max_units,
        max_weight_g=row.max_weight_g,
        max_height_mm=row.max_height_mm,
        blocked=row.blocked,
        height_z_mm=row.z_mm,
        units=units,
        weight_g=0 if there is None else int(there.weight_g),
        skus=frozenset() if there is None else frozenset(there.skus or ()),
        lots=frozenset() if there is None else _lots(there.lots),
        face_room=None if row.face_high is None else max(0, row.face_high - units),
        is_face_of_other=row.is_face_of_other and row.face_high is None,
        to_door_mm=abs(row.x_mm - door[0]) + abs(row.y_mm - door[1]),
        to_demand_mm=abs(row.x_mm - demand[0]) + abs(row.y_mm - demand[1]),
    )


def _lots(pairs: Sequence[Sequence[str]]) -> frozenset[tuple[UUID, str]]:
    return frozenset((UUID(sku), lot) for sku, lot in pairs if sku)
