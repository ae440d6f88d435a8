"""Position: what a site has free of a SKU, what is on its way to it, and what is proposed.

What is on its way by transfer are the transfer's allocations, from its hold to its arrival; what
suppliers send is announced supply. Of both, what customers have been promised is none of it.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.ids import SkuId
from wms.orders.model import ENDED, Allocation
from wms.replenishment.model import Proposal
from wms.stock import availability
from wms.stock.supply import supplies_by_site
from wms.transfers.model import Transfer

Key = tuple[UUID, UUID]  # site, SKU


class Positions:
    """The positions of some SKUs at all sites, as they are now."""

    def __init__(self, session: Session, skus: Iterable[UUID], *, now: datetime) -> None:
        wanted = {SkuId(sku) for sku in skus}
        self.free: dict[Key, int] = defaultdict(int)
        for (site, sku), units in availability.free_units(session, wanted, now=now).items():
            self.free[site, sku] = units
        self.on_way = _on_way(session, wanted)
        for supply in supplies_by_site(session, wanted):
            coming = 0 if supply.kind == "TRANSFER" else supply.units - supply.received
            self.on_way[supply.site_id, supply.sku_id] += coming - supply.held
        self.to_come, self.to_go = _proposed(session, wanted)

    def position(self, site: UUID, sku: UUID) -> int:
        """What the site has, will have, and may have."""
        key = (site, sku)
        return self.free[key] + self.on_way[key] + self.to_come[key]

    def spare(self, site: UUID, sku: UUID) -> int:
        """What is free there and no proposal counts on."""
        return self.free[site, sku] - self.to_go[site, sku]


def _on_way(session: Session, skus: set[SkuId]) -> dict[Key, int]:
    query = (
        select(Transfer.to_site_id, Allocation.sku_id, func.sum(Allocation.units))
        .join(Allocation, Allocation.order_id == Transfer.order_id)
        .where(
            ~Transfer.settled,
            Allocation.sku_id.in_(skus),
            Allocation.state.not_in((*ENDED, "DELIVERED")),
        )
        .group_by(Transfer.to_site_id, Allocation.sku_id)
    )
    found: dict[Key, int] = defaultdict(int)
    for site, sku, units in session.execute(query):
        found[site, sku] = int(units)
    return found


def _proposed(session: Session, skus: set[SkuId]) -> tuple[dict[Key, int], dict[Key, int]]:
    """Units in open proposals between sites, by where they go and by where they come from."""
    query = select(Proposal.site_id, Proposal.from_site_id, Proposal.sku_id, Proposal.units).where(
        Proposal.state == "OPEN", Proposal.kind != "PICK_FACE", Proposal.sku_id.in_(skus)
    )
    to_come: dict[Key, int] = defaultdict(int)
    to_go: dict[Key, int] = defaultdict(int)
    for site, source, sku, units in session.execute(query):
        to_come[site, sku] += units
        to_go[source, sku] += units
    return to_come, to_go
