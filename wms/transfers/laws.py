"""What `soko verify` asks of goods between our sites.

T1   a parcel for a site is on its way there, or arrived, or was given up: once, as both ends say
T2   what left is on its lane, arrived (good or damaged) or is short, unit by unit, in the ledger
T3   goods that arrived for a customer of the site went on as an allocation there, and only those
T4   a proposal that was approved became one transfer
"""

from wms.stock.laws import Law

_PARCELS = """
SELECT coalesce(a.site_id, p.to_site_id) AS site_id, NULL::uuid AS sku_id,
       format('parcel %s is %s, its arrival %s', coalesce(p.sscc, a.sscc),
              coalesce(p.state, 'nowhere'), coalesce(a.state, 'unknown')) AS what
  FROM (SELECT * FROM parcel WHERE to_site_id IS NOT NULL) AS p
  FULL JOIN arrival a ON a.site_id = p.to_site_id AND a.id = p.id AND a.from_site_id = p.site_id
 WHERE coalesce(a.state, 'none') <> CASE p.state WHEN 'SHIPPED' THEN 'EXPECTED'
         WHEN 'DELIVERED' THEN 'ARRIVED' WHEN 'LOST' THEN 'LOST' ELSE 'none' END
    OR p.id IS NULL
"""

_UNITS = """
SELECT a.from_site_id AS site_id, l.sku_id,
       format('parcel %s is %s: %s units left, %s received, %s damaged, %s short; of its hold %s'
              ' are on a lane, %s arrived, %s are short', a.sscc, a.state, l.units, l.received,
              l.damaged, l.short, h.sent, h.there, h.lost) AS what
  FROM arrival a
  JOIN arrival_line l ON l.site_id = a.site_id AND l.arrival_id = a.id
 CROSS JOIN LATERAL (
   WITH RECURSIVE part AS (
     SELECT o.* FROM hold o WHERE o.site_id = a.from_site_id AND o.id = l.allocation_id
     UNION ALL
     SELECT o.* FROM part f
       JOIN hold o ON o.demand_id = a.order_id AND o.site_id = f.site_id AND o.parent_id = f.id
      WHERE NOT EXISTS (SELECT 1 FROM parcel_line x
                         WHERE x.site_id = o.site_id AND x.allocation_id = o.id))
   SELECT coalesce(sum(part.units) FILTER (WHERE part.state = 'SHIPPED' AND c.kind = 'LANE'), 0)
            AS sent,
          coalesce(sum(part.units) FILTER (WHERE part.state = 'DELIVERED'), 0) AS there,
          coalesce(sum(part.units) FILTER (WHERE part.state = 'SHORT' AND c.kind = 'LOST'), 0)
            AS lost
     FROM part LEFT JOIN location c ON c.site_id = part.site_id AND c.id = part.location_id) AS h
 WHERE CASE a.state WHEN 'EXPECTED' THEN (h.sent, h.there, h.lost, l.received + l.damaged + l.short)
         <> (l.units, 0, 0, 0)
       ELSE (h.sent, h.there, h.lost, l.received + l.damaged + l.short)
         <> (0, l.received + l.damaged, l.short, l.units) END
"""

_ONWARD = """
SELECT a.site_id, a.sku_id,
       format('allocation %s is %s and goes on as %s, which is %s', a.id, a.state, a.onward_id,
              CASE WHEN n.id IS NULL THEN 'unknown' ELSE 'of another line or the same site' END)
         AS what
  FROM allocation a
  LEFT JOIN allocation n ON n.order_id = a.order_id AND n.id = a.onward_id
 WHERE a.onward_id <> a.id
   AND (a.state <> 'DELIVERED' OR n.id IS NULL OR n.site_id = a.site_id
        OR (n.line_no, n.sku_id) <> (a.line_no, a.sku_id))
UNION ALL
SELECT r.site_id, l.sku_id,
       format('%s units arrived in parcel %s for a customer, and nobody holds them', l.received,
              r.sscc)
  FROM arrival r
  JOIN arrival_line l ON l.site_id = r.site_id AND l.arrival_id = r.id
  JOIN customer_order o ON o.id = r.order_id
  JOIN allocation a ON a.site_id = r.from_site_id AND a.id = l.allocation_id
 WHERE l.received > 0 AND o.kind <> 'TRANSFER'
   AND (a.onward_id IS NULL OR a.onward_id = a.id)
"""

_PROPOSALS = """
SELECT p.site_id, p.sku_id,
       format('proposal %s is %s, %s transfers came of it', p.id, p.state, t.transfers) AS what
  FROM proposal p
 CROSS JOIN LATERAL (SELECT count(*) AS transfers FROM transfer t
                      WHERE t.proposal_id = p.id AND t.to_site_id = p.site_id) AS t
 WHERE p.kind <> 'PICK_FACE'
   AND t.transfers <> CASE WHEN p.state IN ('APPROVED', 'DONE') THEN 1 ELSE 0 END
"""

LAWS = (
    Law(code="T1", says="a parcel for a site of ours arrives once", broken=_PARCELS),
    Law(code="T2", says="what left arrived, is short, or on its way", broken=_UNITS),
    Law(code="T3", says="what came for a customer is held for that one", broken=_ONWARD),
    Law(code="T4", says="an approved proposal is one transfer", broken=_PROPOSALS),
)
"""The laws of transfers."""
