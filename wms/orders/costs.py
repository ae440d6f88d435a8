"""What it costs to send goods from a site, in yen: the numbers that sourcing weighs.

A parcel costs more the further it goes, and more from a store, where a shop assistant packs it;
a unit costs the walk that picks it, least where robots bring it.
"""

from wms.orders.model import Order
from wms.orders.rules import distance_km
from wms.sites import Site

PARCEL_BASE = {"DC": 420.0, "FC": 450.0, "STORE": 520.0}
UNIT = {"DC": 10.0, "FC": 14.0, "STORE": 35.0}
PER_KM = 0.35
BACKORDER_LINE = 20_000.0  # never cheaper than sending it from anywhere
BACKORDER_UNIT = 100.0


def parcel_cost(order: Order, site: Site) -> float:
    """One parcel of this order from this site."""
    km = distance_km((order.latitude, order.longitude), (site.latitude, site.longitude))
    return PARCEL_BASE[site.kind] + PER_KM * km


def unit_cost(site: Site) -> float:
    """Picking one unit at this site."""
    return UNIT[site.kind]


def backorder_cost(units: int) -> float:
    """Not sending a line."""
    return BACKORDER_LINE + BACKORDER_UNIT * units
