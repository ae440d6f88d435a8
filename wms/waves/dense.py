"""Dense waves: of a backlog the orders that are picked from the fewest aisles (optimizer.waves).

What is past its time, or will be soon, is in the wave whatever it costs; the rest is chosen with
the aisles it is taken from, and bound to places in these. A line that robots bring enters no aisle.
Goods with a date are taken from where the first to expire lies, so that the choice of aisles does
not overrule that rule. Where nothing is found orders go in their turn.

Law: the search has no session. It takes seconds, and whoever picks would wait for its locks.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from optimizer import waves
from optimizer.result import Limits, Progress, Status, unheard
from wms.ids import SiteId
from wms.orders.model import Allocation, Order
from wms.outbound.bind import Binding, Spot, is_fit
from wms.outbound.release import Stock, shelf_lives, stock_for, take
from wms.waves.choice import Aisle, Dense
from wms.waves.plan import Template, gather

BACKLOG_LINES = 20_000  # that are looked at
LOOKED_FOR = Limits(seconds=2.0, iterations=4_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is waiting, read: all that the choice needs, so that it is made without the database.

    Attributes:
        goods: all that is looked at, in turn; `rest` is what may be passed over.
        urgent: orders that go whatever it costs, `urgent_units` of them, from aisles `entered`.
        numbers, names: which order and aisle each number of the problem is.
        stock: where goods lie, before anything is given out.
    """

    problem: waves.Problem | None
    numbers: Sequence[UUID]
    names: Sequence[Aisle]
    goods: Sequence[Allocation]
    rest: Sequence[Allocation]
    urgent: frozenset[UUID]
    urgent_units: int
    entered: frozenset[Aisle]
    room: int
    stock: Stock
    binding: Binding


def backlog_of(
    session: Session,
    site: SiteId,
    template: Template,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
) -> Backlog:
    """What a dense wave is chosen from."""
    everything = replace(template, orders_max=BACKLOG_LINES, lines_max=BACKLOG_LINES)
    goods = gather(session, site, everything, now=now, only=only)
    skus = {each.sku_id for each in goods}
    stock = stock_for(session, site, skus, template.binding, now)
    lives = shelf_lives(session, template.how(site), goods)
    soon = select(Order.id).where(
        Order.id.in_({each.order_id for each in goods}),
        Order.promised_by < now + timedelta(minutes=template.hurry_min),
    )
    urgent = _first(goods, set(session.scalars(soon)), template)
    fits = replace(template.binding, min_life=max([template.binding.min_life, *lives.values()]))
    must = [each for each in goods if each.order_id in urgent]
    used = take(must, stock, template.binding, lives, None).pinned
    entered = {_aisle(choice.spot) for _, choice in used}
    rest = [each for each in goods if each.order_id not in urgent]
    units = sum(choice.units for _, choice in used)
    most = (template.units_max or template.lines_max) - units
    problem, numbers, names = _problem(rest, _places(rest, stock, fits), most, template.units_min)
    return Backlog(
        problem=problem,
        numbers=numbers,
        names=names,
        goods=goods,
        rest=rest,
        urgent=frozenset(urgent),
        urgent_units=units,
        entered=frozenset(each for each in entered if each),
        room=template.orders_max - len(urgent),
        stock=stock_for(session, site, skus, template.binding, now),
        binding=template.binding,
    )


def densest(
    backlog: Backlog, *, limits: Limits = LOOKED_FOR, progress: Progress = unheard
) -> Dense | None:
    """The densest wave of what is waiting; None: none was found, orders go in their turn."""
    if backlog.problem is None or backlog.room <= 0:
        return None
    found = waves.solve(backlog.problem, limits=limits, progress=progress)
    if found.status is Status.INFEASIBLE or not found.plan.orders.any():
        return None
    chosen = {backlog.numbers[int(at)] for at in np.flatnonzero(found.plan.orders)[: backlog.room]}
    aisles = {backlog.names[int(at)] for at in np.flatnonzero(found.plan.aisles)} | backlog.entered
    units = sum(each.units for each in backlog.rest if each.order_id in chosen)
    units += backlog.urgent_units
    return Dense(
        orders=backlog.urgent | chosen,
        aisles=frozenset(aisles),
        urgent=len(backlog.urgent),
        units_an_aisle=units / max(1, len(aisles)),
        in_turn=_in_turn(backlog, units),
        gap=found.gap,
    )


def _first(
    goods: Sequence[Allocation], soon: Collection[UUID], template: Template
) -> dict[UUID, None]:
    """Orders that cannot wait, in their turn, as many as a wave may have."""
    chosen: dict[UUID, None] = {}
    lines = 0
    for each in goods:
        if each.order_id not in soon:
            continue
        if lines == template.lines_max or len(chosen) == template.orders_max:
            break
        chosen[each.order_id] = None
        lines += 1
    return chosen


def _aisle(spot: Spot) -> Aisle | None:
    """None: nobody walks there."""
    return None if spot.zone == "ROBOT" else (spot.zone, spot.way[1])


def _places(
    goods: Sequence[Allocation], stock: Stock, binding: Any
) -> Mapping[UUID, list[tuple[Aisle | None, int]]]:
    """Where the goods may be taken from: aisles and units."""
    places: dict[UUID, list[tuple[Aisle | None, int]]] = {}
    for sku in {each.sku_id for each in goods}:
        able = [
            spot for spot in stock.spots.get(sku, ())
            if stock.left[spot.key] > 0 and is_fit(spot, binding, stock.today)
        ]  # fmt: skip
        dates = [spot.expires_on for spot in able if spot.expires_on]
        first = min(dates, default=None)
        places[sku] = [
            (_aisle(spot), stock.left[spot.key]) for spot in able if spot.expires_on == first
        ]
    return places


def _problem(
    goods: Sequence[Allocation],
    places: Mapping[UUID, list[tuple[Aisle | None, int]]],
    most: int,
    least: int,
) -> tuple[waves.Problem | None, list[UUID], list[Aisle]]:
    """The problem, whose order each number is, and which aisle. None: nothing to choose."""
    brought = {sku for sku, there in places.items() if any(at is None for at, _ in there)}
    lines: dict[UUID, list[Allocation]] = defaultdict(list)
    for each in goods:
        if each.sku_id not in brought:
            lines[each.order_id].append(each)
    numbers = list(lines)
    names = sorted({at for there in places.values() for at, _ in there if at is not None})
    skus = {sku: at for at, sku in enumerate(sorted(places))}
    number_of = {name: at for at, name in enumerate(names)}
    rows = [
        (at, skus[each.sku_id], each.units)
        for at, order in enumerate(numbers)
        for each in lines[order]
    ]
    held = [
        (number_of[at], skus[sku], units)
        for sku, there in places.items()
        for at, units in there
        if at is not None
    ]
    wanted = sum(units for _, _, units in rows)
    if not rows or not held or most <= 0:
        return None, numbers, names
    line, stock = np.array(rows, dtype=np.int64).T, np.array(held, dtype=np.int64).T
    problem = waves.Problem(
        order_of_line=line[0], sku_of_line=line[1], units_of_line=line[2],
        aisle_of_stock=stock[0], sku_of_stock=stock[1], units_of_stock=stock[2],
        orders=len(numbers), aisles=len(names),
        least=min(most, least or min(most, wanted) // 2), most=most,
    )  # fmt: skip
    return problem, numbers, names


def _in_turn(backlog: Backlog, units: int) -> float:
    """Units for each aisle of the first orders that have so many units together."""
    first: list[Allocation] = []
    wanted = 0
    for each in backlog.goods:
        if wanted >= units:
            break
        first.append(each)
        wanted += each.units
    pinned = take(first, backlog.stock, backlog.binding, {}, None).pinned
    aisles = {_aisle(choice.spot) for _, choice in pinned} - {None}
    return sum(choice.units for _, choice in pinned) / max(1, len(aisles))
