"""Read side of orders: how an order, its lines, parcels and returns stand.

The status of an open line is that of the allocation that is furthest behind; an order's is that
of its line that is furthest behind, or where it ended.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.shapes import LineOut, OrderOut, ReturnOut, ShipmentOut
from wms.errors import NotFound
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.outbound.carrier import parcels_of_order
from wms.outbound.model import Parcel
from wms.returns.model import Return, ReturnLine
from wms.sites import Site

WAY = ("HELD", "ALLOCATED", "PINNED", "PICKED", "PACKED", "SHIPPED", "DELIVERED")
RANK = {state: rank for rank, state in enumerate(WAY)}
SHOWN = {"PINNED": "RELEASED"}


def order_out(session: Session, order_id: UUID) -> OrderOut:
    """An order as it stands.

    Raises:
        NotFound: there is none.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound(f"order {order_id}")
    lines = session.scalars(
        select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.line_no)
    ).all()
    where = _allocations(session, [order_id])
    shown = [_line(line, where[order_id, line.line_no]) for line in lines]
    return OrderOut(
        id=order.id,
        number=order.number,
        status=_status(order, [line.status for line in shown]),
        placed_at=order.placed_at,
        shipped_at=order.shipped_at,
        lines=shown,
    )


def latest_orders(session: Session, limit: int) -> list[dict[str, Any]]:
    """The orders taken last, newest first."""
    orders = session.scalars(
        select(Order).order_by(Order.recorded_at.desc(), Order.id.desc()).limit(limit)
    ).all()
    ids = [order.id for order in orders]
    where = _allocations(session, ids)
    of_order: dict[UUID, list[LineOut]] = defaultdict(list)
    for line in session.scalars(select(OrderLine).where(OrderLine.order_id.in_(ids))):
        of_order[line.order_id].append(_line(line, where[line.order_id, line.line_no]))
    return [
        {
            "id": str(order.id),
            "number": order.number,
            "channel": order.channel,
            "status": _status(order, [line.status for line in of_order[order.id]]),
            "placed_at": order.placed_at.isoformat(),
            "shipped_at": order.shipped_at.isoformat() if order.shipped_at else None,
            "lines": len(of_order[order.id]),
            "sites": sorted({line.site for line in of_order[order.id] if line.site}),
        }
        for order in orders
    ]


def return_out(session: Session, return_id: UUID) -> ReturnOut:
    """A return as it stands.

    Raises:
        NotFound: there is none.
    """
    back = session.get(Return, return_id)
    if back is None:
        raise NotFound(f"return {return_id}")
    lines = session.scalars(
        select(ReturnLine).where(ReturnLine.return_id == return_id).order_by(ReturnLine.line_no)
    )
    return ReturnOut(
        id=back.id,
        number=back.number,
        status="RETURNED" if back.closed else "REQUESTED",
        lines=[
            LineOut(
                line_no=line.line_no,
                sku=line.sku,
                units=line.units,
                status="REQUESTED" if line.state == "OPEN" else line.state,
            )
            for line in lines
        ],
    )


def shipments_out(session: Session, order_id: UUID) -> list[ShipmentOut]:
    """The parcels of an order.

    Raises:
        NotFound: there is no such order.
    """
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    return _shipments(session, parcels_of_order(session, order_id))


def parcels_in(session: Session, state: str, limit: int) -> list[ShipmentOut]:
    """The parcels in that state, oldest first."""
    query = select(Parcel).where(Parcel.state == state).order_by(Parcel.made_at, Parcel.id)
    return _shipments(session, session.scalars(query.limit(limit)).all())


def _shipments(session: Session, parcels: Sequence[Parcel]) -> list[ShipmentOut]:
    codes = site_codes(session)
    return [
        ShipmentOut(
            id=parcel.id,
            site=codes[parcel.site_id],
            sscc=parcel.sscc,
            service=parcel.service,
            status=parcel.state,
            weight_g=parcel.weight_g,
            tracking=parcel.tracking,
            shipped_at=parcel.shipped_at,
            delivered_at=parcel.delivered_at,
        )
        for parcel in parcels
    ]


def site_codes(session: Session) -> dict[UUID, str]:
    """The code of every site."""
    return {row.id: row.code for row in session.execute(select(Site.id, Site.code))}


Where = dict[tuple[UUID, int], list[tuple[str, str]]]


def _allocations(session: Session, orders: Sequence[UUID]) -> Where:
    """State and site of what stands for each line."""
    query = (
        select(Allocation.order_id, Allocation.line_no, Allocation.state, Site.code)
        .join(Site, Site.id == Allocation.site_id)
        .where(Allocation.order_id.in_(orders), Allocation.state.not_in(ENDED))
        .order_by(Site.code)
    )
    found: Where = defaultdict(list)
    for order_id, line_no, state, code in session.execute(query):
        found[order_id, line_no].append((state, code))
    return found


def _line(line: OrderLine, where: list[tuple[str, str]]) -> LineOut:
    behind = min((state for state, _ in where), key=RANK.__getitem__, default="HELD")
    sites = sorted({code for _, code in where})
    status = line.state
    if status == "OPEN" or (status == "SHIPPED" and behind == "DELIVERED"):
        status = SHOWN.get(behind, behind)
    return LineOut(
        line_no=line.line_no,
        sku=line.sku,
        units=line.units,
        units_short=line.units_short,
        status=status,
        site=",".join(sites) or None,
    )


def _status(order: Order, lines: Sequence[str]) -> str:
    if not order.closed:
        open_ = [status for status in lines if status in {*WAY, "RELEASED"}]
        behind = min(open_, key=lambda each: RANK[_way(each)], default="PLACED")
        return "PLACED" if behind == "HELD" else behind
    for status in ("DELIVERED", "SHIPPED", "BACKORDERED", "CANCELLED"):
        if status in lines:
            return status if status != "DELIVERED" or "SHIPPED" not in lines else "SHIPPED"
    return "CLOSED"


def _way(shown: str) -> str:
    return "PINNED" if shown == "RELEASED" else shown
