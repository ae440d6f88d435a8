"""Put wall: what was picked for many orders together is sorted, a slot an order, and then packed.

    PUT_WALL walk -> tote -> make_sorts: a `putwall` packet -> slots -> packed

A tote is begun when every order in it has a slot: the one that it has already, or a free one. The
last thing of an order says so, so that the packer can be called. In the books goods go from the
tote to their slot; what is missing there is nowhere, is wanted again, and the tote is no more the
place to look for it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order
from wms.orders.model import Allocation
from wms.outbound.again import want_again
from wms.outbound.floor import Floor
from wms.outbound.pick_packet import colour_of, order_numbers
from wms.outbound.picked import Picked, allocation_ids, lock_for, picked_of
from wms.outbound.putback import put_back
from wms.outbound.steps import facts_of, item_step, items_of, place_step
from wms.outbound.style import PickLine
from wms.outbound.tell import report
from wms.sites import Location, location_id
from wms.stock import ledger
from wms.stock.where import serials_of, taken_places
from wms.work.model import Task
from wms.work.packet import Expect, Fact, Packet, Say, Step
from wms.work.tasks import Actor, NewTask, add_task

LINES_MAX = 500


def make_sorts(session: Session, site: SiteId, *, now: datetime) -> int:
    """Have totes sorted whose orders all find a slot; how many."""
    totes = _waiting(session, site)
    if not totes:
        return 0
    walls = _slots(session, site)
    if not walls:  # there is no wall any more: the packer sorts
        for goods in totes.values():
            for each, _ in goods:
                each.to_sort = False
        return len(totes)
    used = _used(session, site)
    number = {code: at for at, code in enumerate(walls)}
    free = [code for code in walls if code not in used.values()]
    made = 0
    for tote, goods in totes.items():
        orders = list(dict.fromkeys(each.order_id for each, _ in goods))
        new = [order for order in orders if order not in used]
        if len(new) > len(free):
            continue  # when slots have been emptied
        used |= {order: free.pop(0) for order in new}
        for each, line in goods:
            line.slot = used[each.order_id]
        wave = goods[0][1].wave_id  # a tote is filled by one walk, and that is one wave's
        _add(session, site, tote, [each for each, _ in goods], used, number, wave, now)
        made += 1
    return made


def finish_putwall(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PUTWALL packet."""
    del floor
    site = SiteId(task.site_id)
    ids = allocation_ids(task)
    orders, allocations = lock_for(session, site, list(ids.values()))
    sorted_ = [
        picked_of(task, packet, step, allocations[id_], by_serial=False)
        for step, id_ in ids.items()
        if allocations[id_].state == "PICKED" and allocations[id_].task_id == task.id
    ]
    at = max((event.at for event in packet.history), default=now)
    slots = {UUID(id_): slot for id_, slot in task.plan["to"].items()}
    partly = [each.allocation.id for each in sorted_ if each.units and each.missing]
    serials = serials_of(session, site, partly)
    ledger.advance(session, [_put(task, each, slots, serials, actor, at) for each in sorted_])
    wanted: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for each in sorted_:
        _note(session, each, wanted, now)
    session.flush()
    for order_id in sorted(wanted):
        want_again(
            session, orders[order_id], wanted[order_id], cause=task.id, reason="short_pick", now=now
        )
    for order in orders.values():
        put_back(session, order, site, now=now)
        close_order(session, order, at=now)


def _waiting(session: Session, site: SiteId) -> dict[str, list[tuple[Allocation, PickLine]]]:
    """What lies in totes to be sorted, by tote, the oldest first."""
    query = (
        select(Allocation, PickLine)
        .join(
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        )
        .join(Task, (Task.site_id == Allocation.site_id) & (Task.id == Allocation.task_id))
        .where(
            Allocation.site_id == site,
            Allocation.to_sort,
            Allocation.state == "PICKED",
            ~Allocation.cancelling,
            Task.kind == "pick",
        )
        .order_by(Task.done_at, PickLine.tote, Allocation.id)
        .limit(LINES_MAX)
        .with_for_update(of=Allocation, skip_locked=True)
    )
    totes: dict[str, list[tuple[Allocation, PickLine]]] = defaultdict(list)
    for each, line in session.execute(query):
        totes[line.tote].append((each, line))
    return totes


def _slots(session: Session, site: SiteId) -> list[str]:
    query = select(Location.code).where(
        Location.site_id == site, Location.kind == "PUT_WALL", Location.blocked == ""
    )
    return list(session.scalars(query.order_by(Location.code)))


def _used(session: Session, site: SiteId) -> dict[UUID, str]:
    """The slots that orders have, and, under ids of their own, those in which something lies."""
    query = (
        select(Allocation.order_id, PickLine.slot)
        .join(
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        )
        .where(Allocation.site_id == site, Allocation.state == "PICKED", PickLine.slot != "")
    )
    used = dict(session.execute(query).all())
    walls = select(Location.id, Location.code).where(
        Location.site_id == site, Location.kind == "PUT_WALL"
    )
    codes = dict(session.execute(walls).all())
    full = taken_places(session, site, codes)
    return {id_: codes[id_] for id_ in full} | used


def _add(  # noqa: PLR0913, PLR0917 - what lies where and goes where
    session: Session,
    site: SiteId,
    tote: str,
    goods: Sequence[Allocation],
    slots: Mapping[UUID, str],
    number: Mapping[str, int],
    wave: UUID | None,
    now: datetime,
) -> None:
    items = items_of(session, [each.sku_id for each in goods])
    numbers = order_numbers(session, goods)
    order = sorted(goods, key=lambda e: (items[e.sku_id].code, slots[e.order_id], e.id))
    last = {each.order_id: each.id for each in order}
    task_id = derive(order[0].id, "sort", order[0].releases)
    steps: list[Step] = [place_step("tote", tote, kind="tote")] if tote else []
    picks: dict[str, str] = {}
    for at, each in enumerate(order, start=1):
        slot, about = slots[each.order_id], facts_of(numbers[each.order_id])
        step = item_step(
            f"{at}.item", items[each.sku_id], each.units, say="putwall.scan_item", facts=about
        )
        look = Fact(label="colour", value=colour_of(number[slot]))
        is_last = last[each.order_id] == each.id
        steps += [
            step,
            Step(
                id=f"{at}.to",
                op="scan",
                say=Say(code="putwall.complete" if is_last else "putwall.put"),
                big=slot,
                facts=(look, *about),
                expect=(Expect(kind="slot", codes=(slot,)),),
            ),
        ]
        picks[step.id] = str(each.id)
        each.task_id = task_id
    new = NewTask(
        id=task_id,
        site_id=site,
        kind="putwall",
        title=tote or numbers[order[0].order_id],
        steps=tuple(steps),
        plan={
            "picks": picks,
            "to": {str(each.id): slots[each.order_id] for each in order},
            **({"wave": str(wave)} if wave else {}),
        },
        priority=1,  # it is in the way until it is sorted
    )
    add_task(session, new, now=now)


def _put(
    task: Task,
    each: Picked,
    slots: Mapping[UUID, str],
    serials: Mapping[UUID, Sequence[str]],
    actor: Actor,
    at: datetime,
) -> ledger.Advance:
    site, allocation = SiteId(task.site_id), each.allocation
    partly = bool(each.units and each.missing)
    return ledger.Advance(
        command_id=CommandId(derive(task.id, "put", str(allocation.id))),
        site_id=site,
        hold_id=HoldId(allocation.id),
        to="PICKED" if each.units else "SHORT",
        units=each.units if partly else None,
        rest_hold_id=HoldId(derive(allocation.id, "not sorted")) if partly else None,
        rest_state="SHORT",
        location_id=location_id(site, slots[allocation.id]) if each.units else None,
        serials=tuple(serials.get(allocation.id, ())[: each.units]) if partly else (),
        actor=str(actor),
        reason=each.reason,
        occurred_at=at,
    )


def _note(
    session: Session, each: Picked, wanted: dict[UUID, dict[int, int]], now: datetime
) -> None:
    allocation = each.allocation
    allocation.to_sort = False
    if not each.missing:
        return
    wanted[allocation.order_id][allocation.line_no] += each.missing
    report(
        session, allocation.site_id, derive(allocation.id, "not sorted"), code="putwall.short",
        source="task putwall", at=now, priority=3,
        facts={"order": str(allocation.order_id), "line": allocation.line_no,
               "missing": each.missing, "reason": each.reason},
    )  # fmt: skip
    if not each.units:
        allocation.state = "SHORT"
        return
    allocation.units = each.units
    session.add(
        Allocation(
            site_id=allocation.site_id,
            id=derive(allocation.id, "not sorted"),
            order_id=allocation.order_id,
            line_no=allocation.line_no,
            sku_id=allocation.sku_id,
            units=each.missing,
            state="SHORT",
            ordered_at=allocation.ordered_at,
        )
    )
