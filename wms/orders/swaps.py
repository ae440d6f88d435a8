"""引当振替: who waits, or would come too late, takes units from who has time to spare.

    find(session)        urgent demands, who holds the same goods, what else is free  -> Search
    solve(search)        the cheapest exchange that keeps every promise (optimizer.swaps)
    carry_out(session)   one posting: holds given up and taken; a decision for each order

Nothing is exchanged where that costs more than it is worth. If the world moved meanwhile, nothing
is done, and the next round looks again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import swaps as flow
from optimizer.result import Solution
from wms import outbox
from wms.catalog import owner_of
from wms.errors import Conflict
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.hold import allocation_of, set_sourced
from wms.orders.model import Allocation, Decision, Order, OrderLine
from wms.orders.promise import set_promise
from wms.orders.rules import HELD_AS
from wms.orders.swaps_search import FREE_TO_MOVE, Party, Search, find
from wms.stock import ledger, promises

__all__ = ["Found", "Search", "SwapLost", "carry_out", "find", "solve"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An exchange to be carried out."""

    search: Search
    solution: Solution[flow.Plan]


class SwapLost(Conflict):
    """What was to be exchanged has changed meanwhile; nothing was done."""

    code = "swap_lost"


def solve(search: Search) -> Found | None:
    """The cheapest exchange; None if it is best to do nothing."""
    solution = flow.solve(search.problem)
    return Found(search=search, solution=solution) if solution.plan.take.any() else None


def carry_out(session: Session, found: Found, *, now: datetime) -> int:
    """Exchange what was found. Returns how many units changed hands.

    Raises:
        SwapLost: somebody has begun to pick, or taken, what was to be exchanged. Nothing is done.
    """
    search, plan = found.search, found.solution.plan
    exchange = _Exchange(session, search, now)
    for u, d in np.argwhere(plan.take):
        exchange.take(int(u), int(d), int(plan.take[u, d]))
    for d, r in np.argwhere(plan.move):
        exchange.move(int(d), int(r), int(plan.move[d, r]))
    exchange.post()
    exchange.tell(found)
    return int(plan.take.sum())


class _Exchange:
    """The postings of an exchange, and what becomes of the orders by them."""

    def __init__(self, session: Session, search: Search, now: datetime) -> None:
        self._session, self._search, self._now = session, search, now
        # units of each party that stay where they are; None: its hold is not touched
        self._stays: dict[UUID, tuple[Party, int]] = {}
        self._gets: dict[tuple[int, int, bool], int] = defaultdict(int)  # party, site, is urgent
        self._orders: dict[UUID, Order] = {}

    def take(self, u: int, d: int, units: int) -> None:
        """An urgent demand takes units of a donor's hold."""
        party, donor = self._search.urgent[u], self._search.donors[d]
        assert donor.site is not None
        self._gets[u, donor.site, True] += units
        self._give_up(donor, units)
        if party.hold is not None:
            self._give_up(party, units)

    def move(self, d: int, r: int, units: int) -> None:
        """A donor gets units elsewhere instead."""
        self._gets[d, self._search.rest[r].site, False] += units

    def post(self) -> None:
        """Give up and take, all or nothing."""
        session, now = self._session, self._now
        touched = {party.demand.order_id for party in self._parties()}
        query = select(Order).where(Order.id.in_(touched)).order_by(Order.id).with_for_update()
        fresh = {"populate_existing": True}
        self._orders = {o.id: o for o in session.scalars(query, execution_options=fresh)}
        release, reserve = self._give(), self._get()
        answers = promises.reassign(session, release, [line for _, line in reserve], now=now)
        if not all(answer.granted for answer in answers):
            raise SwapLost("what was free is not any more")
        for party, line in reserve:
            demand = party.demand
            row = session.get_one(OrderLine, (demand.order_id, demand.line_no))
            session.add(allocation_of(self._orders[demand.order_id], row, line))
            if party.hold is None:
                row.units_waiting -= line.units

    def tell(self, found: Found) -> None:
        """Decisions, events, and the promise of who waited."""
        session, now, search = self._session, self._now, self._search
        session.flush()
        for order_id, order in sorted(self._orders.items()):
            mine = [party for party in self._parties() if party.demand.order_id == order_id]
            lines = sorted({party.demand.line_no for party in mine})
            session.add(_decision(found, order_id, mine, self._chosen(order_id), now))
            self._promise(order, mine)
            set_sourced(session, order)
            body = {"id": str(order_id), "number": order.number, "reason": "swapped",
                    "lines": lines, "backordered": []}  # fmt: skip
            outbox.record(
                session, topic="order", key=order_id, type="OrderChanged", body=body, now=now
            )
        log.info("orders.swapped", orders=len(self._orders), urgent=len(search.urgent))

    def _parties(self) -> list[Party]:
        gets = [
            self._search.urgent[at] if is_urgent else self._search.donors[at]
            for at, _, is_urgent in self._gets
        ]
        return gets + [party for party, _ in self._stays.values()]

    def _give_up(self, party: Party, units: int) -> None:
        assert party.hold is not None
        _, stays = self._stays.get(party.hold, (party, party.units))
        self._stays[party.hold] = (party, stays - units)

    def _give(self) -> list[ledger.Advance]:
        advances = []
        for hold, (party, _) in sorted(self._stays.items()):
            site, _, units = party.demand.held[0]
            row = self._session.get(Allocation, (site, hold), populate_existing=True)
            if row is None or row.state not in FREE_TO_MOVE or row.task_id or row.units != units:
                raise SwapLost(f"hold {hold} has changed")
            row.state = "RELEASED"
            advances.append(
                ledger.Advance(
                    command_id=CommandId(derive(hold, "swap")),
                    site_id=SiteId(site),
                    hold_id=HoldId(hold),
                    to="RELEASED",
                    actor="rule:swap",
                    occurred_at=self._now,
                )
            )
        return advances

    def _get(self) -> list[tuple[Party, promises.Reserve]]:
        """What each gets, and what stays of what it had; a hold for each."""
        nodes, wanted = self._search.batch.nodes, []
        for (at, site, is_urgent), units in sorted(self._gets.items()):
            party = self._search.urgent[at] if is_urgent else self._search.donors[at]
            row = self._session.get(
                OrderLine, (party.demand.order_id, party.demand.line_no), populate_existing=True
            )
            if party.hold is None and (row is None or row.units_waiting < units):
                raise SwapLost(f"order {party.demand.order_id} waits no longer")
            wanted.append((party, nodes[site].id, units))
        wanted += [
            (party, party.demand.held[0][0], units)
            for _, (party, units) in sorted(self._stays.items())
            if units
        ]
        cause = derive(wanted[0][0].demand.order_id, "swap", self._now.isoformat())
        return [
            (party, self._reserve(party, site, units, derive(cause, number)))
            for number, (party, site, units) in enumerate(wanted)
        ]

    def _reserve(self, party: Party, site: UUID, units: int, hold: UUID) -> promises.Reserve:
        order = self._orders[party.demand.order_id]
        return promises.Reserve(
            hold_id=HoldId(hold),
            site_id=SiteId(site),
            owner_id=owner_of(self._session, party.demand.sku_id),
            sku_id=SkuId(party.demand.sku_id),
            units=units,
            kind=HELD_AS[order.fulfilment],  # type: ignore[arg-type]
            state="ALLOCATED",
            demand_id=order.id,
            channel=order.channel,
        )

    def _chosen(self, order_id: UUID) -> list[dict[str, object]]:
        sites: dict[int, dict[str, int]] = defaultdict(dict)
        for (at, site, is_urgent), units in self._gets.items():
            party = self._search.urgent[at] if is_urgent else self._search.donors[at]
            if party.demand.order_id == order_id:
                code = self._search.batch.nodes[site].code
                sites[party.demand.line_no][code] = units
        return [{"line_no": line_no, "sites": found} for line_no, found in sorted(sites.items())]

    def _promise(self, order: Order, mine: Sequence[Party]) -> None:
        """Who waited and now has all has a promise again."""
        waited = [party for party in mine if party.hold is None]
        if not waited or order.promised_by is not None:
            return
        query = select(OrderLine).where(OrderLine.order_id == order.id, OrderLine.units_waiting > 0)
        if self._session.scalars(query).first() is not None:
            return
        arrives = self._search.batch.terms.arrives_s
        by_s = max(
            int(arrives[self._search.urgent[at].row, site])
            for (at, site, is_urgent) in self._gets
            if is_urgent and self._search.urgent[at].demand.order_id == order.id
        )
        by = datetime.fromtimestamp(by_s, UTC)
        set_promise(self._session, order, by=by, reason="swapped", now=self._now)


def _decision(
    found: Found,
    order_id: UUID,
    mine: Sequence[Party],
    chosen: list[dict[str, object]],
    now: datetime,
) -> Decision:
    solution = found.solution
    gains = any(party in found.search.urgent for party in mine)
    code = "took_from_who_can_wait" if gains else "gave_to_who_cannot_wait"
    return Decision(
        id=derive(order_id, "swapped", now.isoformat()),
        order_id=order_id,
        decided_at=now,
        status=str(solution.status),
        objective=solution.objective,
        bound=solution.bound,
        gap=solution.gap,
        runtime_s=solution.runtime_s,
        seed=solution.seed,
        inputs_hash="",
        candidates=[],
        chosen=chosen,
        runner_up=None,
        kind="SWAPPED",
        policy=found.search.batch.policy.name,
        policy_version=found.search.batch.policy.version,
        terms={},
        why=[{"code": code, "lines": sorted({party.demand.line_no for party in mine})}],
    )
