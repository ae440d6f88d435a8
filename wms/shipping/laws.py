"""What `soko verify` asks of shipping: a label is bought once.

I18    no two parcels of a carrier have one tracking number
I18b   a parcel that is booked bears the number of its booking
"""

from wms.stock.laws import Law

_TWO_PARCELS = """
SELECT min(site_id::text)::uuid AS site_id, NULL::uuid AS sku_id,
       format('%s parcels of %s have the tracking number %s', count(*), carrier, tracking) AS what
  FROM booking WHERE tracking IS NOT NULL
 GROUP BY carrier, tracking HAVING count(*) > 1
"""
_ANOTHER_NUMBER = """
SELECT b.site_id, NULL::uuid AS sku_id,
       format('parcel %s bears %s, its carrier knows it as %s', b.sscc, p.tracking, b.tracking)
         AS what
  FROM booking b JOIN parcel p ON p.site_id = b.site_id AND p.id = b.id
 WHERE b.state = 'BOOKED' AND p.tracking IS DISTINCT FROM b.tracking
"""

LAWS = (
    Law(code="I18", says="a tracking number is of one parcel", broken=_TWO_PARCELS),
    Law(code="I18b", says="a parcel bears its booking's number", broken=_ANOTHER_NUMBER),
)
