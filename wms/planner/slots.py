"""Slots: which places to pick from should change places, of what was ordered lately.

The faces of a site as they are, and its empty places to pick from, become an `optimizer.slotting`
problem: what is ordered often near the front, what is ordered together close, nothing where it may
not lie (the rules of putaway, and heavy goods not above the shoulder). What comes out are changes
that pay: each saves more metres, in the time that was looked at, than moving the goods takes.

Nothing is written here: who takes it over (wms.planner.ahead_take) moves the faces.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from optimizer import slotting
from optimizer.layout import Block, walking_distances_m
from optimizer.result import Limits, Progress, unheard
from wms.catalog import Sku
from wms.errors import NotFound
from wms.ids import SiteId
from wms.inbound.places import places_of
from wms.inbound.rules import Goods, Place, against
from wms.orders.model import Allocation
from wms.outbound.walks import AISLE_PITCH_M, BAY_M, cross_bays_of
from wms.replenishment.model import PickFace
from wms.sites import Location, site_id, sites_by_code

FACES_MAX = 1_500  # those of the goods that are ordered most
HEAVY_G, SHOULDER_MM = 10_000, 1_400
MOVE_M = 150.0  # what moving a face takes, as metres walked
LOOKED_FOR = Limits(seconds=10.0, iterations=2_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The problem, how many orders it is of, its SKUs and places by code, and where these are."""

    problem: slotting.Problem
    orders: int
    skus: tuple[str, ...]
    places: tuple[str, ...]
    at: Mapping[str, "At"]


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a place is, to be drawn."""

    zone: str
    aisle: int
    bay: int


def slots_of(
    session: Session, site: str, *, since: datetime, now: datetime, move_m: float = MOVE_M
) -> Slots:
    """What lies where to be picked by people on foot, and what was ordered of it since then.

    Raises:
        NotFound: there is no such site, or it has no faces.
    """
    if site not in sites_by_code(session, [site]):
        raise NotFound(f"site {site}")
    at = SiteId(site_id(site))
    orders = _orders(session, at, since, now)
    faces = _faces(session, at, orders)
    if not faces:
        raise NotFound(f"places to pick from at {site} with an aisle, a bay and goods of their own")
    empty = _empty(session, at)
    where = [place for _, _, place in faces] + empty
    number = {face.sku_id: at for at, (face, _, _) in enumerate(faces)}
    mine = [np.array(sorted({number[s] for s in its if s in number})) for its in orders.values()]
    picks, together = slotting.demand([each for each in mine if each.size], len(faces))
    depot_m, between_m = _ways(session, at, where)
    problem = slotting.Problem(
        picks=picks,
        depot_m=depot_m,
        between_m=between_m,
        together=together,
        allowed=_allowed(session, at, [(face, sku) for face, sku, _ in faces], where),
        now=np.arange(len(faces)),
        move_m=move_m,
    )
    return Slots(
        problem=problem,
        orders=sum(each.size > 0 for each in mine),
        skus=tuple(sku.code for _, sku, _ in faces),
        places=tuple(place.code for place in where),
        at={p.code: At(zone=p.zone, aisle=p.aisle or 1, bay=p.bay or 1) for p in where},
    )


def propose(
    slots: Slots,
    *,
    most: int,
    limits: Limits = LOOKED_FOR,
    seed: int = 0,
    progress: Progress = unheard,
) -> dict[str, Any]:
    """The changes that pay, most for their work first; metres now, after them, and at best."""
    problem = slots.problem
    changes = slotting.moves_worth(problem, most)
    best = slotting.solve(problem, limits=limits, seed=seed, progress=progress)
    after = problem.now.copy()
    moves = []
    for change in changes:
        moves.append(
            {
                "saved_m": round(change.saved_m, 1),
                "skus": [
                    {"sku": slots.skus[sku], "from": slots.places[after[sku]],
                     "to": slots.places[to]}
                    for sku, to in zip(change.skus, change.to, strict=True)
                ],
            }
        )  # fmt: skip
        after[list(change.skus)] = change.to
    now_m, after_m = (sum(problem.cost_m(each)) for each in (problem.now, after))
    return {
        "orders": slots.orders, "skus": len(slots.skus), "places": len(slots.places),
        "now_m": round(now_m, 1), "after_m": round(after_m, 1),
        "best_m": round(min(best.objective, after_m), 1), "moves": moves,
    }  # fmt: skip


def _orders(
    session: Session, site: SiteId, since: datetime, now: datetime
) -> Mapping[UUID, set[UUID]]:
    query = select(Allocation.order_id, Allocation.sku_id).where(
        Allocation.site_id == site,
        Allocation.ordered_at >= since,
        Allocation.ordered_at <= now,
        Allocation.state.not_in(("HELD", "CANCELLED")),
        ~Allocation.by_robot,
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for order, sku in session.execute(query.order_by(Allocation.order_id, Allocation.id)):
        found[order].add(sku)
    return found


def _faces(
    session: Session, site: SiteId, orders: Mapping[UUID, set[UUID]]
) -> list[tuple[PickFace, Sku, Location]]:
    """One face of each SKU, that of the goods that are ordered most first."""
    query = (
        select(PickFace, Sku, Location)
        .join(Sku, Sku.id == PickFace.sku_id)
        .join(
            Location,
            (Location.site_id == PickFace.site_id) & (Location.id == PickFace.location_id),
        )
        .where(PickFace.site_id == site, PickFace.active, Location.zone != "ROBOT")
        .where(Location.aisle.is_not(None), Location.bay.is_not(None), Location.blocked == "")
        .order_by(Location.code)
    )
    first: dict[UUID, tuple[PickFace, Sku, Location]] = {}
    taken: set[UUID] = set()
    for face, sku, place in session.execute(query):
        if sku.id not in first and place.id not in taken:
            first[sku.id] = face, sku, place
            taken.add(place.id)
    times: dict[UUID, int] = defaultdict(int)
    for its in orders.values():
        for each in its:
            times[each] += 1
    return sorted(first.values(), key=lambda face: (-times[face[1].id], face[2].code))[:FACES_MAX]


def _empty(session: Session, site: SiteId) -> list[Location]:
    """Places to pick from that are nobody's, and where nothing lies."""
    query = (
        select(Location)
        .where(Location.site_id == site, Location.kind == "PICK_FACE", Location.zone != "ROBOT")
        .where(Location.aisle.is_not(None), Location.bay.is_not(None), Location.blocked == "")
        .where(~exists().where(PickFace.site_id == site, PickFace.location_id == Location.id))
        .order_by(Location.code)
        .limit(FACES_MAX)
    )
    found = session.scalars(query).all()
    there = _places(session, site, found)
    return [place for place in found if not there[place.id].units]


def _places(session: Session, site: SiteId, where: Sequence[Location]) -> dict[UUID, Place]:
    nothing = Goods(sku_id=None, sku="", units=1)
    found = places_of(session, site, [place.id for place in where], nothing, me=site)
    return {place.id: place for place in found}


def _allowed(
    session: Session,
    site: SiteId,
    faces: Sequence[tuple[PickFace, Sku]],
    where: Sequence[Location],
) -> slotting.Bools:
    """Where each may lie, had the place been emptied; today's place is always one."""
    there = _places(session, site, where)
    allowed = np.eye(len(faces), len(where), dtype=bool)
    places = [_emptied(there[place.id]) for place in where]
    for row, (face, sku) in enumerate(faces):
        goods = Goods(
            sku_id=sku.id,
            sku=sku.code,
            units=face.high,
            skus=frozenset({sku.id}),
            height_mm=sku.height_mm,
            weight_g=sku.weight_g * face.high,
            temperature=sku.temperature,
            dangerous_goods=frozenset(sku.dangerous_goods.split()),
        )
        for column, place in enumerate(places):
            too_high = sku.weight_g >= HEAVY_G and place.height_z_mm > SHOULDER_MM
            room = place.max_units is None or place.max_units >= face.high
            allowed[row, column] |= room and not too_high and not against(goods, place)
    return allowed


def _emptied(place: Place) -> Place:
    nobody: frozenset[UUID] = frozenset()
    return replace(
        place, units=0, weight_g=0, skus=nobody, lots=frozenset(), face_room=None,
        is_face_of_other=False,
    )  # fmt: skip


def _ways(
    session: Session, site: SiteId, where: Sequence[Location]
) -> tuple[slotting.Floats, slotting.Floats]:
    """Metres from the front of the first aisle and back, and between places."""
    aisle = np.array([(place.aisle or 1) - 1 for place in where] + [0], dtype=np.int64)
    depth_m = np.array([float(place.bay or 1) for place in where] + [0.0]) * BAY_M
    last = max(place.bay or 1 for place in where)
    block = Block(
        aisles=int(aisle.max()) + 1,
        aisle_length_m=(last + 1) * BAY_M,
        aisle_pitch_m=AISLE_PITCH_M,
        cross_aisles_m=tuple((b + 0.5) * BAY_M for b in cross_bays_of(session, site) if b < last),
    )
    ways_m = walking_distances_m(block, aisle, depth_m)
    return 2 * ways_m[-1, :-1], ways_m[:-1, :-1]
