"""Balance: what some sites have too much of, and others will lack, is proposed to go there.

    rate      units a day that a site will sell of a SKU (wms.replenishment.demand)
    need      what it lacks for `TARGET_DAYS`, all that is on its way counted
    surplus   what it has free beyond `KEEP_DAYS`, its own policy and what is proposed counted

Which surplus goes where is a flow of least cost (optimizer.balancing); between two transactions it
is solved, and only what still holds then becomes proposals. Proposals of the last run that are
still open are withdrawn first: the new ones know better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import balancing
from wms.orders.rules import HELD_AT, distance_km
from wms.replenishment import demand
from wms.replenishment.model import Proposal, StockPolicy
from wms.replenishment.position import Positions
from wms.replenishment.propose import propose, withdraw
from wms.replenishment.rules import (
    TARGET_DAYS,
    UNITS_MIN,
    WORTH_MINOR,
    move_cost,
    need_of,
    surplus_of,
)
from wms.sites import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be balanced of one SKU, and between which sites."""

    sku_id: UUID
    givers: tuple[UUID, ...]
    takers: tuple[UUID, ...]
    problem: balancing.Problem
    facts: dict[UUID, dict[str, int | float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Units of a SKU that should go from one site to another, and why."""

    sku_id: UUID
    from_site_id: UUID
    to_site_id: UUID
    units: int
    facts: dict[str, int | float]


def gather(session: Session, *, now: datetime) -> list[Question]:
    """What could be balanced now."""
    rates = demand.rates(session, now=now, days=TARGET_DAYS)
    skus = {sku for _, sku in rates}
    if not skus:
        return []
    sites = {
        site.id: site
        for site in session.scalars(select(Site).where(Site.kind.in_(HELD_AT)).order_by(Site.code))
    }
    lows = {
        (policy.site_id, policy.sku_id): policy.low
        for policy in session.scalars(select(StockPolicy).where(StockPolicy.active))
    }
    for old in _open(session):
        withdraw(old, now)
    session.flush()
    positions = Positions(session, skus, now=now)
    asked = [_question(sku, sites, rates, lows, positions) for sku in sorted(skus)]
    return [question for question in asked if question is not None]


def solve(questions: Sequence[Question]) -> list[Move]:
    """The moves that are worth it."""
    moves = []
    for question in questions:
        solution = balancing.solve(question.problem)
        for giver, taker in np.argwhere(solution.plan):
            to_site = question.takers[taker]
            moves.append(
                Move(
                    sku_id=question.sku_id,
                    from_site_id=question.givers[giver],
                    to_site_id=to_site,
                    units=int(solution.plan[giver, taker]),
                    facts={
                        **question.facts[to_site],
                        "cost_minor": int(question.problem.cost[giver, taker]),
                        "worth_minor": int(question.problem.worth[taker]),
                        "objective_minor": solution.objective,
                        "bound_minor": solution.bound if solution.bound is not None else 0.0,
                    },
                )
            )
    return moves


def store(session: Session, moves: Sequence[Move], *, now: datetime) -> int:
    """Propose what still holds; how many proposals."""
    positions = Positions(session, {move.sku_id for move in moves}, now=now) if moves else None
    rejected = _rejected(session, now)
    known = {(each.site_id, each.sku_id, each.from_site_id) for each in _open(session)}
    made = 0
    for move in moves:
        assert positions is not None
        key = (move.to_site_id, move.sku_id, move.from_site_id)
        if key in known or key in rejected:
            continue
        units = min(move.units, positions.spare(move.from_site_id, move.sku_id))
        if units < UNITS_MIN:
            continue
        propose(session, "BALANCE", key, units, dict(move.facts), now=now)
        positions.to_go[move.from_site_id, move.sku_id] += units
        made += 1
    return made


def _question(
    sku: UUID,
    sites: dict[UUID, Site],
    rates: dict[tuple[UUID, UUID], float],
    lows: dict[tuple[UUID, UUID], int],
    positions: Positions,
) -> Question | None:
    need, surplus, facts = {}, {}, {}
    for site in sites:
        rate = rates.get((site, sku), 0.0)
        position = positions.position(site, sku)
        if lacks := need_of(rate, position):
            need[site] = lacks
            facts[site] = {"rate": round(rate, 3), "position": position, "need": lacks}
        low = lows.get((site, sku), 0)
        if spare := surplus_of(rate, positions.spare(site, sku), low):
            surplus[site] = spare
    if not need or not surplus:
        return None
    cost = [
        [
            move_cost(
                distance_km(
                    (sites[giver].latitude, sites[giver].longitude),
                    (sites[taker].latitude, sites[taker].longitude),
                )
            )
            for taker in need
        ]
        for giver in surplus
    ]
    problem = balancing.Problem(
        surplus=np.array(list(surplus.values()), dtype=np.int64),
        need=np.array(list(need.values()), dtype=np.int64),
        cost=np.array(cost, dtype=np.int64),
        worth=np.full(len(need), WORTH_MINOR, dtype=np.int64),
        units_min=UNITS_MIN,
    )
    return Question(
        sku_id=sku, givers=tuple(surplus), takers=tuple(need), problem=problem, facts=facts
    )


def _open(session: Session) -> Sequence[Proposal]:
    query = select(Proposal).where(Proposal.state == "OPEN", Proposal.kind == "BALANCE")
    return session.scalars(query.order_by(Proposal.site_id, Proposal.id).with_for_update()).all()


def _rejected(session: Session, now: datetime) -> set[tuple[UUID, UUID, UUID]]:
    query = select(Proposal.site_id, Proposal.sku_id, Proposal.from_site_id).where(
        Proposal.state == "REJECTED",
        Proposal.kind == "BALANCE",
        Proposal.decided_at > now - timedelta(days=7),
    )
    return {(site, sku, source) for site, sku, source in session.execute(query)}
