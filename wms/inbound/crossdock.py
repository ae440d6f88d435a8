"""Cross-dock: what has just come goes to who waits for it, without a shelf in between.

    waits    back-orders (customers', transfers'), and promises on the supply that it is of
    place    a place to sell from in zone XDOCK: goods there are picked at once

The goods are counted as there, promises on their supply get them first, then back-orders in their
order: by priority, then who has waited longest.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.ids import CommandId, LocationId, OwnerId, SiteId, SkuId, derive
from wms.inbound.model import Asn, Receipt
from wms.inbound.supplies import land, supply_id
from wms.orders.backorder import fill
from wms.orders.model import Order, OrderLine
from wms.sites import Location
from wms.stock import ledger
from wms.stock.supply import one_supply

ZONE = "XDOCK"


def places(session: Session, site: UUID) -> list[Location]:
    """Where goods stand that go on at once."""
    query = select(Location).where(
        Location.site_id == site,
        Location.zone == ZONE,
        Location.counter == "sellable",
        Location.blocked == "",
    )
    return list(session.scalars(query.order_by(Location.code).limit(20)))


def wanted(session: Session, asn: Asn, receipts: Sequence[Receipt]) -> int:
    """How many units of what has come somebody waits for."""
    if not receipts:
        return 0
    sku = receipts[0].sku_id
    query = select(func.sum(OrderLine.units_waiting)).where(OrderLine.sku_id == sku)
    waiting = int(session.scalar(query.where(OrderLine.units_waiting > 0)) or 0)
    for line_no in {receipt.line_no for receipt in receipts if receipt.line_no}:
        try:
            known = one_supply(session, SiteId(asn.site_id), supply_id(asn.id, line_no))
        except NotFound:
            continue
        waiting += known.held
    return min(waiting, sum(receipt.units for receipt in receipts))


def bring(  # noqa: PLR0913 - what of a delivery goes where, who did it, when
    session: Session,
    asn: Asn,
    take: Sequence[tuple[Receipt, int]],
    place: LocationId,
    *,
    actor: str,
    at: datetime,
    now: datetime,
) -> None:
    """So many units of these receipts stand at the cross-dock: who waits for them gets them."""
    site = SiteId(asn.site_id)
    moves = [
        ledger.Move(
            command_id=CommandId(derive(receipt.id, "cross-dock")),
            site_id=site,
            owner_id=OwnerId(asn.owner_id),
            sku_id=SkuId(receipt.sku_id),
            units=units,
            from_location_id=LocationId(receipt.location_id),
            to_location_id=place,
            lot=receipt.lot,
            serials=tuple(receipt.serials[:units]),
            cause_kind="CROSS_DOCK",
            cause_id=receipt.id,
            actor=actor,
            occurred_at=at,
        )
        for receipt, units in take
    ]
    ledger.move(session, moves)
    land(session, {receipt.id: units for receipt, units in take}, site, now=now)
    _fill(session, take[0][0].sku_id, sum(units for _, units in take), now)


def _fill(session: Session, sku: UUID, units: int, now: datetime) -> None:
    query = (
        select(Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.units_waiting > 0, OrderLine.sku_id == sku)
        .order_by(Order.priority.desc(), Order.placed_at, Order.id)
        .limit(units)
    )
    left = units
    for order_id in session.scalars(query).all():
        if left <= 0:
            break
        left -= fill(session, order_id, now=now)
