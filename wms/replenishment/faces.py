"""Faces: the packet that fills a place to pick from, out of the site's reserve.

Fetch from the reserve, count, put down. Nothing is held for it: if others have been given the goods
meanwhile, only what is still free moves in the books, and the rest is put before people.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.ids import CommandId, LocationId, SiteId, SkuId, derive
from wms.outbound.floor import Floor
from wms.outbound.steps import item_step, items_of, place_step
from wms.outbound.tell import report
from wms.replenishment.model import Proposal
from wms.sites import Location
from wms.stock import ledger
from wms.stock.availability import pickable
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Say, Step
from wms.work.tasks import Actor, NewTask, add_task

RUNS_DRY = 5  # the priority of filling a place of which all that lies there is promised


def add_replenish(session: Session, proposal: Proposal, *, now: datetime) -> None:
    """Put the task that carries a proposal out into the site's pool."""
    assert proposal.cause_id is not None
    places = _places(session, proposal)
    assert proposal.from_location_id is not None
    assert proposal.to_location_id is not None
    item = items_of(session, [proposal.sku_id])[proposal.sku_id]
    to_place = places[proposal.to_location_id]
    steps = (
        place_step("from", places[proposal.from_location_id]),
        item_step("item", item, proposal.units, say="replenish.scan_item", facts=()),
        Step(
            id="to",
            op="scan",
            say=Say(code="replenish.scan_place"),
            big=to_place,
            expect=(Expect(kind="location", codes=(to_place,)),),
        ),
    )
    new = NewTask(
        id=proposal.cause_id,
        site_id=proposal.site_id,
        kind="replenish",
        title=to_place,
        steps=steps,
        plan={"proposal": str(proposal.id)},
        priority=0 if proposal.facts.get("here", 1) > 0 else RUNS_DRY,
    )
    add_task(session, new, now=now)


def finish_replenish(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished REPLENISH packet."""
    del floor
    key = (task.site_id, UUID(task.plan["proposal"]))
    proposal = session.get_one(Proposal, key, with_for_update=True, populate_existing=True)
    at = max((event.at for event in packet.history), default=now)
    found = packet.counts.get("item", 0)
    moves, left = [], found
    for each in pickable(session, SiteId(task.site_id), [SkuId(proposal.sku_id)], now=now):
        if each.location_id != proposal.from_location_id or each.tote is not None or not left:
            continue
        units = min(left, each.units)
        left -= units
        moves.append(_move(session, proposal, units, each.lot, str(actor), at))
    if moves:
        ledger.move(session, moves)
    proposal.state = "DONE"
    missing = proposal.units - found
    if missing or left:
        facts = {"proposal": str(proposal.id), "missing": missing, "not_free": left}
        report(
            session, task.site_id, derive(task.id, "differs"), code="replenish.differs",
            source=f"task {task.kind}", facts=facts, at=at,
        )  # fmt: skip


def _move(
    session: Session, proposal: Proposal, units: int, lot: str, actor: str, at: datetime
) -> ledger.Move:
    assert proposal.from_location_id is not None
    assert proposal.to_location_id is not None
    return ledger.Move(
        command_id=CommandId(derive(proposal.id, "move", lot)),
        site_id=SiteId(proposal.site_id),
        owner_id=owner_of(session, proposal.sku_id),
        sku_id=SkuId(proposal.sku_id),
        units=units,
        from_location_id=LocationId(proposal.from_location_id),
        to_location_id=LocationId(proposal.to_location_id),
        lot=lot,
        cause_kind="REPLENISH",
        cause_id=proposal.id,
        actor=actor,
        occurred_at=at,
    )


def _places(session: Session, proposal: Proposal) -> dict[UUID, str]:
    query = select(Location.id, Location.code).where(
        Location.site_id == proposal.site_id,
        Location.id.in_((proposal.from_location_id, proposal.to_location_id)),
    )
    return dict(session.execute(query).all())
