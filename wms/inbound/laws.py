"""What `soko verify` asks of what comes in.

IN1  a line's received, damaged and held units are those of its receipts that were not reversed
IN2  each receipt is one movement in from outside, of its units; a reversed one went back too
IN3  two trucks never have one door at one time, and each that has a door has it for its whole time
IN4  a unit of a delivery is received once, and its receipts are what was announced in it
IN5  nobody put goods into a place beyond its limit
IN6  what is put away is at its place: the units of a putaway are those that its movements carried
IN7  an inspection that was passed or failed has moved what it said
"""

from wms.stock.laws import Law

_LINES = """
SELECT l.site_id, l.sku_id,
       format('delivery %s line %s: %s received, %s damaged, %s held; its receipts say %s',
              a.number, l.line_no, l.received, l.damaged, l.held, coalesce(r.units, 0)) AS what
  FROM asn_line l
  JOIN asn a ON a.site_id = l.site_id AND a.id = l.asn_id
  LEFT JOIN (SELECT site_id, asn_id, line_no, sum(units) AS units, sum(landed) AS landed
               FROM receipt WHERE reversed_at IS NULL GROUP BY 1, 2, 3) AS r
    ON r.site_id = l.site_id AND r.asn_id = l.asn_id AND r.line_no = l.line_no
 WHERE l.received + l.damaged + l.held <> coalesce(r.units, 0)
    OR l.landed <> coalesce(r.landed, 0)
"""

_MOVEMENTS = """
SELECT r.site_id, r.sku_id,
       format('receipt %s of %s units: %s moved in, %s back, %s', r.id, r.units, m.came, m.back,
              CASE WHEN r.reversed_at IS NULL THEN 'valid' ELSE 'reversed' END) AS what
  FROM receipt r
  LEFT JOIN (
   SELECT m.site_id, m.cause_id, sum(m.units) FILTER (WHERE f.counter = 'outside') AS came,
          sum(m.units) FILTER (WHERE t.counter = 'outside') AS back
     FROM movement m
     JOIN location f ON f.site_id = m.site_id AND f.id = m.from_location_id
     JOIN location t ON t.site_id = m.site_id AND t.id = m.to_location_id
    WHERE m.cause_kind = 'RECEIPT' GROUP BY 1, 2) AS m
    ON m.site_id = r.site_id AND m.cause_id = r.id
 WHERE coalesce(m.came, 0) <> r.units
    OR coalesce(m.back, 0) <> CASE WHEN r.reversed_at IS NULL THEN 0 ELSE r.units END
"""

_DOORS = """
SELECT a.site_id, NULL::uuid AS sku_id,
       format('door %s: appointments %s and %s at one time', a.door, a.id, b.id) AS what
  FROM appointment a
  JOIN appointment b ON b.site_id = a.site_id AND b.door = a.door AND b.id > a.id
   AND b.starts_at < a.ends_at AND a.starts_at < b.ends_at
 WHERE a.state IN ('PLANNED', 'CHECKED_IN') AND b.state IN ('PLANNED', 'CHECKED_IN')
UNION ALL
SELECT a.site_id, NULL::uuid,
       format('appointment %s has %s quarters of an hour, not %s', a.id, s.slots,
              extract(epoch FROM a.ends_at - a.starts_at)::bigint / 900)
  FROM appointment a
 CROSS JOIN LATERAL (SELECT count(*) AS slots FROM dock_slot s
                      WHERE s.site_id = a.site_id AND s.appointment_id = a.id) AS s
 WHERE a.state IN ('PLANNED', 'CHECKED_IN')
   AND s.slots <> extract(epoch FROM a.ends_at - a.starts_at)::bigint / 900
"""

_UNITS = """
SELECT u.site_id, NULL::uuid AS sku_id,
       format('unit %s is %s, with %s units announced and %s received', u.code, u.state,
              c.units, coalesce(r.units, 0)) AS what
  FROM asn_unit u
 CROSS JOIN LATERAL (SELECT sum(value::bigint) AS units FROM jsonb_each_text(u.content)) AS c
  LEFT JOIN (SELECT site_id, asn_id, unit_code, sum(units) AS units FROM receipt
              WHERE reversed_at IS NULL AND why = '' GROUP BY 1, 2, 3) AS r
    ON r.site_id = u.site_id AND r.asn_id = u.asn_id AND r.unit_code = u.code
 WHERE u.state <> 'RECEIVED' AND r.units > 0
    OR u.state = 'RECEIVED' AND u.received_by LIKE 'device:%' AND r.units <> c.units
"""

_LIMITS = """
SELECT p.site_id, p.sku_id,
       format('putaway %s brought %s units to %s, which had %s and may have %s', p.id,
              p.done_units, l.code, p.before, l.max_units) AS what
  FROM putaway p
  JOIN location l ON l.site_id = p.site_id AND l.id = p.to_location_id
 WHERE p.state = 'DONE' AND p.done_units > 0 AND p.limit_units IS NOT NULL
   AND p.before + p.done_units > p.limit_units
UNION ALL
SELECT q.site_id, NULL::uuid,
       format('%s has %s units and may have %s; a putaway was the last to bring some', q.code,
              q.units, q.max_units)
  FROM (SELECT l.site_id, l.id, l.code, l.max_units, sum(q.units) AS units
          FROM location l
          JOIN quant q ON q.site_id = l.site_id AND q.location_id = l.id
         WHERE l.max_units IS NOT NULL
         GROUP BY l.site_id, l.id HAVING sum(q.units) > l.max_units) AS q
 CROSS JOIN LATERAL (SELECT m.cause_kind FROM movement m
                      WHERE m.site_id = q.site_id AND m.to_location_id = q.id
                      ORDER BY m.recorded_at DESC, m.id DESC LIMIT 1) AS m
 WHERE m.cause_kind = 'PUTAWAY'
"""

_CARRIED = """
SELECT p.site_id, p.sku_id,
       format('putaway %s is %s with %s units; %s moved', p.id, p.state, p.done_units,
              coalesce(m.units, 0)) AS what
  FROM putaway p
  LEFT JOIN (SELECT site_id, cause_id, sum(units) AS units FROM movement
              WHERE cause_kind = 'PUTAWAY' GROUP BY 1, 2) AS m
    ON m.site_id = p.site_id AND m.cause_id = p.id
 WHERE (p.unit_code = '' AND coalesce(m.units, 0) <> p.done_units)
    OR (p.state <> 'DONE' AND (p.done_units > 0 OR m.units > 0))
"""

_INSPECTED = """
SELECT i.site_id, i.sku_id,
       format('inspection %s is %s: %s of %s bad; %s moved as bad, %s as good', i.id, i.state,
              i.bad, i.units, coalesce(m.bad, 0), coalesce(m.good, 0)) AS what
  FROM inspection i
  JOIN receipt r ON r.site_id = i.site_id AND r.id = i.receipt_id
  LEFT JOIN (
   SELECT site_id, cause_id, sku_id, sum(units) FILTER (WHERE reason = 'bad') AS bad,
          sum(units) FILTER (WHERE reason = 'passed') AS good
     FROM movement WHERE cause_kind = 'INSPECTION' GROUP BY 1, 2, 3) AS m
    ON m.site_id = i.site_id AND m.cause_id = i.id AND m.sku_id = i.sku_id
 WHERE CASE i.state
       WHEN 'PASSED' THEN coalesce(m.bad, 0) <> i.bad
         OR (r.unit_code = '' AND coalesce(m.good, 0) <> i.units - i.bad)
       ELSE coalesce(m.bad, 0) + coalesce(m.good, 0) > 0 END
"""

LAWS = (
    Law(code="IN1", says="a line's units are those of its receipts", broken=_LINES),
    Law(code="IN2", says="a receipt is a movement in, once", broken=_MOVEMENTS),
    Law(code="IN3", says="a door has one truck at a time", broken=_DOORS),
    Law(code="IN4", says="an announced unit is received once, whole", broken=_UNITS),
    Law(code="IN5", says="no place is over its limit by a putaway", broken=_LIMITS),
    Law(code="IN6", says="what is put away was carried", broken=_CARRIED),
    Law(code="IN7", says="an inspection moved what it said", broken=_INSPECTED),
)
"""The laws of inbound."""
