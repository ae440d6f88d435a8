"""What `soko verify` asks of payments: I12, in three questions.

I12   what a tender has given back is the sum of its refunds, and no more than it brought
I12b  a refund goes to a tender of its own order
I12c  a cause refunds a tender once

The constraints of the tables say the same. These queries find what got past them: a restored
dump, a repair by hand, a constraint that somebody dropped.
"""

from wms.stock.laws import Law

_SUMS = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('tender %s of order %s: captured %s, refunded %s, its refunds are %s',
              t.id, t.order_id, t.captured_minor, t.refunded_minor, coalesce(r.amount, 0)) AS what
  FROM tender t
  LEFT JOIN (SELECT order_id, tender_id, sum(amount_minor) AS amount FROM refund GROUP BY 1, 2) AS r
    ON r.order_id = t.order_id AND r.tender_id = t.id
 WHERE coalesce(r.amount, 0) <> t.refunded_minor OR coalesce(r.amount, 0) > t.captured_minor
"""
_OWN_TENDERS = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('refund %s of order %s goes to a tender of no such order', r.id, r.order_id) AS what
  FROM refund r
  LEFT JOIN tender t ON t.order_id = r.order_id AND t.id = r.tender_id
 WHERE t.id IS NULL
"""
_ONCE = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('order %s: cause %s was refunded %s times to tender %s',
              order_id, cause_id, count(*), tender_id) AS what
  FROM refund GROUP BY order_id, cause_id, tender_id HAVING count(*) > 1
"""

LAWS = (
    Law(code="I12", says="no more is refunded than was captured", broken=_SUMS),
    Law(code="I12b", says="a refund goes to a tender of its order", broken=_OWN_TENDERS),
    Law(code="I12c", says="a cause refunds once", broken=_ONCE),
)
