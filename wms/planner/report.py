"""A day that was played, against what the usual rules would have made of it.

    of_day(database, day)

Sourcing: the orders of the day, on the stock that they found, sent as they were (done), from the
nearest site that has all (rules), and as well as was possible had all been known (best, with a
bound); all three at the same costs, those of a snapshot. Picking, by site: the walks that batching
and exact tours make, and those of orders in turn on carts of the same size, walked in S-shape.

Metres are walked, minutes also take: METRES_PER_S on the way and GRAB_S a place.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import picktour, sourcing
from optimizer.layout import Block
from optimizer.result import Limits
from optimizer.scenarios import Snapshot
from optimizer.scenarios_play import GRAB_S, METRES_PER_S, Network
from optimizer.scenarios_whole import floor_of
from optimizer.sourcing_problem import Ints, Problem
from optimizer.sourcing_rules import by_rank
from wms.database import Database
from wms.orders.model import ENDED, Allocation, Order
from wms.outbound.style import Style
from wms.outbound.walks import (
    AISLE_PITCH_M,
    BAY_M,
    ORDERS_A_BATCH_MAX,
    Stop,
    plan_walks,
    stop_of,
    tour_m,
)
from wms.planner.snapshot import HOME_ZONE, NothingToPlan, Wanted, freeze, lines_of
from wms.sites import Location, Site

STEPS = 2_000
ORDERS_MAX = 5_000
Sent = dict[tuple[int, str, str], int]  # (number of the order, SKU, site): units


def of_day(database: Database, day: date) -> dict[str, Any]:
    """What the day cost, and would have cost. Nothing is written.

    Raises:
        NothingToPlan: nobody ordered anything that day.
    """
    start = datetime.combine(day, time(), HOME_ZONE)
    end = start + timedelta(days=1)

    def read(session: Session) -> tuple[Snapshot, Sent, list[dict[str, Any]]]:
        orders = session.scalars(
            select(Order)
            .where(Order.recorded_at >= start, Order.recorded_at < end)
            .where(Order.kind == "CUSTOMER", Order.fulfilment == "DELIVERY")
            .order_by(Order.placed_at, Order.id)
            .limit(ORDERS_MAX)
        ).all()
        lines = lines_of(session, [order.id for order in orders])
        known = [order for order in orders if lines.get(order.id)]
        if not known:
            raise NothingToPlan(f"no orders on {day}")
        wanted = Wanted(name="report")
        snapshot, _, _ = freeze(session, wanted, known, now=end)
        places = {order.id: number for number, order in enumerate(known)}
        there = _allocations(session, list(places))
        sent = _sent(session, there, places, snapshot)
        return snapshot, sent, _picking(session, there)

    snapshot, sent, picking = database.run(read)
    return {"day": day.isoformat(), "orders": len(snapshot.orders), "picking": picking} | _sourcing(
        snapshot, sent
    )


def _allocations(session: Session, orders: Sequence[UUID]) -> Sequence[Allocation]:
    query = select(Allocation).where(
        Allocation.order_id.in_(orders), Allocation.state.not_in((*ENDED, "HELD"))
    )
    return session.scalars(query.order_by(Allocation.ordered_at, Allocation.id)).all()


def _sent(
    session: Session,
    there: Sequence[Allocation],
    places: Mapping[UUID, int],
    snapshot: Snapshot,
) -> Sent:
    codes = {row.id: row.code for row in session.execute(select(Site.id, Site.code))}
    lines = lines_of(session, list(places))
    sku_code = {sku: code for of_order in lines.values() for sku, code, _ in of_order}
    nodes = {node.code for node in snapshot.nodes}
    sent: Sent = defaultdict(int)
    for each in there:
        site, sku = codes[each.site_id], sku_code.get(each.sku_id)
        if site in nodes and sku is not None:
            sent[places[each.order_id], sku, site] += each.units
    return sent


def _sourcing(snapshot: Snapshot, sent: Sent) -> dict[str, Any]:
    network = Network(snapshot)
    orders = list(snapshot.orders)
    stock = network.stock.copy()
    for (_, sku, site), units in sent.items():  # what these orders took was there for them
        stock[network.node_at[site], network.sku_at[sku]] += units
    ways = [network.ways(order) for order in orders]
    problem, skus = network.problem(orders, ways, (stock, network.room))
    to = np.array([network.region_at[order.region] for order in orders])
    best = sourcing.solve(problem, limits=Limits(iterations=STEPS))
    bounds = [each for each in (best.bound, floor_of(problem)) if each is not None]
    return {
        "sourcing": {
            "done": _figures(problem, _done(network, problem, skus, sent)),
            "rules": _figures(problem, by_rank(problem, network.km[:, to].T)),
            "best": _figures(problem, best.plan),
        },
        "bound_minor": round(max(bounds), 2) if bounds else None,
    }


def _done(network: Network, problem: Problem, skus: Ints, sent: Sent) -> Ints:
    """What was sent as a plan (l, n); a line of which some is missing counts as not sent."""
    codes = sorted(network.of.goods)
    plan = np.zeros((problem.units.size, len(network.nodes)), dtype=np.int64)
    for line in range(problem.units.size):
        sku = codes[int(skus[problem.sku_of_line[line]])]
        left = int(problem.units[line])
        for node, at in network.node_at.items():
            take = min(left, sent.get((int(problem.order_of_line[line]), sku, node), 0))
            plan[line, at] = take
            left -= take
        if left:
            plan[line] = 0
    return plan


def _figures(problem: Problem, plan: Ints) -> dict[str, float]:
    terms = sourcing.cost_terms(problem, plan)
    opened = np.zeros((problem.parcel_cost.shape[0], plan.shape[1]), dtype=bool)
    np.logical_or.at(opened, problem.order_of_line, plan > 0)
    return {
        "cost_minor": round(sum(terms.values()), 2),
        "splits": int((opened.sum(axis=1) > 1).sum()),
        "parcels": int(opened.sum()),
        "short_units": int(problem.units.sum() - plan.sum()),
    }


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
        {"site": codes[site], "lines": len(found), "orders": len({s.order_id for s in found}),
         "done": _minutes(_batched_m(found), found), "rules": _minutes(_in_turn_m(found), found)}
        for site, found in sorted(stops.items(), key=lambda item: codes[item[0]])
    ]  # fmt: skip


def _minutes(walks_m: Sequence[float], stops: Sequence[Stop]) -> dict[str, float]:
    metres = sum(walks_m)
    minutes = (metres / METRES_PER_S + GRAB_S * len(stops)) / 60
    return {"walks": len(walks_m), "metres": round(metres, 1), "minutes": round(minutes, 1)}


def _batched_m(stops: Sequence[Stop]) -> list[float]:
    orders = list(dict.fromkeys(stop.order_id for stop in stops))
    found = []
    for start in range(0, len(orders), ORDERS_A_BATCH_MAX):
        mine = set(orders[start : start + ORDERS_A_BATCH_MAX])
        walks = plan_walks([stop for stop in stops if stop.order_id in mine], Style())
        found += [tour_m(walk) for walk in walks]
    return found


def _in_turn_m(stops: Sequence[Stop]) -> list[float]:
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
    return [_s_shape_m(walk) for walk in walks if walk]


def _s_shape_m(walk: Sequence[Stop]) -> float:
    block = Block(
        aisles=max(stop.aisle for stop in walk),
        aisle_length_m=(max(stop.bay for stop in walk) + 1) * BAY_M,
        aisle_pitch_m=AISLE_PITCH_M,
    )
    aisle = np.array([stop.aisle - 1 for stop in walk], dtype=np.int64)
    depth_m = np.array([stop.bay * BAY_M for stop in walk])
    return picktour.s_shape_length_m(picktour.Problem(block=block, aisle=aisle, depth_m=depth_m))
