"""Decide: a proposal is approved and carried out, or rejected with a reason; once.

REPLENISH, BALANCE   a transfer between the two sites
PICK_FACE            a `replenish` packet at the site (wms.replenishment.faces)
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.errors import Conflict, NotFound
from wms.ids import derive
from wms.orders.model import Order, OrderLine
from wms.replenishment.faces import add_replenish
from wms.replenishment.model import Proposal
from wms.sites import Site
from wms.transfers.place import PlaceTransfer, SourceIsShort, TransferLine, place_transfer

AUTO = "rule:replenishment"
WHY = {"REPLENISH": "replenishment", "BALANCE": "balancing"}


class ProposalDecided(Conflict):
    """A proposal has been decided already, by another act.

    Attributes:
        proposal_id: the proposal.
        state: what it is now.
    """

    code: ClassVar[str] = "proposal_decided"

    def __init__(self, proposal_id: UUID, state: str) -> None:
        super().__init__(f"proposal {proposal_id} is {state}")
        self.proposal_id = proposal_id
        self.state = state


def lock_proposal(session: Session, proposal_id: UUID) -> Proposal:
    """A proposal, locked.

    Raises:
        NotFound: there is none.
    """
    query = select(Proposal).where(Proposal.id == proposal_id).with_for_update()
    found = session.scalars(query, execution_options={"populate_existing": True}).first()
    if found is None:
        raise NotFound(f"proposal {proposal_id}")
    return found


def approve(
    session: Session, proposal: Proposal, *, command_id: UUID, actor: str, now: datetime
) -> None:
    """Carry a proposal out. The same command again changes nothing.

    Raises:
        ProposalDecided: somebody has decided it before.
        SourceIsShort: the goods are not there any more.
    """
    if proposal.command_id == command_id:
        return
    if proposal.state != "OPEN":
        raise ProposalDecided(proposal.id, proposal.state)
    proposal.cause_id = derive(proposal.id, "carried out")
    if proposal.kind == "PICK_FACE":
        add_replenish(session, proposal, now=now)
    else:
        _transfer(session, proposal, now)
    _decided(proposal, "APPROVED", command_id, actor, now)


def reject(
    session: Session,
    proposal: Proposal,
    *,
    command_id: UUID,
    actor: str,
    reason: str,
    now: datetime,
) -> None:
    """Do not carry a proposal out. The same command again changes nothing.

    Raises:
        ProposalDecided: somebody has decided it before.
    """
    if proposal.command_id == command_id:
        return
    if proposal.state != "OPEN":
        raise ProposalDecided(proposal.id, proposal.state)
    proposal.reason = reason
    _decided(proposal, "REJECTED", command_id, actor, now)
    session.flush()


def settle(session: Session, *, limit: int = 500) -> int:
    """Proposals whose transfers have ended are done; how many."""
    query = (
        select(Proposal)
        .join(Order, Order.id == Proposal.cause_id)
        .where(Proposal.state == "APPROVED", Proposal.kind != "PICK_FACE", Order.closed)
        .order_by(Proposal.site_id, Proposal.id)
        .limit(limit)
        .with_for_update(of=Proposal, skip_locked=True)
    )
    ended = session.scalars(query).all()
    for proposal in ended:
        proposal.state = "DONE"
    return len(ended)


def _decided(proposal: Proposal, state: str, command_id: UUID, actor: str, now: datetime) -> None:
    proposal.state, proposal.command_id = state, command_id
    proposal.decided_by, proposal.decided_at = actor, now


def _transfer(session: Session, proposal: Proposal, now: datetime) -> None:
    assert proposal.cause_id is not None
    source = session.get_one(Site, proposal.from_site_id).code
    request = PlaceTransfer(
        id=proposal.cause_id,
        from_site=source,
        to_site=session.get_one(Site, proposal.site_id).code,
        lines=(
            TransferLine(
                line_no=1, sku=session.get_one(Sku, proposal.sku_id).code, units=proposal.units
            ),
        ),
        why=WHY[proposal.kind],
    )
    place_transfer(session, request, now=now, proposal_id=proposal.id)
    if session.get_one(OrderLine, (proposal.cause_id, 1)).units_short:
        raise SourceIsShort(source)
