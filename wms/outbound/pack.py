"""Pack: what was picked for an order at a site becomes parcels, each with a label and a tag.

Which units go into which parcel is decided when everything has been picked, so the labels are
known before the packer begins, and the sorter knows the parcels before they come.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.gs1 import sscc_from, sscc_to_epc_hex
from wms import outbox
from wms.ids import HoldId, SiteId, derive
from wms.orders.model import Allocation, Order
from wms.outbound.choose import service_of
from wms.outbound.floor import Floor
from wms.outbound.load import make_load
from wms.outbound.model import SSCC_SERIAL, Parcel, ParcelLine
from wms.outbound.parcels import advances, expect_parcel, parcels_of
from wms.outbound.rules import Box, Packed, boxes, lane_of
from wms.outbound.ship import forward, settle
from wms.outbound.steps import items_of, pack_steps
from wms.outbound.ways import OF_TRANSFER, lane_to, to_site_of, way_of
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor, NewTask, add_task

STILL_TO_PICK = frozenset({"HELD", "ALLOCATED", "PINNED"})


def pack_if_complete(
    session: Session, floor: Floor, order: Order, site: SiteId, *, now: datetime
) -> None:
    """Make a PACK task if everything of the order at this site has been picked.

    What is collected at this very site is put together there (wms.collect).
    """
    session.flush()
    if order.to_site_id == site:
        return
    query = select(Allocation).where(Allocation.order_id == order.id, Allocation.site_id == site)
    here = session.scalars(query.order_by(Allocation.line_no, Allocation.id)).all()
    picked = [
        each for each in here if each.state == "PICKED" and not each.to_pack and not each.cancelling
    ]
    if not picked or any(each.state in STILL_TO_PICK for each in here):
        return
    if any(each.to_sort for each in picked):
        return  # it lies with other orders' goods: it is packed when it has been sorted
    parcels, parts = _plan(session, floor, order, site, picked, now)
    for each in picked:
        each.to_pack = True
    new = NewTask(
        id=derive(picked[0].id, "pack"),
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
            "parts": parts,
        },
    )
    add_task(session, new, now=now)
    if site == floor.hub:
        for parcel in parcels:
            if parcel.to_site_id is None:
                expect_parcel(session, floor, parcel)


def finish_pack(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PACK packet: every label has been scanned back."""
    ids = [UUID(each) for each in task.plan["allocations"]]
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == task.site_id, Allocation.id.in_(ids))
        .order_by(Allocation.id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    at = max((event.at for event in packet.history), default=now)
    packed = _pack(session, task, [e for e in allocations if e.state == "PICKED"], actor, at)
    parcels = parcels_of(session, task)
    way = way_of(session, next(iter(parcels)).to_site_id, task.site_id)
    on_sorter = way != "SITE" and task.site_id == floor.hub
    for parcel in parcels:
        forward(parcel, "INDUCTED" if on_sorter else "PACKED")
    if on_sorter:
        _too_late(session, packed, now)
    if way != "SITE":
        settle(session, floor, parcels, at=at)  # the first box may be gone before the last
    if not on_sorter:
        make_load(session, task, [each.id for each in packed], parcels, way, now)


def _pack(
    session: Session, task: Task, allocations: Sequence[Allocation], actor: Actor, at: datetime
) -> list[Allocation]:
    """All are in their parcels; one that fills several parcels on its way to a site is parted."""
    steps: list[ledger.Advance] = []
    packed: list[Allocation] = []
    for each in allocations:
        parts = task.plan.get("parts", {}).get(str(each.id)) or [[str(each.id), each.units]]
        for number, (part_id, units) in enumerate(parts):
            row = each if number == 0 else _part(each, UUID(part_id))
            row.state, row.units = "PACKED", units
            (step,) = advances(task, [row], "PACKED", actor, at)
            if rest := parts[number + 1 :]:
                rest_id = HoldId(UUID(rest[0][0]))
                step = replace(step, units=units, rest_hold_id=rest_id, rest_state="SAME")
            steps.append(step)
            session.add(row)
            packed.append(row)
    ledger.advance(session, steps)
    session.flush()
    return packed


def _too_late(session: Session, packed: Sequence[Allocation], now: datetime) -> None:
    """What goes on the sorter leaves, whatever its customer has said meanwhile."""
    late = [each for each in packed if each.cancelling]
    for each in late:
        each.cancelling = False
    if late:
        order = session.get_one(Order, late[0].order_id)
        body = {
            "id": str(order.id),
            "number": order.number,
            "reason": "cancelled_too_late",
            "lines": sorted({each.line_no for each in late}),
            "backordered": [],
        }
        outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)


def _part(whole: Allocation, part_id: UUID) -> Allocation:
    return Allocation(
        site_id=whole.site_id,
        id=part_id,
        order_id=whole.order_id,
        line_no=whole.line_no,
        sku_id=whole.sku_id,
        ordered_at=whole.ordered_at,
        to_pack=True,
        cancelling=whole.cancelling,
    )


def _plan(
    session: Session,
    floor: Floor,
    order: Order,
    site: SiteId,
    picked: Sequence[Allocation],
    now: datetime,
) -> tuple[list[Parcel], dict[str, list[tuple[str, int]]]]:
    """The parcels, and how allocations are parted so that each lies in one (to a site only)."""
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
    to_site = to_site_of(order, site)
    lane = None if to_site is None else lane_to(session, site, to_site)
    first = derive(picked[0].id, "parcel")
    parcels: list[Parcel] = []
    parts: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, box in enumerate(boxes(goods), start=1):
        parcel = _parcel(session, floor, order, box, site, now)
        parcel.id = derive(first, number)
        inside: dict[UUID, int] = defaultdict(int)
        for each in box.contents:
            inside[each.allocation_id] += each.units
        if lane is not None:
            parcel.to_site_id, parcel.service, parcel.lane = to_site, OF_TRANSFER, lane
            inside = _parted(inside, number, parts)
        session.add(parcel)
        session.add_all(
            ParcelLine(site_id=site, parcel_id=parcel.id, allocation_id=id_, units=units)
            for id_, units in inside.items()
        )
        parcels.append(parcel)
    session.flush()
    return parcels, {whole: of for whole, of in parts.items() if len(of) > 1}


def _parted(
    inside: Mapping[UUID, int], number: int, parts: dict[str, list[tuple[str, int]]]
) -> dict[UUID, int]:
    """What is in this box, under ids of its own where a part is in a box before."""
    own = {}
    for whole, units in inside.items():
        of = parts[str(whole)]
        part = derive(whole, "box", number) if of else whole
        of.append((str(part), units))
        own[part] = units
    return own


def _parcel(
    session: Session, floor: Floor, order: Order, box: Box, site: SiteId, now: datetime
) -> Parcel:
    serial = session.scalar(SSCC_SERIAL.next_value())
    assert serial is not None
    sscc = sscc_from(floor.company_prefix, 1, serial)
    service = service_of(session, order, box, site)
    return Parcel(
        site_id=site,
        order_id=order.id,
        sscc=sscc,
        epc_hex=sscc_to_epc_hex(sscc, len(floor.company_prefix)),
        service=service,
        lane=lane_of(service),
        weight_g=box.weight_g,
        state="PLANNED",
        made_at=now,
        reads=0,
        recirculations=0,
        sorts=0,
        passages_in=0,
        passages_out=0,
    )
