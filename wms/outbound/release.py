"""Release: allocations become work, as much at a time as the floor can take.

Binding is late: only now is each allocation pinned to the place, and the tote, that its units are
taken from. A WIP limit decides how many, not a timetable. What lies in robot totes waits for its
tote (wms.outbound.robot); everything else is gathered into walks: which orders go together is
`optimizer.batching`, the way round is `optimizer.picktour`.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from optimizer import batching, picktour
from optimizer.layout import Block
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.model import Allocation, Order
from wms.outbound.floor import Floor
from wms.outbound.steps import facts_of, item_step, items_of, place_step
from wms.sites import Location, location_id
from wms.stock import ledger
from wms.stock.availability import Pickable, pickable
from wms.work.packet import Step
from wms.work.tasks import NewTask, add_task

log = structlog.get_logger(__name__)

CART_UNITS = 80
ORDERS_A_BATCH_MAX = 30  # orders weighed together; joining them is cubic in their number
AISLE_PITCH_M, BAY_M = 3.0, 1.2

Key = tuple[UUID, UUID, UUID | None, str]  # SKU, place, tote, lot


def release_site(
    session: Session,
    site: SiteId,
    floor: Floor,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
) -> int:
    """Pin what the floor can take. Returns how many allocations were pinned.

    `only` is what an allocation must be like to be released here at all.
    """
    in_work = select(func.count()).where(Allocation.site_id == site, Allocation.state == "PINNED")
    room = floor.lines_in_work_max - (session.scalar(in_work) or 0)
    if room <= 0:
        return 0
    query = (
        select(Allocation)
        .where(
            Allocation.site_id == site,
            Allocation.state == "ALLOCATED",
            true() if only is None else only,
        )
        .order_by(Allocation.ordered_at, Allocation.order_id, Allocation.line_no, Allocation.id)
        .limit(room)
        .with_for_update(skip_locked=True)
    )
    allocations = session.scalars(query).all()
    if not allocations:
        return 0
    pinned = _pin(session, site, allocations, now)
    return len(pinned)


def _pin(
    session: Session, site: SiteId, allocations: Sequence[Allocation], now: datetime
) -> list[Allocation]:
    """Choose a place for each; what does not fit into one place becomes an allocation more."""
    skus = {SkuId(allocation.sku_id) for allocation in allocations}
    places: dict[UUID, list[Pickable]] = defaultdict(list)
    for one in pickable(session, site, skus, now=now):
        places[one.sku_id].append(one)
    left = {_key(one): one.units for each in places.values() for one in each}
    advances, pinned = [], []
    for allocation in allocations:
        place = _choose(allocation.units, places[allocation.sku_id], left)
        if place is None:
            log.warning(
                "release.nowhere", allocation=str(allocation.id), sku=str(allocation.sku_id)
            )
            continue
        take = min(allocation.units, left[_key(place)])
        left[_key(place)] -= take
        advances.append(_advance(session, allocation, place, take, now))
        allocation.units = take
        allocation.state = "PINNED"
        allocation.location_id = location_id(site, place.location)
        allocation.tote = place.tote
        allocation.by_robot = place.tote is not None and place.zone == "ROBOT"
        pinned.append(allocation)
    if advances:
        ledger.advance(session, advances)
    return pinned


def _key(place: Pickable) -> Key:
    return place.sku_id, place.location_id, place.handling_unit_id, place.lot


def _choose(
    units: int,
    places: Sequence[Pickable],
    left: dict[Key, int],
) -> Pickable | None:
    """The place that has all, robots' first and the emptiest of these; else the fullest."""
    able = [place for place in places if left[_key(place)] >= units]
    if able:
        return min(able, key=lambda p: (p.zone != "ROBOT", left[_key(p)], p.location))
    some = [place for place in places if left[_key(place)] > 0]
    return max(some, key=lambda p: (left[_key(p)], p.location), default=None)


def _advance(
    session: Session,
    allocation: Allocation,
    place: Pickable,
    take: int,
    now: datetime,
) -> ledger.Advance:
    rest = allocation.units - take
    rest_id = HoldId(derive(allocation.id, "rest"))
    if rest:
        session.add(
            Allocation(
                site_id=allocation.site_id,
                id=rest_id,
                order_id=allocation.order_id,
                line_no=allocation.line_no,
                sku_id=allocation.sku_id,
                units=rest,
                state="ALLOCATED",
                ordered_at=allocation.ordered_at,
            )
        )
    return ledger.Advance(
        command_id=CommandId(derive(allocation.id, "pin")),
        site_id=SiteId(allocation.site_id),
        hold_id=HoldId(allocation.id),
        to="PINNED",
        units=take if rest else None,
        rest_hold_id=rest_id if rest else None,
        rest_state="ALLOCATED",
        location_id=place.location_id,
        handling_unit_id=place.handling_unit_id,
        lot=place.lot,
        actor="rule:release",
        occurred_at=now,
    )


def make_walks(session: Session, site: SiteId, *, now: datetime) -> int:
    """Gather pinned allocations that people walk to into tasks. Returns how many tasks."""
    query = (
        select(Allocation)
        .where(
            Allocation.site_id == site,
            Allocation.state == "PINNED",
            ~Allocation.by_robot,
            Allocation.task_id.is_(None),
        )
        .order_by(Allocation.ordered_at, Allocation.order_id, Allocation.line_no, Allocation.id)
        .with_for_update(skip_locked=True)
    )
    allocations = session.scalars(query).all()
    orders = list(dict.fromkeys(each.order_id for each in allocations))[:ORDERS_A_BATCH_MAX]
    mine = [each for each in allocations if each.order_id in orders]
    if not mine:
        return 0
    wanted = {each.location_id for each in mine}
    found = session.scalars(
        select(Location).where(Location.site_id == site, Location.id.in_(wanted))
    )
    places = {place.id: place for place in found}
    walks = _batches(mine, orders, places)
    for walk in walks:
        _add_walk(session, site, _in_order_of_tour(walk, places), places, now)
    return len(walks)


Places = dict[UUID, Location]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def _block(places: Places) -> Block:
    aisles = max((place.aisle or 1) for place in places.values())
    bays = max((place.bay or 1) for place in places.values())
    return Block(aisles=aisles, aisle_length_m=(bays + 1) * BAY_M, aisle_pitch_m=AISLE_PITCH_M)


def _where(walk: Sequence[Allocation], places: Places) -> tuple[Ints, Floats]:
    at = [places[each.location_id] for each in walk if each.location_id]
    aisle = np.array([(place.aisle or 1) - 1 for place in at], dtype=np.int64)
    return aisle, np.array([(place.bay or 1) * BAY_M for place in at])


def _batches(
    mine: Sequence[Allocation], orders: Sequence[UUID], places: Places
) -> list[list[Allocation]]:
    aisle, depth_m = _where(mine, places)
    number = {order: at for at, order in enumerate(orders)}
    of_stop = np.array([number[each.order_id] for each in mine], dtype=np.int64)
    size = np.zeros(len(orders), dtype=np.int64)
    np.add.at(size, of_stop, np.array([each.units for each in mine], dtype=np.int64))
    problem = batching.Problem(
        block=_block(places),
        aisle=aisle,
        depth_m=depth_m,
        order_of_stop=of_stop,
        size_of_order=size,
        capacity=CART_UNITS,
    )
    batch_of_order = batching.solve(problem).plan
    walks: dict[int, list[Allocation]] = defaultdict(list)
    for each, order in zip(mine, of_stop, strict=True):
        walks[int(batch_of_order[order])].append(each)
    return list(walks.values())


def _in_order_of_tour(walk: Sequence[Allocation], places: Places) -> list[Allocation]:
    aisle, depth_m = _where(walk, places)
    tour = picktour.solve(picktour.Problem(block=_block(places), aisle=aisle, depth_m=depth_m))
    return [walk[int(stop)] for stop in tour.plan]


def _add_walk(
    session: Session, site: SiteId, walk: Sequence[Allocation], places: Places, now: datetime
) -> None:
    task_id = derive(walk[0].id, "walk")
    numbers = order_numbers(session, walk)
    items = items_of(session, [each.sku_id for each in walk])
    steps: list[Step] = []
    picks: dict[str, str] = {}
    last: UUID | None = None
    for number, each in enumerate(walk, start=1):
        assert each.location_id is not None
        if each.location_id != last:
            also = (each.tote,) if each.tote else ()
            steps.append(place_step(f"{number}.place", places[each.location_id].code, also=also))
        last = each.location_id
        step = f"{number}.item"
        facts = facts_of(numbers[each.order_id])
        steps.append(
            item_step(step, items[each.sku_id], each.units, say="pick.scan_item", facts=facts)
        )
        picks[step] = str(each.id)
        each.task_id = task_id
    first, *others = dict.fromkeys(numbers[each.order_id] for each in walk)
    title = f"{first} +{len(others)}" if others else first
    new = NewTask(
        id=task_id, site_id=site, kind="pick", title=title, steps=tuple(steps),
        plan={"picks": picks},
    )  # fmt: skip
    add_task(session, new, now=now)


def order_numbers(session: Session, allocations: Sequence[Allocation]) -> dict[UUID, str]:
    """The numbers of the orders that these stand for."""
    ids = {each.order_id for each in allocations}
    rows = session.execute(select(Order.id, Order.number).where(Order.id.in_(ids)))
    return {row.id: row.number for row in rows}
