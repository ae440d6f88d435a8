"""Pick: what was taken from a place, by a walking person or at a robot station: the same call.

Everything that a packet says was picked is one posting, with its serials and into its totes. What
was short is, in the same transaction, taken out of the books at that place, wanted again somewhere
else, or back-ordered; the place is counted; and the promise that changed by it is an event with
its reason. What was damaged goes to quarantine. A place that should be empty and is not is counted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, LocationId, SiteId, SkuId, derive
from wms.orders.cancel import count_cancelled
from wms.orders.close import close_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.again import want_again
from wms.outbound.floor import Floor
from wms.outbound.picked import Picked, allocation_ids, lock_for, not_empty, picked_of
from wms.outbound.putback import put_back, put_back_loose
from wms.outbound.putwall import make_sorts
from wms.outbound.robot import picked_from
from wms.outbound.slots import leave_slots
from wms.outbound.steps import serial_skus
from wms.outbound.tell import count, report
from wms.outbound.totes import leave_totes, set_aside
from wms.stock import ledger
from wms.stock.units import unit_id
from wms.stock.where import holds_at
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor
from wms.work.wanted import Wish, want_count


def finish_pick(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PICK packet."""
    ids = allocation_ids(task)
    orders, allocations = lock_for(session, task.site_id, list(ids.values()))
    by_serial = serial_skus(session, [each.sku_id for each in allocations.values()])
    picked, loose = [], []
    for step, id_ in ids.items():
        one = allocations[id_]
        its = picked_of(task, packet, step, one, by_serial=one.sku_id in by_serial)
        if one.state == "PINNED" and one.task_id == task.id:
            picked.append(its)
        elif its.counted:  # it was given up meanwhile: the books never knew that it left its place
            loose.append((one, its.counted))
    at = max((event.at for event in packet.history), default=now)
    ended = {e.allocation.order_id for e in picked if e.missing or e.allocation.cancelling}
    lying = holds_at(session, task.site_id, [e.allocation.id for e in picked if e.is_damaged])
    ledger.advance(session, [_advance(task, each, actor, at) for each in picked])
    set_aside(session, task, [each for each in picked if each.missing], lying, actor, at)
    _store(session, task, picked, now)
    _want_missing(session, task, orders, [each for each in picked if each.missing], now)
    _want_counts(session, task, packet, picked, now)
    put_back_loose(session, task, loose, now=now)
    leave_totes(session, task, packet, [each for each in picked if each.units])
    for order in orders.values():
        if order.id in ended:
            put_back(session, order, task.site_id, now=now)
            close_order(session, order, at=now)
    if task.plan.get("mode") == "PUT_WALL":
        make_sorts(session, SiteId(task.site_id), now=now)
    presentation = task.plan.get("presentation")
    by = "robot" if presentation else "person"
    count(session, task.site_id, f"picks_by_{by}", sum(1 for each in picked if each.units))
    if presentation:
        leave_slots(session, task, packet)
        picked_from(session, floor, UUID(presentation), now=now)


def _advance(task: Task, picked: Picked, actor: Actor, at: datetime) -> ledger.Advance:
    allocation = picked.allocation
    site = SiteId(task.site_id)
    partly = bool(picked.units and picked.missing)
    otherwise: Literal["RELEASED", "SHORT"] = "RELEASED" if picked.is_damaged else "SHORT"
    tote = unit_id(site, picked.tote) if picked.tote and picked.units else None
    return ledger.Advance(
        command_id=CommandId(derive(task.id, "pick", str(allocation.id))),
        site_id=site,
        hold_id=HoldId(allocation.id),
        to="PICKED" if picked.units else otherwise,
        units=picked.units if partly else None,
        rest_hold_id=HoldId(derive(allocation.id, "short")) if partly else None,
        rest_state=otherwise,
        handling_unit_id=tote,
        serials=picked.serials,
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
                code="pick.damaged" if each.is_damaged else "pick.short",
                source=f"task {task.kind}",
                facts={"order": str(allocation.order_id), "line": allocation.line_no,
                       "missing": missing, "reason": each.reason},
                at=now,
                priority=3,
            )  # fmt: skip
        ended = "RELEASED" if each.is_damaged else "SHORT"
        if not each.units:
            allocation.state = ended
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
                    state=ended,
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


def _want_counts(
    session: Session, task: Task, packet: Packet, picked: Sequence[Picked], now: datetime
) -> None:
    """Have places counted of which the books said something else than was seen."""
    short = {each.allocation.id: each for each in picked if each.missing and not each.is_damaged}
    ids = allocation_ids(task)
    not_empty_at = {
        id_ for step in not_empty(packet) for counting, id_ in ids.items()
        if counting.partition(".")[0] == step.partition(".")[0]
    }  # fmt: skip
    for each in picked:
        allocation = each.allocation
        if allocation.location_id is None:
            continue
        why: Literal["SHORT", "ZERO_CHECK"] = "SHORT"
        if allocation.id not in short:
            if allocation.id not in not_empty_at:
                continue
            why = "ZERO_CHECK"
        wish = Wish(
            site_id=SiteId(task.site_id),
            location_id=LocationId(allocation.location_id),
            why=why,
            cause=task.id,
            sku_id=SkuId(allocation.sku_id),
        )
        want_count(session, wish, now=now)
