"""A day that was played, against what the usual rules would have made of it.

    of_day(database, day)

Sourcing: the orders of the day as they were sent (done), by two usual rules, and as well as was
possible had all been known (best, with a bound), judged alike (wms.planner.report_sourcing).
Picking, by site: the walks that batching and exact tours make, and those of orders in turn on
carts of the same size, walked in S-shape. Both walk in the same house: what cross-aisles it has,
batches and tours use, and an S ends at the first that is behind all its stops.

Metres are walked, minutes also take: METRES_PER_S on the way and GRAB_S a place.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import picktour
from optimizer.scenarios_play import GRAB_S, METRES_PER_S
from wms.database import Database
from wms.ids import SiteId
from wms.orders.model import ENDED, Allocation, Order
from wms.outbound.style import Style
from wms.outbound.walks import (
    ORDERS_A_BATCH_MAX,
    Bays,
    Stop,
    cross_bays_of,
    plan_walks,
    stop_of,
    tour_m,
    tour_of,
)
from wms.planner.report_sourcing import Sent, Weighed, of_orders
from wms.planner.snapshot import HOME_ZONE, NothingToPlan
from wms.sites import Location, Site

ORDERS_MAX = 5_000


def of_day(database: Database, day: date) -> dict[str, Any]:
    """What the day cost, and would have cost. Nothing is written.

    Raises:
        NothingToPlan: nobody ordered anything that day.
    """
    start = datetime.combine(day, time(), HOME_ZONE)
    end = start + timedelta(days=1)

    def read(session: Session) -> tuple[Weighed, list[dict[str, Any]]]:
        orders = session.scalars(
            select(Order)
            .where(Order.recorded_at >= start, Order.recorded_at < end)
            .where(Order.kind == "CUSTOMER", Order.fulfilment == "DELIVERY")
            .order_by(Order.recorded_at, Order.id)
            .limit(ORDERS_MAX)
        ).all()
        there = _allocations(session, [order.id for order in orders])
        weighed = of_orders(session, orders, _sent(there), now=end)
        if not weighed.facts.demands:
            raise NothingToPlan(f"no orders on {day}")
        return weighed, _picking(session, there)

    weighed, picking = database.run(read)
    sides, bound = weighed.figures()
    orders = {demand.order_id for demand in weighed.facts.demands}
    return {
        "day": day.isoformat(), "orders": len(orders), "picking": picking,
        "sourcing": sides, "bound_minor": bound,
    }  # fmt: skip


def _allocations(session: Session, orders: Sequence[UUID]) -> Sequence[Allocation]:
    query = select(Allocation).where(
        Allocation.order_id.in_(orders), Allocation.state.not_in((*ENDED, "HELD"))
    )
    return session.scalars(query.order_by(Allocation.ordered_at, Allocation.id)).all()


def _sent(there: Sequence[Allocation]) -> Sent:
    sent: dict[tuple[UUID, UUID, UUID], int] = defaultdict(int)
    for each in there:
        sent[each.order_id, each.sku_id, each.site_id] += each.units
    return sent


def _picking(session: Session, there: Sequence[Allocation]) -> list[dict[str, Any]]:
    """Of each site where people walked: metres and minutes both ways."""
    walked = [each for each in there if each.location_id is not None and not each.by_robot]
    wanted = {each.location_id for each in walked}
    places = {
        place.id: place
        for place in session.scalars(select(Location).where(Location.id.in_(wanted)))
        if place.aisle is not None and place.bay is not None
    }
    stops: dict[UUID, list[Stop]] = defaultdict(list)
    for each in walked:
        if each.location_id in places:
            stops[each.site_id].append(stop_of(each, places))
    codes = {row.id: row.code for row in session.execute(select(Site.id, Site.code))}
    return [
        _both_ways(codes[site], found, cross_bays_of(session, SiteId(site)))
        for site, found in sorted(stops.items(), key=lambda item: codes[item[0]])
    ]


def _both_ways(site: str, stops: Sequence[Stop], cross_bays: Bays) -> dict[str, Any]:
    done, rules = _batched_m(stops, cross_bays), _in_turn_m(stops, cross_bays)
    return {
        "site": site, "lines": len(stops), "orders": len({stop.order_id for stop in stops}),
        "done": _minutes(done, stops), "rules": _minutes(rules, stops),
    }  # fmt: skip


def _minutes(walks_m: Sequence[float], stops: Sequence[Stop]) -> dict[str, float]:
    metres = sum(walks_m)
    minutes = (metres / METRES_PER_S + GRAB_S * len(stops)) / 60
    return {"walks": len(walks_m), "metres": round(metres, 1), "minutes": round(minutes, 1)}


def _batched_m(stops: Sequence[Stop], cross_bays: Bays) -> list[float]:
    orders = list(dict.fromkeys(stop.order_id for stop in stops))
    found = []
    for start in range(0, len(orders), ORDERS_A_BATCH_MAX):
        mine = set(orders[start : start + ORDERS_A_BATCH_MAX])
        some = [stop for stop in stops if stop.order_id in mine]
        found += [tour_m(walk, cross_bays) for walk in plan_walks(some, Style(), cross_bays)]
    return found


def _in_turn_m(stops: Sequence[Stop], cross_bays: Bays) -> list[float]:
    """Orders as they came, until the cart is full; down one aisle and up the next."""
    style, walks, units = Style(), [list[Stop]()], 0
    by_order: dict[UUID, list[Stop]] = defaultdict(list)
    for stop in stops:
        by_order[stop.order_id].append(stop)
    held = 0
    for order in by_order.values():
        size = sum(stop.units for stop in order)
        if walks[-1] and (units + size > style.units_max or held == style.orders_max):
            walks.append([])
            units = held = 0
        walks[-1] += order
        units, held = units + size, held + 1
    return [_s_shape_m(walk, cross_bays) for walk in walks if walk]


def _s_shape_m(walk: Sequence[Stop], cross_bays: Bays) -> float:
    tour = tour_of(walk, cross_bays)
    return picktour.s_shape_length_m(replace(tour, block=replace(tour.block, cross_aisles_m=())))
