"""The proof that the books are right: every law of the ledger, recomputed from what was written.

    report = database.run(verify);  report.clean;  report.laws[0].first

All laws are judged in one statement, so on one snapshot, while work goes on. Each answers with
how many rows break it, and names the first. Other areas bring laws of their own, `LAWS` of
theirs, to be judged along with these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A law, and a query for what breaks it: rows (site_id, sku_id, what), the ids maybe null."""

    code: str
    says: str
    broken: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A law as it was found: how many rows break it, and the first."""

    code: str
    says: str
    differences: int
    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All laws judged, and how much there was to judge."""

    laws: list[Judged]
    movements: int
    quants: int
    holds: int
    balances: int

    @property
    def clean(self) -> bool:
        """Whether nothing is broken."""
        return not any(law.differences for law in self.laws)


_PHYSICAL = (
    "expected", "received", "sellable", "picked", "packed", "to_customer", "to_store",
    "to_locker", "store_to_dc", "dc_to_dc", "return_requested", "return_in_transit",
    "return_received", "quarantine", "damaged", "lost", "unknown",
)  # fmt: skip
_QUANT_KEY = "site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition"

_SUM_IS_ZERO = """
SELECT NULL::uuid AS site_id, q.sku_id,
       format('all places together have %s units (lot %L)', sum(q.units), q.lot) AS what
  FROM quant q GROUP BY q.owner_id, q.sku_id, q.lot HAVING sum(q.units) <> 0
"""
_QUANT_IS_FOLD = f"""
SELECT site_id, sku_id, format('place %s has %s units, its movements say %s',
       location_id, coalesce(q.units, 0), coalesce(f.units, 0)) AS what
  FROM quant q FULL JOIN (
    SELECT {_QUANT_KEY}, sum(units) AS units FROM (
      SELECT site_id, to_location_id AS location_id, sku_id, owner_id,
             to_unit_id AS handling_unit_id, lot, to_condition AS condition, units FROM movement
      UNION ALL
      SELECT site_id, from_location_id, sku_id, owner_id, from_unit_id, lot, from_condition,
             - units FROM movement) AS m
    GROUP BY {_QUANT_KEY}) AS f USING ({_QUANT_KEY})
 WHERE coalesce(q.units, 0) <> coalesce(f.units, 0)
"""  # noqa: S608 - nothing comes from outside
_COUNTERS_ARE_PLACES = f"""
SELECT site_id, sku_id, format('%s is %s, its places have %s', counter,
       coalesce(b.units, 0), coalesce(p.units, 0)) AS what
  FROM (SELECT b.site_id, b.owner_id, b.sku_id, b.segment, v.counter, v.units
          FROM stock_balance b CROSS JOIN LATERAL (VALUES
            {", ".join(f"('{name}', b.{name})" for name in _PHYSICAL)}) AS v(counter, units)) AS b
  FULL JOIN (
    SELECT q.site_id, q.owner_id, q.sku_id, q.condition AS segment,
           CASE WHEN q.condition = 'D' AND l.counter = 'sellable' THEN 'damaged'
                ELSE l.counter END AS counter, sum(q.units) AS units
      FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
     WHERE l.counter NOT IN ('outside', 'none') GROUP BY 1, 2, 3, 4, 5) AS p
    USING (site_id, owner_id, sku_id, segment, counter)
 WHERE coalesce(b.units, 0) <> coalesce(p.units, 0)
"""  # noqa: S608
_PROMISES_ARE_HOLDS = """
SELECT site_id, sku_id, format('%s is %s, its holds have %s', counter,
       coalesce(b.units, 0), coalesce(h.units, 0)) AS what
  FROM (SELECT b.site_id, b.owner_id, b.sku_id, b.segment, v.counter, v.units
          FROM stock_balance b CROSS JOIN LATERAL (VALUES
            ('reserved', b.reserved), ('allocated', b.allocated)) AS v(counter, units)) AS b
  FULL JOIN (
    SELECT h.site_id, h.owner_id, h.sku_id, h.segment,
           CASE h.state WHEN 'HELD' THEN 'reserved' ELSE 'allocated' END AS counter,
           sum(h.units) AS units
      FROM hold h WHERE h.state IN ('HELD', 'ALLOCATED', 'PINNED') GROUP BY 1, 2, 3, 4, 5) AS h
    USING (site_id, owner_id, sku_id, segment, counter)
 WHERE coalesce(b.units, 0) <> coalesce(h.units, 0)
"""
_NEVER_OVERSOLD = """
SELECT b.site_id, b.sku_id, format('sellable %s, reserved %s, allocated %s, overdraft %s',
       b.sellable, b.reserved, b.allocated, b.overdraft) AS what
  FROM stock_balance b WHERE b.sellable - b.reserved - b.allocated < - b.overdraft
"""
_PINS_ARE_THERE = """
SELECT site_id, sku_id, format('place %s has %s units, %s pinned; its holds pin %s', location_id,
       coalesce(q.units, 0), coalesce(q.pinned, 0), coalesce(h.units, 0)) AS what
  FROM quant q FULL JOIN (
    SELECT site_id, location_id, sku_id, owner_id, handling_unit_id, lot, segment AS condition,
           sum(units) AS units
      FROM hold WHERE state = 'PINNED' GROUP BY 1, 2, 3, 4, 5, 6, 7) AS h
    USING (site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition)
 WHERE coalesce(q.pinned, 0) <> coalesce(h.units, 0)
    OR (NOT q.outside AND (q.pinned > q.units OR q.units < 0))
"""
_HELD_GOODS_ARE_THERE = """
SELECT site_id, sku_id, format('place %s has %s units, holds have %s there', location_id,
       coalesce(q.units, 0), h.units) AS what
  FROM (
    SELECT site_id, location_id, sku_id, owner_id, handling_unit_id, lot, segment AS condition,
           sum(units) AS units
      FROM hold WHERE state IN ('PICKED', 'PACKED', 'SHIPPED')
     GROUP BY 1, 2, 3, 4, 5, 6, 7) AS h
  LEFT JOIN quant q USING (site_id, location_id, sku_id, owner_id, handling_unit_id, lot,
                           condition)
 WHERE coalesce(q.units, 0) < h.units
"""
_HOLDS_END_ONCE = """
SELECT c.site_id, NULL::uuid AS sku_id, format('hold %s has ended %s times', c.hold_id, count(*))
       AS what
  FROM stock_command c
 WHERE c.kind = 'ADVANCE' AND c.state IN ('DELIVERED', 'RELEASED', 'EXPIRED', 'SHORT', 'SWAPPED')
 GROUP BY c.site_id, c.hold_id HAVING count(*) > 1
"""
_UNITS_ARE_A_FOREST = """
SELECT u.site_id, NULL::uuid AS sku_id, format('unit %s is inside itself', u.code) AS what
  FROM handling_unit u
 WHERE (u.site_id, u.id) NOT IN (
   WITH RECURSIVE standing AS (
     SELECT site_id, id FROM handling_unit WHERE parent_id IS NULL
     UNION ALL
     SELECT c.site_id, c.id FROM handling_unit c
       JOIN standing s ON s.site_id = c.site_id AND s.id = c.parent_id)
   SELECT site_id, id FROM standing)
"""
_MOVEMENTS_HAVE_COMMANDS = """
SELECT m.site_id, m.sku_id, format('command %s moved %s times', m.command_id, count(*)) AS what
  FROM movement m
  LEFT JOIN stock_command c ON c.site_id = m.site_id AND c.command_id = m.command_id
 GROUP BY m.site_id, m.sku_id, m.command_id, c.kind
HAVING count(*) > CASE c.kind WHEN 'MOVE' THEN 1 WHEN 'ADVANCE' THEN 2 ELSE 0 END
"""

LAWS: tuple[Law, ...] = (
    Law(code="I1", says="all places together add up to nothing", broken=_SUM_IS_ZERO),
    Law(code="I2", says="what is where is the sum of its movements", broken=_QUANT_IS_FOLD),
    Law(code="I3", says="the counters are what is in their places", broken=_COUNTERS_ARE_PLACES),
    Law(code="I4", says="what is promised is what is held", broken=_PROMISES_ARE_HOLDS),
    Law(code="I5", says="nothing is promised twice", broken=_NEVER_OVERSOLD),
    Law(code="I6", says="what is pinned is there, once", broken=_PINS_ARE_THERE),
    Law(
        code="I6b", says="what is picked, packed or shipped is there", broken=_HELD_GOODS_ARE_THERE
    ),
    Law(code="I7", says="a hold ends once", broken=_HOLDS_END_ONCE),
    Law(code="I9", says="no handling unit is inside itself", broken=_UNITS_ARE_A_FOREST),
    Law(code="I10", says="a command moves once", broken=_MOVEMENTS_HAVE_COMMANDS),
)

_JUDGE = """
SELECT '{code}' AS code, d.differences,
       concat_ws(' ', s.code, k.code) || ': ' || d.what AS first
  FROM (SELECT count(*) OVER () AS differences, b.* FROM ({broken}) AS b
         ORDER BY b.site_id, b.sku_id, b.what LIMIT 1) AS d
  LEFT JOIN site s ON s.id = d.site_id LEFT JOIN sku k ON k.id = d.sku_id
"""
_COUNT = """
SELECT (SELECT count(*) FROM movement) AS movements, (SELECT count(*) FROM quant) AS quants,
       (SELECT count(*) FROM hold) AS holds, (SELECT count(*) FROM stock_balance) AS balances
"""


def verify(session: Session, laws: Sequence[Law] = LAWS) -> Report:
    """Judge the laws. Reads everything; locks and changes nothing."""
    judged = " UNION ALL ".join(
        f"({_JUDGE.format(code=law.code, broken=law.broken)})" for law in laws
    )
    found = {row.code: row for row in session.execute(text(judged))}
    counts = session.execute(text(_COUNT)).one()._asdict()
    return Report(
        laws=[
            Judged(
                code=law.code,
                says=law.says,
                differences=found[law.code].differences if law.code in found else 0,
                first=found[law.code].first if law.code in found else None,
            )
            for law in laws
        ],
        **counts,
    )
