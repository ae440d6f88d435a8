"""Expect: what a transfer brings is announced at its destination, so that it may be promised.

    supply of a line = its units on their way, and what of it has arrived

It is announced when the transfer is placed, and said anew when something of it is short, when it
leaves, and when some of it has arrived short. When nothing is on its way any more it is closed:
who still waits for it is told.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.catalog import owner_of
from wms.ids import CommandId, SiteId, SkuId, derive
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.stock import incoming
from wms.stock.faults import NotEnoughStock
from wms.transfers.model import Arrival, ArrivalLine, Transfer

log = structlog.get_logger(__name__)


def supply_id(order_id: UUID, line_no: int) -> UUID:
    """The supply that a line of a transfer is to its destination."""
    return derive(order_id, "supply", line_no)


def announce_supply(session: Session, order: Order, transfer: Transfer, *, now: datetime) -> bool:
    """Say what of the transfer is to come, line by line, if it is not what was said last."""
    session.flush()
    live = _on_the_way(session, order.id)
    came = _received(session, order.id)
    lines = {line.line_no: line for line in _lines(session, order.id)}
    known = {no: live[no] + came.get(no, 0) for no in lines if live.get(no)}
    told = {str(no): units for no, units in known.items()}
    settled = not any(live.values())
    if transfer.announced == told and transfer.settled == settled:
        return False
    site = SiteId(transfer.to_site_id)
    for line_no in lines:
        if line_no not in known and str(line_no) in transfer.announced:
            incoming.close(session, site, supply_id(order.id, line_no), now=now)
    supplies = [
        _supply(session, order, transfer, lines[no], units) for no, units in sorted(known.items())
    ]
    for supply in supplies:
        try:
            with session.begin_nested():
                incoming.announce(session, [supply], now=now)
        except NotEnoughStock:
            # more is promised of it than still comes: who loses is known when all has come
            log.warning("transfer.promised_more", order=str(order.id), supply=str(supply.supply_id))
    transfer.announced, transfer.settled = told, settled
    return True


def _supply(
    session: Session, order: Order, transfer: Transfer, line: OrderLine, units: int
) -> incoming.Supply:
    assert line.sku_id is not None
    return incoming.Supply(
        site_id=SiteId(transfer.to_site_id),
        supply_id=supply_id(order.id, line.line_no),
        kind="TRANSFER",
        owner_id=owner_of(session, line.sku_id),
        sku_id=SkuId(line.sku_id),
        units=units,
        eta_p50=transfer.eta_p50,
        eta_p90=transfer.eta_p90,
    )


def land(
    session: Session,
    order: Order,
    transfer: Transfer,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    *,
    now: datetime,
) -> None:
    """What was received good is in stock: promises on it are kept now."""
    good: dict[int, int] = {}
    for line in lines:
        good[line.line_no] = good.get(line.line_no, 0) + line.received
    landed = [
        incoming.Land(
            command_id=CommandId(derive(arrival.id, "land", line_no)),
            site_id=SiteId(transfer.to_site_id),
            supply_id=supply_id(order.id, line_no),
            units=units,
        )
        for line_no, units in sorted(good.items())
        if units
    ]
    if landed:
        incoming.land_supply(session, landed, now=now)
    announce_supply(session, order, transfer, now=now)


def _lines(session: Session, order_id: UUID) -> Sequence[OrderLine]:
    query = select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.sku_id.is_not(None))
    return session.scalars(query.order_by(OrderLine.line_no)).all()


def _on_the_way(session: Session, order_id: UUID) -> dict[int, int]:
    """Units of a transfer that have not arrived and may still, by line."""
    query = (
        select(Allocation.line_no, func.sum(Allocation.units))
        .where(Allocation.order_id == order_id, Allocation.state.not_in((*ENDED, "DELIVERED")))
        .group_by(Allocation.line_no)
    )
    return {line_no: int(units) for line_no, units in session.execute(query)}


def _received(session: Session, order_id: UUID) -> dict[int, int]:
    query = (
        select(ArrivalLine.line_no, func.sum(ArrivalLine.received))
        .join(
            Arrival,
            (Arrival.site_id == ArrivalLine.site_id) & (Arrival.id == ArrivalLine.arrival_id),
        )
        .where(Arrival.order_id == order_id)
        .group_by(ArrivalLine.line_no)
    )
    return {line_no: int(units) for line_no, units in session.execute(query)}
