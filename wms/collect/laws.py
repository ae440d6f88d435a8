"""What `soko verify` asks of stores.

C1    a bag that is ready has all its goods, PACKED, in its slot
C2    what was handed over is DELIVERED, and nothing of it is left
C3    what lies in a slot belongs to the one collection that has the slot
C4    a collection that has ended has no slot; one that is ready says since when and how long
"""

from wms.stock.laws import Law

_LIVE = "a.state NOT IN ('SHORT', 'RELEASED', 'EXPIRED', 'SWAPPED') AND NOT a.cancelling"

_READY = f"""
SELECT c.site_id, a.sku_id,
       format('collection %s is ready: allocation %s is %s at %s, its slot is %s', c.id,
              coalesce(a.id::text, 'none'), a.state, h.location_id, c.shelf_id) AS what
  FROM collection c
  LEFT JOIN allocation a ON a.site_id = c.site_id AND a.order_id = c.order_id AND {_LIVE}
  LEFT JOIN hold h ON h.site_id = a.site_id AND h.id = a.id
 WHERE c.state = 'READY'
   AND (a.id IS NULL OR a.state <> 'PACKED'
        OR c.shelf_id IS NOT NULL AND h.location_id IS DISTINCT FROM c.shelf_id)
"""  # noqa: S608 - nothing in it comes from outside

_HANDED_OVER = f"""
SELECT c.site_id, a.sku_id,
       format('collection %s was handed over: allocation %s is %s', c.id,
              coalesce(a.id::text, 'none'), a.state) AS what
  FROM collection c
  LEFT JOIN allocation a ON a.site_id = c.site_id AND a.order_id = c.order_id AND {_LIVE}
 WHERE c.state = 'HANDED_OVER' AND a.state IS DISTINCT FROM 'DELIVERED'
"""  # noqa: S608 - nothing in it comes from outside

_SLOTS = """
SELECT h.site_id, h.sku_id,
       format('hold %s of order %s lies in slot %s, which is of %s', h.id, h.demand_id, l.code,
              coalesce('order ' || c.order_id, 'nobody')) AS what
  FROM hold h
  JOIN location l ON l.site_id = h.site_id AND l.id = h.location_id
  LEFT JOIN collection c ON c.site_id = h.site_id AND c.shelf_id = l.id
 WHERE h.state = 'PACKED' AND l.kind IN ('PICKUP_SHELF', 'LOCKER_CELL')
   AND h.demand_id IS DISTINCT FROM c.order_id
"""

_ENDS = """
SELECT c.site_id, NULL::uuid AS sku_id,
       format('collection %s is %s: slot %s, ready at %s, kept until %s, ended at %s', c.id,
              c.state, c.shelf_id, c.ready_at, c.keep_until, c.ended_at) AS what
  FROM collection c
 WHERE CASE WHEN c.state IN ('HANDED_OVER', 'REJECTED', 'RETURNED_TO_FLOOR', 'CANCELLED')
            THEN c.shelf_id IS NOT NULL OR c.ended_at IS NULL
            WHEN c.state = 'READY' THEN c.ready_at IS NULL OR c.keep_until IS NULL
            ELSE c.ended_at IS NOT NULL END
"""

LAWS = (
    Law(code="S1", says="what is ready lies packed in its slot", broken=_READY),
    Law(code="S2", says="what was handed over is delivered", broken=_HANDED_OVER),
    Law(code="S3", says="a slot has the goods of one collection", broken=_SLOTS),
    Law(code="S4", says="collections end, and are ready, with their times", broken=_ENDS),
)
"""The laws of stores."""
