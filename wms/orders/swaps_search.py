"""The search for exchanges: who is urgent, who could help, what may go where at which cost.

Urgent is a line that waits for units, and one whose units cannot arrive by the promise from where
they are. A donor is a delivery that may be parted, no more urgent by priority, whose units nobody
has begun to pick; it gets as many from a site from which they still arrive by its own promise.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import swaps as flow
from wms.orders.costs import Demand
from wms.orders.model import Allocation, Order, OrderLine
from wms.orders.policy import live_policy
from wms.orders.source_facts import facts_of
from wms.orders.source_problem import Batch, build
from wms.shipping.tables import card_in_force

URGENT_MAX = 40
DONORS_MAX = 300
SOON = timedelta(days=4)  # whose promise is farther away is not looked at for being late
FREE_TO_MOVE = ("HELD", "ALLOCATED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Units of a line: those it lacks, or those it holds at a site under a hold."""

    demand: Demand
    row: int  # of the order in the batch
    units: int
    site: int | None = None  # number of the node
    hold: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Units that a donor may have instead: free at a site, or given up by an urgent one."""

    sku_id: UUID
    site: int
    units: int
    given_up_by: int = flow.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is to be decided, and what its numbers mean."""

    batch: Batch
    urgent: tuple[Party, ...]
    donors: tuple[Party, ...]
    rest: tuple[Rest, ...]
    problem: flow.Problem


def find(session: Session, *, now: datetime) -> Search | None:
    """Who is urgent, and who could help; None if nobody is, or nobody can."""
    waiting = session.scalars(
        select(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.units_waiting > 0, Order.fulfilment == "DELIVERY")
        .order_by(Order.priority.desc(), Order.placed_at, OrderLine.order_id, OrderLine.line_no)
        .limit(URGENT_MAX)
    ).all()
    due = _movable(
        session,
        [Order.promised_by > now - SOON, Order.promised_by < now + SOON, ~Order.closed],
    )
    wanted = [_waiting_for(line) for line in waiting if line.sku_id is not None]
    skus = {demand.sku_id for demand in wanted} | {demand.sku_id for demand in due}
    if not skus:
        return None
    holders = _movable(session, [Allocation.sku_id.in_(skus), Order.split == "ANY"])
    held = {(d.order_id, d.line_no, d.held): d for d in (*due, *holders)}
    demands = [*wanted, *held.values()]
    ids = sorted({demand.order_id for demand in demands})
    orders = session.scalars(select(Order).where(Order.id.in_(ids)).order_by(Order.id)).all()
    facts = facts_of(session, orders, demands, now=now)
    batch = build(facts, live_policy(session), card_in_force(session))
    return _search(batch, len(wanted))


def _waiting_for(line: OrderLine) -> Demand:
    assert line.sku_id is not None
    return Demand(
        order_id=line.order_id,
        line_no=line.line_no,
        sku_id=line.sku_id,
        units=line.units_waiting,
    )


def _movable(session: Session, where: Sequence[object]) -> list[Demand]:
    """Each hold that nobody has begun to pick, of deliveries of which that is true."""
    query = (
        select(Allocation)
        .join(Order, Order.id == Allocation.order_id)
        .where(
            Allocation.state.in_(FREE_TO_MOVE),
            Allocation.task_id.is_(None),
            Allocation.supply_id.is_(None),
            Order.fulfilment == "DELIVERY",
            *where,  # type: ignore[arg-type]
        )
        .order_by(Allocation.ordered_at.desc(), Allocation.order_id, Allocation.id)
        .limit(DONORS_MAX)
    )
    return [
        Demand(
            order_id=each.order_id,
            line_no=each.line_no,
            sku_id=each.sku_id,
            units=each.units,
            held=((each.site_id, each.id, each.units),),
        )
        for each in session.scalars(query)
    ]


def _search(batch: Batch, waiting: int) -> Search | None:
    """Tell the late from those who can help, and say what may go where at which cost."""
    facts = batch.facts
    node = {each.id: at for at, each in enumerate(batch.nodes)}
    row = {order.id: at for at, order in enumerate(facts.orders)}
    urgent, donors = [], []
    for at, demand in enumerate(facts.demands):
        number = row[demand.order_id]
        if at < waiting:
            urgent.append(Party(demand=demand, row=number, units=demand.units))
            continue
        site, hold, units = demand.held[0]
        if site not in node:
            continue
        party = Party(demand=demand, row=number, units=units, site=node[site], hold=hold)
        is_late = batch.terms.late_days[number, node[site]] > 0
        if is_late and len(urgent) < URGENT_MAX:
            urgent.append(party)
        elif not is_late and facts.orders[number].split == "ANY":
            donors.append(party)
    wanted = {party.demand.sku_id for party in urgent}
    donors = [party for party in donors if party.demand.sku_id in wanted]
    rest = _rest(batch, urgent, donors)
    if not urgent or not donors or not rest:
        return None
    return Search(
        batch=batch,
        urgent=tuple(urgent),
        donors=tuple(donors),
        rest=tuple(rest),
        problem=_problem(batch, urgent, donors, rest),
    )


def _rest(batch: Batch, urgent: Sequence[Party], donors: Sequence[Party]) -> list[Rest]:
    """Units that are free now, and those that late ones give up if they are served."""
    held: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for demand in batch.facts.demands:
        for site, _, units in demand.held:
            held[site, demand.sku_id] += units
    skus = {party.demand.sku_id for party in donors}
    found = [
        Rest(sku_id=sku, site=at, units=units)
        for at, node in enumerate(batch.nodes)
        for sku in sorted(skus)
        if (units := batch.facts.free.get((node.id, sku), 0) - held[node.id, sku]) > 0
    ]
    for number, party in enumerate(urgent):
        if party.site is not None and party.demand.sku_id in skus:
            found.append(
                Rest(sku_id=party.demand.sku_id, site=party.site, units=party.units,
                     given_up_by=number)
            )  # fmt: skip
    return found


def _problem(
    batch: Batch, urgent: Sequence[Party], donors: Sequence[Party], rest: Sequence[Rest]
) -> flow.Problem:
    """Costs are those of a parcel from there; what comes late or may not be sent is forbidden."""
    cost, late = batch.problem.parcel_cost, batch.terms.late_days
    priority = [order.priority for order in batch.facts.orders]
    policy = batch.policy.weights
    may_take = np.zeros((len(urgent), len(donors)), dtype=bool)
    take = np.zeros(may_take.shape, dtype=np.int64)
    for u, party in enumerate(urgent):
        for d, donor in enumerate(donors):
            at = donor.site
            may_take[u, d] = (
                donor.demand.sku_id == party.demand.sku_id
                and donor.row != party.row
                and priority[donor.row] <= priority[party.row]
                and np.isfinite(cost[party.row, at])
                and late[party.row, at] == 0
            )
            take[u, d] = round(float(cost[party.row, at])) if may_take[u, d] else 0
    may_move = np.zeros((len(donors), len(rest)), dtype=bool)
    move = np.zeros(may_move.shape, dtype=np.int64)
    for d, donor in enumerate(donors):
        for r, other in enumerate(rest):
            may_move[d, r] = (
                other.sku_id == donor.demand.sku_id
                and other.site != donor.site
                and np.isfinite(cost[donor.row, other.site])
                and late[donor.row, other.site] == 0
            )
            if may_move[d, r]:
                more = cost[donor.row, other.site] - cost[donor.row, donor.site]
                move[d, r] = round(max(0.0, float(more)) + policy.split_minor)
    unmet = [
        policy.backorder_minor
        if party.site is None or not np.isfinite(cost[party.row, party.site])
        else round(float(cost[party.row, party.site]))
        for party in urgent
    ]
    return flow.Problem(
        need=np.array([party.units for party in urgent], dtype=np.int64),
        unmet_cost=np.array(unmet, dtype=np.int64),
        has=np.array([party.units for party in donors], dtype=np.int64),
        rest=np.array([each.units for each in rest], dtype=np.int64),
        take_cost=take,
        may_take=may_take,
        move_cost=move,
        may_move=may_move,
        given_up_by=np.array([each.given_up_by for each in rest], dtype=np.int64),
    )
