"""Pick: what was taken from a place, by a walking person or at a robot station: the same call.

Everything that a packet says was picked is one posting. What was short is, in the same
transaction, taken out of the books at that place, wanted again somewhere else, or back-ordered;
and the promise that changed by it is an event with its reason.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.cancel import count_cancelled
from wms.orders.close import close_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.again import want_again
from wms.outbound.floor import Floor
from wms.outbound.pack import pack_if_complete
from wms.outbound.putback import put_back, put_back_loose
from wms.outbound.robot import picked_from
from wms.outbound.tell import count, report
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What became of one allocation."""

    allocation: Allocation
    units: int  # taken
    missing: int
    reason: str  # "" when whole


def finish_pick(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PICK packet."""
    ids = {step: UUID(id_) for step, id_ in task.plan["picks"].items()}
    orders, allocations = lock_for(session, task.site_id, list(ids.values()))
    reasons = {each.step: each.code for each in packet.reported}
    picked, loose = [], []
    for step, id_ in ids.items():
        counted = packet.counts.get(step, 0)
        if allocations[id_].state == "PINNED":
            picked.append(_picked(allocations[id_], counted, reasons.get(step, "")))
        elif counted:  # it was given up meanwhile: the books never knew that it left its place
            loose.append((allocations[id_], counted))
    at = max((event.at for event in packet.history), default=now)
    ledger.advance(session, [_advance(task, each, actor, at) for each in picked])
    _store(session, task, picked, now)
    _want_missing(session, task, orders, [each for each in picked if each.missing], now)
    put_back_loose(session, task, loose, now=now)
    for order in orders.values():
        put_back(session, floor, order, task.site_id, now=now)
        pack_if_complete(session, floor, order, SiteId(task.site_id), now=now)
        close_order(session, order, at=now)
    presentation = task.plan.get("presentation")
    by = "robot" if presentation else "person"
    count(session, task.site_id, f"picks_by_{by}", sum(1 for each in picked if each.units))
    if presentation:
        picked_from(session, floor, UUID(presentation), now=now)


def _picked(allocation: Allocation, counted: int, reason: str) -> Picked:
    units = min(allocation.units, counted)
    missing = allocation.units - units
    return Picked(allocation=allocation, units=units, missing=missing, reason=reason)


def lock_for(
    session: Session, site: UUID, ids: Sequence[UUID]
) -> tuple[dict[UUID, Order], dict[UUID, Allocation]]:
    """These allocations and their orders, locked in the order that everybody uses."""
    of = select(Allocation.order_id).where(Allocation.site_id == site, Allocation.id.in_(ids))
    fresh = {"populate_existing": True}
    orders = session.scalars(
        select(Order).where(Order.id.in_(of)).order_by(Order.id).with_for_update(),
        execution_options=fresh,
    ).all()
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == site, Allocation.id.in_(ids))
        .order_by(Allocation.id)
        .with_for_update(),
        execution_options=fresh,
    ).all()
    return {order.id: order for order in orders}, {each.id: each for each in allocations}


def _advance(task: Task, picked: Picked, actor: Actor, at: datetime) -> ledger.Advance:
    allocation = picked.allocation
    partly = bool(picked.units and picked.missing)
    return ledger.Advance(
        command_id=CommandId(derive(task.id, "pick", str(allocation.id))),
        site_id=SiteId(task.site_id),
        hold_id=HoldId(allocation.id),
        to="PICKED" if picked.units else "SHORT",
        units=picked.units if partly else None,
        rest_hold_id=HoldId(derive(allocation.id, "short")) if partly else None,
        rest_state="SHORT",
        actor=str(actor),
        reason=picked.reason,
        occurred_at=at,
    )


def _store(session: Session, task: Task, picked: Sequence[Picked], now: datetime) -> None:
    for each in picked:
        allocation, missing = each.allocation, each.missing
        if missing:
            report(
                session,
                task.site_id,
                derive(allocation.id, "short"),
                code="pick.short",
                source=f"task {task.kind}",
                facts={"order": str(allocation.order_id), "line": allocation.line_no,
                       "missing": missing, "reason": each.reason},
                at=now,
                priority=3,
            )  # fmt: skip
        if not each.units:
            allocation.state = "SHORT"
            continue
        allocation.state = "PICKED"
        allocation.units = each.units
        if missing:
            session.add(
                Allocation(
                    site_id=allocation.site_id,
                    id=derive(allocation.id, "short"),
                    order_id=allocation.order_id,
                    line_no=allocation.line_no,
                    sku_id=allocation.sku_id,
                    units=missing,
                    state="SHORT",
                    ordered_at=allocation.ordered_at,
                )
            )
    session.flush()


def _want_missing(
    session: Session,
    task: Task,
    orders: Mapping[UUID, Order],
    short: Sequence[Picked],
    now: datetime,
) -> None:
    """Want what was missing somewhere else; but what its customer had taken back is just gone."""
    wanted: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    unwanted: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in short:
        of = unwanted if each.allocation.cancelling else wanted
        of[each.allocation.order_id][each.allocation.line_no] += each.missing
        if not each.units:
            each.allocation.cancelling = False
    for order_id in sorted(wanted):
        order = orders[order_id]
        want_again(session, order, wanted[order_id], cause=task.id, reason="short_pick", now=now)
    for order_id in sorted(unwanted):
        lines = {
            session.get_one(OrderLine, (order_id, line_no)): units
            for line_no, units in unwanted[order_id].items()
        }
        count_cancelled(session, orders[order_id], lines, reason="customer", now=now)
