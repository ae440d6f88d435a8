"""Dense waves: of a backlog the orders that are picked from the fewest aisles (optimizer.waves).

What is past its time, or will be soon, is in the wave whatever it costs; the rest is chosen with
the aisles it is taken from, and bound to places in these. A line that robots bring enters no aisle.
Goods with a date are taken from where the first to expire lies, so that the choice of aisles does
not overrule that rule. Where nothing is found, or no time is given, orders go in their turn.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from optimizer import waves
from optimizer.result import Limits, Status
from wms.ids import SiteId
from wms.orders.model import Allocation, Order
from wms.outbound.bind import Spot, is_fit
from wms.outbound.release import Stock, shelf_lives, stock_for, take
from wms.waves.plan import Template, gather

Aisle: TypeAlias = tuple[str, int]  # zone and number
BACKLOG_LINES = 20_000  # that are looked at
LOOKED_FOR = Limits(seconds=2.0, iterations=4_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Which orders, from which aisles; and how good that is known to be.

    Attributes:
        urgent: how many of the orders were not chosen but had to be.
        units_an_aisle, in_turn: of this wave, and of one of as many units that goes in turn.
        gap: the share by which a better wave might be denser; none where nothing was chosen.
    """

    orders: frozenset[UUID]
    aisles: frozenset[Aisle]
    urgent: int
    units_an_aisle: float
    in_turn: float
    gap: float | None

    def facts(self) -> dict[str, Any]:
        """For the forecast that is kept."""
        return {
            "aisles": len(self.aisles),
            "urgent": self.urgent,
            "units_an_aisle": round(self.units_an_aisle, 2),
            "in_turn": round(self.in_turn, 2),
            "gap": None if self.gap is None else round(self.gap, 4),
        }


def densest(
    session: Session,
    site: SiteId,
    template: Template,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
    limits: Limits = LOOKED_FOR,
) -> Dense | None:
    """The densest wave of what is waiting; None: it is not wanted, or none was found."""
    if template.choose != "DENSE" or not limits.seconds:
        return None
    everything = replace(template, orders_max=BACKLOG_LINES, lines_max=BACKLOG_LINES)
    goods = gather(session, site, everything, now=now, only=only)
    stock = stock_for(session, site, {each.sku_id for each in goods}, template.binding, now)
    lives = shelf_lives(session, template.how(site), goods)
    soon = select(Order.id).where(
        Order.id.in_({each.order_id for each in goods}),
        Order.promised_by < now + timedelta(minutes=template.hurry_min),
    )
    urgent = _first(goods, set(session.scalars(soon)), template)
    fits = replace(template.binding, min_life=max([template.binding.min_life, *lives.values()]))
    must = [each for each in goods if each.order_id in urgent]
    used = take(must, stock, template.binding, lives, None).pinned
    entered = {_aisle(choice.spot) for _, choice in used} - {None}
    rest = [each for each in goods if each.order_id not in urgent]
    units = sum(choice.units for _, choice in used)
    most = (template.units_max or template.lines_max) - units
    room = template.orders_max - len(urgent)
    problem, numbers, names = _problem(rest, _places(rest, stock, fits), most, template.units_min)
    if problem is None or room <= 0:
        return None
    found = waves.solve(problem, limits=limits)
    if found.status is Status.INFEASIBLE or not found.plan.orders.any():
        return None
    chosen = [numbers[at] for at in np.flatnonzero(found.plan.orders)][:room]
    aisles = {names[at] for at in np.flatnonzero(found.plan.aisles)} | {e for e in entered if e}
    units += sum(each.units for each in rest if each.order_id in set(chosen))
    return Dense(
        orders=frozenset(urgent) | frozenset(chosen),
        aisles=frozenset(aisles),
        urgent=len(urgent),
        units_an_aisle=units / max(1, len(aisles)),
        in_turn=_in_turn(session, site, template, goods, units, now),
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


def _in_turn(
    session: Session,
    site: SiteId,
    template: Template,
    goods: Sequence[Allocation],
    units: int,
    now: datetime,
) -> float:
    """Units for each aisle of the first orders that have so many units together."""
    first: list[Allocation] = []
    for each in goods:
        if sum(one.units for one in first) >= units:
            break
        first.append(each)
    stock = stock_for(session, site, {each.sku_id for each in first}, template.binding, now)
    pinned = take(first, stock, template.binding, {}, None).pinned
    aisles = {_aisle(choice.spot) for _, choice in pinned} - {None}
    return sum(choice.units for _, choice in pinned) / max(1, len(aisles))
