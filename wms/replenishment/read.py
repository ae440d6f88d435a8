"""Read: proposals, with why, and what became of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from wms.catalog import Sku
from wms.replenishment.model import Proposal
from wms.sites import Location, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal; `cause_id` is the transfer or task that carries it out."""

    id: UUID
    kind: str
    state: str
    site: str
    from_site: str
    from_location: str | None
    to_location: str | None
    sku: str
    name_en: str
    name_ja: str
    units: int
    facts: dict[str, Any]
    made_at: datetime
    decided_at: datetime | None
    decided_by: str
    reason: str
    cause_id: UUID | None


def proposals(
    session: Session,
    *,
    state: str | None = None,
    site: str | None = None,
    proposal_id: UUID | None = None,
    limit: int = 500,
) -> list[ProposalView]:
    """Proposals, the newest first."""
    source, start, end = aliased(Site), aliased(Location), aliased(Location)
    query = (
        select(Proposal, Site.code, source.code, start.code, end.code, Sku)
        .join(Site, Site.id == Proposal.site_id)
        .join(source, source.id == Proposal.from_site_id)
        .join(Sku, Sku.id == Proposal.sku_id)
        .outerjoin(
            start,
            (start.site_id == Proposal.from_site_id) & (start.id == Proposal.from_location_id),
        )
        .outerjoin(end, (end.site_id == Proposal.site_id) & (end.id == Proposal.to_location_id))
        .order_by(Proposal.made_at.desc(), Proposal.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Proposal.state == state)
    if site is not None:
        query = query.where(Site.code == site)
    if proposal_id is not None:
        query = query.where(Proposal.id == proposal_id)
    return [
        ProposalView(
            id=each.id, kind=each.kind, state=each.state, site=code, from_site=from_code,
            from_location=from_place, to_location=to_place, sku=sku.code, name_en=sku.name_en,
            name_ja=sku.name_ja, units=each.units, facts=each.facts, made_at=each.made_at,
            decided_at=each.decided_at, decided_by=each.decided_by, reason=each.reason,
            cause_id=each.cause_id,
        )
        for each, code, from_code, from_place, to_place, sku in session.execute(query)
    ]  # fmt: skip
