"""Goods ahead: levels that fit demand, pallets and routes for what is to go to other sites.

    levels(session, site, {}, now)            each stock policy, and the levels that demand suggests
    pallets(session, site, {"to": ...}, now)  units of open transfers as pallets, each stable
    routes(session, site, {"capacity_kg": ..., "vehicles": ...}, now)   who brings them, and when

What is to go is what transfers from the site still hold or have allocated, not yet sent. Distances
are great circles times DETOUR, at KM_AN_HOUR; goods without measures are cubes of usual density.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import pallets as stacking
from optimizer import routes as driving
from optimizer.result import Limits
from wms.catalog import Sku
from wms.orders.model import Allocation
from wms.orders.rules import distance_km
from wms.planner.hand import Hand, Search
from wms.replenishment.demand import histories
from wms.replenishment.levels import suggested
from wms.replenishment.model import StockPolicy
from wms.sites import Site, sites_by_code
from wms.transfers.model import Transfer

LIMITS = Limits(seconds=5.0, iterations=200)
POLICIES_MAX = 200
BOXES_MAX = 2_000
TO_GO = ("HELD", "ALLOCATED", "PINNED", "PICKED", "PACKED")
DETOUR, KM_AN_HOUR = 1.3, 40
MM3_A_GRAM = 2_500  # goods are half air


def levels(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """Each active policy of the site beside what demand suggests; by SKU."""
    percent = wish.get("service_percent")
    query = select(StockPolicy).where(StockPolicy.active, StockPolicy.site_id == site.id)
    policies = session.scalars(query.order_by(StockPolicy.sku_id).limit(POLICIES_MAX)).all()
    if not policies:
        raise ValueError(f"{site.code} has no stock policy")
    known = histories(session, now=now, skus=[each.sku_id for each in policies])
    goods = _goods(session, [each.sku_id for each in policies])
    rows = [
        (
            {"sku": goods[p.sku_id].code, "kind": p.kind, "low": p.low, "high": p.high,
             "follows": p.service_percent > 0},
            known.get((site.id, p.sku_id)), p.service_percent, p.lead_days,
        )
        for p in policies
    ]  # fmt: skip

    def solve(hand: Hand) -> dict[str, Any]:
        del hand  # nothing of this takes long
        found = []
        for row, history, own, lead_days in rows:
            service = int(percent or own or 95)
            if history is not None:
                one = suggested(history, service_percent=service, lead_days=lead_days)
                row |= {"suggested_low": one.low, "suggested_high": one.high, "why": one.why}
            found.append(row)
        return {"rows": sorted(found, key=lambda row: str(row["sku"]))}

    return solve


def pallets(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """The pallets for one site; ValueError where nothing is to go there."""
    del now
    to = sites_by_code(session, {wish["to"]}).get(wish["to"])
    units = {} if to is None else _to_go(session, site).get(to.id, {})
    if not units:
        raise ValueError(f"nothing is to go from {site.code} to {wish['to']}")
    if sum(units.values()) > BOXES_MAX:
        raise ValueError(f"{sum(units.values())} units are to go, at most {BOXES_MAX} are stacked")
    goods = _goods(session, units)
    order = sorted(units, key=lambda sku: goods[sku].code)
    problem = stacking.Problem(
        kinds=tuple(_kind(goods[sku], units[sku]) for sku in order),
        base=(int(wish["length_mm"]), int(wish["width_mm"])),
        height_max=int(wish["height_mm"]),
        max_g=int(wish["max_kg"]) * 1_000,
    )
    codes = [goods[sku].code for sku in order]

    def solve(hand: Hand) -> dict[str, Any]:
        found = stacking.solve(problem, limits=hand.limits(LIMITS), progress=hand.told)
        made: list[dict[str, Any]] = []
        for boxes in found.plan:
            count = Counter(box.kind for box in boxes)
            grams = sum(problem.kinds[kind].weight_g * n for kind, n in count.items())
            made.append({
                "units": {codes[kind]: n for kind, n in sorted(count.items())},
                "kg": round(grams / 1_000, 1),
                "height_mm": max(box.at[2] + box.sides[2] for box in boxes),
            })  # fmt: skip
        left = {
            codes[kind]: problem.kinds[kind].count - done
            for kind in range(len(codes))
            if (done := sum(pallet["units"].get(codes[kind], 0) for pallet in made))
            < problem.kinds[kind].count
        }
        return {"pallets": made, "left_out": left, "at_least": int(found.bound or 0)}

    return solve


def routes(session: Session, site: Site, wish: Mapping[str, Any], now: datetime) -> Search:
    """Who brings it to which sites in turn; ValueError where nothing is to go."""
    del now
    to_go = _to_go(session, site)
    if not to_go:
        raise ValueError(f"nothing is to go from {site.code}")
    goods = _goods(session, {sku for units in to_go.values() for sku in units})
    query = select(Site).where(Site.id.in_(to_go)).order_by(Site.code)
    stops = session.scalars(query).all()
    grams = [sum(goods[sku].weight_g * n for sku, n in to_go[s.id].items()) for s in stops]
    places = [(each.latitude, each.longitude) for each in (site, *stops)]
    km = np.array([[distance_km(one, other) * DETOUR for other in places] for one in places])
    codes = [each.code for each in stops]
    minutes = int(wish.get("stop_minutes", 20))
    problem = driving.Problem(
        distance=np.rint(km * 10).astype(np.int64),  # hundreds of metres
        duration=np.rint(km / KM_AN_HOUR * 60).astype(np.int64),
        stops=tuple(driving.Stop(takes=weight, lasts=minutes) for weight in grams),
        capacity=int(wish["capacity_kg"]) * 1_000,
        vehicles=wish.get("vehicles"),
        closes=int(wish.get("hours", 10)) * 60,
    )

    def solve(hand: Hand) -> dict[str, Any]:
        found = driving.solve(problem, limits=hand.limits(LIMITS), progress=hand.told)
        made = [
            {
                "stops": [codes[stop] for stop in route],
                "km": round(_along(km, route), 1),
                "kg": round(sum(grams[stop] for stop in route) / 1_000, 1),
                "minutes": round(_along(km, route) / KM_AN_HOUR * 60) + minutes * len(route),
            }
            for route in found.plan
            if route
        ]
        there = {stop for route in found.plan for stop in route}
        return {
            "routes": made,
            "left_out": [code for number, code in enumerate(codes) if number not in there],
        }

    return solve


def _along(km: Any, route: tuple[int, ...]) -> float:
    places = [0, *[stop + 1 for stop in route], 0]
    return float(sum(km[one, other] for one, other in pairwise(places)))


def _to_go(session: Session, site: Site) -> dict[UUID, dict[UUID, int]]:
    """Units by destination and SKU that transfers from the site have not sent yet."""
    query = (
        select(Transfer.to_site_id, Allocation.sku_id, Allocation.units)
        .join(Allocation, Allocation.order_id == Transfer.order_id)
        .where(
            Transfer.from_site_id == site.id, ~Transfer.settled, Allocation.site_id == site.id,
            Allocation.state.in_(TO_GO), Allocation.units > 0,
        )
    )  # fmt: skip
    found: dict[UUID, dict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for to, sku, units in session.execute(query):
        found[to][sku] += units
    return found


def _goods(session: Session, skus: Any) -> dict[UUID, Sku]:
    return {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_(list(skus))))}


def _kind(sku: Sku, units: int) -> stacking.Kind:
    cube = max(1, round((max(1, sku.weight_g) * MM3_A_GRAM) ** (1 / 3)))
    sides = (sku.length_mm or cube, sku.width_mm or cube, sku.height_mm or cube)
    return stacking.Kind(
        sides=sides,
        count=units,
        weight_g=sku.weight_g,
        upright=(not sku.upright, not sku.upright, True),
        fragile=sku.fragile or not sku.stackable,
    )
