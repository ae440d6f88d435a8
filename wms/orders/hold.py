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
from typing import Literal
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.capacity import barred_sites
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.orders.rules import HELD_AS, HELD_AT, distance_km, share_out
from wms.sites import Site
from wms.stock import availability, ledger, promises

ATTEMPTS_MAX = 4  # others may take what was free between our look and our hold
State = Literal["HELD", "ALLOCATED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """A hold that is given up for those that are taken."""

    site_id: UUID
    hold_id: UUID
    sku_id: UUID
    units: int


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
    left = {line: units for line, units in wanted.items() if line.sku_id is not None}
    sites = _sites_for(session, order, wish.now)
    for attempt in range(ATTEMPTS_MAX):
        if not left:
            break
        cause = derive(wish.cause, str(order.id), attempt)
        granted, refused = _try_hold(session, order, left, sites, (cause, wish), instead)
        instead = ()
        left = {line: n - granted.get(line, 0) for line, n in left.items()}
        left = {line: n for line, n in left.items() if n}
        if not refused:
            break
    if instead:
        ledger.advance(session, releases(instead, wish.now))
    return left


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


def kind_of(order: Order) -> promises.HoldKind:
    """What the holds of an order are for."""
    kind: promises.HoldKind = HELD_AS[order.fulfilment]  # type: ignore[assignment]
    return kind


def _try_hold(
    session: Session,
    order: Order,
    wanted: Mapping[OrderLine, int],
    sites: Sequence[UUID],
    how: tuple[UUID, Wish],
    instead: Sequence[Instead],
) -> tuple[dict[OrderLine, int], bool]:
    """One attempt: the units granted by line, and whether any was refused and may try again."""
    cause, wish = how
    free = _free(session, order, {SkuId(line.sku_id) for line in wanted if line.sku_id}, wish.now)
    for each in instead:
        free[each.sku_id][each.site_id] += each.units
    by_line = {line: (line.sku_id, units) for line, units in wanted.items() if line.sku_id}
    shares = share_out(by_line, sites, free, order.split, partly=wish.partly)
    asked = [
        (line, _reserve(order, line, (site, units), cause, wish))
        for line, share in shares.items()
        for site, units in share.items()
    ]
    if not asked:
        if instead:
            ledger.advance(session, releases(instead, wish.now))
        return {}, False
    lines = [reserve for _, reserve in asked]
    if instead:
        answers = promises.reassign(session, releases(instead, wish.now), lines, now=wish.now)
    else:
        answers = promises.reserve(session, lines, now=wish.now)
    granted: dict[OrderLine, int] = defaultdict(int)
    for (line, reserve), answer in zip(asked, answers, strict=True):
        if answer.granted:
            granted[line] += reserve.units
            session.add(allocation_of(order, line, reserve))
    return granted, not all(answer.granted for answer in answers)


def _reserve(
    order: Order, line: OrderLine, share: tuple[UUID, int], cause: UUID, wish: Wish
) -> promises.Reserve:
    site, units = share
    group = derive(cause, line.line_no)
    is_there = order.fulfilment == "COLLECT" and site == order.to_site_id
    reserved = order.fulfilment == "RESERVE"
    assert line.sku_id is not None
    return promises.Reserve(
        hold_id=HoldId(derive(group, str(site))),
        site_id=SiteId(site),
        owner_id=HOUSE_OWNER_ID,
        sku_id=SkuId(line.sku_id),
        units=units,
        kind=kind_of(order),
        state="HELD" if reserved else "ALLOCATED" if is_there else wish.state,
        demand_id=order.id,
        group_id=group,
        channel=order.channel,
        expires_at=order.expires_at if reserved else None,
    )


def _free(
    session: Session, order: Order, skus: set[SkuId], now: datetime
) -> defaultdict[UUID, defaultdict[UUID, int]]:
    """What this order's channel may have, by SKU and site; what is overdue is free."""
    free: defaultdict[UUID, defaultdict[UUID, int]] = defaultdict(lambda: defaultdict(int))
    for (site, sku), units in availability.free_units(session, skus, now=now).items():
        free[sku][site] = units
    kept = availability.kept_from(session, order.channel, skus)
    for (site, sku), units in kept.items():
        free[sku][site] -= units
    return free


def _sites_for(session: Session, order: Order, now: datetime) -> list[UUID]:
    """Where the order may be held, the best first."""
    if order.fulfilment == "RESERVE":
        assert order.to_site_id is not None
        return [order.to_site_id]
    if order.from_site_id is not None:
        return [order.from_site_id]
    sites = session.scalars(select(Site).where(Site.kind.in_(HELD_AT))).all()
    home, first = (order.latitude, order.longitude), None
    if order.fulfilment == "COLLECT":
        first = order.to_site_id
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
    at = _site_of(session, order) if order.split == "ONE_SITE" else None
    barred = barred_sites(session, order.id, now=now)
    return [site.id for site in ranked if at in {None, site.id} and site.id not in barred]


def _site_of(session: Session, order: Order) -> UUID | None:
    """The site that has some of the order already."""
    query = select(Allocation.site_id).where(
        Allocation.order_id == order.id, Allocation.state.not_in(ENDED)
    )
    return session.scalars(query.limit(1)).first()
