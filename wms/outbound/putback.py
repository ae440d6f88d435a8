"""Put back: goods that were picked for somebody who wants them no more return to a shelf.

An order that is cancelled while hands are at its goods leaves them marked (`cancelling`):

    pinned, nobody at work yet     given up; its task is made anew without it
    pinned, a walk under way       put back when the walk is done
    picked                         a `putback` packet: count, and scan the shelf
    packed, not loaded yet         the same, out of its parcel
    on the sorter                  too late: it leaves

Until a person has put them back they are nobody's and cannot be sold; then they can, and count as
cancelled (wms.orders.cancel). What lies at the store where it was to be collected is put back
there by `wms.collect`. What was taken from its place for an order that had been given up
meanwhile goes back too: the books never knew that it had left.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, LocationId, SiteId, derive
from wms.orders.cancel import count_cancelled
from wms.orders.close import lock_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.floor import Floor
from wms.outbound.load import empty_parcels
from wms.outbound.model import Parcel, ParcelLine
from wms.outbound.places import places_for, scanned_at
from wms.outbound.robot import stay_or_return
from wms.outbound.steps import facts_of, item_step, items_of
from wms.sites import location_id
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Expect, Packet, Say, Step
from wms.work.tasks import Actor, NewTask, add_task

REASON = "customer"


def sweep(session: Session, floor: Floor, *, now: datetime, limit: int = 200) -> int:
    """See to what is marked and nobody has been told of; how many allocations it was."""
    query = (
        select(Allocation.order_id, Allocation.site_id)
        .join(Order, Order.id == Allocation.order_id)
        .where(
            Allocation.cancelling,
            Order.to_site_id.is_distinct_from(Allocation.site_id),
            Allocation.state.in_(("PINNED", "PICKED", "PACKED")),
        )
        .distinct()
        .order_by(Allocation.order_id, Allocation.site_id)
        .limit(limit)
    )
    done = 0
    for order_id, site in session.execute(query).all():
        order = lock_order(session, order_id)
        done += _unpin(session, floor, order, site, now)
        done += put_back(session, order, site, now=now)
    return done


def put_back(session: Session, order: Order, site: UUID, *, now: datetime) -> int:
    """Have marked goods of an order put back, those that nobody has been told of; how many."""
    session.flush()
    if order.to_site_id == site:
        return 0
    marked = _marked(session, order, site, ("PICKED", "PACKED"))
    if not marked:
        return 0
    told = set(
        session.scalars(
            select(Task.id).where(
                Task.site_id == site,
                Task.id.in_([each.task_id for each in marked if each.task_id]),
                Task.kind == "putback",
            )
        )
    )
    lying = [each for each in marked if each.task_id not in told and _is_at_hand(session, each)]
    if not lying:
        return 0
    task_id = derive(lying[0].id, "putback")
    goods = {f"{no}.item": each for no, each in enumerate(lying, start=1)}
    for each in lying:
        each.task_id = task_id
    units = {step: (each.sku_id, each.units) for step, each in goods.items()}
    plan = {"items": {step: str(each.id) for step, each in goods.items()}}
    _add(session, site, task_id, order.number, units, plan, now=now)
    return len(lying)


def put_back_loose(
    session: Session, before: Task, goods: Sequence[tuple[Allocation, int]], *, now: datetime
) -> None:
    """Have goods put back that were taken, by that task, for what had been given up."""
    if not goods:
        return
    units = {f"{no}.item": (each.sku_id, n) for no, (each, n) in enumerate(goods, start=1)}
    task_id = derive(before.id, "putback")
    _add(session, before.site_id, task_id, before.packet["title"], units, {}, now=now)


def finish_putback(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PUTBACK packet."""
    del floor
    if "items" not in task.plan:
        return  # the books have them where they lie again
    ids = {UUID(id_): step for step, id_ in task.plan["items"].items()}
    mine = (Allocation.site_id == task.site_id, Allocation.id.in_(ids))
    order = lock_order(
        session, session.scalars(select(Allocation.order_id).where(*mine).limit(1)).one()
    )
    goods = session.scalars(
        select(Allocation).where(*mine).order_by(Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    codes = {each.step: each.code for each in packet.reported}
    place = location_id(SiteId(task.site_id), scanned_at(packet, "place") or "")
    at = max((event.at for event in packet.history), default=now)
    ended: dict[OrderLine, int] = {}
    steps = []
    for each in goods:
        line = session.get_one(OrderLine, (each.order_id, each.line_no))
        ended[line] = ended.get(line, 0) + each.units
        found = min(each.units, packet.counts.get(ids[each.id], 0))
        broken = codes.get(ids[each.id]) == "damaged"
        steps.append(_return(session, each, found, place, str(actor), at, broken=broken))
    ledger.advance(session, steps)
    empty_parcels(session, task.site_id, [each.id for each in goods], now=now)
    count_cancelled(session, order, ended, reason=REASON, now=now)


def _return(  # noqa: PLR0913 - what is found, where it goes, who says so
    session: Session,
    each: Allocation,
    found: int,
    place: LocationId,
    actor: str,
    at: datetime,
    *,
    broken: bool,
) -> ledger.Advance:
    """Good units go to the place, broken ones to quarantine, missing ones are nowhere."""
    rest = each.units - found
    rest_state: Literal["RELEASED", "SHORT"] = "RELEASED" if broken else "SHORT"
    rest_id = HoldId(derive(each.id, "not put back"))
    parted = bool(found and rest)
    if parted:
        session.add(
            Allocation(
                site_id=each.site_id,
                id=rest_id,
                order_id=each.order_id,
                line_no=each.line_no,
                sku_id=each.sku_id,
                units=rest,
                state=rest_state,
                ordered_at=each.ordered_at,
            )
        )
    each.units, each.cancelling = found or rest, False
    each.state = "RELEASED" if found else rest_state
    return ledger.Advance(
        command_id=CommandId(derive(each.id, "put back")),
        site_id=SiteId(each.site_id),
        hold_id=HoldId(each.id),
        to="RELEASED" if found else rest_state,
        units=found if parted else None,
        rest_hold_id=rest_id if parted else None,
        rest_state=rest_state,
        location_id=place if found else None,
        actor=actor,
        reason="put back",
        occurred_at=at,
    )


def _marked(
    session: Session, order: Order, site: UUID, states: Sequence[str]
) -> Sequence[Allocation]:
    query = select(Allocation).where(
        Allocation.order_id == order.id,
        Allocation.site_id == site,
        Allocation.cancelling,
        Allocation.state.in_(states),
    )
    return session.scalars(
        query.order_by(Allocation.line_no, Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def _unpin(session: Session, floor: Floor, order: Order, site: UUID, now: datetime) -> int:
    """Give up what is pinned for a task that nobody has begun; the task is made anew without it."""
    marked = _marked(session, order, site, ("PINNED",))
    free = [each for each in marked if drop_walk(session, floor, each, now)]
    if not free:
        return 0
    ended: dict[OrderLine, int] = {}
    steps = []
    for each in free:
        line = session.get_one(OrderLine, (each.order_id, each.line_no))
        ended[line] = ended.get(line, 0) + each.units
        each.state, each.cancelling = "RELEASED", False
        steps.append(
            ledger.Advance(
                command_id=CommandId(derive(each.id, "put back")),
                site_id=SiteId(site),
                hold_id=HoldId(each.id),
                to="RELEASED",
                actor="rule:cancel",
                occurred_at=now,
            )
        )
    ledger.advance(session, steps)
    count_cancelled(session, order, ended, reason=REASON, now=now)
    return len(free)


def drop_walk(session: Session, floor: Floor, each: Allocation, now: datetime) -> bool:
    """Whether nobody walks for it (any more)."""
    if each.task_id is None:
        return True
    task = session.get(Task, (each.site_id, each.task_id), with_for_update=True)
    if task is not None and not _is_untouched(task):
        return False
    others = select(Allocation).where(
        Allocation.site_id == each.site_id, Allocation.task_id == each.task_id
    )
    for other in session.scalars(others.order_by(Allocation.id).with_for_update()):
        other.task_id = None
    if task is not None:
        trip = task.plan.get("presentation")
        session.delete(task)
        each.by_robot = False  # so that the tote's next task is without it
        session.flush()
        if trip:
            stay_or_return(session, floor, UUID(trip), now=now)
    return True


def _is_untouched(task: Task) -> bool:
    return task.state == "OPEN" and task.fence == 0


def _is_at_hand(session: Session, each: Allocation) -> bool:
    """Whether it lies somewhere to be taken: not while somebody packs it."""
    if each.state == "PACKED" or not each.to_pack:
        return True
    query = select(Task).where(
        Task.site_id == each.site_id,
        Task.kind == "pack",
        Task.state != "DONE",
        Task.plan.contains({"allocations": [str(each.id)]}),
    )
    task = session.scalars(query.with_for_update()).first()
    if task is None or not _is_untouched(task):
        return False
    ids = [UUID(id_) for id_ in task.plan["allocations"]]
    parcels = [UUID(id_) for id_ in task.plan["parcels"]]
    here = Allocation.site_id == each.site_id
    for other in session.scalars(select(Allocation).where(here, Allocation.id.in_(ids))):
        other.to_pack = False
    session.execute(
        delete(ParcelLine).where(
            ParcelLine.site_id == each.site_id, ParcelLine.parcel_id.in_(parcels)
        )
    )
    session.execute(delete(Parcel).where(Parcel.site_id == each.site_id, Parcel.id.in_(parcels)))
    session.delete(task)
    session.flush()
    return True


def _add(  # noqa: PLR0913 - a task has that many facts
    session: Session,
    site: UUID,
    task_id: UUID,
    number: str,
    units: Mapping[str, tuple[UUID, int]],
    plan: Mapping[str, Any],
    *,
    now: datetime,
) -> None:
    items = items_of(session, [sku for sku, _ in units.values()])
    steps = [
        item_step(step, items[sku], n, say="putback.scan_item", facts=facts_of(number))
        for step, (sku, n) in units.items()
    ]
    first = next(iter(units.values()))[0]
    places = places_for(session, SiteId(site), [first])[first]
    steps.append(
        Step(
            id="place",
            op="scan",
            say=Say(code="putback.scan_place"),
            big=places[0],
            expect=(Expect(kind="location", codes=tuple(places)),),
        )
    )
    new = NewTask(
        id=task_id, site_id=site, kind="putback", title=number, steps=tuple(steps), plan=plan
    )
    add_task(session, new, now=now)
