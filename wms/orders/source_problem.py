"""The batch as a problem: facts and a policy become arrays for the optimizer. Pure.

    build(facts, policy, card)   -> Batch: the problem, and what its numbers mean
    solve(batch)                 -> Sourced: the plan, its cost, its bound
    figures(batch, plan, number) -> what a plan is for one order: cost, parcels, late lines, CO2

The optimizer sees numbers only. Which site may not send which order, and why, stands in
`Batch.barred`: a code, "" where it may.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer import sourcing
from optimizer.result import Solution, Status, Stopwatch
from optimizer.sourcing_rules import by_rank
from wms.orders.costs import (
    PAID,
    Departure,
    Facts,
    Floats,
    Ints,
    Node,
    OrderFacts,
    Terms,
    departure,
    distances,
    named_terms,
    stock_of,
)
from wms.orders.policy import Policy
from wms.shipping.rates import RateCard

SPLITS = {"ANY": sourcing.ANY, "WHOLE_LINES": sourcing.WHOLE_LINES, "ONE_SITE": sourcing.ONE_SITE}
BUDGET_S = 0.5
FEEDERS = ("DC", "FC")  # what comes to a collection point by transfer comes from these
LEVEL_KM = 100_000.0  # no two places are so far apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a search needs, and what its numbers mean.

    Attributes:
        barred: shape (o, n), why a node may not send an order, or "".
        departs: when each node sends; None: it cannot.
        rank: shape (o, n), the order in which a rule would ask the nodes.
    """

    facts: Facts
    policy: Policy
    problem: sourcing.Problem
    terms: Terms
    barred: NDArray[np.object_]
    departs: tuple[Departure | None, ...]
    rank: Floats
    lines: tuple[Ints, ...]  # of each order

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The sites."""
        return self.facts.nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """What came of a batch."""

    batch: Batch
    solution: Solution[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a plan is for an order.

    `cost_minor` is what is paid; `named_minor` all terms together, lateness and CO2 among them,
    but for lines that are not sent; `weighed` these, too.
    """

    cost_minor: int
    named_minor: int
    weighed: float
    parcels: int
    late_lines: int
    unfilled_lines: int
    co2_g: int
    sites: tuple[str, ...]


def build(facts: Facts, policy: Policy, card: RateCard) -> Batch:
    """The problem of a batch."""
    departs = tuple(None if node.closed else departure(node, facts.at) for node in facts.nodes)
    weights = policy.weights
    terms = named_terms(facts, weights, card, departs)
    number = {order.id: at for at, order in enumerate(facts.orders)}
    skus = {sku: at for at, sku in enumerate(sorted({d.sku_id for d in facts.demands}))}
    barred = _barred(facts, terms, departs)
    parcel_cost = np.sum(list(terms.parcel.values()), axis=0)
    parcel_cost[barred != ""] = np.inf
    unit_cost = np.sum(list(terms.unit.values()), axis=0)
    unit_cost[_kept_from(facts)] = np.inf
    units = np.array([d.units for d in facts.demands], dtype=np.int64)
    of_line = np.array([number[d.order_id] for d in facts.demands], dtype=np.int64)
    priority = np.array([max(0, order.priority) for order in facts.orders], dtype=np.float64)
    problem = sourcing.Problem(
        order_of_line=of_line,
        sku_of_line=np.array([skus[d.sku_id] for d in facts.demands], dtype=np.int64),
        units=units,
        stock=_stock(facts, skus),
        parcel_cost=parcel_cost,
        unit_cost=unit_cost,
        backorder_cost=weights.backorder_minor * (1.0 + priority[of_line] / 10),
        policy=np.array([SPLITS[order.split] for order in facts.orders], dtype=np.int64),
        split_cost=np.full(len(facts.orders), float(weights.split_minor)),
        capacity=np.array([d.room if d else 0 for d in departs], dtype=np.int64),
        parcel_terms=terms.parcel,
        unit_terms=terms.unit,
    )
    return Batch(
        facts=facts,
        policy=policy,
        problem=problem,
        terms=terms,
        barred=barred,
        departs=departs,
        rank=_rank(facts, policy),
        lines=tuple(sourcing.lines_of_orders(problem)),
    )


def solve(batch: Batch, *, seed: int = 0, budget_s: float = BUDGET_S) -> Sourced:
    """The best plan found in time; or what the rule says, if the policy is one."""
    if batch.policy.method == "COST":
        solution = sourcing.solve(batch.problem, budget_s=budget_s, seed=seed)
        return Sourced(batch=batch, solution=solution)
    watch = Stopwatch()
    plan = by_rank(batch.problem, batch.rank)
    terms = sourcing.cost_terms(batch.problem, plan)
    return Sourced(
        batch=batch,
        solution=Solution(
            status=Status.FEASIBLE,
            plan=plan,
            objective=sum(terms.values()),
            bound=None,
            runtime_s=watch.elapsed_s,
            seed=seed,
            terms=terms,
        ),
    )


def terms_of(batch: Batch, number: int, plan: Ints) -> dict[str, float]:
    """The cost of a plan of one order, by name; `plan` has a row for each of its lines."""
    problem, mine = batch.problem, batch.lines[number]
    opened = plan.any(axis=0)
    terms: dict[str, float] = {}
    for name, parcels in problem.parcel_terms.items():
        terms[name] = terms.get(name, 0.0) + float(parcels[number, opened].sum())
    for name, each in problem.unit_terms.items():
        terms[name] = terms.get(name, 0.0) + float((each[mine] * plan).sum())
    terms["split"] = problem.split_cost_of(number) * max(0, int(opened.sum()) - 1)
    terms["backorders"] = float(problem.backorder_cost[mine[plan.sum(axis=1) == 0]].sum())
    return {name: round(value, 2) for name, value in terms.items() if value}


def figures(batch: Batch, plan: Ints, number: int) -> Figures:
    """What a plan of one order is worth; `plan` has a row for each of its lines."""
    terms = terms_of(batch, number, plan)
    mine = batch.lines[number]
    late = batch.terms.late_days[number] > 0
    opened = np.flatnonzero(plan.any(axis=0))
    return Figures(
        cost_minor=round(sum(terms.get(name, 0.0) for name in PAID)),
        named_minor=round(sum(terms.values()) - terms.get("backorders", 0.0)),
        weighed=round(sum(terms.values()), 2),
        parcels=int(opened.size),
        late_lines=int((plan[:, late] > 0).any(axis=1).sum()),
        unfilled_lines=int((plan.sum(axis=1) == 0).sum()),
        co2_g=round(float((batch.terms.co2_g[mine] * plan).sum())),
        sites=tuple(batch.nodes[node].code for node in opened),
    )


def inputs_hash(problem: sourcing.Problem) -> str:
    """Tells two problems apart: what was decided can be decided again and compared."""
    digest = hashlib.sha256()
    for array in (
        problem.order_of_line, problem.sku_of_line, problem.units, problem.stock,
        problem.parcel_cost, problem.unit_cost, problem.backorder_cost, problem.policy,
        problem.split_cost, problem.capacity,
    ):  # fmt: skip
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _stock(facts: Facts, skus: dict[Any, int]) -> Ints:
    stock = np.zeros((len(facts.nodes), len(skus)), dtype=np.int64)
    of_line = stock_of(facts)
    for line, demand in enumerate(facts.demands):
        stock[:, skus[demand.sku_id]] = np.maximum(0, of_line[line])
    return stock


def _kept_from(facts: Facts) -> NDArray[np.bool_]:
    """Where a channel may not have what a line wants, though it is there; shape (l, n)."""
    kept = np.zeros((len(facts.demands), len(facts.nodes)), dtype=bool)
    if not facts.kept:
        return kept
    channel = {order.id: order.channel for order in facts.orders}
    for line, demand in enumerate(facts.demands):
        held = {site: units for site, _, units in demand.held}
        for at, node in enumerate(facts.nodes):
            keep = facts.kept.get((channel[demand.order_id], node.id, demand.sku_id), 0)
            free = facts.free.get((node.id, demand.sku_id), 0) - keep
            kept[line, at] = keep > 0 and free < demand.units and node.id not in held
    return kept


def _barred(
    facts: Facts, terms: Terms, departs: tuple[Departure | None, ...]
) -> NDArray[np.object_]:
    barred = np.full(terms.unserved.shape, "", dtype=object)
    barred[terms.unserved] = "no_service"
    held: dict[Any, set[Any]] = {}
    for demand in facts.demands:
        held.setdefault(demand.order_id, set()).update(site for site, _, _ in demand.held)
    for at, node in enumerate(facts.nodes):
        if node.closed or departs[at] is None:
            barred[:, at] = "closed" if node.closed else "full"
    for row, order in enumerate(facts.orders):
        if order.to_site_id is None and not order.excluded and order.only_at is None:
            continue
        for at, node in enumerate(facts.nodes):
            reason = _why_not(order, node, held.get(order.id, set()))
            barred[row, at] = reason or barred[row, at]
    return barred


def _why_not(order: OrderFacts, node: Node, held: set[Any]) -> str:
    if node.id in order.excluded:
        return "excluded"
    if order.only_at not in {None, node.id}:
        return "rest_is_elsewhere"
    if order.fulfilment == "TRANSFER" and node.id not in held:
        return "not_the_origin"
    if order.fulfilment == "COLLECT" and node.kind not in FEEDERS and node.id not in held:
        return "no_feeder"
    return ""


def _rank(facts: Facts, policy: Policy) -> Floats:
    rank = distances(facts)
    if policy.method == "PRIORITY":
        is_store = np.array([node.kind == "STORE" for node in facts.nodes], dtype=np.float64)
        rank = rank + LEVEL_KM * is_store
    return rank
