"""Pack: what was picked for an order at a site becomes parcels, each with a label and a tag.

Which units go into which parcel, and into which carton, is decided when everything has been picked,
so the labels are known before the packer begins, and the sorter knows the parcels before they come.
That is a job of the worker (`all_picked` says of what), for whoever has picked the last line need
not wait for it. What the packer then does is wms.outbound.packed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from edge.gs1 import sscc_from, sscc_to_epc_hex
from wms.ids import SiteId, derive
from wms.orders.close import lock_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.cartons import CartonRecord, cartons_of, into_cartons, things_of
from wms.outbound.choose import service_of
from wms.outbound.floor import Floor
from wms.outbound.model import SSCC_SERIAL, Parcel, ParcelLine
from wms.outbound.pack_packet import Content, PlannedParcel, items_plan, pack_steps
from wms.outbound.pack_rules import extras_of
from wms.outbound.parcels import expect_parcel
from wms.outbound.rules import TARE_G, Box, Packed, boxes, lane_of
from wms.outbound.steps import Item, items_of, skus_of
from wms.outbound.style import PickLine
from wms.outbound.ways import OF_TRANSFER, lane_to, to_site_of
from wms.work.tasks import NewTask, add_task

STILL_TO_PICK = frozenset({"HELD", "ALLOCATED", "PINNED"})
ORDERS_AT_ONCE = 50


def all_picked(session: Session, only: UUID | None = None) -> list[tuple[SiteId, UUID]]:
    """Sites and orders of which everything has been picked there, and nobody has planned packing.

    What is collected at this very site is put together there (wms.collect); what lies with other
    orders' goods is packed when it has been sorted.
    """
    other = aliased(Allocation)
    waits_for = exists().where(
        other.order_id == Allocation.order_id,
        other.site_id == Allocation.site_id,
        other.state.in_(STILL_TO_PICK)
        | ((other.state == "PICKED") & other.to_sort & ~other.to_pack & ~other.cancelling),
    )
    query = (
        select(Allocation.site_id, Allocation.order_id)
        .join(Order, Order.id == Allocation.order_id)
        .where(
            Allocation.state == "PICKED",
            ~Allocation.to_pack,
            ~Allocation.to_sort,
            ~Allocation.cancelling,
            Order.to_site_id.is_distinct_from(Allocation.site_id),
            ~waits_for,
        )
        .distinct()
        .order_by(Allocation.order_id, Allocation.site_id)
        .limit(ORDERS_AT_ONCE)
    )
    if only is not None:
        query = query.where(Allocation.order_id == only)
    return [(SiteId(site), order) for site, order in session.execute(query)]


def plan_packing(
    session: Session, floor: Floor, site: SiteId, order_id: UUID, *, now: datetime
) -> int:
    """Make the PACK task of what has been picked; 0 if something is in its way by now."""
    order = lock_order(session, order_id)
    if (site, order_id) not in all_picked(session, only=order_id):
        return 0
    query = select(Allocation).where(
        Allocation.order_id == order.id, Allocation.site_id == site, Allocation.state == "PICKED",
        ~Allocation.to_pack, ~Allocation.cancelling,
    )  # fmt: skip
    picked = session.scalars(query.order_by(Allocation.line_no, Allocation.id)).all()
    parcels, planned, parts = _plan(session, floor, order, site, picked, now)
    for each in picked:
        each.to_pack = True
    new = NewTask(
        id=derive(picked[0].id, "pack"),
        site_id=site,
        kind="pack",
        title=order.number,
        steps=pack_steps(order.number, planned, totes=_totes(session, site, picked)),
        plan={
            "order": str(order.id),
            "allocations": [str(each.id) for each in picked],
            "parcels": [str(parcel.id) for parcel in parcels],
            "parts": parts,
            "items": items_plan(planned),
        },
    )
    add_task(session, new, now=now)
    if site == floor.hub:
        for parcel in parcels:
            if parcel.to_site_id is None:
                expect_parcel(session, floor, parcel)
    return 1


def _plan(
    session: Session,
    floor: Floor,
    order: Order,
    site: SiteId,
    picked: Sequence[Allocation],
    now: datetime,
) -> tuple[list[Parcel], list[PlannedParcel], dict[str, list[tuple[str, int]]]]:
    """The parcels, what a packer sees of them, and how allocations are parted (to a site only)."""
    skus = skus_of(session, [each.sku_id for each in picked])
    items = items_of(session, [sku.id for sku in skus], skus)
    wished = select(OrderLine.line_no, OrderLine.gift).where(OrderLine.order_id == order.id)
    gift_of = dict(session.execute(wished).all())
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
    planned: list[PlannedParcel] = []
    cartons, things = cartons_of(session, site), things_of(skus)
    by_allocation = {each.id: things[each.sku_id] for each in picked}
    filled = [
        part for box in boxes(goods) for part in into_cartons(cartons, by_allocation, box)
    ]  # fmt: skip
    parts: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for number, (box, carton) in enumerate(filled, start=1):
        parcel = _parcel(session, floor, order, box, site, now)
        parcel.id, parcel.carton = derive(first, number), carton
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
        seen = _seen(parcel, inside, box, picked, items, gift_of, cartons)
        ids = {each.allocation_id for each in box.contents}
        mine = [each for each in picked if each.id in ids]
        extras = extras_of(session, site, order, mine, first=number == 1, now=now)
        planned.append(replace(seen, extras=extras))
    session.flush()
    return parcels, planned, {whole: of for whole, of in parts.items() if len(of) > 1}


def _totes(session: Session, site: SiteId, picked: Sequence[Allocation]) -> list[str]:
    """The totes that the goods were picked into."""
    ids = [each.id for each in picked]
    query = select(PickLine.tote).where(PickLine.site_id == site, PickLine.allocation_id.in_(ids))
    return sorted({tote for tote in session.scalars(query) if tote})


def _seen(  # noqa: PLR0913, PLR0917 - all that a parcel is made of
    parcel: Parcel,
    inside: Mapping[UUID, int],
    box: Box,
    picked: Sequence[Allocation],
    items: Mapping[UUID, Item],
    gift_of: Mapping[int, str],
    cartons: Sequence[CartonRecord],
) -> PlannedParcel:
    """What a packer sees of a parcel: its goods by SKU, and the cartons that it may go into."""
    sources = {each.id: each for each in picked}
    ids = list(dict.fromkeys(each.allocation_id for each in box.contents))
    of: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    gifts: dict[UUID, str] = {}
    for source, (part, units) in zip(ids, inside.items(), strict=True):
        allocation = sources[source]
        of[allocation.sku_id].append((part, units))
        gifts[allocation.sku_id] = gifts.get(allocation.sku_id) or gift_of[allocation.line_no]
    codes = [each.code for each in cartons]
    chosen = next((each for each in cartons if each.code == parcel.carton), None)
    tare_g = TARE_G if chosen is None else chosen.tare_g
    return PlannedParcel(
        sscc=parcel.sscc,
        contents=tuple(
            Content(item=items[sku], of=tuple(parts), gift=gifts[sku]) for sku, parts in of.items()
        ),
        cartons=() if chosen is None else tuple(dict.fromkeys([chosen.code, *codes])),
        weight_g=box.weight_g - TARE_G + tare_g,
    )


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
