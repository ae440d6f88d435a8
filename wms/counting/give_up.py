"""Give up: goods that are not there had been promised; who loses them, in the right order.

    what nobody has        first, as far as it goes
    carts and raw holds    nobody was told a day
    orders                 the least urgent first; of these what is not begun before what is, the
                           latest placed first

Who keeps a promise, but was to be picked at the very place where the goods are missing, is let go
there and picked elsewhere. What hands are at is given up or let go whole.

An order's units are wanted again at once, somewhere else (`want_again`), as after a short pick,
the most urgent first; units that their customer had taken back just end. Nothing is promised twice
at any moment.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.cancel import count_cancelled
from wms.orders.close import close_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.again import want_again
from wms.stock import ledger
from wms.stock.at_places import Lying, StandingSerial, living_holds, serials_at, unpromised

_LAST = ("HELD", "ALLOCATED", "PINNED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A hold that may be given up. `whole`: not in parts, hands are at it."""

    hold_id: UUID
    state: str
    units: int
    rank: tuple[int, int, int, float]
    whole: bool
    here: bool  # pinned to the very goods that are missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A pinned hold that went with its goods: what was posted; `extra` serials lie there still."""

    command_id: UUID
    units: int
    extra: tuple[str, ...] = ()


@dataclass(slots=True)
class Gone:
    """`wanted` of the missing units went with their holds; `posted`: with which, and units back.

    `short` are allocations whose units are to be wanted again, once the goods have gone.
    """

    wanted: int = 0
    posted: list[tuple[Short, int]] = field(default_factory=list)
    orders: dict[UUID, Order] = field(default_factory=dict)
    short: list[Allocation] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What becomes of a hold: so many of its units end, or (`stays`) are let go of their place."""

    claim: Claim
    units: int
    stays: bool = False


def choose(missing: int, unpinned: int, free: int, claims: Sequence[Claim]) -> list[Loss]:
    """Which holds lose their units, or their place, so that the missing ones can go.

    `unpinned` units of those at the place are pinned by nobody, `free` of the site's promised to
    nobody.
    """
    ranked = sorted(claims, key=lambda claim: claim.rank)
    losses: list[Loss] = []
    lack = missing - free
    for claim in ranked:
        if lack <= 0:
            break
        units = claim.units if claim.whole else min(lack, claim.units)
        losses.append(Loss(claim=claim, units=units))
        lack -= units
    gone_here = sum(loss.units for loss in losses if loss.claim.here)
    pinned = missing - gone_here - unpinned  # what is missing, and still pinned by who stays
    if pinned > 0 and losses and losses[-1].claim.here:  # it was parted: more of it goes
        last = losses.pop()
        units = min(last.claim.units, last.units + pinned)
        pinned -= units - last.units
        losses.append(Loss(claim=last.claim, units=units))
    ended = {loss.claim.hold_id for loss in losses}
    for claim in ranked:
        if pinned <= 0:
            break
        if not claim.here or claim.hold_id in ended:
            continue
        units = claim.units if claim.whole else min(pinned, claim.units)
        losses.append(Loss(claim=claim, units=units, stays=True))
        pinned -= units
    return losses


def give_up(  # noqa: PLR0913 - what is missing where, and who says so
    session: Session,
    cause: UUID,
    site: SiteId,
    row: Lying,
    missing: int,
    serials: Sequence[str],
    *,
    actor: str,
    now: datetime,
) -> Gone:
    """Give holds up so that so many units of that row can go."""
    free = unpromised(session, site, row.owner_id, row.sku_id)
    if row.units - row.pinned >= missing and free >= missing:
        return Gone()
    orders, allocations = _lock(session, site, row)
    claims = _claims(session, site, row, orders, allocations)
    free = unpromised(session, site, row.owner_id, row.sku_id)
    losses = choose(missing, row.units - row.pinned, free, claims)
    gone = Gone(orders=orders)
    advances: list[ledger.Advance] = []
    named = list(serials)
    spare = _others(session, site, row, serials) if serials else []
    for loss in losses:
        claim, command = loss.claim, CommandId(derive(loss.claim.hold_id, "count", str(cause)))
        mine: tuple[str, ...] = ()
        if claim.here and not loss.stays:
            took = min(loss.units, missing - gone.wanted)
            extra = loss.units - took
            back = tuple(spare[:extra]) if serials else ()
            mine, named, spare = (*named[:took], *back), named[took:], spare[extra:]
            gone.wanted += took
            gone.posted.append((Short(command_id=command, units=loss.units, extra=back), extra))
        allocation = allocations.get(claim.hold_id)
        how = _How(site=site, command=command, serials=mine, actor=actor, at=now)
        advances.append(_advance(session, loss, allocation, how))
        if allocation is not None and not loss.stays:
            gone.short.append(allocation)
    ledger.advance(session, advances)
    return gone


def _lock(
    session: Session, site: SiteId, row: Lying
) -> tuple[dict[UUID, Order], dict[UUID, Allocation]]:
    """The orders and allocations of that SKU here, locked in the order that everybody uses."""
    mine = (
        Allocation.site_id == site,
        Allocation.sku_id == row.sku_id,
        Allocation.state.in_(_LAST),
        Allocation.supply_id.is_(None),
    )
    fresh = {"populate_existing": True}
    of = select(Allocation.order_id).where(*mine)
    orders = session.scalars(
        select(Order).where(Order.id.in_(of)).order_by(Order.id).with_for_update(),
        execution_options=fresh,
    ).all()
    allocations = session.scalars(
        select(Allocation)
        .where(*mine, Allocation.order_id.in_([order.id for order in orders]))
        .order_by(Allocation.id)
        .with_for_update(),
        execution_options=fresh,
    ).all()
    return {order.id: order for order in orders}, {each.id: each for each in allocations}


def _claims(
    session: Session,
    site: SiteId,
    row: Lying,
    orders: dict[UUID, Order],
    allocations: dict[UUID, Allocation],
) -> list[Claim]:
    claims = []
    for hold in living_holds(session, site, row.owner_id, row.sku_id):
        at = (hold.location_id, hold.handling_unit_id, hold.lot)
        here = hold.state == "PINNED" and at == (row.location_id, row.handling_unit_id, row.lot)
        allocation = allocations.get(hold.id)
        busy = allocation is not None and allocation.task_id is not None
        order = None if allocation is None else orders[allocation.order_id]
        age = hold.created_at.timestamp() if order is None else order.placed_at.timestamp()
        begun = _LAST.index(hold.state) * 2 + busy
        claims.append(
            Claim(
                hold_id=hold.id,
                state=hold.state,
                units=hold.units,
                rank=(order is not None, 0 if order is None else order.priority, begun, -age),
                whole=busy,
                here=here,
            )
        )
    return claims


def _others(session: Session, site: SiteId, row: Lying, missing: Sequence[str]) -> list[str]:
    """Serials that lie there and are not missing."""
    found: list[StandingSerial] = serials_at(session, site, [row.location_id], [row.sku_id])
    return [
        each.serial
        for each in found
        if each.serial not in missing
        and not each.held
        and (each.handling_unit_id, each.lot) == (row.handling_unit_id, row.lot)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """What a posting says besides."""

    site: SiteId
    command: CommandId
    serials: tuple[str, ...]
    actor: str
    at: datetime


def _advance(
    session: Session, loss: Loss, allocation: Allocation | None, how: _How
) -> ledger.Advance:
    rest = loss.claim.units - loss.units
    rest_id = HoldId(derive(loss.claim.hold_id, "kept", str(how.command)))
    if allocation is not None:
        if rest:
            kept = {
                column: getattr(allocation, column)
                for column in Allocation.__table__.columns.keys()  # noqa: SIM118 - no mapping
            }
            session.add(Allocation(**kept | {"id": rest_id, "units": rest}))
        allocation.units, allocation.state = loss.units, "ALLOCATED" if loss.stays else "SHORT"
        if loss.stays:
            allocation.location_id = allocation.tote = allocation.task_id = None
            allocation.by_robot = False
    ends: ledger.HoldState = "SHORT" if loss.claim.here or allocation is not None else "RELEASED"
    return ledger.Advance(
        command_id=how.command,
        site_id=how.site,
        hold_id=HoldId(loss.claim.hold_id),
        to="ALLOCATED" if loss.stays else ends,
        units=loss.units if rest else None,
        rest_hold_id=rest_id if rest else None,
        rest_state="SAME",
        serials=how.serials,
        actor=how.actor,
        reason="count",
        occurred_at=how.at,
    )


def want_elsewhere(session: Session, cause: UUID, gones: Sequence[Gone], now: datetime) -> None:
    """Want them somewhere else; but what its customer had taken back is just gone."""
    session.flush()
    wanted: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    unwanted: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    orders = {id_: order for gone in gones for id_, order in gone.orders.items()}
    for each in [allocation for gone in gones for allocation in gone.short]:
        of = unwanted if each.cancelling else wanted
        of[each.order_id][each.line_no] += each.units
        each.cancelling = False
    urgent = sorted(wanted, key=lambda id_: (-orders[id_].priority, orders[id_].placed_at, id_))
    for order_id in urgent:
        order = orders[order_id]
        because = derive(cause, "count", str(order_id))
        want_again(session, order, wanted[order_id], cause=because, reason="count", now=now)
        close_order(session, order, at=now)
    for order_id in sorted(unwanted):
        lines = {
            session.get_one(OrderLine, (order_id, line_no)): units
            for line_no, units in unwanted[order_id].items()
        }
        count_cancelled(session, orders[order_id], lines, reason="customer", now=now)
