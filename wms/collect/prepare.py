"""Prepare: a collection becomes a packet: every unit pinned to its place, a slot kept for its bag.

The slot is kept from now on (`shelf_id`, unique within a site), so no two bags are sent to one.
Any other slot that is free now may be scanned instead. What a packet comes to says `bag`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.collect.floor import part_of
from wms.collect.goods import WrongCollectionState, goods_of, lock_collection
from wms.collect.model import Collection
from wms.errors import Conflict
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.model import Allocation, Order
from wms.outbound.steps import facts_of, item_step, items_of, place_step
from wms.sites import Location, Site, location_id
from wms.stock import ledger
from wms.stock.availability import Pickable, pickable
from wms.work.packet import Expect, Fact, Say, Step
from wms.work.tasks import NewTask, add_task

SLOT_KINDS = ("PICKUP_SHELF", "LOCKER_CELL")
SLOTS_OFFERED = 100


class NoFreeSlot(Conflict):
    """Every slot of the pickup shelf has a bag: hand some out or put them back first.

    Attributes:
        slots: how many there are.
    """

    code: ClassVar[str] = "no_free_slot"

    def __init__(self, slots: int) -> None:
        super().__init__(f"all {slots} slots of the pickup shelf are taken")
        self.slots = slots


class NothingToPrepare(Conflict):
    """What is promised stands nowhere in the store: reject it.

    Attributes:
        collection_id: the collection.
    """

    code: ClassVar[str] = "nothing_to_prepare"

    def __init__(self, collection_id: UUID) -> None:
        super().__init__(f"nothing of collection {collection_id} stands free in the store")
        self.collection_id = collection_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Units of an allocation, and the place that they are taken from."""

    allocation: Allocation
    place: Pickable


def prepare(session: Session, site: SiteId, id_: UUID, *, actor: str, now: datetime) -> UUID:
    """Make its packet; the packet's id. Asked again, it is the same one.

    Raises:
        NotFound: no such collection here.
        WrongCollectionState: it is not to be prepared.
        NoFreeSlot, NothingToPrepare.
    """
    order, collection = lock_collection(session, site, id_)
    if collection.state == "PREPARING" and collection.task_id is not None:
        return collection.task_id
    if collection.state not in {"TO_ACCEPT", "ACCEPTED"}:
        raise WrongCollectionState(id_, state=collection.state, act="prepare")
    goods = goods_of(session, order, site)
    wanted = [each for each in goods.here if each.state in {"HELD", "ALLOCATED"}]
    slots = free_slots(session, collection)
    pins, advances, nowhere = _pin(session, site, wanted, (actor, now))
    if not pins:
        raise NothingToPrepare(id_)
    ledger.advance(session, advances)
    task_id = derive(pins[0].allocation.id, "collect")
    steps, picks = _steps(session, order, collection, pins, slots)
    for pin in pins:
        pin.allocation.task_id = task_id
    plan = {
        "collection": str(id_),
        "picks": picks,
        "nowhere": [str(each.id) for each in nowhere],
    }
    add_packet(session, order, collection, task_id, (steps, plan), now)
    collection.state, collection.task_id = "PREPARING", task_id
    collection.shelf_id = location_id(site, slots[0]) if slots else None
    return task_id


def add_packet(
    session: Session,
    order: Order,
    collection: Collection,
    task_id: UUID,
    what: tuple[Sequence[Step], Mapping[str, Any]],
    now: datetime,
) -> None:
    """Put a COLLECT packet into the pool."""
    new = NewTask(
        id=task_id, site_id=collection.site_id, kind="collect", title=order.number,
        steps=tuple(what[0]), plan=what[1],
    )  # fmt: skip
    add_task(session, new, now=now)


def free_slots(session: Session, collection: Collection) -> list[str]:
    """The slot for its bag first, then others that are free; none where there is no such shelf.

    Raises:
        NoFreeSlot: there is one, and it is full.
    """
    site = collection.site_id
    # one at a time: who comes second must see what the first has taken
    session.scalars(select(Site.id).where(Site.id == site).with_for_update(key_share=True)).one()
    query = select(Location.id, Location.code).where(
        Location.site_id == site, Location.kind.in_(SLOT_KINDS)
    )
    slots = session.execute(query.order_by(Location.code)).all()
    if not slots:
        return []
    others = select(Collection.shelf_id).where(
        Collection.site_id == site, Collection.shelf_id.is_not(None), Collection.id != collection.id
    )
    taken = set(session.scalars(others))
    free = [slot for slot in slots if slot.id not in taken]
    if not free:
        raise NoFreeSlot(len(slots))
    free.sort(key=lambda slot: slot.id != collection.shelf_id)  # a bag that is begun stays
    if collection.shelf_id is not None:
        return [free[0].code]
    return [slot.code for slot in free[:SLOTS_OFFERED]]


def _pin(
    session: Session, site: SiteId, wanted: Sequence[Allocation], how: tuple[str, datetime]
) -> tuple[list[Pin], list[ledger.Advance], list[Allocation]]:
    """A place for every unit, from the fullest on; and what stands nowhere."""
    actor, now = how
    places: dict[UUID, list[list[Any]]] = defaultdict(list)
    for one in pickable(session, site, {SkuId(each.sku_id) for each in wanted}, now=now):
        places[one.sku_id].append([one, one.units])
    pins: list[Pin] = []
    advances: list[ledger.Advance] = []
    nowhere: list[Allocation] = []
    for each in wanted:
        if each.state == "HELD":
            advances.append(_step(each, "ALLOCATED", actor, now))
            each.state = "ALLOCATED"
        part = each
        for place in sorted(places[each.sku_id], key=lambda place: (-place[1], place[0].location)):
            take = min(part.units, place[1])
            if not take:
                continue
            place[1] -= take
            rest = part.units - take
            rest_id = derive(part.id, "rest")
            advances.append(_to_place(part, place[0], take, (actor, now)))
            part.units, part.state = take, "PINNED"
            part.location_id = location_id(site, place[0].location)
            part.tote = place[0].tote
            pins.append(Pin(allocation=part, place=place[0]))
            if not rest:
                break
            part = part_of(each, rest_id, rest, "ALLOCATED")
            session.add(part)
        else:
            nowhere.append(part)
    session.flush()
    return pins, advances, nowhere


def _step(
    each: Allocation, to: ledger.HoldState, actor: str, now: datetime, **more: Any
) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(each.id, "collect", to)),
        site_id=SiteId(each.site_id),
        hold_id=HoldId(each.id),
        to=to,
        actor=actor,
        occurred_at=now,
        **more,
    )


def _to_place(
    part: Allocation, place: Pickable, take: int, how: tuple[str, datetime]
) -> ledger.Advance:
    is_all = take == part.units
    return _step(
        part,
        "PINNED",
        *how,
        units=None if is_all else take,
        rest_hold_id=None if is_all else HoldId(derive(part.id, "rest")),
        location_id=place.location_id,
        handling_unit_id=place.handling_unit_id,
        lot=place.lot,
    )


def _steps(
    session: Session,
    order: Order,
    collection: Collection,
    pins: Sequence[Pin],
    slots: Sequence[str],
) -> tuple[list[Step], dict[str, str]]:
    items = items_of(session, [pin.allocation.sku_id for pin in pins])
    steps: list[Step] = []
    picks: dict[str, str] = {}
    last = ""
    for number, pin in enumerate(sorted(pins, key=lambda pin: pin.place.location), start=1):
        if pin.place.location != last:
            also = (pin.place.tote,) if pin.place.tote else ()
            steps.append(place_step(f"{number}.place", pin.place.location, also=also))
        last = pin.place.location
        item = items[pin.allocation.sku_id]
        facts = facts_of(order.number)
        step = item_step(
            f"{number}.item", item, pin.allocation.units, say="pick.scan_item", facts=facts
        )
        steps.append(step)
        picks[step.id] = str(pin.allocation.id)
    label = Step(
        id="label",
        op="print",
        say=Say(code="collect.print_label"),
        big=collection.bag,
        facts=facts_of(order.number, bag=collection.bag),
    )
    return [*steps, label, *last_steps(collection, slots)], picks


def last_steps(collection: Collection, slots: Sequence[str]) -> list[Step]:
    """The bag's label is scanned back, and the slot that it is put into."""
    bag = Step(
        id="bag",
        op="scan",
        say=Say(code="collect.scan_bag"),
        big=collection.bag,
        expect=(Expect(kind="slot", codes=(collection.bag,)),),
    )
    if not slots:
        return [bag]
    shelf = Step(
        id="shelf",
        op="scan",
        say=Say(code="collect.scan_shelf"),
        big=slots[0],
        facts=(Fact(label="bag", value=collection.bag),),
        expect=(Expect(kind="location", codes=tuple(slots)),),
    )
    return [bag, shelf]
