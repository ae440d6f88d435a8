"""Floor: what lies in a bag and belongs to nobody any more goes back to where it is sold.

An order that ends while its goods are in a bag leaves them there, marked (`cancelling`); they are
sold again when a person has put them back and scanned the place. Missing or damaged goods are
reported at the same packet. What was taken from its place for an order that had ended meanwhile
goes back there: the books never knew that it had left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, select
from sqlalchemy.orm import Session

from wms.collect.goods import lock_collection
from wms.collect.model import Collection
from wms.ids import CommandId, HoldId, LocationId, SiteId, derive
from wms.orders.cancel import taken_back
from wms.orders.model import Allocation, Order
from wms.outbound.floor import Floor
from wms.outbound.steps import Item, facts_of, item_step, items_of
from wms.sites import Location, location_id
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Expect, Fact, Packet, Say, Step, code_of
from wms.work.tasks import Actor, NewTask, add_task

IN_BAG = ("PICKED", "PACKED")
PLACES_MAX = 500
Rest: TypeAlias = Literal["RELEASED", "SHORT"]
NOT_COLLECTED = frozenset({"not_collected", "expired"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loose:
    """Units that were taken from a place."""

    sku_id: UUID
    units: int
    location_id: UUID


def lies_about() -> ColumnElement[bool]:
    """Of an allocation: whether it lies in a bag and nobody has been told to put it back."""
    told = exists().where(
        Task.site_id == Allocation.site_id, Task.id == Allocation.task_id, Task.kind == "floor"
    )
    collected = exists().where(
        Collection.site_id == Allocation.site_id, Collection.order_id == Allocation.order_id
    )
    return Allocation.cancelling & Allocation.state.in_(IN_BAG) & collected & ~told


def put_back(session: Session, order: Order, collection: Collection, *, now: datetime) -> bool:
    """Have what lies there for nothing put back; whether anything does."""
    session.flush()
    query = select(Allocation).where(
        Allocation.order_id == order.id,
        Allocation.site_id == collection.site_id,
        Allocation.state.in_(IN_BAG),
        Allocation.cancelling,
    )
    lying = session.scalars(query.order_by(Allocation.line_no, Allocation.id)).all()
    told = set(
        session.scalars(
            select(Task.id).where(
                Task.site_id == collection.site_id,
                Task.id.in_([each.task_id for each in lying]),
                Task.kind == "floor",
            )
        )
    )
    new = [each for each in lying if each.task_id not in told]
    if new and order.to_site_id == collection.site_id:  # else it is wms.outbound's to put back
        _tell_floor(session, order, collection, new, now)
    return bool(lying)


def _tell_floor(
    session: Session,
    order: Order,
    collection: Collection,
    goods: Sequence[Allocation],
    now: datetime,
) -> None:
    task_id = derive(goods[0].id, "floor")
    items = items_of(session, [each.sku_id for each in goods])
    steps = [_bag_step(session, collection)]
    plan: dict[str, str] = {}
    for number, each in enumerate(goods, start=1):
        step = f"{number}.item"
        steps.append(_item(step, items[each.sku_id], each.units, order.number))
        plan[step] = str(each.id)
        each.task_id = task_id
    steps.append(_place_step("place", sellable_places(session, collection.site_id)))
    new = NewTask(
        id=task_id, site_id=collection.site_id, kind="floor", title=order.number,
        steps=tuple(steps), plan={"collection": str(collection.id), "items": plan},
    )  # fmt: skip
    add_task(session, new, now=now)


def put_back_loose(
    session: Session,
    order: Order,
    collection: Collection,
    goods: Sequence[Loose],
    *,
    cause: UUID,
    now: datetime,
) -> None:
    """Have goods put back that were taken from their places for nothing."""
    items = items_of(session, [each.sku_id for each in goods])
    query = select(Location).where(
        Location.site_id == collection.site_id,
        Location.id.in_([each.location_id for each in goods]),
    )
    places = {place.id: place.code for place in session.scalars(query)}
    steps: list[Step] = []
    for number, each in enumerate(goods, start=1):
        steps.append(_item(f"{number}.item", items[each.sku_id], each.units, order.number))
        steps.append(_place_step(f"{number}.place", [places[each.location_id]]))
    new = NewTask(
        id=derive(cause, "floor"), site_id=collection.site_id, kind="floor", title=order.number,
        steps=tuple(steps), plan={"collection": str(collection.id), "items": {}},
    )  # fmt: skip
    add_task(session, new, now=now)


def finish_floor(
    session: Session, _floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished FLOOR packet: what was put back is sold again."""
    site = SiteId(task.site_id)
    order, collection = lock_collection(session, site, UUID(task.plan["collection"]))
    ids = {step: UUID(id_) for step, id_ in task.plan["items"].items()}
    if not ids:
        return
    query = select(Allocation).where(Allocation.site_id == site, Allocation.id.in_(ids.values()))
    query = query.order_by(Allocation.id).with_for_update()
    found = session.scalars(query, execution_options={"populate_existing": True})
    goods = {each.id: each for each in found}
    place = location_id(site, scanned_at(packet, "place"))
    why = {each.step: each.code for each in packet.reported}
    at = max((event.at for event in packet.history), default=now)
    returns = [
        _Return(goods[id_], min(goods[id_].units, packet.counts.get(step, 0)), why.get(step, ""))
        for step, id_ in ids.items()
    ]
    ledger.advance(session, [_advance(each, place, str(actor), at) for each in returns])
    reason = collection.reason or "customer"
    taken_back(session, [each.goods for each in returns], reason=reason, now=now)
    for each in returns:
        _say_how(session, each)
    if collection.state == "RETURNING" and not put_back(session, order, collection, now=now):
        end_return(collection, now=now)


def end_return(collection: Collection, *, now: datetime) -> None:
    """Nothing of it lies there any more."""
    is_late = collection.reason in NOT_COLLECTED
    collection.state = "RETURNED_TO_FLOOR" if is_late else "CANCELLED"
    collection.ended_at, collection.shelf_id = now, None


@dataclass(frozen=True, slots=True)
class _Return:
    """What of an allocation's units was put back; the rest is missing, or damaged."""

    goods: Allocation
    units: int
    reason: str

    @property
    def rest(self) -> Rest:
        return "RELEASED" if self.reason == "damaged" else "SHORT"

    @property
    def is_parted(self) -> bool:
        return 0 < self.units < self.goods.units

    @property
    def rest_id(self) -> UUID:
        return derive(self.goods.id, "back")


def _advance(back: _Return, place: LocationId, actor: str, at: datetime) -> ledger.Advance:
    """These units to the place, what is missing to UNKNOWN, what is damaged to QUARANTINE."""
    return ledger.Advance(
        command_id=CommandId(derive(back.goods.id, "floor")),
        site_id=SiteId(back.goods.site_id),
        hold_id=HoldId(back.goods.id),
        to="RELEASED" if back.units else back.rest,
        units=back.units if back.is_parted else None,
        rest_hold_id=HoldId(back.rest_id) if back.is_parted else None,
        rest_state=back.rest,
        location_id=place if back.units else None,
        actor=actor,
        reason=back.reason or "put_back",
        occurred_at=at,
    )


def _say_how(session: Session, back: _Return) -> None:
    """All of it counts as taken back; the rows say where the holds of the ledger ended."""
    if back.is_parted:
        rest = back.goods.units - back.units
        session.add(part_of(back.goods, back.rest_id, rest, back.rest))
        back.goods.units = back.units
    elif not back.units:
        back.goods.state = back.rest


def part_of(whole: Allocation, id_: UUID, units: int, state: str) -> Allocation:
    """An allocation of some of another's units."""
    return Allocation(
        site_id=whole.site_id,
        id=id_,
        order_id=whole.order_id,
        line_no=whole.line_no,
        sku_id=whole.sku_id,
        units=units,
        state=state,
        ordered_at=whole.ordered_at,
    )


def scanned_at(packet: Packet, step: str) -> str:
    """What was scanned at that step."""
    scans = [each.value for each in packet.history if each.step == step and each.type == "scan"]
    return code_of(str(scans[-1]))


def sellable_places(session: Session, site: UUID) -> Sequence[str]:
    """The places of a store where goods are sold from, the sales floor first."""
    kinds = ("SALES_FLOOR", "BACKROOM", "PICK_FACE", "RESERVE")
    query = select(Location.code).where(
        Location.site_id == site, Location.kind.in_(kinds), ~Location.code.startswith("@")
    )
    order = case({kind: number for number, kind in enumerate(kinds)}, value=Location.kind)
    return session.scalars(query.order_by(order, Location.code).limit(PLACES_MAX)).all()


def _bag_step(session: Session, collection: Collection) -> Step:
    slot = session.get(Location, (collection.site_id, collection.shelf_id))
    return Step(
        id="bag",
        op="scan",
        say=Say(code="floor.scan_bag"),
        big=slot.code if slot else collection.bag,
        facts=(Fact(label="bag", value=collection.bag),),
        expect=(Expect(kind="slot", codes=(collection.bag,)),),
    )


def _item(step: str, item: Item, units: int, number: str) -> Step:
    return item_step(step, item, units, say="floor.scan_item", facts=facts_of(number))


def _place_step(step: str, codes: Sequence[str]) -> Step:
    return Step(
        id=step,
        op="scan",
        say=Say(code="floor.scan_place"),
        big=codes[0],
        expect=(Expect(kind="location", codes=tuple(codes)),),
    )
