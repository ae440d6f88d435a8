"""What `soko verify` asks of returns.

I17   of no line comes back more than was sent
I17b  what is expected back is on the books where it is expected, and nothing else is
I12d  what goes back for returns is what was decided for them
"""

from wms.stock.laws import Law

_NO_MORE_THAN_SENT = """
SELECT NULL::uuid AS site_id, l.sku_id,
       format('order line %s/%s: %s were sent, %s come back', l.order_id, l.line_no,
              coalesce(a.sent, 0), c.units) AS what
  FROM (SELECT r.order_id, rl.line_no,
               sum(CASE WHEN r.received_at IS NULL THEN rl.units ELSE rl.units_received END)
                 AS units
          FROM customer_return r JOIN return_line rl ON rl.return_id = r.id
         WHERE r.order_id IS NOT NULL AND rl.sku_id IS NOT NULL
           AND r.state NOT IN ('REJECTED', 'EXPIRED', 'CANCELLED')
         GROUP BY 1, 2) AS c
  JOIN order_line l ON l.order_id = c.order_id AND l.line_no = c.line_no
  LEFT JOIN (SELECT order_id, line_no, sum(units) AS sent FROM allocation
              WHERE state IN ('SHIPPED', 'DELIVERED') AND onward_id IS NULL GROUP BY 1, 2) AS a
    ON a.order_id = c.order_id AND a.line_no = c.line_no
 WHERE c.units > coalesce(a.sent, 0)
"""
_EXPECTED_IS_ON_THE_BOOKS = """
SELECT site_id, sku_id, format('%s units are at %s, returns that are to come have %s',
       coalesce(q.units, 0), place, coalesce(c.units, 0)) AS what
  FROM (SELECT q.site_id, q.sku_id, l.code AS place, sum(q.units) AS units
          FROM quant q JOIN location l ON l.site_id = q.site_id AND l.id = q.location_id
         WHERE l.code IN ('@EXPECTED_RETURN', '@LANE_RETURN') AND q.units <> 0
         GROUP BY 1, 2, 3) AS q
  FULL JOIN (SELECT r.site_id, rl.sku_id,
                    CASE r.state WHEN 'IN_TRANSIT' THEN '@LANE_RETURN'
                                 ELSE '@EXPECTED_RETURN' END AS place, sum(rl.units) AS units
               FROM customer_return r JOIN return_line rl ON rl.return_id = r.id
               JOIN sku k ON k.id = rl.sku_id AND k.tracking = 'NONE' AND NOT k.catch_weight
              WHERE r.state IN ('REQUESTED', 'LABELLED', 'IN_TRANSIT') AND NOT r.closed
                AND rl.sku_id IS NOT NULL
              GROUP BY 1, 2, 3) AS c USING (site_id, sku_id, place)
 WHERE coalesce(q.units, 0) <> coalesce(c.units, 0)
"""
_DECIDED_IS_WANTED = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('order %s: %s go back for returns, %s were decided', order_id,
              coalesce(f.minor, 0), coalesce(c.minor, 0)) AS what
  FROM (SELECT order_id, sum(amount_minor) AS minor FROM refund
         WHERE reason = 'return' GROUP BY 1) AS f
  FULL JOIN (SELECT order_id, sum(refund_minor) AS minor FROM customer_return
              WHERE order_id IS NOT NULL AND refund_minor <> 0 GROUP BY 1) AS c USING (order_id)
 WHERE coalesce(f.minor, 0) <> coalesce(c.minor, 0)
"""

LAWS = (
    Law(code="I17", says="no more comes back than was sent", broken=_NO_MORE_THAN_SENT),
    Law(code="I17b", says="what comes back is on the books", broken=_EXPECTED_IS_ON_THE_BOOKS),
    Law(code="I12d", says="what goes back was decided", broken=_DECIDED_IS_WANTED),
)
