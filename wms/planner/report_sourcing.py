"""Sourcing of a day that was played, beside the usual rules, all judged by what sourcing weighs.

    of_orders(session, orders, sent, now=...) -> Weighed, read; .figures() -> by side, no session

    done        the orders as they were sent
    rules       from the nearest site that has all of it, else from those that have most
    priority    warehouses before stores, then the nearest
    best        as well as was possible had all been known, with a bound

Each order is judged at the moment it came: cut-offs, promises, the rate card and the weights of the
policy in force, as when it was decided (wms.orders.source_problem). Two things are left out, for
no plan should be judged by them: prices of scarce stock, which a plan of the whole day knows
better, and promises that were made of the plan itself. What the orders took was there for them.

`cost_minor` is money that leaves the house, `weighed_minor` what sourcing weighs, lateness, splits,
CO2 and lines that are not sent among it; the bound is of that. A line that is not sent costs no
money: `short_units` stand beside.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import sourcing
from optimizer.result import Limits
from optimizer.scenarios_whole import floor_of
from optimizer.sourcing_problem import Floats, Ints, Problem
from optimizer.sourcing_rules import by_rank
from wms.orders.costs import Demand, Facts, Node, OrderFacts, distances
from wms.orders.model import Order, OrderLine, OrderPromise
from wms.orders.policy import Policy, live_policy
from wms.orders.source_facts import facts_of
from wms.orders.source_problem import LEVEL_KM, Batch, build, figures
from wms.shipping.rates import RateCard
from wms.shipping.tables import card_in_force

Sent = Mapping[tuple[UUID, UUID, UUID], int]  # (order, SKU, site): units
STEPS = 2_000
TOGETHER = timedelta(minutes=15)  # orders that are judged at one moment: when the first came
NO_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What is to be known of a day: read at once, so that nothing is locked while it is weighed.

    Attributes:
        came: when each of the orders of `facts` came, oldest first.
    """

    facts: Facts
    came: Sequence[datetime]
    sent: Sent
    policy: Policy
    card: RateCard

    def figures(self) -> tuple[dict[str, dict[str, float]], float | None]:
        """The figures by side, and the bound of `weighed_minor`, if one is known."""
        batches = list(self._batches())
        problem, ranks = _whole(self.facts, batches)
        done = self._done()
        plans = {"done": done} | {name: by_rank(problem, rank) for name, rank in ranks.items()}
        found = sourcing.solve(problem, limits=Limits(iterations=STEPS))
        best = min(
            [found.plan, *plans.values()],
            key=lambda plan: sum(sourcing.cost_terms(problem, plan).values()),
        )
        free = replace(problem, capacity=None)  # a site may send a part on the next day
        bounds = [floor_of(free), found.bound if problem.capacity is None else None]
        known = [each for each in bounds if each is not None]
        sides = {name: _figures(batches, plan) for name, plan in (*plans.items(), ("best", best))}
        return sides, round(max(known), 2) if known else None

    def _batches(self) -> Sequence[Batch]:
        groups: dict[datetime, list[int]] = {}
        at = self.came[0]
        for number, came in enumerate(self.came):
            at = at if came < at + TOGETHER else came
            groups.setdefault(at, []).append(number)
        lines: dict[UUID, list[Demand]] = defaultdict(list)
        for demand in self.facts.demands:
            lines[demand.order_id].append(demand)
        found = []
        for at, numbers in groups.items():
            orders = tuple(self.facts.orders[number] for number in numbers)
            demands = tuple(each for order in orders for each in lines[order.id])
            found.append(
                build(
                    replace(self.facts, at=at, orders=orders, demands=demands),
                    self.policy,
                    self.card,
                )
            )
        return found

    def _done(self) -> Ints:
        """What was sent as a plan (l, n); a line of which some is missing counts as not sent."""
        left = dict(self.sent)
        plan = np.zeros((len(self.facts.demands), len(self.facts.nodes)), dtype=np.int64)
        for line, demand in enumerate(self.facts.demands):
            wanted = demand.units
            for at, node in enumerate(self.facts.nodes):
                key = (demand.order_id, demand.sku_id, node.id)
                take = min(wanted, left.get(key, 0))
                if take:
                    plan[line, at] = take
                    left[key] -= take
                    wanted -= take
            if wanted:
                plan[line] = 0
        return plan


def of_orders(session: Session, orders: Sequence[Order], sent: Sent, *, now: datetime) -> Weighed:
    """Read what these orders are weighed by; they want goods, and come oldest first."""
    demands = _demands(session, [order.id for order in orders])
    read = facts_of(session, orders, demands, now=now)
    promised = _promised(session, orders)
    policy = live_policy(session)
    free = dict(read.free)
    senders = set()
    for (_, sku, site), units in sent.items():
        free[site, sku] = free.get((site, sku), 0) + units
        senders.add(site)
    return Weighed(
        facts=replace(
            read,
            free=free,
            scarcity={},
            nodes=tuple(_as_in_the_morning(node, node.id in senders) for node in read.nodes),
            orders=tuple(_as_it_came(each, promised.get(each.id)) for each in read.orders),
        ),
        came=[order.recorded_at for order in orders],
        sent=sent,
        policy=replace(policy, weights=replace(policy.weights, scarcity=0.0)),
        card=card_in_force(session),
    )


def _demands(session: Session, ids: Sequence[UUID]) -> list[Demand]:
    """The lines of goods, in the order of their orders; without what was cancelled."""
    query = select(OrderLine).where(
        OrderLine.order_id.in_(ids), OrderLine.units > 0, OrderLine.sku_id.is_not(None)
    )
    by: dict[UUID, list[Demand]] = defaultdict(list)
    for line in session.scalars(query.order_by(OrderLine.order_id, OrderLine.line_no)):
        assert line.sku_id is not None
        units = line.units - line.units_cancelled
        if units > 0:
            by[line.order_id].append(
                Demand(
                    order_id=line.order_id, line_no=line.line_no, sku_id=line.sku_id, units=units
                )
            )
    return [demand for each in ids for demand in by[each]]


def _promised(session: Session, orders: Sequence[Order]) -> dict[UUID, datetime | None]:
    """What was promised when an order came; not what was promised of the plan for it."""
    came = {order.id: order.recorded_at for order in orders}
    query = select(OrderPromise).where(OrderPromise.order_id.in_(came), OrderPromise.no == 1)
    return {
        each.order_id: each.promised_by
        for each in session.scalars(query)
        if each.at <= came[each.order_id]
    }


def _as_in_the_morning(node: Node, sent: bool) -> Node:  # noqa: FBT001 - a fact
    return replace(node, given={}, in_work=0, closed="" if sent else node.closed)


def _as_it_came(order: OrderFacts, promised_by: datetime | None) -> OrderFacts:
    return replace(order, promised_by=promised_by, excluded={}, only_at=None)


def _whole(facts: Facts, batches: Sequence[Batch]) -> tuple[Problem, dict[str, Floats]]:
    """All batches as one problem, and how the rules rank its nodes, (o, n) each."""
    skus = {sku: at for at, sku in enumerate(sorted({d.sku_id for d in facts.demands}))}
    parts = [batch.problem for batch in batches]
    first = np.cumsum([0, *[len(batch.facts.orders) for batch in batches]])
    stock = np.zeros((len(facts.nodes), len(skus)), dtype=np.int64)
    row = {node.id: at for at, node in enumerate(facts.nodes)}
    for (site, sku), units in facts.free.items():
        if site in row and sku in skus:
            stock[row[site], skus[sku]] = max(0, units)
    room = np.array([node.units_per_day for node in facts.nodes], dtype=np.int64)
    problem = Problem(
        order_of_line=np.concatenate(
            [part.order_of_line + first[at] for at, part in enumerate(parts)]
        ),
        sku_of_line=np.array([skus[demand.sku_id] for demand in facts.demands], dtype=np.int64),
        units=np.concatenate([part.units for part in parts]),
        stock=stock,
        parcel_cost=np.concatenate([part.parcel_cost for part in parts]),
        unit_cost=np.concatenate([part.unit_cost for part in parts]),
        backorder_cost=np.concatenate([part.backorder_cost for part in parts]),
        policy=np.concatenate([_each(part, part.policy) for part in parts]),
        split_cost=np.concatenate([_each(part, part.split_cost) for part in parts]),
        capacity=None if room.min(initial=NO_LIMIT) >= NO_LIMIT else room,
    )
    km = distances(facts)
    store = np.array([node.kind == "STORE" for node in facts.nodes], dtype=np.float64)
    return problem, {"rules": km, "priority": km + LEVEL_KM * store}


def _each(part: Problem, values: Ints | Floats | None) -> Any:
    assert values is not None, "a batch of orders has it for each of them"
    assert values.shape == (part.parcel_cost.shape[0],)
    return values


def _figures(batches: Sequence[Batch], plan: Ints) -> dict[str, float]:
    found = dict.fromkeys(
        ("cost_minor", "weighed_minor", "splits", "parcels", "late_lines", "units", "short_units"),
        0.0,
    )
    start = 0
    for batch in batches:
        mine = plan[start : start + len(batch.facts.demands)]
        start += len(batch.facts.demands)
        for number, lines in enumerate(batch.lines):
            each = figures(batch, mine[lines], number)
            found["cost_minor"] += each.cost_minor
            found["weighed_minor"] += each.weighed
            found["splits"] += each.parcels > 1
            found["parcels"] += each.parcels
            found["late_lines"] += each.late_lines
        found["short_units"] += int(batch.problem.units.sum() - mine.sum())
        found["units"] += int(mine.sum())
    return {name: round(value, 2) for name, value in found.items()}
