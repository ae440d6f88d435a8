"""Source: the held lines of many orders are given to the sites that fulfil them best.

Three steps, each a function, because the search must not run while rows are locked:

    gather(session)   the unsourced orders, the stock they may have, what each way costs
    solve(batch)      arrays to the optimizer; its plan, or the greedy one if it has none in time
    assign(session)   holds given up and taken at the chosen sites, in one posting, with a
                      decision record for each order: candidates by cost term, chosen, runner-up

Between the first and the last step the world may move. An order that changed is left out; a
group that the ledger refuses goes back to where it was held.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import sourcing
from optimizer.result import Solution
from wms.catalog import HOUSE_OWNER_ID
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.close import close_order
from wms.orders.costs import backorder_cost, parcel_cost, unit_cost
from wms.orders.model import Allocation, Decision, Order, OrderLine
from wms.orders.place import allocation_of
from wms.sites import Site
from wms.stock import availability, ledger, promises

log = structlog.get_logger(__name__)

ORDERS_MAX = 25  # of one batch: a search should take no longer than a customer's patience
BUDGET_S = 0.5
CANDIDATES_MAX = 6  # kept in the decision record


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What of one order line is held, and where."""

    order_id: UUID
    line_no: int
    sku_id: UUID
    units: int
    held: tuple[tuple[UUID, UUID, int], ...]  # site, hold, units


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a search needs, and what its numbers mean."""

    orders: tuple[UUID, ...]
    demands: tuple[Demand, ...]
    sites: tuple[UUID, ...]
    codes: tuple[str, ...]
    problem: sourcing.Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What came of a batch."""

    batch: Batch
    solution: Solution[Any]


def gather(session: Session) -> Batch | None:
    """The oldest unsourced orders with all that a decision needs; None if there are none."""
    query = select(Order).where(~Order.sourced).order_by(Order.placed_at, Order.id)
    orders = session.scalars(query.limit(ORDERS_MAX)).all()
    demands = _demands(session, [order.id for order in orders])
    orders = [order for order in orders if any(d.order_id == order.id for d in demands)]
    if not orders:
        return None
    sites = session.scalars(
        select(Site).where(Site.kind.in_(("DC", "FC", "STORE"))).order_by(Site.code)
    ).all()
    skus = sorted({demand.sku_id for demand in demands})
    stock = _stock(session, demands, [site.id for site in sites], skus)
    row = {order.id: number for number, order in enumerate(orders)}
    problem = sourcing.Problem(
        order_of_line=np.array([row[demand.order_id] for demand in demands], dtype=np.int64),
        sku_of_line=np.array([skus.index(demand.sku_id) for demand in demands], dtype=np.int64),
        units=np.array([demand.units for demand in demands], dtype=np.int64),
        stock=stock,
        parcel_cost=np.array([[parcel_cost(o, site) for site in sites] for o in orders]),
        unit_cost=np.array([[unit_cost(site) for site in sites] for _ in demands]),
        backorder_cost=np.array([backorder_cost(demand.units) for demand in demands]),
    )
    return Batch(
        orders=tuple(order.id for order in orders),
        demands=tuple(demands),
        sites=tuple(site.id for site in sites),
        codes=tuple(site.code for site in sites),
        problem=problem,
    )


def solve(batch: Batch, *, seed: int = 0) -> Sourced:
    """The best plan found in time."""
    return Sourced(
        batch=batch, solution=sourcing.solve(batch.problem, budget_s=BUDGET_S, seed=seed)
    )


def assign(session: Session, sourced: Sourced, *, now: datetime) -> int:
    """Move the holds to the chosen sites as allocations. Returns how many orders were sourced."""
    batch = sourced.batch
    query = select(Order).where(Order.id.in_(batch.orders)).order_by(Order.id)
    locked = session.scalars(query.with_for_update()).all()
    orders = {order.id: order for order in locked if not order.sourced}
    fresh = {(d.order_id, d.line_no): d for d in _demands(session, list(orders))}
    release, reserve = _postings(sourced, fresh, now)
    answers = promises.reassign(session, release, [line for _, line in reserve], now=now)
    refused = [pair for pair, answer in zip(reserve, answers, strict=True) if not answer.granted]
    gone = {advance.hold_id for advance in release}
    for allocation in session.scalars(select(Allocation).where(Allocation.id.in_(gone))):
        allocation.state = "RELEASED"
    kept = [pair for pair in reserve if pair not in refused]
    kept += _hold_again(session, refused, now)
    _store(session, orders, fresh, kept)
    for order in orders.values():
        session.add(_decision(sourced, order.id, now))
        order.sourced = True
        close_order(session, order, at=now)
    return len(orders)


def _demands(session: Session, orders: Sequence[UUID]) -> list[Demand]:
    query = (
        select(Allocation)
        .where(Allocation.order_id.in_(orders), Allocation.state == "HELD")
        .order_by(Allocation.order_id, Allocation.line_no, Allocation.site_id)
    )
    by_line: dict[tuple[UUID, int], list[Allocation]] = defaultdict(list)
    for allocation in session.scalars(query):
        by_line[allocation.order_id, allocation.line_no].append(allocation)
    return [
        Demand(
            order_id=order_id,
            line_no=line_no,
            sku_id=held[0].sku_id,
            units=sum(each.units for each in held),
            held=tuple((each.site_id, each.id, each.units) for each in held),
        )
        for (order_id, line_no), held in by_line.items()
    ]


def _stock(
    session: Session,
    demands: Sequence[Demand],
    sites: Sequence[UUID],
    skus: Sequence[UUID],
) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Free units by site and SKU, shape (n, s), with what these orders hold themselves."""
    stock = np.zeros((len(sites), len(skus)), dtype=np.int64)
    site_row = {site: row for row, site in enumerate(sites)}
    column = {sku: number for number, sku in enumerate(skus)}
    for where, sku, units in availability.free_by_site(session, {SkuId(sku) for sku in skus}):
        if where in site_row:
            stock[site_row[where], column[sku]] += units
    for demand in demands:
        for site, _, units in demand.held:
            stock[site_row[site], column[demand.sku_id]] += units
    return stock


Placed = tuple[Demand, promises.Reserve]


def _postings(
    sourced: Sourced, fresh: dict[tuple[UUID, int], Demand], now: datetime
) -> tuple[list[ledger.Advance], list[Placed]]:
    release: list[ledger.Advance] = []
    reserve: list[Placed] = []
    for demand, row in zip(sourced.batch.demands, sourced.solution.plan, strict=True):
        if fresh.get((demand.order_id, demand.line_no)) != demand:
            continue
        if not row.any():  # the optimizer would back-order it; we keep what we promised
            row = np.array(  # noqa: PLW2901
                [sum(u for s, _, u in demand.held if s == site) for site in sourced.batch.sites]
            )
        release += [_release(site, hold, now) for site, hold, _ in demand.held]
        reserve += _reserves(demand, sourced.batch.sites, row)
    return release, reserve


def _release(site: UUID, hold: UUID, now: datetime) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(hold, "reassign")),
        site_id=SiteId(site),
        hold_id=HoldId(hold),
        to="RELEASED",
        actor="rule:source",
        occurred_at=now,
    )


def _reserves(demand: Demand, sites: Sequence[UUID], row: Any) -> list[Placed]:
    group = derive(demand.held[0][1], "sourced")
    return [(demand, _reserve(demand, site, int(units), group)) for site, units in zip(
        sites, row, strict=True) if units]  # fmt: skip


def _reserve(demand: Demand, site: UUID, units: int, group: UUID) -> promises.Reserve:
    return promises.Reserve(
        hold_id=HoldId(derive(group, str(site))),
        site_id=SiteId(site),
        owner_id=HOUSE_OWNER_ID,
        sku_id=SkuId(demand.sku_id),
        units=units,
        kind="ORDER",
        state="ALLOCATED",
        demand_id=demand.order_id,
        group_id=group,
    )


def _hold_again(session: Session, refused: Sequence[Placed], now: datetime) -> list[Placed]:
    """Lines whose new sites had no stock left: back to where they were, which is still locked."""
    if not refused:
        return []
    demands = {id(demand): demand for demand, _ in refused}.values()
    again = [
        (demand, _reserve(demand, site, units, derive(demand.held[0][1], "kept")))
        for demand in demands
        for site, _, units in demand.held
    ]
    log.warning("source.refused", lines=len(demands))
    answers = promises.reserve(session, [line for _, line in again], now=now)
    return [pair for pair, answer in zip(again, answers, strict=True) if answer.granted]


def _store(
    session: Session,
    orders: dict[UUID, Order],
    fresh: dict[tuple[UUID, int], Demand],
    kept: Sequence[Placed],
) -> None:
    held: dict[tuple[UUID, int], int] = defaultdict(int)
    for demand, reserve in kept:
        line = session.get_one(OrderLine, (demand.order_id, demand.line_no))
        session.add(allocation_of(orders[demand.order_id], line, reserve))
        held[demand.order_id, demand.line_no] += reserve.units
    for key, demand in fresh.items():
        if missing := demand.units - held[key]:
            session.get_one(OrderLine, key).units_short += missing


def _decision(sourced: Sourced, order_id: UUID, now: datetime) -> Decision:
    batch, solution, problem = sourced.batch, sourced.solution, sourced.batch.problem
    number = batch.orders.index(order_id)
    mine = np.flatnonzero(problem.order_of_line == number)
    candidates = _candidates(batch, number, mine)
    chosen = [
        {
            "line_no": batch.demands[line].line_no,
            "sites": {
                batch.codes[site]: int(solution.plan[line, site])
                for site in np.flatnonzero(solution.plan[line])
            },
        }
        for line in mine
    ]
    taken = {code for line in chosen for code in cast("dict[str, int]", line["sites"])}
    others = [c for c in candidates if {c["site"]} != taken]
    return Decision(
        id=derive(order_id, "sourced"),
        order_id=order_id,
        decided_at=now,
        status=str(solution.status),
        objective=solution.objective,
        bound=solution.bound,
        gap=solution.gap,
        runtime_s=solution.runtime_s,
        seed=solution.seed,
        inputs_hash=_inputs_hash(problem),
        candidates=candidates,
        chosen=chosen,
        runner_up=others[0] if others else None,
    )


def _candidates(batch: Batch, number: int, mine: Any) -> list[dict[str, Any]]:
    """The cheapest sites that could ship the whole order alone, by cost term."""
    problem = batch.problem
    found = []
    for site, code in enumerate(batch.codes):
        wanted: dict[int, int] = defaultdict(int)
        for line in mine:
            wanted[int(problem.sku_of_line[line])] += int(problem.units[line])
        if all(problem.stock[site, sku] >= units for sku, units in wanted.items()):
            parcel = float(problem.parcel_cost[number, site])
            handling = float((problem.unit_cost[mine, site] * problem.units[mine]).sum())
            terms = {"parcels": parcel, "handling": handling}
            found.append({"site": code, "cost": parcel + handling, "terms": terms})
    return sorted(found, key=lambda c: cast("float", c["cost"]))[:CANDIDATES_MAX]


def _inputs_hash(problem: sourcing.Problem) -> str:
    digest = hashlib.sha256()
    for array in (
        problem.order_of_line, problem.sku_of_line, problem.units, problem.stock,
        problem.parcel_cost, problem.unit_cost, problem.backorder_cost,
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
