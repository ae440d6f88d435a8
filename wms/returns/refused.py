"""Refused: a parcel that comes back to the sender, because the customer did not take it.

The carrier says so. The goods are in the books as given to the customer and on their way back, as
a return that the carrier asked for; they are received and graded like any other. What was to be
paid at the door has not been paid, and so nothing goes back for it; what was paid before goes
back when the goods are here.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order, lock_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel, ParcelLine
from wms.outbound.ship import ship_parcels
from wms.returns import goods
from wms.returns.accept import AnnouncedLine, AnnounceReturn, insert_return
from wms.returns.label import arrive
from wms.returns.model import Return, ReturnLine
from wms.returns.policy import read_policy
from wms.stock import ledger


def come_back(
    session: Session, floor: Floor, order_id: UUID, sscc: str, *, here: bool, now: datetime
) -> bool:
    """A parcel of an order was refused; `here`: it is back already. False if that was known."""
    parcel = session.scalars(select(Parcel).where(Parcel.sscc == sscc)).first()
    if parcel is None:
        return False
    order = lock_order(session, order_id)
    return_id = derive(parcel.id, "refused")
    back = session.get(Return, return_id)
    is_new = back is None
    if back is None:
        back = _expect(session, floor, order, parcel, return_id, now)
    if back is None:
        return False
    if here and back.arrived_at is None and back.state == "IN_TRANSIT":
        arrive(session, back, now=now)
        return True
    return is_new


def _expect(
    session: Session, floor: Floor, order: Order, parcel: Parcel, return_id: UUID, now: datetime
) -> Return | None:
    ship_parcels(session, floor, [parcel], at=now, now=now)  # if nobody saw it leave
    session.flush()
    units = _given(session, parcel, now)
    if not units:
        return None
    close_order(session, order, at=now)
    query = select(OrderLine).where(OrderLine.order_id == order.id)
    of = {line.line_no: line for line in session.scalars(query)}
    announced = AnnounceReturn(
        id=return_id,
        number=f"{order.number}-R",
        order_id=order.id,
        lines=tuple(
            AnnouncedLine(line_no=no, sku=of[no].sku, units=count, reason="REFUSED")
            for no, count in sorted(units.items())
        ),
        origin="CARRIER",
    )
    insert_return(session, announced, floor.hub, read_policy(session), now=now)
    back = session.get_one(Return, return_id)
    lines = [
        ReturnLine(
            return_id=return_id, line_no=no, sku_id=of[no].sku_id, sku=of[no].sku, units=count,
            units_received=0, state="OPEN", reason="REFUSED",
        )
        for no, count in sorted(units.items())
    ]  # fmt: skip
    session.add_all(lines)
    session.flush()
    goods.expect(session, back, lines, now)
    goods.collect(session, back, lines, now)
    back.state = "IN_TRANSIT"
    return back


def _given(session: Session, parcel: Parcel, now: datetime) -> dict[int, int]:
    """What of the parcel was on its way counts as given to the customer; units by line."""
    mine = select(ParcelLine.allocation_id).where(
        ParcelLine.site_id == parcel.site_id, ParcelLine.parcel_id == parcel.id
    )
    query = (
        select(Allocation)
        .where(Allocation.site_id == parcel.site_id, Allocation.id.in_(mine))
        .where(Allocation.state == "SHIPPED")
        .order_by(Allocation.site_id, Allocation.id)
        .with_for_update()
    )
    allocations = session.scalars(query, execution_options={"populate_existing": True}).all()
    if allocations:
        ledger.advance(
            session,
            [
                ledger.Advance(
                    command_id=CommandId(derive(each.id, "DELIVERED")),
                    site_id=SiteId(each.site_id),
                    hold_id=HoldId(each.id),
                    to="DELIVERED",
                    actor="device:carrier",
                    reason="refused",
                    occurred_at=now,
                )
                for each in allocations
            ],
        )
    for each in allocations:
        each.state = "DELIVERED"
    session.flush()
    inside = (
        select(Allocation.line_no, func.sum(ParcelLine.units))
        .join(
            Allocation,
            (Allocation.site_id == ParcelLine.site_id)
            & (Allocation.id == ParcelLine.allocation_id),
        )
        .where(ParcelLine.site_id == parcel.site_id, ParcelLine.parcel_id == parcel.id)
        .where(Allocation.state == "DELIVERED")
        .group_by(Allocation.line_no)
    )
    return {line: int(units) for line, units in session.execute(inside)}
