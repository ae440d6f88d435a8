"""Totes that goods are picked into: taken when they are free, left where somebody goes on.

    grow_pick    a tote is scanned: free? then it is that slot's, and only it will be accepted
    leave_totes  where the totes of a finished walk stand now, and for whom
    set_aside    what was found damaged goes from its place to quarantine

A tote is a handling unit: the ledger has its goods in it, and one row says where it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.ids import CommandId, OwnerId, SiteId, SkuId, derive
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.picked import Picked
from wms.outbound.places import scanned_at
from wms.outbound.slots import stands_in
from wms.outbound.style import PickLine
from wms.sites import location_id, virtual_location
from wms.stock import ledger
from wms.stock.units import UnitRecord, place_unit, save_units, unit_id
from wms.stock.where import Lying, units_inside
from wms.work.codes import bare
from wms.work.model import Task
from wms.work.packet import Expect, Fact, Packet, Problem, Step, scans
from wms.work.tasks import Actor


def grow_pick(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """A tote was scanned that goods are to be put into."""
    del floor, actor, now
    step = packet.history[-1].step
    code = bare(scans(packet, step)[-1])
    site = SiteId(task.site_id)
    slot = _slot_of(packet, step)
    if task.plan["totes"].get(slot) != code and not _is_free(session, task, packet, code):
        return Problem(code="tote_in_use", facts={"scanned": code})
    save_units(session, site, [UnitRecord(code=code)])
    place_unit(session, site, unit_id(site, code), None)  # it goes with the picker
    task.plan = task.plan | {"totes": task.plan["totes"] | {slot: code}}
    done = {event.step for event in packet.history}
    expect = (Expect(kind="tote", codes=(code,)),)
    shown = Fact(label="tote", value=code)
    steps = tuple(
        replace(each, expect=expect, facts=(*_but_tote(each), shown))
        if each.id.endswith(".slot") and each.big == slot and each.id not in done
        else each
        for each in packet.steps
    )
    return replace(packet, steps=steps)


def _but_tote(step: Step) -> list[Fact]:
    return [fact for fact in step.facts if fact.label != "tote"]


def _slot_of(packet: Packet, step: str) -> str:
    """The slot that a step fills with a tote."""
    if step.startswith("tote."):
        return step.removeprefix("tote.")
    return next(each.big for each in packet.steps if each.id == step)


def _is_free(session: Session, task: Task, packet: Packet, code: str) -> bool:
    """Whether a tote is empty and nobody else's; one that was passed on is its order's."""
    if any(step.id.startswith("tote.") and code in step.expect[0].codes for step in packet.steps):
        return True
    if stands_in(session, task.site_id, task.station, task.plan.get("slots", {}), code):
        return True  # somebody else at this station has put it there meanwhile
    if code in task.plan["totes"].values():
        return False  # another order's, on the same cart
    if units_inside(session, task.site_id, [code]):
        return False
    others = select(Task.plan["totes"]).where(
        Task.site_id == task.site_id,
        Task.kind == "pick",
        Task.state.in_(("OPEN", "LEASED")),
        Task.id != task.id,
        Task.plan.has_key("totes"),
    )
    return all(code not in totes.values() for totes in session.scalars(others))


def leave_totes(session: Session, task: Task, packet: Packet, picked: Sequence[Picked]) -> None:
    """The totes stand where the walk ended; what is still to be picked into one knows it."""
    totes = sorted({each.tote for each in picked if each.tote})
    site = SiteId(task.site_id)
    if left := scanned_at(packet, "pass"):
        for code in totes:
            place_unit(session, site, unit_id(site, code), location_id(site, bare(left)))
    mode = task.plan.get("mode")
    if mode == "PASS" and totes:
        orders = {each.allocation.order_id for each in picked}
        rest = select(Allocation.id).where(
            Allocation.site_id == site,
            Allocation.order_id.in_(orders),
            Allocation.state == "PINNED",
        )
        session.execute(
            update(PickLine)
            .where(PickLine.site_id == site, PickLine.allocation_id.in_(rest))
            .values(tote=totes[-1])
        )
    for each in picked:
        if mode == "PUT_WALL":
            each.allocation.to_sort = True
        if each.tote:
            session.execute(
                update(PickLine)
                .where(PickLine.site_id == site, PickLine.allocation_id == each.allocation.id)
                .values(tote=each.tote)
            )
    session.flush()


def set_aside(
    session: Session,
    task: Task,
    missing: Sequence[Picked],
    lying: Mapping[UUID, Lying],
    actor: Actor,
    at: datetime,
) -> None:
    """Damaged goods leave their place for quarantine, where somebody looks at them."""
    site = SiteId(task.site_id)
    broken = [each for each in missing if each.is_damaged]
    if not broken:
        return
    owners = select(Sku.id, Sku.owner_id).where(
        Sku.id.in_({each.allocation.sku_id for each in broken})
    )
    owner_of = dict(session.execute(owners).all())
    moves = []
    for each in broken:
        allocation, was = each.allocation, lying[each.allocation.id]
        moves.append(
            ledger.Move(
                command_id=CommandId(derive(task.id, "damaged", str(allocation.id))),
                site_id=site,
                owner_id=OwnerId(owner_of[allocation.sku_id]),
                sku_id=SkuId(allocation.sku_id),
                units=each.missing,
                from_location_id=location_id(site, was.place),
                from_unit_id=unit_id(site, was.unit) if was.unit else None,
                to_location_id=virtual_location(site, "QUARANTINE"),
                lot=was.lot,
                cause_kind="PICK",
                cause_id=task.id,
                actor=str(actor),
                reason="damaged",
                occurred_at=at,
            )
        )
    ledger.move(session, moves)
