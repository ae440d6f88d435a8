"""Levels: how low stock may fall and how high it is filled, from demand and a service level.

    demand of the last weeks -> forecast -> (s, S) of least cost (optimizer.replenishment)

A policy with a `service_percent` follows demand: each night its levels become those under which
that share of days without a shortage costs least. One without keeps what people have said. `why`
says what was foreseen, by which method, and how wrong that method was lately.

A line of a replenishment costs as much as keeping a unit for `LINE_DAYS`.
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import replenishment
from wms.catalog import HOUSE_OWNER_ID, skus_by_code
from wms.errors import NotFound
from wms.replenishment.demand import Floats, Key, foreseen, histories
from wms.replenishment.model import StockPolicy
from wms.sites import sites_by_code

LINE_DAYS = 20.0
POLICIES_A_RUN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Levels, and what they follow from."""

    low: int
    high: int
    why: dict[str, Any]


def suggested(
    history: Floats, *, service_percent: int, lead_days: int, with_library: bool | None = None
) -> Suggestion:
    """The levels of least cost under which that share of days has no shortage. Pure."""
    seen = foreseen(history, days=lead_days + 1, with_library=with_library)
    mean = float(seen.mean.mean())
    solution = replenishment.solve(
        replenishment.Problem(
            demand=replenishment.spread(mean, max(mean, seen.variance)),
            lead_periods=lead_days,
            hold=1.0,
            short=replenishment.service_short(service_percent / 100, 1.0),
            fixed=LINE_DAYS,
        )
    )
    low = max(0, solution.plan.low)
    why = {
        "rate": round(mean, 3), "demand": seen.kind, "method": seen.method,
        "mase": _rounded(seen.mase), "bias": _rounded(seen.bias), "lead_days": lead_days,
        "service_percent": service_percent, "days": int(history.size),
    }  # fmt: skip
    return Suggestion(low=low, high=max(1, low, ceil(solution.plan.high)), why=why)


def suggest(
    session: Session, site: str, sku: str, *, service_percent: int, lead_days: int, now: datetime
) -> Suggestion:
    """What the levels of a SKU at a site would be.

    Raises:
        NotFound: there is no such site or SKU, or nobody has bought any of it there.
    """
    sites, skus = sites_by_code(session, {site}), skus_by_code(session, {sku}, HOUSE_OWNER_ID)
    if site not in sites:
        raise NotFound(f"site {site}")
    if sku not in skus:
        raise NotFound(f"SKU {sku}")
    key = (sites[site].id, skus[sku].id)
    history = histories(session, now=now, skus=[key[1]]).get(key)
    if history is None:
        raise NotFound(f"sales of SKU {sku} at site {site}")
    return suggested(history, service_percent=service_percent, lead_days=lead_days)


def follow(session: Session, *, now: datetime, after: Key | None = None) -> tuple[int, Key | None]:
    """Policies that follow demand get the levels of today, a part of them.

    Returns:
        how many have changed, and where to go on (None: those were all).
    """
    query = select(StockPolicy).where(StockPolicy.active, StockPolicy.service_percent > 0)
    if after is not None:
        query = query.where(
            (StockPolicy.site_id > after[0])
            | ((StockPolicy.site_id == after[0]) & (StockPolicy.sku_id > after[1]))
        )
    query = query.order_by(StockPolicy.site_id, StockPolicy.sku_id).limit(POLICIES_A_RUN)
    policies = session.scalars(query.with_for_update()).all()
    if not policies:
        return 0, None
    known = histories(session, now=now, skus={policy.sku_id for policy in policies})
    done = 0
    for policy in policies:
        history = known.get((policy.site_id, policy.sku_id))
        if history is None:
            continue  # nobody knows better than the person who said it
        found = suggested(
            history, service_percent=policy.service_percent, lead_days=policy.lead_days
        )
        if (policy.kind, policy.low, policy.high) != ("SS", found.low, found.high):
            policy.kind, policy.low, policy.high = "SS", found.low, found.high
            policy.changed_at = now
            done += 1
    last = policies[-1]
    more = len(policies) == POLICIES_A_RUN
    return done, (last.site_id, last.sku_id) if more else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
