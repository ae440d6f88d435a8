"""Bag: what a finished COLLECT packet comes to, in one posting.

    found, and still wanted      PINNED -> PICKED -> PACKED in the slot that was scanned
    not found, or damaged        SHORT: UNKNOWN until somebody counts; wanted again (`missing`)
    found, but taken back        PINNED -> RELEASED: it never left, and is put back where it stood

Then the collection is looked at again: ready, or waiting for the rest, or over. Was the slot taken
meanwhile by another bag, nothing is posted: one more packet asks for another slot first.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.collect.floor import Loose, part_of, put_back_loose, scanned_at
from wms.collect.goods import lock_collection
from wms.collect.missing import want_again
from wms.collect.model import Collection
from wms.collect.open import look_at
from wms.collect.prepare import add_packet, free_slots, last_steps
from wms.ids import CommandId, HoldId, LocationId, SiteId, derive
from wms.orders.cancel import taken_back
from wms.orders.model import Allocation, Order
from wms.outbound.floor import Floor
from wms.sites import location_id
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor


@dataclass(slots=True, kw_only=True)
class Bag:
    """What goes into it, and what does not, as postings and as rows."""

    session: Session
    slot: LocationId | None
    actor: str
    at: datetime
    advances: list[ledger.Advance] = field(default_factory=list)
    missing: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    loose: list[Loose] = field(default_factory=list)
    taken: list[Allocation] = field(default_factory=list)

    def take(self, goods: Allocation, counted: int, reason: str) -> None:
        """What was found of one allocation."""
        units = min(goods.units, counted)
        if goods.state != "PINNED" or goods.cancelling:
            self._not_wanted(goods, units)
            return
        lacking = goods.units - units
        if units == 0:
            self._go(goods, "SHORT", reason=reason)
        else:
            part = derive(goods.id, "short") if lacking else None
            if part is not None:
                self.session.add(part_of(goods, part, lacking, "SHORT"))
            some = None if part is None else units
            self._go(goods, "PICKED", units=some, rest=part, reason=reason)
            self._go(goods, "PACKED", place=self.slot)
        goods.units = units or goods.units
        if lacking:
            self.missing[goods.line_no] += lacking

    def lack(self, goods: Allocation) -> None:
        """An allocation that stood nowhere in the store."""
        if goods.state == "ALLOCATED":
            self._go(goods, "SHORT", reason="nowhere")
            self.missing[goods.line_no] += goods.units

    def _not_wanted(self, goods: Allocation, units: int) -> None:
        if goods.state == "PINNED":
            self._go(goods, "RELEASED", reason="taken_back")
            self.taken.append(goods)
        if units and goods.location_id is not None:
            loose = Loose(sku_id=goods.sku_id, units=units, location_id=goods.location_id)
            self.loose.append(loose)

    def _go(
        self,
        goods: Allocation,
        to: ledger.HoldState,
        *,
        units: int | None = None,
        rest: UUID | None = None,
        place: LocationId | None = None,
        reason: str = "",
    ) -> None:
        self.advances.append(
            ledger.Advance(
                command_id=CommandId(derive(goods.id, "bag", to)),
                site_id=SiteId(goods.site_id),
                hold_id=HoldId(goods.id),
                to=to,
                units=units,
                rest_hold_id=None if rest is None else HoldId(rest),
                rest_state="SHORT",
                location_id=place,
                actor=self.actor,
                reason=reason,
                occurred_at=self.at,
            )
        )
        goods.state = to


def finish_collect(
    session: Session, _floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished COLLECT packet."""
    site = SiteId(task.site_id)
    order, collection = lock_collection(session, site, UUID(task.plan["collection"]))
    reasons = {each.step: each.code for each in packet.reported}
    found = task.plan.get("found") or {
        step: [packet.counts.get(step, 0), reasons.get(step, "")] for step in task.plan["picks"]
    }
    slot = None
    if any(step.id == "shelf" for step in packet.steps):
        slot = location_id(site, scanned_at(packet, "shelf"))
        if _is_taken(session, collection, slot):
            _once_more(session, order, collection, (task, found), now)
            return
    at = max((event.at for event in packet.history), default=now)
    bag = Bag(session=session, slot=slot, actor=str(actor), at=at)
    goods = _goods(session, task)
    for step, id_ in task.plan["picks"].items():
        bag.take(goods[UUID(id_)], *found[step])
    for id_ in task.plan["nowhere"]:
        bag.lack(goods[UUID(id_)])
    ledger.advance(session, bag.advances)
    _store(session, order, collection, bag, (task, now))
    look_at(session, order.id, now=now)


def _store(
    session: Session,
    order: Order,
    collection: Collection,
    bag: Bag,
    when: tuple[Task, datetime],
) -> None:
    task, now = when
    session.flush()
    begun = exists().where(
        Allocation.order_id == order.id,
        Allocation.site_id == collection.site_id,
        Allocation.state == "PACKED",
    )
    collection.task_id = None
    collection.shelf_id = bag.slot if session.scalar(select(begun)) else None
    collection.state = "ACCEPTED"
    taken_back(session, bag.taken, reason=collection.reason or "customer", now=now)
    if bag.loose:
        put_back_loose(session, order, collection, bag.loose, cause=task.id, now=now)
    if bag.missing:
        want_again(session, order, collection, bag.missing, cause=task.id, now=now)


def _goods(session: Session, task: Task) -> dict[UUID, Allocation]:
    ids = [UUID(id_) for id_ in (*task.plan["picks"].values(), *task.plan["nowhere"])]
    query = select(Allocation).where(Allocation.site_id == task.site_id, Allocation.id.in_(ids))
    fresh = {"populate_existing": True}
    query = query.order_by(Allocation.id).with_for_update()
    found = session.scalars(query, execution_options=fresh)
    return {each.id: each for each in found}


def _is_taken(session: Session, collection: Collection, slot: LocationId) -> bool:
    other = exists().where(
        Collection.site_id == collection.site_id,
        Collection.shelf_id == slot,
        Collection.id != collection.id,
    )
    return bool(session.scalar(select(other)))


def _once_more(
    session: Session,
    order: Order,
    collection: Collection,
    what: tuple[Task, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Another bag lies there: ask for a slot again, and remember what has been found."""
    task, found = what
    task_id = derive(task.id, "again")
    collection.task_id = task_id
    plan = {**task.plan, "found": dict(found)}
    steps = last_steps(collection, free_slots(session, collection))
    add_packet(session, order, collection, task_id, (steps, plan), now)
