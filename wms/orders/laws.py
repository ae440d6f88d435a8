"""What `soko verify` asks of orders, beside what it asks of the ledger.

I8: the units of a line are accounted for: what was shipped, what is on its way and what was
short add up to what was ordered, and the state of the line says so. And each allocation is a
hold of the ledger, of the same units, as far along as the order believes.
"""

from wms.stock.laws import Law

_LINES = """
SELECT NULL::uuid AS site_id, l.sku_id,
       format('order line %s/%s is %s: %s ordered, %s sent, %s on the way, %s short',
              l.order_id, l.line_no, l.state, l.units, a.sent, a.live, l.units_short) AS what
FROM order_line l
JOIN customer_order o ON o.id = l.order_id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(a.units) FILTER (WHERE a.state IN ('SHIPPED', 'DELIVERED')), 0) AS sent,
         coalesce(sum(a.units) FILTER (WHERE a.state NOT IN
           ('SHIPPED', 'DELIVERED', 'SHORT', 'RELEASED')), 0) AS live
  FROM allocation a WHERE a.order_id = l.order_id AND a.line_no = l.line_no
) AS a
WHERE l.state = 'SHIPPED' AND (a.sent <> l.units OR a.live <> 0 OR l.units_short <> 0)
   OR l.state = 'BACKORDERED' AND (a.live <> 0 OR a.sent >= l.units)
   OR l.state IN ('CANCELLED', 'SERVICE') AND (a.live <> 0 OR a.sent <> 0)
   OR l.state = 'OPEN' AND (o.closed OR a.sent + a.live + l.units_short > l.units)
"""

_ALLOCATIONS = """
SELECT a.site_id, a.sku_id,
       format('allocation %s is %s of %s, its hold %s of %s',
              a.id, a.state, a.units, coalesce(h.state, 'missing'), h.units) AS what
FROM allocation a
LEFT JOIN hold h ON h.site_id = a.site_id AND h.id = a.id
WHERE h.id IS NULL OR h.units <> a.units OR h.state <> a.state
"""

LAWS = (
    Law(code="I8", says="the units of every order line are accounted for", broken=_LINES),
    Law(code="I8b", says="every allocation is a hold, as far along", broken=_ALLOCATIONS),
)
