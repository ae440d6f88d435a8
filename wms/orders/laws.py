"""What `soko verify` asks of orders, beside what it asks of the ledger.

I8    the units of a line are accounted for: what was sent, what is on its way, what was short,
      cancelled or waits add up to what was ordered, and the state of the line says so
I8b   each allocation is a hold of the ledger, of the same units, as far along as the order
      believes. A hold whose time has run out may have ended before its order heard of it, and one
      on supply may have landed: it has then been parted, and its parts are of the same units. What
      another site has loaded has left its books, and for its order not before the hub's gate
I8k   the parts of a kit are those of as many kits as were ordered, and cost what the kit costs
I15   what an order promises is the last that its customer was told, and no telling is left out
"""

from wms.stock.laws import Law

_LINES = """
SELECT NULL::uuid AS site_id, l.sku_id,
       format('order line %s/%s is %s: %s ordered, %s sent, %s on the way, %s short, %s cancelled,'
              ' %s waiting', l.order_id, l.line_no, l.state, l.units, a.sent, a.live, l.units_short,
              l.units_cancelled, l.units_waiting) AS what
FROM order_line l
JOIN customer_order o ON o.id = l.order_id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(a.units) FILTER (WHERE a.state IN ('SHIPPED', 'DELIVERED')), 0) AS sent,
         coalesce(sum(a.units) FILTER (WHERE a.state NOT IN ('SHIPPED', 'DELIVERED')), 0) AS live
  FROM allocation a
  WHERE a.order_id = l.order_id AND a.line_no = l.line_no AND a.onward_id IS NULL
    AND a.state NOT IN ('SHORT', 'RELEASED', 'EXPIRED', 'SWAPPED')
) AS a
WHERE l.sku_id IS NOT NULL
  AND a.sent + a.live + l.units_short + l.units_cancelled + l.units_waiting <> l.units
   OR l.state = 'SHIPPED' AND (a.sent = 0 OR a.live <> 0 OR l.units_short <> 0)
   OR l.state = 'BACKORDERED' AND (a.live <> 0 OR l.units_short = 0)
   OR l.state IN ('CANCELLED', 'SERVICE') AND (a.live <> 0 OR a.sent <> 0)
   OR l.state = 'OPEN' AND o.closed
   OR l.state <> 'OPEN' AND l.units_waiting <> 0
"""

_ALLOCATIONS = """
SELECT a.site_id, a.sku_id,
       format('allocation %s is %s of %s, its hold %s of %s',
              a.id, a.state, a.units, coalesce(h.state, 'missing'), h.units) AS what
FROM allocation a
LEFT JOIN hold h ON h.site_id = a.site_id AND h.id = a.id
WHERE CASE WHEN a.supply_id IS NOT NULL AND a.state = 'HELD' THEN a.units <> (
  WITH RECURSIVE part AS (
    SELECT p.site_id, p.id, p.units FROM hold p WHERE p.site_id = a.site_id AND p.id = a.id
    UNION ALL
    SELECT p.site_id, p.id, p.units FROM part f
      JOIN hold p ON p.demand_id = a.order_id AND p.site_id = f.site_id AND p.parent_id = f.id
     WHERE NOT EXISTS (SELECT 1 FROM allocation x WHERE x.site_id = p.site_id AND x.id = p.id))
  SELECT coalesce(sum(part.units), 0) FROM part)
ELSE h.id IS NULL OR h.units <> a.units
  OR h.state <> a.state
     AND (a.state, h.state) NOT IN (('HELD', 'EXPIRED'), ('PACKED', 'SHIPPED')) END
"""

_PROMISES = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('order %s promises %s to %s; its customer was told %s to %s, the last of %s times',
              o.id, o.promised_from, o.promised_by, p.promised_from, p.promised_by, p.no) AS what
FROM customer_order o
LEFT JOIN LATERAL (
  SELECT * FROM order_promise p WHERE p.order_id = o.id ORDER BY p.no DESC LIMIT 1) AS p ON true
WHERE o.promised_by IS DISTINCT FROM p.promised_by
   OR o.promised_from IS DISTINCT FROM p.promised_from
   OR p.no <> (SELECT count(*) FROM order_promise c WHERE c.order_id = o.id)
"""

_KITS = """
SELECT NULL::uuid AS site_id, k.sku_id,
       format('kit %s/%s: %s ordered at %s, its parts are %s of %s lines, at %s',
              k.order_id, k.line_no, k.units, k.price_minor, p.fit, p.lines, p.price) AS what
FROM order_kit k
CROSS JOIN LATERAL (
  SELECT count(*) AS lines, count(*) FILTER (WHERE l.units = k.units * l.kit_units) AS fit,
         coalesce(sum(l.price_minor * l.kit_units), 0) AS price
  FROM order_line l WHERE l.order_id = k.order_id AND l.kit_no = k.line_no
) AS p
WHERE p.lines = 0 OR p.fit <> p.lines OR p.price <> k.price_minor
"""

LAWS = (
    Law(code="I8", says="the units of every order line are accounted for", broken=_LINES),
    Law(code="I8b", says="every allocation is a hold, as far along", broken=_ALLOCATIONS),
    Law(code="I8k", says="a kit's parts are those of as many kits, at its price", broken=_KITS),
    Law(code="I15", says="a promise is what the customer was told last", broken=_PROMISES),
)
