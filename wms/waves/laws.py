"""What `soko verify` asks of release: W1 slots, W2 totes, W3 waves that are over.

Goods that were picked for many and sorted lie with their own order's, or somebody gets another's
parcel; a wave that is over has nothing left to pick, or it lies on a cart for ever.
"""

from wms.stock.laws import Law

_MIXED = """
SELECT a.site_id, NULL::uuid AS sku_id,
       format('%s has goods of %s orders', min({name}), count(DISTINCT a.order_id)) AS what
  FROM allocation a
  JOIN hold h ON h.site_id = a.site_id AND h.id = a.id
  JOIN location l ON l.site_id = h.site_id AND l.id = h.location_id
  {unit}
 WHERE a.state = 'PICKED' AND {which}
 GROUP BY a.site_id, {key} HAVING count(DISTINCT a.order_id) > 1
"""
_SLOTS = _MIXED.format(
    name="l.code", unit="", which="l.kind = 'PUT_WALL'", key="h.location_id, h.handling_unit_id"
)
_TOTES = _MIXED.format(
    name="u.code",
    unit="JOIN handling_unit u ON u.site_id = h.site_id AND u.id = h.handling_unit_id"
    " JOIN pick_line p ON p.site_id = a.site_id AND p.allocation_id = a.id",
    which="p.style ->> 'mode' IN ('CLUSTER', 'PASS') AND p.tote <> ''",
    key="u.id",
)
_OVER = """
SELECT w.site_id, NULL::uuid AS sku_id,
       format('wave %s is done, %s of its lines are not packed', w.name, count(*)) AS what
  FROM wave w
  JOIN pick_line p ON p.site_id = w.site_id AND p.wave_id = w.id
  JOIN allocation a ON a.site_id = p.site_id AND a.id = p.allocation_id
 WHERE w.state = 'DONE' AND a.state IN ('PINNED', 'PICKED')
 GROUP BY w.site_id, w.id, w.name
"""

LAWS = (
    Law(code="W1", says="a slot of the put wall is one order's", broken=_SLOTS),
    Law(code="W2", says="a tote of one order has no other's goods", broken=_TOTES),
    Law(code="W3", says="a wave that is done is packed", broken=_OVER),
)
"""The laws of release."""
