"""Freeze the present: the network as numbers, known by the hash of what it says.

    take_snapshot(session, Wanted(...))   what there is now, saved once; the same again is the same
    read_snapshot(session, id)            optimizer.scenarios.Snapshot

Nodes are the open sites that send; regions the prefectures that orders went to; orders those of the
last days. A carrier's service is a price a parcel, a kilogram and a hundred kilometres, fitted to
the rate card over all pairs of prefectures; `facts` say how far off that is.

Law: a snapshot is never changed. Units as in optimizer.scenarios.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from optimizer.scenarios import (
    Carrier,
    Node,
    Order,
    Region,
    Rules,
    Snapshot,
    snapshot_from,
    snapshot_to,
)
from wms.catalog import Sku
from wms.errors import NotFound, Rejected
from wms.ids import SkuId
from wms.orders import capacity
from wms.orders import model as orders
from wms.orders.costs import KINDS, place_of
from wms.orders.policy import live_policy
from wms.planner.model import PlanSnapshot
from wms.shipping.prefectures import PREFECTURES
from wms.shipping.rates import RateCard, Service
from wms.shipping.tables import calendars, card_in_force
from wms.sites import Site
from wms.stock import availability

NO_LIMIT = 1_000_000  # units_per_day of a site for which nobody said any
LIGHT_G, HEAVY_G = 2_000, 10_000
HOME_ZONE = ZoneInfo("Asia/Tokyo")
PARCEL_KG = 2.0


class NothingToPlan(Rejected):
    """A snapshot needs sites that send and orders of the last days; there are none."""

    code = "nothing_to_plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a snapshot is to be of.

    Attributes:
        days: of orders, back from now.
        orders_max: the newest so many.
        pickers, robots: at sites by code, where the defaults are wrong.
    """

    name: str
    days: int = 28
    orders_max: int = 5_000
    pickers: Mapping[str, int] = field(default_factory=dict)
    robots: Mapping[str, int] = field(default_factory=dict)


def take_snapshot(session: Session, wanted: Wanted, *, by: str, now: datetime) -> PlanSnapshot:
    """The network as it is now.

    Raises:
        NothingToPlan: no site sends, or nobody ordered.
    """
    snapshot, off, days = freeze(session, wanted, _orders(session, wanted, now), now=now)
    return save_snapshot(session, wanted.name, snapshot, off=off, days=days, by=by, now=now)


def freeze(
    session: Session, wanted: Wanted, placed: Sequence[orders.Order], *, now: datetime
) -> tuple[Snapshot, dict[str, float], int]:
    """The network with these orders; how far off its carriers are, and on how many days they came.

    Raises:
        NothingToPlan: no site sends, or none of the orders wants goods.
    """
    nodes = _nodes(session, wanted, now)
    lines = lines_of(session, [order.id for order in placed])
    made = [_order(order, lines[order.id]) for order in placed if lines.get(order.id)]
    if not made or not nodes:
        raise NothingToPlan(f"{len(nodes)} sites, {len(made)} orders with goods")
    skus = {sku for of_order in lines.values() for sku, _, _ in of_order}
    goods = {code: sku for of_order in lines.values() for sku, code, _ in of_order}
    of_goods = session.execute(select(Sku.id, Sku.weight_g).where(Sku.id.in_(skus)))
    weight = {row.id: row.weight_g for row in of_goods}
    carriers, off = fitted(card_in_force(session))
    regions = {each.region for each in made}
    days = len({order.placed_at.astimezone(HOME_ZONE).date() for order in placed})
    snapshot = Snapshot(
        nodes=nodes,
        carriers=carriers,
        regions=tuple(
            Region(code=each.name, latitude=each.latitude, longitude=each.longitude)
            for each in PREFECTURES
            if each.name in regions
        ),
        goods={code: weight.get(sku, 0) for code, sku in sorted(goods.items())},
        stock=_stock(session, nodes, {SkuId(sku): code for code, sku in goods.items()}, now),
        orders=tuple(made),
        orders_per_day=max(1, round(len(made) / days)),
        rules=_rules(session),
    )
    return snapshot, off, days


def save_snapshot(
    session: Session, name: str, snapshot: Snapshot, *, by: str, now: datetime, **more: Any
) -> PlanSnapshot:
    """Keep a snapshot; one that says the same is the one that there is."""
    facts = {
        "nodes": len(snapshot.nodes), "carriers": len(snapshot.carriers),
        "regions": len(snapshot.regions), "skus": len(snapshot.goods),
        "units": sum(sum(there.values()) for there in snapshot.stock.values()),
        "orders": len(snapshot.orders), "orders_per_day": snapshot.orders_per_day, **more,
    }  # fmt: skip
    row = {
        "id": snapshot.id, "name": name, "network": snapshot_to(snapshot), "facts": facts,
        "made_at": now, "made_by": by,
    }  # fmt: skip
    session.execute(insert(PlanSnapshot).values(row).on_conflict_do_nothing())
    return session.get_one(PlanSnapshot, row["id"])


def read_snapshot(session: Session, snapshot_id: str) -> Snapshot:
    """A snapshot as the optimizer takes it.

    Raises:
        NotFound: there is none.
    """
    row = session.get(PlanSnapshot, snapshot_id)
    if row is None:
        raise NotFound(f"snapshot {snapshot_id}")
    return snapshot_from(row.network)


def fitted(card: RateCard) -> tuple[tuple[Carrier, ...], dict[str, float]]:
    """The services of a card as carriers of a plan, and by how many yen each is off on average."""
    found, off = [], {}
    for service in card.all_services.values():
        if service.cool:
            continue
        carrier, error = _carrier(card, service)
        found.append(carrier)
        off[service.code] = error
    return tuple(found), off


def _carrier(card: RateCard, service: Service) -> tuple[Carrier, float]:
    pairs = [(one.name, other.name) for one in PREFECTURES for other in PREFECTURES]
    km = _kilometres()
    light = _prices(card, service, pairs, LIGHT_G)
    heavy = _prices(card, service, pairs, HEAVY_G)
    there = ~np.isnan(light)
    slope, base = np.polyfit(km[there], light[there], 1)
    kg = np.nanmean(heavy - light) * 1000 / (HEAVY_G - LIGHT_G) if np.any(heavy > 0) else 0.0
    parcel = base - kg * LIGHT_G / 1000
    error = float(np.abs(base + slope * km[there] - light[there]).mean())
    far_km, days = float(km.max()), max(service.lead_days)
    return Carrier(
        code=service.code,
        parcel_minor=max(0, round(parcel)),
        kg_minor=max(0, round(kg)),
        hundred_km_minor=max(0, round(slope * 100)),
        km_per_day=max(1, round(far_km / max(1, days))),
        co2_g_per_km=round(card.road_g_per_kg_km * PARCEL_KG * card.detour, 4),
    ), round(error, 1)


def _prices(
    card: RateCard, service: Service, pairs: Iterable[tuple[str, str]], weight_g: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = [card.cost_minor(service.code, one, other, weight_g) for one, other in pairs]
    return np.array([np.nan if each is None else each for each in found])


def _kilometres() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Between all pairs of prefectures, in the order of `_carrier`."""
    here = np.radians([[each.latitude, each.longitude] for each in PREFECTURES])
    d = here[:, None] - here[None]
    a = np.sin(d[..., 0] / 2) ** 2
    a = a + np.cos(here[:, None, 0]) * np.cos(here[None, :, 0]) * np.sin(d[..., 1] / 2) ** 2
    km: np.ndarray[tuple[int], np.dtype[np.float64]] = (2 * 6371.0 * np.arcsin(np.sqrt(a))).ravel()
    return km


def _orders(session: Session, wanted: Wanted, now: datetime) -> Sequence[orders.Order]:
    query = select(orders.Order).where(
        orders.Order.kind == "CUSTOMER",
        orders.Order.fulfilment == "DELIVERY",
        orders.Order.recorded_at > now - timedelta(days=wanted.days),
        orders.Order.recorded_at <= now,
    )
    newest = query.order_by(orders.Order.placed_at.desc(), orders.Order.id)
    return session.scalars(newest.limit(wanted.orders_max)).all()


def lines_of(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, str, int]]]:
    """SKU, its code and units of the lines of goods, by order."""
    found: dict[UUID, list[tuple[UUID, str, int]]] = defaultdict(list)
    line = orders.OrderLine
    query = select(line.order_id, line.sku_id, line.sku, line.units).where(
        line.order_id.in_(ids), line.units > 0
    )
    for order_id, sku_id, sku, units in session.execute(
        query.order_by(line.order_id, line.line_no)
    ):
        if sku_id is not None:
            found[order_id].append((sku_id, sku, units))
    return found


def _order(order: orders.Order, lines: Sequence[tuple[UUID, str, int]]) -> Order:
    at = order.placed_at.astimezone(HOME_ZONE)
    return Order(
        region=place_of(order.prefecture, order.latitude, order.longitude),
        minute=at.hour * 60 + at.minute,
        lines=tuple((sku, units) for _, sku, units in lines),
    )


def _nodes(session: Session, wanted: Wanted, now: datetime) -> tuple[Node, ...]:
    closed, calendar = capacity.closed_sites(session, now), calendars(session)
    weights = live_policy(session).weights
    found = []
    for site in session.scalars(select(Site).where(Site.kind.in_(KINDS)).order_by(Site.code)):
        if site.id in closed:
            continue
        kind, cut_off = KINDS.index(site.kind), calendar[site.code].cut_off
        usual = {} if site.code not in wanted.pickers else {"pickers": wanted.pickers[site.code]}
        limit = None if site.units_per_day >= NO_LIMIT else site.units_per_day
        found.append(
            Node(
                code=site.code,
                kind=site.kind,
                latitude=site.latitude,
                longitude=site.longitude,
                cut_off_minute=cut_off.hour * 60 + cut_off.minute,
                handling_minor=weights.unit_minor[kind],
                packing_minor=weights.packing_minor[kind] + weights.carton_minor,
                units_per_day=limit,
                robots=wanted.robots.get(site.code, 0),
                **usual,
            )
        )
    return tuple(found)


def _stock(
    session: Session, nodes: Iterable[Node], codes: Mapping[SkuId, str], now: datetime
) -> dict[str, dict[str, int]]:
    site_code = {row.id: row.code for row in session.execute(select(Site.id, Site.code))}
    found: dict[str, dict[str, int]] = {node.code: {} for node in nodes}
    for (site, sku), units in availability.free_units(session, set(codes), now=now).items():
        there = found.get(site_code[site])
        if there is not None and units > 0:
            there[codes[sku]] = units
    return {code: dict(sorted(there.items())) for code, there in found.items()}


def _rules(session: Session) -> Rules:
    weights = live_policy(session).weights
    return Rules(
        split_minor=weights.split_minor,
        late_minor=weights.late_day_minor,
        backorder_minor=weights.backorder_minor,
        co2_minor_per_kg=weights.co2_minor_per_kg,
    )
