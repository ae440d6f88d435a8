"""Hold: units are set aside for the lines of an order, by rule, as its fulfilment asks for.

    DELIVERY   near the customer first
    COLLECT    at the collection point first, allocated there at once; else elsewhere, to come by
               transfer, near the collection point first
    RESERVE    at the store and nowhere else, until the order's `expires_at`
    TRANSFER   at the site that it comes from

One posting for all lines of an order. Holds of a cart or of an offer may be given up in the same
posting, so that nobody takes them in between. What a channel may not have it does not get.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.capacity import barred_sites
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.orders.rules import HELD_AS, HELD_AT, distance_km, share_out
from wms.sites import Site
from wms.stock import availability, ledger, promises

ATTEMPTS_MAX = 4  # others may take what was free between our look and our hold
State = Literal["HELD", "ALLOCATED"]
Granted: TypeAlias = tuple[int, promises.Reserve]  # number of a line, and what is held for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """A hold that is given up for those that are taken."""

    site_id: UUID
    hold_id: UUID
    sku_id: UUID
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Who wants something: an order, or a cart."""

    id: UUID
    kind: promises.HoldKind
    fulfilment: str
    channel: str
    split: str
    to_site_id: UUID | None
    from_site_id: UUID | None
    latitude: float
    longitude: float
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """For whom, why and how units are held."""

    cause: UUID  # what makes them wanted: the ids of the holds are derived from it
    state: State
    now: datetime
    partly: bool = False


def open_lines(session: Session, order_id: UUID) -> Sequence[OrderLine]:
    """The lines of an order that have not ended, in order."""
    query = select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.state == "OPEN")
    return session.scalars(query.order_by(OrderLine.line_no)).all()


def hold_lines(
    session: Session,
    order: Order,
    wanted: Mapping[OrderLine, int],
    *,
    cause: UUID,
    now: datetime,
    state: State = "HELD",
) -> list[OrderLine]:
    """Hold that many units for each line, whole lines only.

    `cause` is what makes them wanted: the ids of the holds are derived from it.

    Returns:
        the lines that the network cannot fill whole; nothing is held for them.
    """
    missing = hold_units(session, order, wanted, Wish(cause=cause, state=state, now=now))
    return list(missing)


def hold_units(
    session: Session,
    order: Order,
    wanted: Mapping[OrderLine, int],
    wish: Wish,
    *,
    instead: Sequence[Instead] = (),
) -> dict[OrderLine, int]:
    """Hold that many units for each line; those that cannot be had, by line.

    With `wish.partly` an order that may be parted takes what there is. Holds in `instead` are
    given up, whatever is taken.
    """
    left = {line.line_no: units for line, units in wanted.items() if line.sku_id is not None}
    lines = {line.line_no: line for line in wanted}
    goods = {number: (lines[number].sku_id, units) for number, units in left.items()}
    granted = grant(session, demand_of(order), goods, wish, instead=instead)  # type: ignore[arg-type]
    for number, reserve in granted:
        session.add(allocation_of(order, lines[number], reserve))
        left[number] -= reserve.units
    return {lines[number]: units for number, units in left.items() if units}


def grant(
    session: Session,
    demand: Demand,
    wanted: Mapping[int, tuple[UUID, int]],
    wish: Wish,
    *,
    instead: Sequence[Instead] = (),
) -> list[Granted]:
    """Hold SKU and units by line number, where that is best by rule; the holds that were granted.

    What others take between our look and our hold is looked for again, a few times.
    """
    left = dict(wanted)
    sites = _sites_for(session, demand, wish.now) if wanted else []
    granted: list[Granted] = []
    for attempt in range(ATTEMPTS_MAX):
        cause = derive(wish.cause, str(demand.id), attempt)
        asked = _asked(session, demand, left, sites, (cause, wish, instead))
        answers = _post(session, [reserve for _, reserve in asked], instead, wish.now)
        instead = ()
        for (number, reserve), is_granted in zip(asked, answers, strict=True):
            if is_granted:
                granted.append((number, reserve))
                sku, units = left[number]
                left[number] = (sku, units - reserve.units)
        left = {number: (sku, units) for number, (sku, units) in left.items() if units}
        if all(answers):
            break
    return granted


def releases(instead: Sequence[Instead], now: datetime) -> list[ledger.Advance]:
    """Postings that give these holds up."""
    return [
        ledger.Advance(
            command_id=CommandId(derive(each.hold_id, "given up")),
            site_id=SiteId(each.site_id),
            hold_id=HoldId(each.hold_id),
            to="RELEASED",
            actor="rule:order",
            occurred_at=now,
        )
        for each in instead
    ]


def allocation_of(order: Order, line: OrderLine, reserve: promises.Reserve) -> Allocation:
    """The row that stands for a granted hold."""
    return Allocation(
        site_id=reserve.site_id,
        id=reserve.hold_id,
        order_id=order.id,
        line_no=line.line_no,
        sku_id=reserve.sku_id,
        units=reserve.units,
        state=reserve.state,
        ordered_at=order.placed_at,
        supply_id=reserve.supply_id,
    )


def set_sourced(session: Session, order: Order) -> None:
    """Say whether anything of the order waits for a better site than the rule's.

    What is reserved stays where it is, and what is still to come too.
    """
    session.flush()
    waits = exists().where(
        Allocation.order_id == order.id,
        Allocation.state == "HELD",
        Allocation.supply_id.is_(None),
    )
    order.sourced = order.fulfilment == "RESERVE" or not session.scalar(select(waits))


def demand_of(order: Order) -> Demand:
    """What an order is to its holds."""
    kind: promises.HoldKind = HELD_AS[order.fulfilment]  # type: ignore[assignment]
    return Demand(
        id=order.id,
        kind=kind,
        fulfilment=order.fulfilment,
        channel=order.channel,
        split=order.split,
        to_site_id=order.to_site_id,
        from_site_id=order.from_site_id,
        latitude=order.latitude,
        longitude=order.longitude,
        expires_at=order.expires_at if order.fulfilment == "RESERVE" else None,
    )


def _asked(
    session: Session,
    demand: Demand,
    wanted: Mapping[int, tuple[UUID, int]],
    sites: Sequence[UUID],
    how: tuple[UUID, Wish, Sequence[Instead]],
) -> list[Granted]:
    """What to ask of the ledger for each line, by what is free now."""
    cause, wish, instead = how
    if not wanted:
        return []
    free = _free(session, demand, {SkuId(sku) for sku, _ in wanted.values()}, wish.now)
    for each in instead:
        free[each.sku_id][each.site_id] += each.units
    shares = share_out(wanted, sites, free, demand.split, partly=wish.partly)
    return [
        (
            number,
            _reserve(session, demand, (wanted[number][0], *share), derive(cause, number), wish),
        )
        for number, found in shares.items()
        for share in found.items()
    ]


def _post(
    session: Session,
    lines: Sequence[promises.Reserve],
    instead: Sequence[Instead],
    now: datetime,
) -> list[bool]:
    """Give holds up and take others, in one posting."""
    if instead:
        answers = promises.reassign(session, releases(instead, now), lines, now=now)
    else:
        answers = promises.reserve(session, lines, now=now) if lines else []
    return [answer.granted for answer in answers]


def _reserve(
    session: Session, demand: Demand, share: tuple[UUID, UUID, int], group: UUID, wish: Wish
) -> promises.Reserve:
    sku, site, units = share
    is_there = demand.kind == "COLLECT" and site == demand.to_site_id
    ends = demand.expires_at is not None
    return promises.Reserve(
        hold_id=HoldId(derive(group, str(site))),
        site_id=SiteId(site),
        owner_id=owner_of(session, sku),
        sku_id=SkuId(sku),
        units=units,
        kind=demand.kind,
        state="HELD" if ends else "ALLOCATED" if is_there else wish.state,
        demand_id=demand.id,
        group_id=group,
        channel=demand.channel,
        expires_at=demand.expires_at,
    )


def _free(
    session: Session, demand: Demand, skus: set[SkuId], now: datetime
) -> defaultdict[UUID, defaultdict[UUID, int]]:
    """What this channel may have, by SKU and site; what is overdue is free."""
    free: defaultdict[UUID, defaultdict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for (site, sku), units in availability.free_units(session, skus, now=now).items():
        free[sku][site] = units
    kept = availability.kept_from(session, demand.channel, skus)
    for (site, sku), units in kept.items():
        free[sku][site] -= units
    return free


def _sites_for(session: Session, demand: Demand, now: datetime) -> list[UUID]:
    """Where the order may be held, the best first."""
    if demand.fulfilment == "RESERVE":
        assert demand.to_site_id is not None
        return [demand.to_site_id]
    if demand.from_site_id is not None:
        return [demand.from_site_id]
    sites = session.scalars(select(Site).where(Site.kind.in_(HELD_AT))).all()
    home, first = (demand.latitude, demand.longitude), None
    if demand.fulfilment == "COLLECT":
        first = demand.to_site_id
        point = next((site for site in sites if site.id == first), None)
        home = (point.latitude, point.longitude) if point else home
    ranked = sorted(
        sites,
        key=lambda site: (
            site.id != first,
            distance_km(home, (site.latitude, site.longitude)),
            site.code,
        ),
    )
    at = _site_of(session, demand) if demand.split == "ONE_SITE" else None
    barred = barred_sites(session, demand.id, now=now)
    return [site.id for site in ranked if at in {None, site.id} and site.id not in barred]


def _site_of(session: Session, demand: Demand) -> UUID | None:
    """The site that has some of the order already."""
    query = select(Allocation.site_id).where(
        Allocation.order_id == demand.id, Allocation.state.not_in(ENDED)
    )
    return session.scalars(query.limit(1)).first()
