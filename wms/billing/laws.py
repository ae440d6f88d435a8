"""What `soko verify` asks of bills.

B1   a line is the sum of what it has for movements, and these are movements of the owner's goods
B2   an invoice is the sum of its lines; its tax is of each rate, rounded once
B3   a month of an owner has one invoice; all others correct it
"""

from wms.stock.laws import Law

_LINES_ARE_MOVEMENTS = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('invoice %s line %s: %s for %s, its movements say %s for %s', i.number, l.no,
              l.amount_minor, l.quantity, m.charge, m.quantity) AS what
  FROM invoice i
  JOIN invoice_line l ON l.invoice_id = i.id
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(x.charge_minor), 0) AS charge, coalesce(sum(x.quantity), 0) AS quantity
     FROM invoice_movement x WHERE x.invoice_id = i.id AND x.line_no = l.no) AS m
 WHERE (m.charge, m.quantity) <> (l.amount_minor, l.quantity)
UNION ALL
SELECT x.site_id, NULL, format('invoice %s line %s is for movement %s, which is none of %s''s',
       i.number, x.line_no, x.movement_id, o.code)
  FROM invoice_movement x
  JOIN invoice i ON i.id = x.invoice_id
  JOIN owner o ON o.id = i.owner_id
  LEFT JOIN movement m ON m.site_id = x.site_id AND m.id = x.movement_id
   AND m.owner_id = i.owner_id
 WHERE x.movement_id <> 0 AND m.id IS NULL
"""
_INVOICES_ARE_LINES = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('invoice %s: %s and tax %s, its lines say %s and %s', i.number, i.net_minor,
              i.tax_minor, l.net, l.tax) AS what
  FROM invoice i
 CROSS JOIN LATERAL (
   SELECT coalesce(sum(r.net), 0) AS net,
          coalesce(sum(sign(r.net) * floor(abs(r.net) * r.tax_percent / 100)), 0) AS tax
     FROM (SELECT x.tax_percent, sum(x.amount_minor) AS net FROM invoice_line x
            WHERE x.invoice_id = i.id GROUP BY 1) AS r) AS l
 WHERE (i.net_minor, i.tax_minor) <> (l.net, l.tax)
"""
_ONE_A_MONTH = """
SELECT NULL::uuid AS site_id, NULL::uuid AS sku_id,
       format('owner %s, month %s: %s invoices', o.code, i.month,
              count(*) FILTER (WHERE i.kind = 'INVOICE')) AS what
  FROM invoice i JOIN owner o ON o.id = i.owner_id
 GROUP BY o.code, i.month HAVING count(*) FILTER (WHERE i.kind = 'INVOICE') <> 1
"""

LAWS = (
    Law(code="B1", says="a line of a bill is its movements", broken=_LINES_ARE_MOVEMENTS),
    Law(code="B2", says="a bill is its lines, taxed once a rate", broken=_INVOICES_ARE_LINES),
    Law(code="B3", says="a month is billed once", broken=_ONE_A_MONTH),
)
"""The laws of bills."""
