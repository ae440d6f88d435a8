"""Plan: what a wave would take, from where, in which walks: for its simulation, changing nothing.

The same rules bind, batch and tour as when it is released; only nothing is written.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from wms.ids import SiteId
from wms.orders.model import Allocation
from wms.outbound.bind import DEFAULT, Binding, Choice
from wms.outbound.release import BY_TURN, Ordered, shelf_lives, stock_for, take, units_of
from wms.outbound.steps import serial_skus
from wms.outbound.style import Release, Style
from wms.outbound.walks import Bays, Stop, cross_bays_of, plan_walks, tour_m
from wms.waves import forecast
from wms.waves.which import Which, condition
from wms.work.model import Task

STEP_S = 6.0  # of work that is in the pool already, for each step of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Which orders, at most how many, how they are picked, until when, and by how many people.

    `choose`: orders in their TURN, or those that are DENSE: most units for each aisle entered. Of
    these `units_min` to `units_max` units (0: as many as there may be lines, and at least half of
    that); what is promised within `hurry_min` minutes is not passed over.
    """

    which: Which = field(default_factory=Which)
    style: Style = field(default_factory=Style)
    binding: Binding = DEFAULT
    shelf_life: Mapping[str, int] = field(default_factory=dict)
    orders_max: int = 200
    lines_max: int = 1000
    choose: Literal["TURN", "DENSE"] = "TURN"
    units_min: int = 0
    units_max: int = 0
    hurry_min: int = 60
    cut_off_at: datetime | None = None
    pickers: int = 4
    sorters: int = 1
    packers: int = 2

    def how(self, wave_id: UUID, aisles: frozenset[tuple[str, int]] = frozenset()) -> Release:
        """How what it releases is bound and picked."""
        return Release(
            style=self.style,
            binding=self.binding,
            shelf_life=self.shelf_life,
            wave_id=wave_id,
            aisles=aisles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a wave would take: the walks, the totes, and of which lines nothing is there."""

    problem: forecast.Problem
    lines: int
    units: int
    orders: int
    aisles: int
    short: tuple[dict[str, Any], ...]


def gather(
    session: Session,
    site: SiteId,
    template: Template,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
    lock: bool = False,
) -> list[Allocation]:
    """What the wave takes, in the order in which it is bound.

    What is past its time goes first, whatever the template says, so that a later order of its
    class does not overtake it.
    """
    base = and_(
        Allocation.site_id == site,
        Allocation.state == "ALLOCATED",
        true() if only is None else only,
    )
    fits = condition(session, site, template.which, now=now)
    wanted = select(Ordered.priority).join(Allocation, Ordered.id == Allocation.order_id)
    classes = set(session.scalars(wanted.where(base, fits).distinct()))
    overdue = and_(Ordered.promised_by < now, Ordered.priority.in_(classes))
    query = (
        select(Allocation)
        .join(Ordered, Ordered.id == Allocation.order_id)
        .where(base, or_(fits, overdue))
        .order_by(*BY_TURN)
        .limit(template.lines_max)
    )
    if lock:
        query = query.with_for_update(of=Allocation, skip_locked=True)
    found = session.scalars(query).all()
    orders = set(list(dict.fromkeys(each.order_id for each in found))[: template.orders_max])
    return [each for each in found if each.order_id in orders]


def plan(
    session: Session,
    site: SiteId,
    template: Template,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
    aisles: frozenset[tuple[str, int]] = frozenset(),
) -> Plan:
    """What would become of the wave if it were released now."""
    goods = gather(session, site, template, now=now, only=only)
    stock = stock_for(session, site, {each.sku_id for each in goods}, template.binding, now)
    how = template.how(site, aisles)
    stock.keep_to(how.aisles, units_of(goods))
    lives = shelf_lives(session, how, goods)
    taken = take(goods, stock, template.binding, lives, None)
    by_serial = serial_skus(session, [each.sku_id for each in goods])
    serial = {each.id for each in goods if each.sku_id in by_serial}
    robot = [one for one in taken.pinned if one[1].spot.zone == "ROBOT" and one[1].spot.key[2]]
    robots_ids = {each.id for each, _ in robot}
    on_foot = [one for one in taken.pinned if one[0].id not in robots_ids]
    problem = forecast.Problem(
        walks=tuple(_walks(_stops(on_foot), template.style, serial, cross_bays_of(session, site))),
        totes=tuple(_totes(robot)),
        due_s=_due(session, goods, template, now),
        into_totes=template.style.has_totes,
        sorted_later=template.style.mode == "PUT_WALL",
        pickers=template.pickers,
        sorters=template.sorters,
        packers=template.packers,
        busy_s=_busy_s(session, site) / max(1, template.pickers),
    )
    return Plan(
        problem=problem,
        lines=len(taken.pinned),
        units=sum(choice.units for _, choice in taken.pinned),
        orders=len({each.order_id for each, _ in taken.pinned}),
        aisles=len({(choice.spot.zone, choice.spot.way[1]) for _, choice in on_foot}),
        short=tuple(_short(taken.nowhere, taken.pinned)),
    )


def _short(
    nowhere: Sequence[Allocation], pinned: Sequence[tuple[Allocation, Choice]]
) -> list[dict[str, Any]]:
    """Lines of which there is nothing to take, or less than wanted in one place."""
    missing = [(each, each.units) for each in nowhere]
    missing += [(e, e.units - choice.units) for e, choice in pinned if choice.units < e.units]
    return [
        {"order": str(each.order_id), "line": each.line_no, "units": units}
        for each, units in missing
    ]


def _stops(taken: Sequence[tuple[Allocation, Choice]]) -> list[Stop]:
    return [
        Stop(
            id=each.id,
            order_id=each.order_id,
            units=choice.units,
            aisle=choice.spot.way[1] or 1,
            bay=choice.spot.way[2] or 1,
            zone=choice.spot.zone,
            turn=choice.spot.way[0],
        )
        for each, choice in taken
    ]


def _walks(
    stops: Sequence[Stop], style: Style, serial: set[UUID], cross_bays: Bays
) -> list[forecast.Walk]:
    """The walks; of an order that is passed on, one zone after the other."""
    walks: list[forecast.Walk] = []
    last: dict[UUID, int] = {}  # by order: its walk before
    left = list(stops)
    while left:
        planned = plan_walks(left, style, cross_bays)
        done: set[UUID] = set()
        for walk in planned:
            passed = style.mode == "PASS"
            after = last.get(walk[0].order_id) if passed else None
            if passed:
                last[walk[0].order_id] = len(walks)
            visits = tuple(
                forecast.Visit(
                    order=stop.order_id,
                    aisle=stop.aisle,
                    zone=stop.zone,
                    units=stop.units,
                    by_serial=stop.id in serial,
                )
                for stop in walk
            )
            metres = tour_m(walk, cross_bays)
            walks.append(forecast.Walk(visits=visits, metres=metres, after=after))
            done |= {stop.id for stop in walk}
        left = [stop for stop in left if stop.id not in done]
    return walks


def _totes(robot: Sequence[tuple[Allocation, Choice]]) -> list[forecast.Tote]:
    by_tote: dict[UUID | None, list[forecast.Visit]] = defaultdict(list)
    for each, choice in robot:
        by_tote[choice.spot.key[2]].append(
            forecast.Visit(order=each.order_id, aisle=0, zone="ROBOT", units=choice.units)
        )
    return [forecast.Tote(visits=tuple(visits)) for visits in by_tote.values()]


def _due(
    session: Session, goods: Sequence[Allocation], template: Template, now: datetime
) -> dict[UUID, float]:
    """Until when each order must be packed, in seconds from now."""
    ids = {each.order_id for each in goods}
    if template.cut_off_at is not None:
        return dict.fromkeys(ids, (template.cut_off_at - now).total_seconds())
    query = select(Ordered.id, Ordered.promised_by).where(
        Ordered.id.in_(ids), Ordered.promised_by.is_not(None)
    )
    return {order: (by - now).total_seconds() for order, by in session.execute(query) if by}


def _busy_s(session: Session, site: SiteId) -> float:
    """How long the picks that are in the pool already will take one person."""
    progress = Task.packet["progress"]
    steps = func.sum(progress["total"].as_integer() - progress["done"].as_integer())
    query = select(steps).where(
        Task.site_id == site, Task.kind == "pick", Task.state.in_(("OPEN", "LEASED"))
    )
    return float(session.scalar(query) or 0) * STEP_S
