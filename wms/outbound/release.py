"""Release: allocations are pinned to places, as much at a time as the floor can take.

Binding is late: only now is each allocation pinned to the place, and the tote, that its units are
taken from (wms.outbound.bind has the rules). A WIP limit decides how many, not a timetable. What
lies in robot totes waits for its tote (wms.outbound.robot); everything else becomes walks
(wms.outbound.walks).

Who comes first: urgent orders, of these what is promised first. An order that is past its time is
therefore never overtaken by a later one of its class; only one for which nothing can be pinned now
is passed by, and people are told why.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Select, func, select, true
from sqlalchemy.orm import Session, aliased

from wms.catalog import Pack, Sku
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.model import Allocation, Order
from wms.outbound.bind import Binding, Choice, Key, Spot, choose, is_fit
from wms.outbound.floor import Floor
from wms.outbound.style import PickLine, Release, note_released
from wms.outbound.tell import report
from wms.sites import Site, location_id
from wms.stock import ledger
from wms.stock.availability import Pickable, pickable

log = structlog.get_logger(__name__)

TRIES = 3  # looks behind lines for which nothing can be pinned
LOOK_MIN = 50
USUAL = Release()
Ordered = aliased(Order)  # conditions may look at orders for themselves
BY_TURN = (
    Ordered.priority.desc(), Ordered.promised_by.asc().nulls_last(), Allocation.ordered_at,
    Allocation.order_id, Allocation.line_no, Allocation.id,
)  # fmt: skip
"""Who comes first."""


@dataclass(slots=True)
class Stock:
    """Where goods may be taken from, and what is left there while they are given out."""

    spots: dict[UUID, list[Spot]]
    places: dict[Key, Pickable]
    left: dict[Key, int]
    today: date

    def keep_to(self, aisles: Collection[tuple[str, int]], wanted: Mapping[UUID, int]) -> None:
        """Of goods that lie in these aisles, or come by robot, in plenty, no other place counts."""
        for sku, spots in self.spots.items() if aisles else ():
            near = [s for s in spots if s.zone == "ROBOT" or (s.zone, s.way[1]) in aisles]
            if sum(self.left[spot.key] for spot in near) >= wanted.get(sku, 0):
                self.spots[sku] = near

    def prefer(self, totes: Collection[UUID]) -> None:
        """Of places that are as good, those in these totes first (rule FEW_TOTES)."""
        for sku, spots in self.spots.items() if totes else ():
            self.spots[sku] = [replace(s, is_chosen=s.key[2] in totes) for s in spots]


@dataclass(slots=True)
class Taken:
    """What was pinned, and for what there was nothing."""

    pinned: list[tuple[Allocation, Choice]] = field(default_factory=list)
    nowhere: list[Allocation] = field(default_factory=list)


def release_site(  # noqa: PLR0913 - what, how much, how
    session: Session,
    site: SiteId,
    floor: Floor,
    *,
    now: datetime,
    only: ColumnElement[bool] | None = None,
    how: Release = USUAL,
    room: int | None = None,
) -> int:
    """Pin what the floor can take. Returns how many allocations were pinned.

    `only` is what an allocation must be like to be released here at all; `room` how many lines may
    be pinned now (None: as the floor's limit says).
    """
    if room is None:
        room = floor.lines_in_work_max - lines_in_work(session, site)
    pinned, tried = 0, set[UUID]()
    for _ in range(TRIES):
        if room <= pinned:
            break
        most = max(LOOK_MIN, room - pinned) if tried else room
        query = in_turn(site, only, most).where(Allocation.id.not_in(tried))
        allocations = session.scalars(query.with_for_update(of=Allocation, skip_locked=True)).all()
        if not allocations:
            break
        tried |= {each.id for each in allocations}
        pinned += pin(session, site, allocations, how=how, room=room - pinned, now=now)
    return pinned


def in_turn(site: SiteId, only: ColumnElement[bool] | None, most: int) -> Select[Allocation]:
    """What waits to be released there, in its turn, at most so many lines."""
    return (
        select(Allocation)
        .join(Ordered, Ordered.id == Allocation.order_id)
        .where(
            Allocation.site_id == site,
            Allocation.state == "ALLOCATED",
            true() if only is None else only,
        )
        .order_by(*BY_TURN)
        .limit(most)
    )


def lines_in_work(session: Session, site: UUID, channel: str | None = None) -> int:
    """How many lines are pinned and not yet picked there, of all or of a channel."""
    query = select(func.count()).where(Allocation.site_id == site, Allocation.state == "PINNED")
    if channel is not None:
        query = query.join_from(
            Allocation,
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        ).where(PickLine.channel == channel)
    return session.scalar(query) or 0


def pin(
    session: Session,
    site: SiteId,
    allocations: Sequence[Allocation],
    *,
    how: Release = USUAL,
    room: int | None = None,
    now: datetime,
) -> int:
    """Pin these, in their order, at most so many; how many were."""
    stock = stock_for(session, site, {each.sku_id for each in allocations}, how.binding, now)
    stock.keep_to(how.aisles, units_of(allocations))
    stock.prefer(how.totes)
    lives = shelf_lives(session, how, allocations)
    taken = take(allocations, stock, how.binding, lives, room)
    advances = [_pinned(session, each, one, stock.places[one.spot.key], now)
                for each, one in taken.pinned]  # fmt: skip
    _tell_nowhere(session, stock, taken.nowhere, how.binding, lives, now)
    if advances:
        ledger.advance(session, advances)
        note_released(session, site, [each.id for each, _ in taken.pinned], how, now=now)
    return len(advances)


def take(
    allocations: Sequence[Allocation],
    stock: Stock,
    binding: Binding,
    lives: Mapping[UUID, int],
    room: int | None,
) -> Taken:
    """Choose a place for each, one after the other; changes only what is left."""
    taken = Taken()
    for each in allocations:
        if room is not None and len(taken.pinned) >= room:
            break
        mine = _with_life(binding, lives.get(each.order_id, 0))
        choice = choose(each.units, stock.spots.get(each.sku_id, ()), stock.left, mine, stock.today)
        if choice is None:
            taken.nowhere.append(each)
            continue
        stock.left[choice.spot.key] -= choice.units
        taken.pinned.append((each, choice))
    return taken


def units_of(allocations: Sequence[Allocation]) -> dict[UUID, int]:
    """What these want, by SKU."""
    wanted: dict[UUID, int] = defaultdict(int)
    for each in allocations:
        wanted[each.sku_id] += each.units
    return wanted


def stock_for(
    session: Session, site: SiteId, skus: Collection[UUID], binding: Binding, now: datetime
) -> Stock:
    """What may be taken of these SKUs at that site."""
    packs: dict[UUID, int] = {}
    if "FULL_PACK" in binding.rules:
        cases = select(Pack.sku_id, Pack.units).where(Pack.sku_id.in_(skus), Pack.level == "CASE")
        packs = dict(session.execute(cases).all())
    life = select(Sku.id, Sku.shelf_life_days).where(Sku.id.in_(skus))
    lives = dict(session.execute(life).all())
    spots: dict[UUID, list[Spot]] = defaultdict(list)
    places: dict[Key, Pickable] = {}
    for one in pickable(session, site, [SkuId(sku) for sku in skus], now=now):
        key = (one.sku_id, one.location_id, one.handling_unit_id, one.lot)
        places[key] = one
        made = (one.expires_on - one.made_on).days if one.expires_on and one.made_on else None
        spots[one.sku_id].append(
            Spot(
                key=key,
                code=one.location,
                zone=one.zone,
                kind=one.kind,
                units=one.units,
                way=(one.pick_seq, one.aisle or 0, one.bay or 0),
                expires_on=one.expires_on,
                life_days=lives.get(one.sku_id) or made,
                pack_units=packs.get(one.sku_id, 1),
            )
        )
    zone = ZoneInfo(session.get_one(Site, site).time_zone)
    left = {key: one.units for key, one in places.items()}
    return Stock(spots=spots, places=places, left=left, today=now.astimezone(zone).date())


def shelf_lives(
    session: Session, how: Release, allocations: Sequence[Allocation]
) -> dict[UUID, int]:
    """The share of its life that a lot must have left, by order, where its channel asks for one."""
    if not how.shelf_life:
        return {}
    ids = {each.order_id for each in allocations}
    channels = select(Order.id, Order.channel).where(
        Order.id.in_(ids), Order.channel.in_(how.shelf_life)
    )
    return {order: how.shelf_life[channel] for order, channel in session.execute(channels)}


def _with_life(binding: Binding, share: int) -> Binding:
    if share <= binding.min_life:
        return binding
    return Binding(rules=binding.rules, min_life=share, zones=binding.zones)


def _tell_nowhere(
    session: Session,
    stock: Stock,
    nowhere: Sequence[Allocation],
    binding: Binding,
    lives: Mapping[UUID, int],
    now: datetime,
) -> None:
    for each in nowhere:
        spots = [spot for spot in stock.spots.get(each.sku_id, ()) if stock.left[spot.key] > 0]
        mine = _with_life(binding, lives.get(each.order_id, 0))
        unfit = [spot for spot in spots if not is_fit(spot, mine, stock.today)]
        if not unfit:
            log.warning("release.nowhere", allocation=str(each.id), sku=str(each.sku_id))
            continue
        report(
            session, each.site_id, derive(each.id, "unfit"), code="release.no_fit_lot",
            source="release", at=now, priority=3,
            facts={"order": str(each.order_id), "line": each.line_no, "units": each.units},
        )  # fmt: skip


def _pinned(
    session: Session, allocation: Allocation, choice: Choice, place: Pickable, now: datetime
) -> ledger.Advance:
    """Note it, and say it to the ledger. What is too much for the place is an allocation more."""
    take_, site = choice.units, SiteId(allocation.site_id)
    rest = allocation.units - take_
    again = [allocation.releases] if allocation.releases else []  # its ids are new each time
    rest_id = HoldId(derive(allocation.id, "rest", *again))
    if rest:
        session.add(
            Allocation(
                site_id=site,
                id=rest_id,
                order_id=allocation.order_id,
                line_no=allocation.line_no,
                sku_id=allocation.sku_id,
                units=rest,
                state="ALLOCATED",
                ordered_at=allocation.ordered_at,
            )
        )
    allocation.units, allocation.state = take_, "PINNED"
    allocation.location_id = location_id(site, place.location)
    allocation.tote = place.tote
    allocation.by_robot = place.tote is not None and place.zone == "ROBOT"
    allocation.releases += 1
    return ledger.Advance(
        command_id=CommandId(derive(allocation.id, "pin", *again)),
        site_id=site,
        hold_id=HoldId(allocation.id),
        to="PINNED",
        units=take_ if rest else None,
        rest_hold_id=rest_id if rest else None,
        rest_state="ALLOCATED",
        location_id=place.location_id,
        handling_unit_id=place.handling_unit_id,
        lot=place.lot,
        actor="rule:release",
        occurred_at=now,
    )
