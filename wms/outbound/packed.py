"""Packed: what a packer's packet says is judged as it goes on, and carried out when it is done.

    grow_pack      a weight is looked at; label and slip are printed
    finish_pack    goods are PACKED; what was not there is wanted again, what is broken set aside,
                   what nobody asked for is brought back to a shelf

A parcel weighs what the scale of the packer's bench says, else what was typed; at a bench without
a scale nobody needs to say. A weight that cannot be is asked about, and what was sent anyway is put
before a supervisor.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import find_by_barcode
from wms.ids import SiteId, derive
from wms.orders.close import close_order, lock_order
from wms.orders.model import Allocation, Order
from wms.outbound.cartons import cartons_of, take_carton
from wms.outbound.floor import Floor
from wms.outbound.load import make_load
from wms.outbound.manifests import join_manifest
from wms.outbound.model import Parcel
from wms.outbound.pack_packet import differs_step
from wms.outbound.pack_units import counted_of, missing_of, pack_units, want_missing
from wms.outbound.parcels import parcels_of
from wms.outbound.places import places_for
from wms.outbound.printers import print_parcel
from wms.outbound.rules import TARE_G, weight_differs
from wms.outbound.ship import forward, settle
from wms.outbound.station import station_of, weight_on
from wms.outbound.steps import facts_of, item_step, items_of
from wms.outbound.tell import report
from wms.outbound.ways import way_of
from wms.work.model import Task
from wms.work.packet import DONE, Expect, Packet, Problem, Say, Step, grown, scanned_for, scans
from wms.work.tasks import Actor, NewTask, add_task


# ------------------------------------------------------------------------------ while packing
def grow_pack(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    """Judge a weight; print a label."""
    del floor
    event = packet.history[-1]
    number, _, what = event.step.partition(".")
    if what == "weigh" and event.type == "choice" and event.value == DONE:
        return _weighed(session, task, packet, actor, now)
    if what == "label":
        parcel = _parcels(session, task)[int(number) - 1]
        known = task.plan.get("printed", [])
        print_parcel(
            session, parcel, actor, job_id=derive(event.id, "print"), again=number in known, now=now
        )
        task.plan = task.plan | {"printed": [*known, number]}
    return packet


def _weighed(
    session: Session, task: Task, packet: Packet, actor: Actor, now: datetime
) -> Packet | Problem:
    step = packet.history[-1].step
    number = step.partition(".")[0]
    bench = station_of(session, task.site_id, actor.device)
    typed_g = packet.counts.get(step, 0)
    if typed_g == 0 and bench is not None and bench.weigh == "SCALE":
        typed_g = weight_on(session, task.site_id, bench.scale, now=now)
    if typed_g == 0 and bench is not None and bench.weigh != "NONE":
        return Problem(code="no_weight")
    task.plan = task.plan | {"weights": task.plan.get("weights", {}) | {number: typed_g}}
    expected_g = _expected_g(session, task, packet, number)
    if typed_g == 0 or expected_g is None or not weight_differs(expected_g, typed_g):
        return packet
    return grown(packet, [differs_step(number, expected_g, typed_g)])


def _expected_g(session: Session, task: Task, packet: Packet, number: str) -> int | None:
    """What was scanned into the parcel and its carton weigh; None if nobody knows."""
    mine = {
        step: facts
        for step, facts in task.plan["items"].items()
        if step.startswith(f"{number}.")
    }  # fmt: skip
    if not all(facts["unit_g"] for facts in mine.values()):
        return None
    goods_g = sum(packet.counts.get(step, 0) * facts["unit_g"] for step, facts in mine.items())
    code = _carton(packet, number)
    tares = {each.code: each.tare_g for each in cartons_of(session, task.site_id)}
    return int(goods_g) + tares.get(code, TARE_G)


def _carton(packet: Packet, number: str) -> str:
    """The code of the carton that was scanned."""
    step = f"{number}.carton"
    if not any(each.id == step for each in packet.steps):
        return ""
    codes = {
        code
        for each in packet.steps if each.id == step for expect in each.expect
        for code in expect.codes
    }  # fmt: skip
    said = scans(packet, step)
    if said and said[-1] in codes:
        return said[-1]
    met = scanned_for(packet, step)
    return met[-1] if met else ""


def _parcels(session: Session, task: Task) -> list[Parcel]:
    """The parcels of a task as it numbers them."""
    known = {str(parcel.id): parcel for parcel in parcels_of(session, task)}
    return [known[id_] for id_ in task.plan["parcels"]]


# ---------------------------------------------------------------------------------- when done
def finish_pack(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished PACK packet: every label has been scanned back."""
    order = lock_order(session, UUID(task.plan["order"]))
    ids = [UUID(each) for each in task.plan["allocations"]]
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == task.site_id, Allocation.id.in_(ids))
        .order_by(Allocation.id)
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    at = max((event.at for event in packet.history), default=now)
    counted = counted_of(task, packet)
    taken = [each for each in allocations if each.state == "PICKED"]
    short = missing_of(task, counted, taken)
    packed = pack_units(session, task, taken, counted, actor, at)
    want_missing(session, task, order, short, now=now)
    _note(session, task, packet, now)
    parcels = [parcel for parcel in _parcels(session, task) if parcel.state != "CANCELLED"]
    _leave(session, floor, task, packed, parcels, at=at, now=now)
    _bring_back_extra(session, task, packet, now)
    if short:
        close_order(session, order, at=now)


def _leave(  # noqa: PLR0913 - who leaves, and when
    session: Session,
    floor: Floor,
    task: Task,
    packed: Sequence[Allocation],
    parcels: Sequence[Parcel],
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Parcels go on: to the sorter, or to be loaded."""
    if not parcels:
        return
    way = way_of(session, parcels[0].to_site_id, task.site_id)
    on_sorter = way != "SITE" and task.site_id == floor.hub
    for parcel in parcels:
        forward(parcel, "INDUCTED" if on_sorter else "PACKED")
        if way == "CARRIER" or on_sorter:
            join_manifest(session, parcel, parcel.site_id, now=now)
    if on_sorter:
        _too_late(session, packed, now)
    if way != "SITE":
        settle(session, floor, parcels, at=at)  # the first box may be gone before the last
    if not on_sorter:
        make_load(session, task, [each.id for each in packed], parcels, way, now)


def _note(session: Session, task: Task, packet: Packet, now: datetime) -> None:
    """Write down of each parcel what it weighs and lies in; tell of what was sent anyway."""
    weights: Mapping[str, int] = task.plan.get("weights", {})
    for number, parcel in enumerate(_parcels(session, task), start=1):
        if parcel.state == "CANCELLED":
            continue
        carton = _carton(packet, str(number))
        if carton:
            parcel.carton = carton
            take_carton(session, task.site_id, carton)
        weighed_g = weights.get(str(number), 0)
        if not weighed_g:
            continue
        expected_g = _expected_g(session, task, packet, str(number))
        parcel.weighed_g = weighed_g
        if expected_g is not None and weight_differs(expected_g, weighed_g):
            parcel.weight_g = weighed_g  # the carrier is told what it is, not what it should be
            facts = {"sscc": parcel.sscc, "expected_g": expected_g, "weighed_g": weighed_g}
            report(
                session, task.site_id, derive(parcel.id, "weight"), code="pack.weight_differs",
                source=f"task {task.kind}", facts=facts, at=now,
            )  # fmt: skip


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


def _bring_back_extra(session: Session, task: Task, packet: Packet, now: datetime) -> None:
    """Goods that nobody asked for go to a shelf; the books never knew that they had left theirs."""
    units: dict[UUID, int] = {}
    unknown: list[str] = []
    for scanned in scanned_for(packet, "extra"):
        found = find_by_barcode(session, scanned)
        if found is None:
            unknown.append(scanned[:100])
        else:
            units[found.sku.id] = units.get(found.sku.id, 0) + found.units
    if not units and not unknown:
        return
    items = items_of(session, list(units))
    facts = {
        "order": task.plan["order"],
        "units": {items[sku].code: count for sku, count in units.items()},
        "unknown": unknown,
    }
    report(
        session, task.site_id, derive(task.id, "extra"), code="pack.extra",
        source=f"task {task.kind}", facts=facts, at=now, priority=3,
    )  # fmt: skip
    if units:
        _add_putback(session, task, units, now)


def _add_putback(session: Session, task: Task, units: Mapping[UUID, int], now: datetime) -> None:
    items = items_of(session, list(units))
    title = task.packet["title"]
    steps = [
        item_step(f"{no}.item", items[sku], n, say="putback.scan_item", facts=facts_of(title))
        for no, (sku, n) in enumerate(units.items(), start=1)
    ]
    first = next(iter(units))
    places = places_for(session, SiteId(task.site_id), [first])[first]
    if not places:
        return
    place = Step(
        id="place",
        op="scan",
        say=Say(code="putback.scan_place"),
        big=places[0],
        expect=(Expect(kind="location", codes=tuple(places)),),
    )
    new = NewTask(
        id=derive(task.id, "extra putback"),
        site_id=task.site_id,
        kind="putback",
        title=title,
        steps=(*steps, place),
        plan={},
    )
    add_task(session, new, now=now)
