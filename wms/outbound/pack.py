"""Pack: what was picked for an order at a site becomes parcels, each with a label and a tag.

Which units go into which parcel is decided when everything has been picked, so the labels are
known before the packer begins, and the sorter knows the parcels before they come.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.gs1 import sscc_from, sscc_to_epc_hex
from wcs.messages import ParcelExpected
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.model import Allocation, Order
from wms.outbound.floor import Floor
from wms.outbound.model import SSCC_SERIAL, Parcel, ParcelLine
from wms.outbound.rules import LANES, Box, Packed, boxes, carrier_service
from wms.outbound.ship import forward, settle
from wms.outbound.steps import items_of, pack_steps, scan_parcel
from wms.outbound.tell import tell_wcs
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor, NewTask, add_task

STILL_TO_PICK = frozenset({"HELD", "ALLOCATED", "PINNED"})


def pack_if_complete(
    session: Session, floor: Floor, order: Order, site: SiteId, *, now: datetime
) -> None:
    """Make a PACK task if everything of the order at this site has been picked."""
    session.flush()
    query = select(Allocation).where(Allocation.order_id == order.id, Allocation.site_id == site)
    here = session.scalars(query.order_by(Allocation.line_no, Allocation.id)).all()
    picked = [each for each in here if each.state == "PICKED" and not each.to_pack]
    if not picked or any(each.state in STILL_TO_PICK for each in here):
        return
    parcels = _plan(session, floor, order, site, picked, now)
    task_id = derive(picked[0].id, "pack")
    for each in picked:
        each.to_pack = True
    new = NewTask(
        id=task_id,
        site_id=site,
        kind="pack",
        title=order.number,
        steps=pack_steps(
            order.number,
            len({each.line_no for each in picked}),
            sum(each.units for each in picked),
            [parcel.sscc for parcel in parcels],
        ),
        plan={
            "order": str(order.id),
            "allocations": [str(each.id) for each in picked],
            "parcels": [str(parcel.id) for parcel in parcels],
        },
    )
    add_task(session, new, now=now)
    if site == floor.hub:
        for parcel in parcels:
            expect_parcel(session, floor, parcel)


def expect_parcel(session: Session, floor: Floor, parcel: Parcel) -> None:
    """Tell the hub's WCS that this parcel will come to its sorter."""
    message = ParcelExpected(code=parcel.sscc, epc_hex=parcel.epc_hex, lane=parcel.lane)
    tell_wcs(session, floor.hub_code, message)


def finish_pack(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PACK packet: every label has been scanned back."""
    ids = [UUID(each) for each in task.plan["allocations"]]
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == task.site_id, Allocation.id.in_(ids))
        .order_by(Allocation.id)
        .with_for_update()
    ).all()
    at = max((event.at for event in packet.history), default=now)
    ledger.advance(session, advances(task, allocations, "PACKED", actor, at))
    for each in allocations:
        each.state = "PACKED"
    parcels = parcels_of(session, task)
    is_hub = task.site_id == floor.hub
    for parcel in parcels:
        forward(parcel, "INDUCTED" if is_hub else "PACKED")
    settle(session, floor, parcels, at=at)  # the first box may be gone before the last is closed
    if not is_hub:
        _make_load(session, task, parcels, now)


def parcels_of(session: Session, task: Task) -> Sequence[Parcel]:
    """The parcels of a PACK or LOAD task, locked."""
    ids = [UUID(each) for each in task.plan["parcels"]]
    query = select(Parcel).where(Parcel.site_id == task.site_id, Parcel.id.in_(ids))
    return session.scalars(query.order_by(Parcel.id).with_for_update()).all()


def advances(
    task: Task, allocations: Sequence[Allocation], to: ledger.HoldState, actor: Actor, at: datetime
) -> list[ledger.Advance]:
    """Postings that take these allocations one step further."""
    return [
        ledger.Advance(
            command_id=CommandId(derive(each.id, to)),
            site_id=SiteId(task.site_id),
            hold_id=HoldId(each.id),
            to=to,
            actor=str(actor),
            occurred_at=at,
        )
        for each in allocations
    ]


def _plan(
    session: Session,
    floor: Floor,
    order: Order,
    site: SiteId,
    picked: Sequence[Allocation],
    now: datetime,
) -> list[Parcel]:
    items = items_of(session, [each.sku_id for each in picked])
    goods = [
        Packed(
            allocation_id=each.id,
            units=each.units,
            unit_weight_g=items[each.sku_id].weight_g,
            cool=items[each.sku_id].cool,
        )
        for each in picked
    ]
    first = derive(picked[0].id, "parcel")
    parcels = []
    for number, box in enumerate(boxes(goods), start=1):
        parcel = _parcel(session, floor, order, box, now)
        parcel.site_id, parcel.id = site, derive(first, number)
        session.add(parcel)
        inside: dict[UUID, int] = defaultdict(int)
        for each in box.contents:
            inside[each.allocation_id] += each.units
        session.add_all(
            ParcelLine(site_id=site, parcel_id=parcel.id, allocation_id=id_, units=units)
            for id_, units in inside.items()
        )
        parcels.append(parcel)
    session.flush()
    return parcels


def _parcel(session: Session, floor: Floor, order: Order, box: Box, now: datetime) -> Parcel:
    serial = session.scalar(SSCC_SERIAL.next_value())
    assert serial is not None
    sscc = sscc_from(floor.company_prefix, 1, serial)
    service = carrier_service(box.weight_g, order.prefecture, cool=box.cool)
    return Parcel(
        order_id=order.id,
        sscc=sscc,
        epc_hex=sscc_to_epc_hex(sscc, len(floor.company_prefix)),
        service=service,
        lane=LANES[service],
        weight_g=box.weight_g,
        state="PLANNED",
        made_at=now,
        reads=0,
        recirculations=0,
        sorts=0,
        passages_in=0,
        passages_out=0,
    )


def _make_load(session: Session, task: Task, parcels: Sequence[Parcel], now: datetime) -> None:
    steps = tuple(
        scan_parcel(f"{number}.scan", "load.scan_parcel", parcel.sscc)
        for number, parcel in enumerate(parcels, start=1)
    )
    new = NewTask(
        id=derive(task.id, "load"),
        site_id=task.site_id,
        kind="load",
        title=task.packet["title"],
        steps=steps,
        plan={key: task.plan[key] for key in ("order", "allocations", "parcels")},
    )
    add_task(session, new, now=now)
