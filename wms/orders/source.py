"""Source: the held lines of many orders are given to the sites that fulfil them best.

Three steps, each a function, because the search must not run while rows are locked:

    gather(session)   the unsourced orders, the stock they may have, what each way costs
    solve(gathered)   arrays to the optimizer; its plan, or the greedy one if it has none in time;
                      and what shadow policies would do, without effect
    assign(session)   holds confirmed, or given up and taken at the chosen sites, in one posting,
                      with a decision record for each order (wms.orders.explain)

Between the first and the last step the world may move. A line that changed is left out, and
decided again; a group that the ledger refuses goes back to where it was held. What is collected
from a store's own stock, reserved, or still to come is not decided here (wms.orders.hold).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders import capacity, shadow
from wms.orders.backorder import wait_or_end
from wms.orders.close import close_order
from wms.orders.costs import Demand, Ints
from wms.orders.explain import Explainer
from wms.orders.hold import allocation_of, set_sourced
from wms.orders.model import Allocation, Decision, Order, OrderLine
from wms.orders.promise import PLACED, promises_of, set_promise
from wms.orders.rules import HELD_AS
from wms.orders.source_facts import ORDERS_MAX, Gathered, demands_of, gather
from wms.orders.source_problem import BUDGET_S, Batch, Sourced, build, inputs_hash
from wms.orders.source_problem import solve as solve_batch
from wms.stock import ledger, promises

__all__ = ["BUDGET_S", "ORDERS_MAX", "Decided", "Gathered", "assign", "gather", "solve"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What came of a batch, and what other policies would have done."""

    sourced: Sourced
    shadows: tuple[Sourced, ...] = ()


def solve(gathered: Gathered, *, seed: int = 0, budget_s: float = BUDGET_S) -> Decided:
    """The best plan found in time, by each policy; `budget_s` is of each."""
    sourced, *shadows = [
        solve_batch(build(gathered.facts, policy, gathered.card), seed=seed, budget_s=budget_s)
        for policy in (gathered.policy, *gathered.shadows)
    ]
    return Decided(sourced=sourced, shadows=tuple(shadows))


def assign(session: Session, decided: Decided, *, now: datetime) -> int:
    """Move the holds to the chosen sites as allocations. Returns how many orders were sourced."""
    sourced = decided.sourced
    batch = sourced.batch
    query = select(Order).where(Order.id.in_([each.id for each in batch.facts.orders]))
    locked = session.scalars(
        query.order_by(Order.id).with_for_update(), execution_options={"populate_existing": True}
    ).all()
    orders = {order.id: order for order in locked if not order.sourced}
    fresh = {(d.order_id, d.line_no): d for d in demands_of(session, list(orders))}
    moves = _Moves(session, orders, now)
    plan = carried_out(sourced)
    for demand, row in zip(batch.facts.demands, plan, strict=True):
        if fresh.get((demand.order_id, demand.line_no)) == demand:
            moves.add(demand, row, batch)
    moves.post()
    explainer = Explainer(sourced, plan)
    for number, facts in enumerate(batch.facts.orders):
        if (order := orders.get(facts.id)) is None:
            continue
        decision = _decision(session, sourced, explainer, number, now)
        session.add(decision)
        shadow.compare(session, decided.shadows, sourced, plan, (number, decision.id), now=now)
        _first_promise(session, order, batch, plan[batch.lines[number]], number, now)
        set_sourced(session, order)
        close_order(session, order, at=now)
    return len(orders)


def carried_out(sourced: Sourced) -> Ints:
    """The plan; a line that it would back-order stays where it is held: promised is promised."""
    batch = sourced.batch
    plan: Ints = sourced.solution.plan.copy()
    site_row = {node.id: row for row, node in enumerate(batch.nodes)}
    for line in np.flatnonzero(plan.sum(axis=1) == 0):
        for site, _, units in batch.facts.demands[line].held:
            if site in site_row:
                plan[line, site_row[site]] += units
    return plan


class _Moves:
    """The postings of a batch, and what becomes of the allocations by them."""

    def __init__(self, session: Session, orders: dict[UUID, Order], now: datetime) -> None:
        self._session, self._orders, self._now = session, orders, now
        self._confirm: list[tuple[UUID, UUID]] = []
        self._advances: list[ledger.Advance] = []
        self._released: list[tuple[UUID, UUID]] = []
        self._asked: list[tuple[Demand, promises.Reserve]] = []
        self._days: dict[tuple[UUID, object], int] = defaultdict(int)

    def add(self, demand: Demand, row: Ints, batch: Batch) -> None:
        """One line goes where its row of the plan says."""
        wanted = {batch.nodes[at].id: int(row[at]) for at in np.flatnonzero(row)}
        held: dict[UUID, int] = defaultdict(int)
        for site, _, units in demand.held:
            held[site] += units
        for at in np.flatnonzero(row):
            if (leaves := batch.departs[at]) is not None:
                self._days[batch.nodes[at].id, leaves.ships_on] += int(row[at])
        if wanted == held:
            for site, hold, _ in demand.held:
                self._advances.append(self._advance(site, hold, "ALLOCATED"))
                self._confirm.append((site, hold))
            return
        for site, hold, _ in demand.held:
            self._advances.append(self._advance(site, hold, "RELEASED"))
            self._released.append((site, hold))
        group = derive(demand.held[0][1], "sourced")
        self._asked += [
            (demand, self._reserve(demand, site, units, group)) for site, units in wanted.items()
        ]

    def post(self) -> None:
        """Carry it out."""
        if not self._advances:
            return
        session, now = self._session, self._now
        reserves = [reserve for _, reserve in self._asked]
        answers = promises.reassign(session, self._advances, reserves, now=now)
        for (site, hold), state in [
            *((each, "ALLOCATED") for each in self._confirm),
            *((each, "RELEASED") for each in self._released),
        ]:
            session.get_one(Allocation, (site, hold)).state = state
        kept: list[tuple[Demand, promises.Reserve]] = []
        refused: list[tuple[Demand, promises.Reserve]] = []
        for pair, answer in zip(self._asked, answers, strict=True):
            (kept if answer.granted else refused).append(pair)
        kept += self._hold_again(refused)
        got: dict[int, int] = defaultdict(int)
        for demand, reserve in kept:
            line = session.get_one(OrderLine, (demand.order_id, demand.line_no))
            session.add(allocation_of(self._orders[demand.order_id], line, reserve))
            got[id(demand)] += reserve.units
        for demand in {id(demand): demand for demand, _ in self._asked}.values():
            line = session.get_one(OrderLine, (demand.order_id, demand.line_no))
            order, missing = self._orders[demand.order_id], demand.units - got[id(demand)]
            wait_or_end(session, order, line, missing, now=now)
        capacity.give(session, self._days)  # type: ignore[arg-type]

    def _hold_again(
        self, refused: Sequence[tuple[Demand, promises.Reserve]]
    ) -> list[tuple[Demand, promises.Reserve]]:
        """Lines whose new sites had no stock left: back where they were, which is still locked."""
        if not refused:
            return []
        demands = {id(demand): demand for demand, _ in refused}.values()
        again = [
            (demand, self._reserve(demand, site, units, derive(hold, "kept")))
            for demand in demands
            for site, hold, units in demand.held
        ]
        log.warning("source.refused", lines=len(demands))
        answers = promises.reserve(self._session, [line for _, line in again], now=self._now)
        return [pair for pair, answer in zip(again, answers, strict=True) if answer.granted]

    def _advance(self, site: UUID, hold: UUID, to: ledger.HoldState) -> ledger.Advance:
        return ledger.Advance(
            command_id=CommandId(derive(hold, "sourced" if to == "ALLOCATED" else "reassign")),
            site_id=SiteId(site),
            hold_id=HoldId(hold),
            to=to,
            actor="rule:source",
            occurred_at=self._now,
        )

    def _reserve(self, demand: Demand, site: UUID, units: int, group: UUID) -> promises.Reserve:
        order = self._orders[demand.order_id]
        return promises.Reserve(
            hold_id=HoldId(derive(group, str(site))),
            site_id=SiteId(site),
            owner_id=owner_of(self._session, demand.sku_id),
            sku_id=SkuId(demand.sku_id),
            units=units,
            kind=HELD_AS[order.fulfilment],  # type: ignore[arg-type]
            state="ALLOCATED",
            demand_id=demand.order_id,
            group_id=group,
            channel=order.channel,
        )


def _first_promise(
    session: Session, order: Order, batch: Batch, plan: Ints, number: int, now: datetime
) -> None:
    """An order that came without a promise has one now; none that was given is touched."""
    sends = plan.any(axis=0)
    if order.promised_by is not None or not sends.any() or promises_of(session, order.id):
        return
    if order.fulfilment != "DELIVERY":
        return
    by_s = int(batch.terms.arrives_s[number, sends].max())
    set_promise(session, order, by=datetime.fromtimestamp(by_s, UTC), reason=PLACED, now=now)


def _decision(
    session: Session, sourced: Sourced, explainer: Explainer, number: int, now: datetime
) -> Decision:
    batch, solution = sourced.batch, sourced.solution
    order_id = batch.facts.orders[number].id
    before = select(func.count()).where(Decision.order_id == order_id)
    record = explainer.record(number)
    return Decision(
        id=derive(order_id, "sourced", session.scalar(before) or 0),
        order_id=order_id,
        decided_at=now,
        status=str(solution.status),
        objective=solution.objective,
        bound=solution.bound,
        gap=solution.gap,
        runtime_s=solution.runtime_s,
        seed=solution.seed,
        inputs_hash=inputs_hash(batch.problem),
        candidates=record.candidates,
        chosen=record.chosen,
        runner_up=record.runner_up,
        policy=batch.policy.name,
        policy_version=batch.policy.version,
        terms=record.terms,
        why=record.why,
    )
