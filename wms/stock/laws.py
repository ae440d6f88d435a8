"""The laws of the ledger (I1 to I14), each as a query for what breaks it.

A law's query answers rows (site_id, sku_id, what), the ids maybe null; none when the law holds.
Two words are filled in by who asks (wms.stock.verify):

    @since    movements before that time are taken from the checkpoint; '-infinity': all are read
    @month    the month of that checkpoint; NULL: there is none

The laws of other areas stand with them (`LAWS` of wms.orders.laws, wms.work.laws,
wms.outbound.laws, and I12 in wms.payments.laws). Goods on their way between sites are judged over
all sites of a database (NETWORK_LAWS): a cell by itself does not see the other end.

    I1   at each site all places together add up to nothing, and in weight to what was found
    I2   what is where is the sum of its movements
    I3   the counters are what is in their places
    I3b  what is counted as blocked is what there is of lots that nobody may have
    I4   what is promised is what is held
    I5   nothing is promised twice
    I6   what is pinned is there once; what is picked is there; a serial is in one place
    I7   a hold ends once
    I9   no handling unit is inside itself
    I10  a command has one effect
    I13  nothing is on a lane for too long without an alarm
    I14  events are numbered without gaps
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A law, and a query for what breaks it. `note`: why there is nothing to judge."""

    code: str
    says: str
    broken: str
    note: str | None = None


ALARM_GRACE_DAYS = 1  # the sweep that raises alarms may be late by that much

_PHYSICAL = (
    "expected", "received", "sellable", "picked", "packed", "to_customer", "to_store",
    "to_locker", "store_to_dc", "dc_to_dc", "return_requested", "return_in_transit",
    "return_received", "quarantine", "damaged", "lost", "unknown",
)  # fmt: skip
_PROMISED = ("reserved", "cart", "click_reserve", "allocated")
_BALANCE_KEY = "site_id, owner_id, sku_id, segment"
_QUANT_KEY = "site_id, location_id, sku_id, owner_id, handling_unit_id, lot, condition"
_PLACE = "(SELECT l.code FROM location l WHERE l.site_id = {0}.site_id AND l.id = {0}.location_id)"

# What the movements add up to, a row a quant. Two scans of them cost less than a join that makes
# two rows of each.
_FOLD = f"""
  SELECT {_QUANT_KEY}, sum(units) AS units, sum(weight_g) AS weight_g FROM (
    SELECT {_QUANT_KEY}, units, weight_g FROM quant_checkpoint WHERE month = @month
    UNION ALL
    SELECT site_id, to_location_id, sku_id, owner_id, to_unit_id, lot, to_condition, units,
           weight_g FROM movement WHERE recorded_at >= @since
    UNION ALL
    SELECT site_id, from_location_id, sku_id, owner_id, from_unit_id, lot, from_condition, - units,
           variance_g - weight_g FROM movement WHERE recorded_at >= @since) AS entry
  GROUP BY {_QUANT_KEY}
"""  # noqa: S608 - nothing comes from outside

_UNITS_SUM_TO_ZERO = """
SELECT q.site_id, q.sku_id,
       format('all places together have %s units (lot %L)', sum(q.units), q.lot) AS what
  FROM quant q GROUP BY q.site_id, q.owner_id, q.sku_id, q.lot HAVING sum(q.units) <> 0
"""
_WEIGHT_SUMS_TO_VARIANCE = """
SELECT site_id, sku_id, format('all places together weigh %s g, the variances found are %s g'
       ' (lot %L)', coalesce(q.weight_g, 0), coalesce(v.variance_g, 0), lot) AS what
  FROM (SELECT site_id, owner_id, sku_id, lot, sum(weight_g) AS weight_g FROM quant
         GROUP BY 1, 2, 3, 4) AS q
  FULL JOIN (SELECT site_id, owner_id, sku_id, lot, sum(variance_g) AS variance_g FROM (
      SELECT site_id, owner_id, sku_id, lot, variance_g FROM quant_checkpoint
       WHERE month = @month AND variance_g <> 0
      UNION ALL
      SELECT site_id, owner_id, sku_id, lot, variance_g FROM movement
       WHERE recorded_at >= @since AND variance_g <> 0) AS found
    GROUP BY 1, 2, 3, 4) AS v USING (site_id, owner_id, sku_id, lot)
 WHERE coalesce(q.weight_g, 0) <> coalesce(v.variance_g, 0)
"""
_QUANT_IS_FOLD = f"""
SELECT d.site_id, d.sku_id, format(CASE WHEN d.units <> d.said
         THEN 'place %s has %s units, its movements say %s'
         ELSE 'what is at place %s weighs %4$s g, its movements say %5$s g' END,
       {_PLACE.format("d")}, d.units, d.said, d.weight_g, d.said_g) AS what
  FROM (
    SELECT {_QUANT_KEY}, coalesce(q.units, 0) AS units, coalesce(f.units, 0) AS said,
           coalesce(q.weight_g, 0) AS weight_g, coalesce(f.weight_g, 0) AS said_g
      FROM quant q FULL JOIN ({_FOLD}) AS f USING ({_QUANT_KEY})) AS d
 WHERE d.units <> d.said OR d.weight_g <> d.said_g
"""  # noqa: S608


def _of_balance(names: tuple[str, ...], there: str, what: str) -> str:
    """Where a balance's counters are not what `there` has, a row a counter."""
    differs = " OR ".join(f"coalesce(b.{n}, 0) <> coalesce(p.{n}, 0)" for n in names)
    pairs = ", ".join(f"('{n}', d.b_{n}, d.p_{n})" for n in names)
    both = ", ".join(f"coalesce(b.{n}, 0) AS b_{n}, coalesce(p.{n}, 0) AS p_{n}" for n in names)
    return f"""
SELECT d.site_id, d.sku_id, format('%s is %s, {what} %s', v.counter, v.said, v.there) AS what
  FROM (SELECT {_BALANCE_KEY}, {both}
          FROM stock_balance b FULL JOIN ({there}) AS p USING ({_BALANCE_KEY})
         WHERE {differs}) AS d
 CROSS JOIN LATERAL (VALUES {pairs}) AS v(counter, said, there)
 WHERE v.said <> v.there
"""  # noqa: S608


_PLACED = ", ".join(f"sum(q.units) FILTER (WHERE x.counter = '{n}') AS {n}" for n in _PHYSICAL)
_COUNTERS_ARE_PLACES = _of_balance(
    _PHYSICAL,
    f"""SELECT q.site_id, q.owner_id, q.sku_id, q.condition AS segment, {_PLACED}
          FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
         CROSS JOIN LATERAL (SELECT CASE WHEN q.condition = 'D' AND l.counter = 'sellable'
           THEN 'damaged' ELSE l.counter END AS counter) AS x
         WHERE NOT q.outside GROUP BY 1, 2, 3, 4""",  # noqa: S608
    "its places have",
)
_PROMISES_ARE_HOLDS = _of_balance(
    _PROMISED,
    """SELECT h.site_id, h.owner_id, h.sku_id, h.segment,
              sum(h.units) FILTER (WHERE h.state = 'HELD') AS reserved,
              sum(h.units) FILTER (WHERE h.state = 'HELD' AND h.kind = 'CART') AS cart,
              sum(h.units) FILTER (WHERE h.state = 'HELD' AND h.kind = 'CLICK_RESERVE')
                AS click_reserve,
              sum(h.units) FILTER (WHERE h.state IN ('ALLOCATED', 'PINNED')) AS allocated
         FROM hold h WHERE h.state IN ('HELD', 'ALLOCATED', 'PINNED') AND h.supply_id IS NULL
        GROUP BY 1, 2, 3, 4""",
    "its holds have",
)
_LOT_FOR_SALE = """
         JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
         JOIN lot t ON t.sku_id = q.sku_id AND t.code = q.lot
         JOIN site i ON i.id = q.site_id
         JOIN stock_balance j ON j.site_id = q.site_id AND j.owner_id = q.owner_id
          AND j.sku_id = q.sku_id AND j.segment = q.condition
        CROSS JOIN LATERAL (SELECT lot_ends(t.expires_on, i.time_zone) AS at) AS e
        WHERE q.lot <> '' AND q.units > 0 AND q.condition <> 'D' AND l.counter = 'sellable'
"""
_BLOCKED_COUNTED = _of_balance(
    ("blocked",),
    f"""SELECT q.site_id, q.owner_id, q.sku_id, q.condition AS segment, sum(q.units) AS blocked
         FROM quant q {_LOT_FOR_SALE} AND (t.status = 'BLOCKED' OR e.at <= j.judged_at)
        GROUP BY 1, 2, 3, 4""",  # noqa: S608
    "lots that nobody may have are",
)
_BLOCKED_IN_TIME = f"""
SELECT q.site_id, q.sku_id, format('lot %s ends at %s, its balance looks again at %s', q.lot,
       e.at, coalesce(j.stops_at::text, 'no time')) AS what
  FROM quant q {_LOT_FOR_SALE} AND t.status = 'OK' AND (e.at <= j.judged_at) IS NOT TRUE
   AND e.at < coalesce(j.stops_at, 'infinity')
"""  # noqa: S608
_BLOCKED = f"{_BLOCKED_COUNTED} UNION ALL {_BLOCKED_IN_TIME}"
_SUPPLY_IS_HELD = """
SELECT site_id, coalesce(s.sku_id, h.sku_id) AS sku_id,
       format('supply %s has %s units held, its holds have %s', id, coalesce(s.held, 0),
              coalesce(h.units, 0)) AS what
  FROM supply s
  FULL JOIN (SELECT site_id, supply_id AS id, min(sku_id::text)::uuid AS sku_id,
                    sum(units) AS units
               FROM hold WHERE state = 'HELD' AND supply_id IS NOT NULL GROUP BY 1, 2) AS h
    USING (site_id, id)
 WHERE coalesce(s.held, 0) <> coalesce(h.units, 0) OR s.held + s.received > s.units
"""
_NEVER_OVERSOLD = """
SELECT b.site_id, b.sku_id, format('sellable %s, reserved %s, allocated %s, overdraft %s',
       b.sellable, b.reserved, b.allocated, b.overdraft) AS what
  FROM stock_balance b WHERE b.sellable - b.reserved - b.allocated < - b.overdraft
"""
_PINS_ARE_THERE = f"""
SELECT d.site_id, d.sku_id, format('place %s has %s units, %s pinned; its holds pin %s',
       {_PLACE.format("d")}, d.units, d.pinned, d.held) AS what
  FROM (
    SELECT {_QUANT_KEY}, q.outside, coalesce(q.units, 0) AS units,
           coalesce(q.pinned, 0) AS pinned, coalesce(h.units, 0) AS held
      FROM quant q FULL JOIN (
        SELECT site_id, location_id, sku_id, owner_id, handling_unit_id, lot,
               segment AS condition, sum(units) AS units
          FROM hold WHERE state = 'PINNED' GROUP BY 1, 2, 3, 4, 5, 6, 7) AS h
        USING ({_QUANT_KEY})) AS d
 WHERE d.pinned <> d.held OR (NOT d.outside AND (d.pinned > d.units OR d.units < 0))
"""  # noqa: S608
_HELD_GOODS_ARE_THERE = f"""
SELECT h.site_id, h.sku_id, format('place %s has %s units, holds have %s there',
       {_PLACE.format("h")}, coalesce(q.units, 0), h.units) AS what
  FROM (
    SELECT site_id, location_id, sku_id, owner_id, handling_unit_id, lot, segment AS condition,
           sum(units) AS units
      FROM hold WHERE state IN ('PICKED', 'PACKED', 'SHIPPED')
     GROUP BY 1, 2, 3, 4, 5, 6, 7) AS h
  LEFT JOIN quant q USING ({_QUANT_KEY})
 WHERE coalesce(q.units, 0) < h.units
"""  # noqa: S608
# The serials that we have are those in our places, each in one, where its last movement left it.
_SERIALS_ARE_IN_ONE_PLACE = f"""
SELECT NULL::uuid AS site_id, s.sku_id,
       format('serial %s is in %s places', s.serial, count(*)) AS what
  FROM serial s JOIN location l ON l.site_id = s.site_id AND l.id = s.location_id
 WHERE l.counter <> 'outside' GROUP BY s.owner_id, s.sku_id, s.serial HAVING count(*) > 1
UNION ALL
SELECT d.site_id, d.sku_id, format('place %s has %s units and %s serials', {_PLACE.format("d")},
       d.units, d.serials)
  FROM (
    SELECT {_QUANT_KEY}, coalesce(q.units, 0) AS units, coalesce(s.serials, 0) AS serials
      FROM (SELECT q.* FROM quant q JOIN sku k ON k.id = q.sku_id
             WHERE k.tracking IN ('SERIAL', 'BOTH') AND NOT q.outside) AS q
      FULL JOIN (SELECT {_QUANT_KEY}, count(*) AS serials FROM serial GROUP BY {_QUANT_KEY}) AS s
        USING ({_QUANT_KEY})) AS d
 WHERE d.units <> d.serials
UNION ALL
SELECT d.site_id, d.sku_id, format('serial %s is %s, its last movement went to %s', d.serial,
       coalesce('at ' || {_PLACE.format("s")}, 'nowhere'), {_PLACE.format("d")})
  FROM (
    SELECT DISTINCT ON (m.site_id, m.owner_id, m.sku_id, m.serial) m.site_id, m.owner_id,
           m.sku_id, m.serial, m.to_location_id AS location_id, m.to_unit_id, m.lot, m.to_condition
      FROM movement m WHERE m.serial <> '' AND m.recorded_at >= @since
     ORDER BY m.site_id, m.owner_id, m.sku_id, m.serial, m.id DESC) AS d
  JOIN location l ON l.site_id = d.site_id AND l.id = d.location_id
  LEFT JOIN serial s ON s.site_id = d.site_id AND s.owner_id = d.owner_id AND s.sku_id = d.sku_id
   AND s.serial = d.serial
 WHERE (l.counter = 'outside') <> (s.serial IS NULL)
    OR (s.location_id, s.handling_unit_id, s.lot, s.condition)
       <> (d.location_id, d.to_unit_id, d.lot, d.to_condition)
"""  # noqa: S608
_HOLDS_END_ONCE = """
SELECT h.site_id, h.sku_id, CASE WHEN c.times > 1
         THEN format('hold %s has ended %s times', c.hold_id, c.times)
         ELSE format('hold %s has ended %s, and is %s', c.hold_id, c.state, h.state) END AS what
  FROM (SELECT c.site_id, c.hold_id, count(*) AS times, min(c.state) AS state
          FROM stock_command c
         WHERE c.kind = 'ADVANCE'
           AND c.state IN ('DELIVERED', 'RELEASED', 'EXPIRED', 'SHORT', 'SWAPPED')
         GROUP BY c.site_id, c.hold_id) AS c
  LEFT JOIN hold h ON h.site_id = c.site_id AND h.id = c.hold_id
 WHERE c.times > 1 OR h.state IS DISTINCT FROM c.state
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
# A command and its movements are of one transaction; a command of a kind that moves has moved;
# and none moved goods without serials more often than its kind may. One pass: commands bring
# room, movements take it.
_COMMANDS_HAVE_ONE_EFFECT = """
SELECT g.site_id, (SELECT m.sku_id FROM movement m
                    WHERE m.recorded_at >= @since AND m.site_id = g.site_id
                      AND m.recorded_at IN (g.first, g.last) AND m.command_id = g.command_id
                    LIMIT 1) AS sku_id,
       CASE WHEN g.kind = 0 THEN format('movements of command %s, of which nobody knows',
                                        g.command_id)
            WHEN g.least > 0 THEN format('command %s moved nothing', g.command_id)
            ELSE format('command %s moved %s, in %s', g.command_id,
              CASE WHEN g.room < 0 THEN 'too often' ELSE 'twice' END,
              CASE WHEN g.first = g.last THEN 'one transaction' ELSE 'several transactions' END)
       END AS what
  FROM (
    SELECT site_id, command_id, max(kind) AS kind, min(kind) AS least, min(at) AS first,
           max(at) AS last, sum(room) AS room
      FROM (
        SELECT site_id, command_id, CASE kind WHEN 'MOVE' THEN 1 ELSE 2 END AS kind, at,
               CASE kind WHEN 'MOVE' THEN 1 WHEN 'ADVANCE' THEN 2 WHEN 'UNIT' THEN 1000000
                         ELSE 0 END AS room
          FROM stock_command WHERE at >= @since
        UNION ALL
        SELECT site_id, command_id, 0, recorded_at, CASE serial WHEN '' THEN -1 ELSE 0 END
          FROM movement WHERE recorded_at >= @since) AS entry
     GROUP BY site_id, command_id
    HAVING max(kind) = 0 OR min(kind) = 1 OR min(at) <> max(at) OR sum(room) < 0) AS g
"""
_LANES_HAVE_ALARMS = f"""
SELECT o.site_id, o.sku_id, format('%s units are on lane %s for more than %s days, alarms tell of'
       ' %s', o.units, o.lane, o.days, coalesce(a.units, 0)) AS what
  FROM lane_overdue(interval '{ALARM_GRACE_DAYS} days', @network) o
  LEFT JOIN lane_alarm a USING (site_id, location_id, sku_id, owner_id, lot)
 WHERE coalesce(a.units, 0) < o.units
"""  # noqa: S608
_NETWORK_IS_SENT = """
SELECT NULL::uuid AS site_id, q.sku_id, format('%s units more came from other sites than these'
       ' have sent (lot %L)', - sum(q.units), q.lot) AS what
  FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
 WHERE l.kind = 'NETWORK' GROUP BY q.owner_id, q.sku_id, q.lot HAVING sum(q.units) < 0
"""
_POSITIONS_HAVE_NO_GAPS = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('event %s is followed by event %s', o.position, o.next) AS what
  FROM (SELECT position, lead(position) OVER (ORDER BY position) AS next
          FROM outbox WHERE position IS NOT NULL) AS o
 WHERE o.next <> o.position + 1
UNION ALL
SELECT NULL, NULL, format('the last event is %s, %s have been numbered', last.position, c.position)
  FROM (SELECT max(position) AS position FROM outbox) AS last
  JOIN outbox_consumer c ON c.name = '@sequencer'
 WHERE last.position <> c.position
UNION ALL
SELECT NULL, NULL, format('%s has had event %s, %s have been numbered', c.name, c.position,
       coalesce(s.position, 0))
  FROM outbox_consumer c LEFT JOIN outbox_consumer s ON s.name = '@sequencer'
 WHERE c.position > coalesce(s.position, 0)
"""

LAWS: tuple[Law, ...] = (
    Law(code="I1", says="all places together add up to nothing", broken=_UNITS_SUM_TO_ZERO),
    Law(
        code="I1w", says="all weights add up to the variances found",
        broken=_WEIGHT_SUMS_TO_VARIANCE,
    ),
    Law(code="I2", says="what is where is the sum of its movements", broken=_QUANT_IS_FOLD),
    Law(code="I3", says="the counters are what is in their places", broken=_COUNTERS_ARE_PLACES),
    Law(code="I3b", says="what is blocked may not be had", broken=_BLOCKED),
    Law(code="I4", says="what is promised is what is held", broken=_PROMISES_ARE_HOLDS),
    Law(code="I4s", says="what is promised of supply is held", broken=_SUPPLY_IS_HELD),
    Law(code="I5", says="nothing is promised twice", broken=_NEVER_OVERSOLD),
    Law(code="I6", says="what is pinned is there, once", broken=_PINS_ARE_THERE),
    Law(
        code="I6b", says="what is picked, packed or shipped is there", broken=_HELD_GOODS_ARE_THERE
    ),
    Law(code="I6s", says="a serial is in one place", broken=_SERIALS_ARE_IN_ONE_PLACE),
    Law(code="I7", says="a hold ends once", broken=_HOLDS_END_ONCE),
    Law(code="I9", says="no handling unit is inside itself", broken=_UNITS_ARE_A_FOREST),
    Law(code="I10", says="a command has one effect", broken=_COMMANDS_HAVE_ONE_EFFECT),
    Law(
        code="I13", says="nothing is on a lane too long, unsaid",
        broken=_LANES_HAVE_ALARMS.replace("@network", "false"),
    ),
    Law(code="I14", says="events are numbered without gaps", broken=_POSITIONS_HAVE_NO_GAPS),
)  # fmt: skip

NETWORK_LAWS: tuple[Law, ...] = (
    Law(code="I1n", says="no more comes from sites than was sent", broken=_NETWORK_IS_SENT),
    Law(
        code="I13n", says="nothing is between sites too long, unsaid",
        broken=_LANES_HAVE_ALARMS.replace("@network", "true"),
    ),
)  # fmt: skip
