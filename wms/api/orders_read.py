"""Read side of orders: how an order, its lines, parcels and returns stand.

The status of an open line is that of the allocation that is furthest behind; an order's is that
of its line that is furthest behind, or where it ended.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from wms.api.cursors import MalformedCursor, pack, unpack
from wms.api.shapes import (
    OrderLineOut,
    OrderOut,
    OrdersOut,
    PromiseOut,
    ShipmentOut,
)
from wms.errors import NotFound
from wms.orders.change import possible
from wms.orders.kits import OfKit, kits_of
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.orders.promise import promises_of
from wms.outbound.carrier import parcels_of_order
from wms.outbound.model import Parcel
from wms.sites import Site

WAY = ("HELD", "ALLOCATED", "PINNED", "PICKED", "PACKED", "SHIPPED", "DELIVERED")
RANK = {state: rank for rank, state in enumerate(WAY)}
SHOWN = {"PINNED": "RELEASED"}


def order_out(session: Session, order_id: UUID, *, for_shop: bool = False) -> OrderOut:
    """An order as it stands; for a shop without the token that its customer follows it by.

    Raises:
        NotFound: there is none.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound(f"order {order_id}")
    (out,) = _orders(session, [order])
    return out.model_copy(
        update={
            "token": None if for_shop else order.token,
            "changes": possible(session, order),
            "promises": [
                PromiseOut(
                    promised_from=each.promised_from,
                    promised_by=each.promised_by,
                    reason=each.reason,
                    at=each.at,
                )
                for each in promises_of(session, order_id)
            ],
        }
    )


def orders_page(session: Session, after: str | None, limit: int) -> OrdersOut:
    """The orders behind a cursor, the first recorded first.

    Raises:
        MalformedCursor: it is none of ours.
    """
    query = select(Order).order_by(Order.recorded_at, Order.id).limit(limit)
    if after is not None:
        at, order_id = unpack("orders", after, str, UUID)
        try:
            since = datetime.fromisoformat(at)
        except ValueError as error:
            raise MalformedCursor(after) from error
        if since.tzinfo is None:
            raise MalformedCursor(after)
        query = query.where(tuple_(Order.recorded_at, Order.id) > tuple_(since, order_id))
    orders = session.scalars(query).all()
    full = len(orders) == limit
    last = orders[-1] if full else None
    return OrdersOut(
        orders=_orders(session, orders),
        next=None if last is None else pack("orders", last.recorded_at.isoformat(), last.id),
    )


def _orders(session: Session, orders: Sequence[Order]) -> list[OrderOut]:
    ids = [order.id for order in orders]
    where = _allocations(session, ids)
    codes = site_codes(session) if any(order.to_site_id for order in orders) else {}
    of_order: dict[UUID, list[OrderLineOut]] = defaultdict(list)
    query = select(OrderLine).where(OrderLine.order_id.in_(ids)).order_by(OrderLine.line_no)
    for line in session.scalars(query):
        of_order[line.order_id].append(_line(line, where[line.order_id, line.line_no]))
    for order_id, kits in kits_of(session, ids).items():
        of_order[order_id] = in_kits(of_order[order_id], kits)
    same = (
        "id", "number", "channel", "kind", "fulfilment", "placed_at", "shipped_at", "closed",
        "priority", "split", "backorders", "promised_from", "promised_by", "delivery_on", "slot",
        "leave_at", "currency", "language", "expires_at",
    )  # fmt: skip
    return [
        OrderOut(
            **{name: getattr(order, name) for name in same},
            status=_status(order, [line.status for line in of_order[order.id]]),
            to_site=None if order.to_site_id is None else codes[order.to_site_id],
            lines=of_order[order.id],
        )
        for order in orders
    ]


def latest_orders(session: Session, limit: int) -> list[dict[str, Any]]:
    """The orders taken last, newest first."""
    orders = session.scalars(
        select(Order).order_by(Order.recorded_at.desc(), Order.id.desc()).limit(limit)
    ).all()
    ids = [order.id for order in orders]
    where = _allocations(session, ids)
    of_order: dict[UUID, list[OrderLineOut]] = defaultdict(list)
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


# state, site, units, and whether they are wanted back
Standing: TypeAlias = tuple[str, str, int, bool]
Where: TypeAlias = dict[tuple[UUID, int], list[Standing]]


def _allocations(session: Session, orders: Sequence[UUID]) -> Where:
    """What stands for each line."""
    query = (
        select(
            Allocation.order_id,
            Allocation.line_no,
            Allocation.state,
            Site.code,
            Allocation.units,
            Allocation.cancelling,
        )
        .join(Site, Site.id == Allocation.site_id)
        .where(
            Allocation.order_id.in_(orders),
            Allocation.state.not_in(ENDED),
            Allocation.onward_id.is_(None),
        )
        .order_by(Site.code)
    )
    found: Where = defaultdict(list)
    for row in session.execute(query):
        found[row.order_id, row.line_no].append((row.state, row.code, row.units, row.cancelling))
    return found


def _line(line: OrderLine, where: list[Standing]) -> OrderLineOut:
    cancelling = sum(units for _, _, units, wanted_back in where if wanted_back)
    going = [state for state, _, _, wanted_back in where if not wanted_back]
    behind = min(going, key=RANK.__getitem__, default="HELD")
    status = line.state
    if status == "OPEN" and not going and (cancelling or line.units_waiting):
        status = "CANCELLING" if cancelling else "WAITING"
    elif status == "OPEN" or (status == "SHIPPED" and behind == "DELIVERED"):
        status = SHOWN.get(behind, behind)
    return OrderLineOut(
        line_no=line.line_no,
        sku=line.sku,
        units=line.units,
        units_short=line.units_short,
        units_waiting=line.units_waiting,
        units_cancelled=line.units_cancelled,
        units_cancelling=cancelling,
        status=status,
        site=",".join(sorted({code for _, code, _, _ in where})) or None,
        price_minor=line.price_minor,
        gift=line.gift,
        supply_id=line.supply_id,
    )


def in_kits(lines: Sequence[OrderLineOut], kits: Mapping[int, OfKit]) -> list[OrderLineOut]:
    """An order's lines as it was placed: a kit stands for its parts, and is as far as the last."""
    by_no = {line.line_no: line for line in lines}
    whole = []
    for number, of in kits.items():
        parts = [by_no.pop(part.line_no) for part in of.parts]
        touched: dict[str, Any] = {
            name: of.kits({part.line_no: getattr(part, name) for part in parts}, some=True)
            for name in ("units_short", "units_waiting", "units_cancelled", "units_cancelling")
        }
        codes = {code for part in parts if part.site for code in part.site.split(",")}
        whole.append(
            OrderLineOut(
                line_no=number, sku=of.kit.sku, units=of.kit.units,
                status=min((part.status for part in parts), key=_behind),
                site=",".join(sorted(codes)) or None,
                price_minor=of.kit.price_minor, gift=of.kit.gift, parts=parts, **touched,
            )
        )  # fmt: skip
    return sorted([*by_no.values(), *whole], key=lambda line: line.line_no)


def _behind(status: str) -> tuple[bool, int]:
    """Which of a kit's parts says how far it is: one that is none of the way says it first."""
    return _way(status) in RANK, RANK.get(_way(status), 0)


def _status(order: Order, lines: Sequence[str]) -> str:
    if not order.closed:
        open_ = [status for status in lines if status in {*WAY, "RELEASED"}]
        resting = next((each for each in ("CANCELLING", "WAITING") if each in lines), "PLACED")
        behind = min(open_, key=lambda each: RANK[_way(each)], default=resting)
        return "PLACED" if behind == "HELD" else behind
    for status in ("DELIVERED", "SHIPPED", "BACKORDERED", "CANCELLED"):
        if status in lines:
            return status if status != "DELIVERED" or "SHIPPED" not in lines else "SHIPPED"
    return "CLOSED"


def _way(shown: str) -> str:
    return "PINNED" if shown == "RELEASED" else shown
