"""Depart: a parcel for a site of ours has left; that site is told what comes, and gets a task.

It has been loaded (wms.outbound.load), and its goods are on the lane between the two sites. In the
same transaction the other site gets an arrival and the packet that receives it, and what a
transfer brings is announced anew, as it is certain now.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms import outbox
from wms.orders.model import Allocation, Order
from wms.orders.rules import distance_km
from wms.outbound import load
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel, ParcelLine
from wms.outbound.parcels import parcels_of
from wms.outbound.ways import lane_to
from wms.sites import LANE_COUNTERS, Site
from wms.transfers.expect import announce_supply
from wms.transfers.model import Arrival, ArrivalLine, Transfer
from wms.transfers.packets import add_receive, receive_task_id
from wms.transfers.rules import eta
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor

_LANE_DAYS = text("SELECT lane_days(:lane)")
_LANES = {
    "LANE_STORE": "TO_STORE",
    "LANE_LOCKER": "TO_LOCKER",
    "LANE_STORE_DC": "STORE_TO_DC",
    "LANE_DC_DC": "DC_TO_DC",
}
assert set(_LANES.values()) <= set(LANE_COUNTERS)


def finish_load(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished LOAD packet, wherever the parcels go."""
    load.finish_load(session, floor, task, packet, actor, now)
    session.flush()
    known = select(Arrival.id).where(Arrival.from_site_id == task.site_id)
    gone = [
        parcel
        for parcel in parcels_of(session, task)
        if parcel.to_site_id is not None and parcel.state == "SHIPPED"
    ]
    there = set(session.scalars(known.where(Arrival.id.in_([each.id for each in gone]))))
    new = [parcel for parcel in gone if parcel.id not in there]
    if new:
        depart(session, session.get_one(Order, UUID(task.plan["order"])), new, now=now)


def depart(session: Session, order: Order, parcels: Sequence[Parcel], *, now: datetime) -> None:
    """Parcels of one order have left one site for another."""
    source = session.get_one(Site, parcels[0].site_id)
    destination = session.get_one(Site, parcels[0].to_site_id)
    due_at = _due_at(session, source.id, destination.id, parcels[0].shipped_at or now)
    lines: dict[int, int] = defaultdict(int)
    for parcel in parcels:
        arrival = Arrival(
            site_id=destination.id,
            id=parcel.id,
            from_site_id=source.id,
            order_id=order.id,
            sscc=parcel.sscc,
            state="EXPECTED",
            task_id=receive_task_id(parcel.id),
            shipped_at=parcel.shipped_at or now,
            due_at=due_at,
        )
        session.add(arrival)
        session.flush()
        inside = _lines(session, parcel)
        session.add_all(inside)
        for each in inside:
            lines[each.line_no] += each.units
        add_receive(session, order, arrival, inside, now=now)
    session.flush()
    transfer = session.get(Transfer, order.id)
    if transfer is not None:
        found = eta(
            distance_km(
                (source.latitude, source.longitude), (destination.latitude, destination.longitude)
            ),
            parcels[0].shipped_at or now,
        )
        transfer.eta_p50, transfer.eta_p90 = found.p50, found.p90
        announce_supply(session, order, transfer, now=now)
    body = {
        "id": str(order.id),
        "number": order.number,
        "from": source.code,
        "to": destination.code,
        "parcels": [parcel.sscc for parcel in parcels],
        "lines": [{"line_no": line_no, "units": units} for line_no, units in sorted(lines.items())],
    }
    outbox.record(session, topic="order", key=order.id, type="TransferShipped", body=body, now=now)


def _lines(session: Session, parcel: Parcel) -> list[ArrivalLine]:
    query = (
        select(Allocation, ParcelLine.units)
        .join(
            ParcelLine,
            (ParcelLine.site_id == Allocation.site_id)
            & (ParcelLine.allocation_id == Allocation.id),
        )
        .where(ParcelLine.site_id == parcel.site_id, ParcelLine.parcel_id == parcel.id)
        .order_by(Allocation.line_no, Allocation.id)
    )
    return [
        ArrivalLine(
            site_id=parcel.to_site_id,
            arrival_id=parcel.id,
            allocation_id=allocation.id,
            line_no=allocation.line_no,
            sku_id=allocation.sku_id,
            units=units,
        )
        for allocation, units in session.execute(query)
    ]


def _due_at(session: Session, source: UUID, destination: UUID, shipped_at: datetime) -> datetime:
    """From when on it is overdue: the age limit of its lane."""
    lane = _LANES[lane_to(session, source, destination)]
    days = session.scalar(_LANE_DAYS, {"lane": lane})
    assert days is not None
    return shipped_at + timedelta(days=days)
