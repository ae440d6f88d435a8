"""Checkpoints: what the movements through the end of a month add up to, kept for ever.

    for site, month in database.run(due): database.run(lambda s: make(s, site, month))
    database.run(last)      the month from which verify may start; None: from the beginning

A checkpoint is a month of a site, made at once and never changed; the next one goes on from it.
So proving the books costs what has moved since, not all that ever moved.

    in flight   A movement bears the time at which its transaction began. A month is folded only
                when no transaction that began before its end still runs (stock_settled, in
                posting/proof.sql); until then `make` says no, and is asked again.
    slipped     Should a movement of that month be written later all the same (a clock set back,
                a hand in the database), it is named: it has a later transaction number (C2).
    sealed      The head of a checkpoint has the hash of its rows, and heads are sealed as
                movements are (wms.stock.seal): neither can be changed unseen (C1).
    in full     `soko verify --full` folds every month again from the movements (C3).

Months are those of UTC, as are the partitions of the movements.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.stock.laws import Law

_DUE = text("""
SELECT s.id, m.month FROM site s
 CROSS JOIN (SELECT coalesce(cast(:month AS date),
   (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month')::date) AS month) AS m
 WHERE NOT EXISTS (SELECT 1 FROM stock_checkpoint c WHERE c.site_id = s.id AND c.month >= m.month)
   AND EXISTS (SELECT 1 FROM movement v
                WHERE v.site_id = s.id AND v.recorded_at < month_end(m.month))
 ORDER BY s.id
""")
_OPEN = text("SELECT movement_months(:ahead)")
_MAKE = text("SELECT stock_checkpoint_make(:site, :month)")
# A site without a head is none too few if nothing had moved there by then.
_LAST = text("""
SELECT c.month FROM (SELECT DISTINCT month FROM stock_checkpoint) AS c
 WHERE NOT EXISTS (
   SELECT 1 FROM site s
    WHERE NOT EXISTS (SELECT 1 FROM stock_checkpoint h
                       WHERE h.site_id = s.id AND h.month = c.month)
      AND EXISTS (SELECT 1 FROM movement v
                   WHERE v.site_id = s.id AND v.recorded_at < month_end(c.month)))
 ORDER BY c.month DESC LIMIT 1
""")
_FIRST_XID = text("""
SELECT least((SELECT min(m.xid) FROM movement m WHERE m.recorded_at >= month_end(:month)),
             (SELECT min(c.xid) FROM stock_checkpoint c WHERE c.month = :month))
""")


def due(session: Session, month: date | None = None) -> list[tuple[SiteId, date]]:
    """What is still to be made for that month, by default the one before this."""
    rows = session.execute(_DUE, {"month": month})
    return [(SiteId(row.id), row.month) for row in rows]


def make(session: Session, site: UUID, month: date) -> bool:
    """Fold a month of a site. False: it is there already, or it is too early."""
    return bool(session.scalar(_MAKE, {"site": site, "month": month}))


def open_months(session: Session, ahead: int = 12) -> int:
    """Make the partitions of the movements of the months to come. Returns how many were new."""
    return session.scalar(_OPEN, {"ahead": ahead}) or 0


def last(session: Session) -> date | None:
    """The last month of which all sites have a checkpoint."""
    month: date | None = session.scalar(_LAST)
    return month


def first_xid(session: Session, month: date) -> int:
    """The first transaction that wrote anything since that month: a movement, or its heads."""
    return session.scalar(_FIRST_XID, {"month": month}) or 0


_ROWS_ARE_AS_MADE = """
SELECT c.site_id, NULL::uuid AS sku_id,
       format('the checkpoint of %s is not as it was made', to_char(c.month, 'YYYY-MM')) AS what
  FROM stock_checkpoint c
 WHERE (@all OR c.month = @month) AND quant_checkpoint_hash(c.site_id, c.month) <> c.hash
UNION ALL
SELECT q.site_id, NULL, format('the checkpoint of %s has no head', to_char(q.month, 'YYYY-MM'))
  FROM quant_checkpoint q
 WHERE @all AND NOT EXISTS (SELECT 1 FROM stock_checkpoint c
                             WHERE c.site_id = q.site_id AND c.month = q.month)
 GROUP BY q.site_id, q.month
"""
_NOTHING_SLIPPED = """
SELECT m.site_id, m.sku_id, format('movement %s was recorded for %s, after that month was closed',
       m.id, to_char(c.month, 'YYYY-MM')) AS what
  FROM movement m JOIN stock_checkpoint c ON c.site_id = m.site_id AND c.month = @month
 WHERE m.recorded_at < @since AND m.xid >= c.xid
   AND m.xid >= (SELECT min(h.xid) FROM stock_checkpoint h WHERE h.month = @month)
"""
# What a checkpoint says beyond the one before it is what moved between the two.
_CHECKPOINTS_ARE_FOLDS = """
WITH span AS MATERIALIZED (
  SELECT c.site_id, c.month, month_end(c.month) AS until,
         coalesce(lag(month_end(c.month)) OVER by_month, '-infinity') AS since,
         lead(c.month) OVER by_month AS next
    FROM stock_checkpoint c WINDOW by_month AS (PARTITION BY c.site_id ORDER BY c.month))
SELECT e.site_id, e.sku_id, format('of place %s, the checkpoint of %s says %s units and %s g'
       ' that did not move', l.code, to_char(e.month, 'YYYY-MM'), - sum(e.units),
       - sum(e.weight_g)) AS what
  FROM (
    SELECT m.site_id, s.month, x.location_id, m.sku_id, m.owner_id, x.unit_id, m.lot, x.condition,
           x.units, x.weight_g, x.variance_g
      FROM span s
      JOIN movement m ON m.site_id = s.site_id AND m.recorded_at >= s.since
       AND m.recorded_at < s.until
     CROSS JOIN LATERAL (VALUES
       (m.to_location_id, m.to_unit_id, m.to_condition, m.units, m.weight_g, m.variance_g),
       (m.from_location_id, m.from_unit_id, m.from_condition, - m.units,
        m.variance_g - m.weight_g, 0::bigint))
       AS x(location_id, unit_id, condition, units, weight_g, variance_g)
     WHERE @all
    UNION ALL
    SELECT q.site_id, q.month, q.location_id, q.sku_id, q.owner_id, q.handling_unit_id, q.lot,
           q.condition, - q.units, - q.weight_g, - q.variance_g
      FROM quant_checkpoint q WHERE @all
    UNION ALL
    SELECT q.site_id, s.next, q.location_id, q.sku_id, q.owner_id, q.handling_unit_id, q.lot,
           q.condition, q.units, q.weight_g, q.variance_g
      FROM quant_checkpoint q JOIN span s ON s.site_id = q.site_id AND s.month = q.month
     WHERE @all AND s.next IS NOT NULL
  ) AS e
  LEFT JOIN location l ON l.site_id = e.site_id AND l.id = e.location_id
 GROUP BY e.site_id, e.month, l.code, e.location_id, e.sku_id, e.owner_id, e.unit_id, e.lot,
          e.condition
HAVING sum(e.units) <> 0 OR sum(e.weight_g) <> 0 OR sum(e.variance_g) <> 0
"""


def laws(*, full: bool) -> tuple[Law, ...]:
    """The laws of checkpoints: of the last one, or of all against all movements."""
    read = "true" if full else "false"
    always = (
        Law(
            code="C1",
            says="checkpoints are as they were made",
            broken=_ROWS_ARE_AS_MADE.replace("@all", read),
        ),
        Law(
            code="C2",
            says="nothing was recorded behind a checkpoint",
            broken=_NOTHING_SLIPPED,
        ),
    )
    if not full:
        return always
    folds = _CHECKPOINTS_ARE_FOLDS.replace("@all", read)
    return (*always, Law(code="C3", says="checkpoints are what had moved", broken=folds))
