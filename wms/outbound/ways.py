"""Ways: where a parcel goes from its site, and who takes it there.

    HUB       to a customer, over the hub's sorter and gate     load, unless it is the hub's own
    CARRIER   to a customer, handed to the carrier at the site  handoff
    SITE      to another site of ours, on a lane between them   load; received there (transfers)

Goods of an order that has a site (`to_site_id`) go there from every other site; what lies there
already needs no parcel of ours. Lanes go by the kinds of the two sites.
"""

from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.ids import LocationId, SiteId
from wms.orders.model import Order
from wms.sites import Site, Virtual, virtual_location

Way: TypeAlias = Literal["HUB", "CARRIER", "SITE"]

OF_TRANSFER = "TRANSFER"  # the service of a parcel that one of our own vans takes


def to_site_of(order: Order, site: UUID) -> UUID | None:
    """Where goods of that order that lie at that site must go first; None: to the customer."""
    if order.to_site_id is None or order.to_site_id == site:
        return None
    return order.to_site_id


def way_of(session: Session, to_site: UUID | None, site: UUID) -> Way:
    """How a parcel leaves that site."""
    if to_site is not None:
        return "SITE"
    return "CARRIER" if session.get_one(Site, site).dispatch == "CARRIER" else "HUB"


def lane_between(source: str, destination: str) -> Virtual:
    """The lane from a site of one kind to one of another."""
    if destination == "STORE":
        return "LANE_STORE"
    if destination == "LOCKER":
        return "LANE_LOCKER"
    return "LANE_STORE_DC" if source in {"STORE", "LOCKER"} else "LANE_DC_DC"


def lane_to(session: Session, site: UUID, to_site: UUID) -> Virtual:
    """The lane between these two sites."""
    return lane_between(session.get_one(Site, site).kind, session.get_one(Site, to_site).kind)


def lane_place(session: Session, site: UUID, to_site: UUID) -> LocationId:
    """Where goods are that have left the one site for the other."""
    return virtual_location(SiteId(site), lane_to(session, site, to_site))
