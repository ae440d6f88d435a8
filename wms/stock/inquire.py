"""How a hold stands, asked by its id: what its maker may see of it, refused ones too."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Owner, Sku
from wms.errors import NotFound
from wms.ids import HoldId
from wms.sites import Site
from wms.stock.model import Hold
from wms.stock.promises import HoldKind


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldState:
    """A hold as it is now. REFUSED: there was not enough, and nothing is held.

    Attributes:
        granted: what was answered when it was asked for.
        free: what was free right after that.
        parent_id: the hold that this one was a part of.
    """

    hold_id: UUID
    site: str
    owner: str
    sku: str
    segment: str
    units: int
    kind: HoldKind
    channel: str
    state: str
    granted: bool
    free: int
    demand_id: UUID
    supply_id: UUID | None
    parent_id: UUID | None
    expires_at: datetime | None
    created_at: datetime
    changed_at: datetime


def hold_state(session: Session, site: str, hold_id: HoldId) -> HoldState:
    """The hold of that id at the site of that code.

    Raises:
        NotFound: there is none.
    """
    query = (
        select(Hold, Site.code, Owner.code, Sku.code)
        .join(Site, Site.id == Hold.site_id)
        .outerjoin(Owner, Owner.id == Hold.owner_id)
        .outerjoin(Sku, Sku.id == Hold.sku_id)
        .where(Site.code == site, Hold.id == hold_id)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"hold {hold_id} at site {site}")
    hold, site_code, owner_code, sku_code = row
    named = ("segment", "units", "kind", "channel", "state", "demand_id", "supply_id", "parent_id",
             "expires_at", "created_at", "changed_at")  # fmt: skip
    return HoldState(
        hold_id=hold.id,
        site=site_code,
        owner=owner_code or "",
        sku=sku_code or "",
        granted=hold.state != "REFUSED",
        free=hold.free_then,
        **{name: getattr(hold, name) for name in named},
    )
