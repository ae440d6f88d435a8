"""Walks: which pinned lines are picked in one go, and the way round. Each becomes a packet.

Lines that were released alike (channel, wave, style) are gathered; which orders go together is
`optimizer.batching`, the way round `optimizer.picktour`, or the turns that somebody laid down
(`pick_seq`). An order that is passed on from zone to zone has one walk at a time: the next zone's
is made when its tote has come.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from optimizer import batching, picktour
from optimizer.layout import Block
from optimizer.result import Limits
from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.pick_packet import Walk, add_walk
from wms.outbound.style import PickLine, Style, style_of
from wms.sites import Location, Site
from wms.work.model import Task

ORDERS_A_BATCH_MAX = 100  # orders weighed together
LOOKED_FOR = Limits(seconds=0.5, iterations=200)  # the iterations are what ends it, with numba
AISLE_PITCH_M, BAY_M = 3.0, 1.2

Places: TypeAlias = dict[UUID, Location]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bays: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Units of an order to be taken from a place: all that choosing a way needs to know."""

    id: UUID
    order_id: UUID
    units: int
    aisle: int
    bay: int
    zone: str = ""
    turn: int = 0


def make_walks(
    session: Session, site: SiteId, *, now: datetime, limits: Limits = LOOKED_FOR
) -> int:
    """Gather pinned allocations that people walk to into tasks. Returns how many tasks.

    `limits` are of each group that is batched; with no seconds batches are by savings alone.
    """
    query = (
        select(Allocation, PickLine)
        .outerjoin(
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        )
        .where(
            Allocation.site_id == site,
            Allocation.state == "PINNED",
            ~Allocation.by_robot,
            Allocation.task_id.is_(None),
        )
        .order_by(Allocation.ordered_at, Allocation.order_id, Allocation.line_no, Allocation.id)
        .with_for_update(of=Allocation, skip_locked=True)
    )
    groups: dict[Hashable, list[tuple[Allocation, PickLine | None]]] = defaultdict(list)
    for each, line in session.execute(query):
        groups[_alike(line)].append((each, line))
    if not groups:
        return 0
    cross_bays = cross_bays_of(session, site)
    return sum(_make(session, site, group, (cross_bays, limits), now) for group in groups.values())


def cross_bays_of(session: Session, site: SiteId) -> Bays:
    """The bays of a site behind which one can walk across to the next aisle; the last is its back.

    Behind the last bay that people walk to there is always a way.
    """
    bays = {int(bay) for bay in session.get_one(Site, site).cross_bays.split()}
    back = session.scalar(
        select(func.max(Location.bay)).where(
            Location.site_id == site, Location.aisle.is_not(None), Location.zone != "ROBOT"
        )
    )
    return tuple(sorted(bays | ({back} if back else set())))


def plan_walks(
    stops: Sequence[Stop], style: Style, cross_bays: Bays = (), limits: Limits = LOOKED_FOR
) -> list[list[Stop]]:
    """The walks of stops that are picked alike, each in the order of its tour."""
    if not stops:
        return []
    parts = _parts(stops, style)
    walks = [walk for part in parts for walk in _batches(part, style, cross_bays, limits)]
    return [_in_order_of_tour(walk, cross_bays) for walk in walks]


def tour_m(walk: Sequence[Stop], cross_bays: Bays = ()) -> float:
    """How long the way round is, in metres."""
    return picktour.length_m(tour_of(walk, cross_bays))


def _alike(line: PickLine | None) -> Hashable:
    if line is None:
        return None
    return line.wave_id, line.channel, tuple(sorted(line.style.items()))


def _make(
    session: Session,
    site: SiteId,
    group: Sequence[tuple[Allocation, PickLine | None]],
    how: tuple[Bays, Limits],
    now: datetime,
) -> int:
    style = style_of(group[0][1])
    orders = list(dict.fromkeys(each.order_id for each, _ in group))[:ORDERS_A_BATCH_MAX]
    if style.mode == "PASS":
        busy = _passing(session, site, orders)
        orders = [order for order in orders if order not in busy]
    mine = {each.id: each for each, _ in group if each.order_id in orders}
    if not mine:
        return 0
    lines = {each.id: line for each, line in group if line is not None}
    wanted = {each.location_id for each in mine.values()}
    found = session.scalars(
        select(Location).where(Location.site_id == site, Location.id.in_(wanted))
    )
    places = {place.id: place for place in found}
    walks = plan_walks([stop_of(each, places) for each in mine.values()], style, *how)
    for stops in walks:
        goods = tuple(mine[stop.id] for stop in stops)
        walk = Walk(site_id=site, goods=goods, style=style, places=places, lines=lines)
        add_walk(session, walk, now=now)
    return len(walks)


def stop_of(each: Allocation, places: Places) -> Stop:
    """Where goods are taken from."""
    assert each.location_id is not None
    place = places[each.location_id]
    return Stop(
        each.id, each.order_id, each.units, place.aisle or 1, place.bay or 1, place.zone,
        place.pick_seq,
    )  # fmt: skip


def _passing(session: Session, site: UUID, orders: Sequence[UUID]) -> set[UUID]:
    """Those of the orders whose tote is in a zone now."""
    query = (
        select(Allocation.order_id)
        .join(Task, (Task.site_id == Allocation.site_id) & (Task.id == Allocation.task_id))
        .where(
            Allocation.site_id == site,
            Allocation.order_id.in_(orders),
            Allocation.state == "PINNED",
            Task.state != "DONE",
            Task.plan["mode"].astext == "PASS",
        )
    )
    return set(session.scalars(query))


def _parts(stops: Sequence[Stop], style: Style) -> list[list[Stop]]:
    """What may not be in one walk with each other is apart."""
    parts: dict[Hashable, list[Stop]] = defaultdict(list)
    for stop in stops:
        match style.mode:
            case "SINGLE":
                parts[stop.order_id].append(stop)
            case "ZONE":
                parts[stop.zone].append(stop)
            case "PASS":
                parts[stop.order_id].append(stop)
            case _:
                parts[None].append(stop)
    if style.mode == "PASS":  # the first zone only
        return [
            [stop for stop in part if stop.zone == min(each.zone for each in part)]
            for part in parts.values()
        ]
    return list(parts.values())


def _batches(
    part: Sequence[Stop], style: Style, cross_bays: Bays, limits: Limits
) -> list[list[Stop]]:
    if style.mode in {"SINGLE", "PASS"}:
        return [list(part)]
    aisle, depth_m = _where(part)
    number: dict[UUID, int] = {}
    for stop in part:
        number.setdefault(stop.order_id, len(number))
    of_stop = np.array([number[stop.order_id] for stop in part], dtype=np.int64)
    size = np.zeros(len(number), dtype=np.int64)
    np.add.at(size, of_stop, np.array([stop.units for stop in part], dtype=np.int64))
    problem = batching.Problem(
        block=_block(part, _few(part, cross_bays)),
        aisle=aisle,
        depth_m=depth_m,
        order_of_stop=of_stop,
        size_of_order=size,
        capacity=style.units_max,
        orders_max=style.orders_max,
    )
    batch_of_order = batching.solve(problem, limits=limits).plan
    walks: dict[int, list[Stop]] = defaultdict(list)
    for stop, order in zip(part, of_stop, strict=True):
        walks[int(batch_of_order[order])].append(stop)
    return list(walks.values())


def _in_order_of_tour(walk: Sequence[Stop], cross_bays: Bays) -> list[Stop]:
    if all(stop.turn > 0 for stop in walk):
        return sorted(walk, key=lambda stop: (stop.turn, stop.aisle, stop.bay))
    return [walk[int(stop)] for stop in picktour.solve(tour_of(walk, cross_bays)).plan]


def tour_of(walk: Sequence[Stop], cross_bays: Bays) -> picktour.Problem:
    """The way through these stops as a problem; its stops are numbered as they are here."""
    aisle, depth_m = _where(walk)
    return picktour.Problem(block=_block(walk, cross_bays), aisle=aisle, depth_m=depth_m)


def _block(stops: Sequence[Stop], cross_bays: Bays) -> Block:
    """The aisles up to the first cross-aisle behind all stops: nobody goes further.

    Where none is known it is behind the last of them.
    """
    last = max(stop.bay for stop in stops)
    behind = [bay + 0.5 for bay in cross_bays if bay >= last]
    return Block(
        aisles=max(stop.aisle for stop in stops),
        aisle_length_m=(behind[0] if behind else last + 1) * BAY_M,
        aisle_pitch_m=AISLE_PITCH_M,
        cross_aisles_m=tuple((bay + 0.5) * BAY_M for bay in cross_bays if bay < last),
    )


def _few(stops: Sequence[Stop], cross_bays: Bays) -> Bays:
    """The one in the middle, which tells what lies together, and the one behind all stops."""
    last = max(stop.bay for stop in stops)
    between = [bay for bay in cross_bays if bay < last]
    behind = [bay for bay in cross_bays if bay >= last]
    return (*between[len(between) // 2 :][:1], *behind[:1])


def _where(stops: Sequence[Stop]) -> tuple[Ints, Floats]:
    aisle = np.array([stop.aisle - 1 for stop in stops], dtype=np.int64)
    return aisle, np.array([stop.bay * BAY_M for stop in stops])
