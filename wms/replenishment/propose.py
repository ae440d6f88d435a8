"""Propose: what lies below its level and is not on its way yet becomes a proposal, once.

    replenish     stores and warehouses, by their policies; from their source
    fill_faces    places to pick from, out of the reserve of their own site
    fill_pressed  those of them that picks are bound to now, before they run dry

Nobody is asked about proposals up to a policy's `auto_units_max`. An open proposal follows what
has changed since: it grows, shrinks, or is withdrawn when its reason has gone. What a person has
rejected is not proposed again for a day. Policies are locked while this is done, so that two
workers do not propose the same.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.ids import SiteId, SkuId, new_id
from wms.orders.model import Allocation
from wms.replenishment.decide import AUTO, approve
from wms.replenishment.model import PickFace, Proposal, StockPolicy
from wms.replenishment.position import Positions
from wms.replenishment.rules import units_to_order, units_to_send
from wms.sites import Location
from wms.stock.availability import Pickable, pickable
from wms.transfers.place import SourceIsShort

REJECTED_FOR = timedelta(days=1)
POLICIES_A_RUN = 2_000

Key = tuple[UUID, ...]


def replenish(
    session: Session, *, now: datetime, after: Key | None = None
) -> tuple[int, Key | None]:
    """Look at the policies of the sites, a part of them.

    Returns:
        how many proposals were made or changed, and where to go on (None: those were all).
    """
    query = select(StockPolicy).where(StockPolicy.active)
    if after is not None:
        query = query.where(
            (StockPolicy.site_id > after[0])
            | ((StockPolicy.site_id == after[0]) & (StockPolicy.sku_id > after[1]))
        )
    query = query.order_by(StockPolicy.site_id, StockPolicy.sku_id).limit(POLICIES_A_RUN)
    policies = session.scalars(query.with_for_update()).all()
    if not policies:
        return 0, None
    positions = Positions(session, {policy.sku_id for policy in policies}, now=now)
    open_ = _open(session, "REPLENISH")
    rejected = _rejected(session, "REPLENISH", now)
    done = 0
    for policy in policies:
        key = (policy.site_id, policy.sku_id, policy.source_site_id)
        known = open_.get(key)
        if key not in rejected or known is not None:
            done += _of_policy(session, policy, positions, known, now)
    last = policies[-1]
    more = len(policies) == POLICIES_A_RUN
    return done, (last.site_id, last.sku_id) if more else None


def _of_policy(
    session: Session,
    policy: StockPolicy,
    positions: Positions,
    known: Proposal | None,
    now: datetime,
) -> int:
    site, sku, source = policy.site_id, policy.sku_id, policy.source_site_id
    if known is not None:
        positions.to_come[site, sku] -= known.units
        positions.to_go[source, sku] -= known.units
    position = positions.position(site, sku)
    wanted = units_to_order(
        policy.kind, policy.low, policy.high, policy.pack_units, position=position,  # type: ignore[arg-type]
    )  # fmt: skip
    units = units_to_send(wanted, positions.spare(source, sku), policy.pack_units)
    facts = {
        "position": position, "free": positions.free[site, sku],
        "on_way": positions.on_way[site, sku], "low": policy.low, "high": policy.high,
        "policy": policy.kind, "wanted": wanted, "source_free": positions.free[source, sku],
    }  # fmt: skip
    positions.to_come[site, sku] += units
    positions.to_go[source, sku] += units
    if known is not None:
        return _follow(known, units, facts, now)
    if not units:
        return 0
    proposal = propose(
        session, "REPLENISH", (site, sku, source), units, facts, now=now
    )  # fmt: skip
    if units <= policy.auto_units_max:
        try:
            with session.begin_nested():
                approve(session, proposal, command_id=proposal.id, actor=AUTO, now=now)
        except SourceIsShort:
            return 1  # somebody was faster: the proposal stands, and follows
        positions.to_come[site, sku] -= units  # it is on its way now
        positions.to_go[source, sku] -= units
        positions.on_way[site, sku] += units
        positions.free[source, sku] -= units
    return 1


def fill_faces(session: Session, *, now: datetime) -> int:
    """Look at the places to pick from; how many proposals were made or changed."""
    query = select(PickFace).where(PickFace.active)
    query = query.order_by(PickFace.site_id, PickFace.location_id, PickFace.sku_id)
    by_site: dict[UUID, list[PickFace]] = defaultdict(list)
    for face in session.scalars(query.with_for_update()):
        by_site[face.site_id].append(face)
    return sum(_fill_site(session, SiteId(site), faces, now) for site, faces in by_site.items())


def fill_pressed(session: Session, site: SiteId, *, now: datetime) -> int:
    """Look at the places of that site that somebody is sent to pick from now; how many proposals.

    Asked when work is released, so that they are filled before they run dry.
    """
    pressed = exists().where(
        Allocation.site_id == PickFace.site_id,
        Allocation.location_id == PickFace.location_id,
        Allocation.sku_id == PickFace.sku_id,
        Allocation.state == "PINNED",
    )
    query = select(PickFace).where(PickFace.site_id == site, PickFace.active, pressed)
    query = query.order_by(PickFace.site_id, PickFace.location_id, PickFace.sku_id)
    faces = session.scalars(query.with_for_update(skip_locked=True)).all()
    return _fill_site(session, site, faces, now) if faces else 0


def _fill_site(session: Session, site: SiteId, faces: Sequence[PickFace], now: datetime) -> int:
    skus = {SkuId(face.sku_id) for face in faces}
    there: dict[UUID, list[Pickable]] = defaultdict(list)
    for each in pickable(session, site, skus, now=now):
        there[each.sku_id].append(each)
    reserve = set(
        session.scalars(
            select(Location.id).where(
                Location.site_id == site, Location.kind.in_(("RESERVE", "BACKROOM"))
            )
        )
    )
    by_serial = set(
        session.scalars(
            select(Sku.id).where(Sku.id.in_(skus), Sku.tracking.in_(("SERIAL", "BOTH")))
        )
    )
    open_ = _faces_in_work(session, site)
    rejected = _rejected(session, "PICK_FACE", now)
    taken: dict[tuple[UUID, UUID], int] = defaultdict(int)
    done = 0
    for face in faces:
        key = (face.site_id, face.sku_id, face.location_id)
        known = open_.get(key)
        if face.sku_id in by_serial or (known is not None and known.state != "OPEN"):
            continue  # serials are moved one by one; or somebody is at it
        if known is None and key in rejected:
            continue
        done += _of_face(session, face, there[face.sku_id], reserve, taken, known, now)
    return done


def _of_face(  # noqa: PLR0913, PLR0917 - what is there, and what of it is spoken for
    session: Session,
    face: PickFace,
    there: Sequence[Pickable],
    reserve: set[UUID],
    taken: dict[tuple[UUID, UUID], int],
    known: Proposal | None,
    now: datetime,
) -> int:
    here = sum(each.units for each in there if each.location_id == face.location_id)
    wanted = units_to_order("MINMAX", face.low, face.high, face.pack_units, position=here)
    from_place, units = None, 0
    for each in there:  # what expires first comes first
        left = each.units - taken[each.location_id, face.sku_id]
        if each.location_id in reserve and each.tote is None and left > 0:
            from_place, units = each, units_to_send(min(wanted, left), left, 1)
            break
    facts = {"here": here, "low": face.low, "high": face.high, "wanted": wanted}
    if from_place is not None:
        taken[from_place.location_id, face.sku_id] += units
        facts["reserve"] = from_place.units
    if known is not None:
        if from_place is None or known.from_location_id != from_place.location_id:
            units = 0
        return _follow(known, units, facts, now)
    if not units or from_place is None:
        return 0
    proposal = propose(
        session, "PICK_FACE", (face.site_id, face.sku_id, face.site_id), units, facts, now=now,
        places=(from_place.location_id, face.location_id),
    )  # fmt: skip
    if units <= face.auto_units_max:
        approve(session, proposal, command_id=proposal.id, actor=AUTO, now=now)
    return 1


def propose(  # noqa: PLR0913 - what, from where, why
    session: Session,
    kind: str,
    way: tuple[UUID, UUID, UUID],
    units: int,
    facts: dict[str, Any],
    *,
    now: datetime,
    places: tuple[UUID, UUID] | None = None,
) -> Proposal:
    """A new proposal: to the first site, of that SKU, from the other site."""
    site, sku, source = way
    proposal = Proposal(
        site_id=site,
        id=new_id(now),
        kind=kind,
        state="OPEN",
        sku_id=sku,
        units=units,
        from_site_id=source,
        from_location_id=places[0] if places else None,
        to_location_id=places[1] if places else None,
        facts=facts,
        made_at=now,
    )
    session.add(proposal)
    session.flush()
    return proposal


def withdraw(proposal: Proposal, now: datetime) -> None:
    """What it was proposed for has gone."""
    proposal.state, proposal.decided_at, proposal.decided_by = "WITHDRAWN", now, AUTO


def _follow(known: Proposal, units: int, facts: dict[str, Any], now: datetime) -> int:
    if known.units == units:
        return 0
    if not units:
        withdraw(known, now)
        return 1
    known.units, known.facts = units, facts
    return 1


def _open(session: Session, kind: str) -> dict[Key, Proposal]:
    query = select(Proposal).where(Proposal.state == "OPEN", Proposal.kind == kind)
    found = session.scalars(query.order_by(Proposal.site_id, Proposal.id).with_for_update())
    return {(each.site_id, each.sku_id, each.from_site_id): each for each in found}


def _faces_in_work(session: Session, site: UUID) -> dict[Key, Proposal]:
    query = select(Proposal).where(
        Proposal.site_id == site,
        Proposal.kind == "PICK_FACE",
        Proposal.state.in_(("OPEN", "APPROVED")),
    )
    found = session.scalars(query.order_by(Proposal.id).with_for_update()).all()
    return {
        (each.site_id, each.sku_id, each.to_location_id): each
        for each in found
        if each.to_location_id is not None
    }


def _rejected(session: Session, kind: str, now: datetime) -> set[Key]:
    query = select(Proposal).where(
        Proposal.state == "REJECTED",
        Proposal.kind == kind,
        Proposal.decided_at > now - REJECTED_FOR,
    )
    return {
        (each.site_id, each.sku_id, each.to_location_id or each.from_site_id)
        for each in session.scalars(query)
    }
