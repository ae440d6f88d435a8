"""Receive: a parcel from another site of ours has been scanned and counted.

    good       from the lane to the place that was scanned: free to be sold, or, if a customer
               collects it here, held for that order (wms.transfers.onward)
    damaged    to quarantine
    missing    lost on the lane: SHORT, and wanted again
    surplus    what nobody sent: to quarantine, out of nowhere, until somebody has found out

All of it is one transaction, and happens once: the hold of each allocation ends with it. What
differs from what was sent is an exception with its evidence, and stands in TransferArrived.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import Sku, owner_of
from wms.ids import CommandId, HoldId, LocationId, SiteId, SkuId, derive
from wms.orders.close import close_order, lock_order
from wms.orders.model import Allocation, Order
from wms.outbound.again import want_again
from wms.outbound.floor import Floor
from wms.outbound.model import Parcel
from wms.outbound.places import scanned_at
from wms.outbound.tell import report
from wms.sites import Site, location_id, virtual_location
from wms.stock import ledger, transfer
from wms.transfers.expect import land
from wms.transfers.model import Arrival, ArrivalLine, Transfer
from wms.transfers.onward import keep_for
from wms.transfers.packets import MORE
from wms.transfers.rules import Sent, share_count
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was found of a SKU, and where it was put."""

    units: int
    damaged: bool
    place: LocationId


def finish_receive(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished RECEIVE packet."""
    del floor
    key = (task.site_id, UUID(task.plan["arrival"]))
    order = lock_order(session, session.get_one(Arrival, key).order_id)
    arrival = session.get_one(Arrival, key, with_for_update=True, populate_existing=True)
    if arrival.state != "EXPECTED":
        _came_late(session, arrival, task, actor, now)
        return
    at = max((event.at for event in packet.history), default=now)
    lines = lines_of(session, arrival)
    count_lines(lines, _counted(task, packet))
    arrive(session, order, arrival, lines, _places(task, packet), actor=str(actor), at=at, now=now)
    if packet.choices.get("rest") == MORE:
        _report(session, arrival, "transfer.more", {}, at)


def lines_of(session: Session, arrival: Arrival) -> list[ArrivalLine]:
    """What was sent in a parcel."""
    query = select(ArrivalLine).where(
        ArrivalLine.site_id == arrival.site_id, ArrivalLine.arrival_id == arrival.id
    )
    return list(session.scalars(query.order_by(ArrivalLine.line_no, ArrivalLine.allocation_id)))


def count_lines(lines: Sequence[ArrivalLine], counted: dict[UUID, tuple[int, bool]]) -> None:
    """Write into the lines what was found: good units by SKU, and whether the rest is broken."""
    by_sku: dict[UUID, list[ArrivalLine]] = defaultdict(list)
    for line in lines:
        by_sku[line.sku_id].append(line)
    for sku, of in by_sku.items():
        found, damaged = counted.get(sku, (0, False))
        sent = [Sent(allocation_id=line.allocation_id, units=line.units) for line in of]
        for line, came in zip(of, share_count(sent, found=found, damaged=damaged), strict=True):
            line.received, line.damaged, line.short = came.received, came.damaged, came.short
            line.surplus = came.surplus


def arrive(  # noqa: PLR0913 - what came, where to, who saw it, when
    session: Session,
    order: Order,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    places: dict[UUID, LocationId],
    *,
    actor: str,
    at: datetime,
    now: datetime,
    state: str = "ARRIVED",
    reason: str = "",
) -> None:
    """End an arrival as its lines say. The order is locked; what is short is wanted again."""
    goods = _allocations(session, arrival, lines)
    steps = [
        step
        for line in lines
        for step in _steps(arrival, line, places.get(line.sku_id), actor=actor, at=at)
    ]
    gone = [
        _lost(arrival, line, actor, reason or "missing", at)
        for line in lines
        if not line.received + line.damaged
    ]
    if gone:
        ledger.advance(session, gone)
    if steps:
        transfer.arrive(session, steps)
    _surplus(session, arrival, lines, actor=actor, at=at)
    for line in lines:
        _follow(session, goods[line.allocation_id], line)
    arrival.state, arrival.ended_at, arrival.ended_by = state, at, actor
    arrival.reason = reason
    parcel = session.get_one(Parcel, (arrival.from_site_id, arrival.id), with_for_update=True)
    parcel.state = "DELIVERED" if state == "ARRIVED" else "LOST"
    parcel.delivered_at = at if state == "ARRIVED" else None
    session.flush()
    _settle(session, order, arrival, lines, goods, now=now)
    _tell(session, order, arrival, lines, at=at, now=now)
    close_order(session, order, at=at)


def _settle(
    session: Session,
    order: Order,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    goods: dict[UUID, Allocation],
    *,
    now: datetime,
) -> None:
    """What it means for whom it was sent: a customer who collects it, or the site's stock."""
    of_transfer = session.get(Transfer, order.id)
    if of_transfer is not None:
        land(session, order, of_transfer, arrival, lines, now=now)
    else:  # if its point was changed meanwhile, it goes on from here
        keep_for(session, order, arrival, lines, goods, now=now)
    missing: dict[int, int] = defaultdict(int)
    for line in lines:
        missing[line.line_no] += line.damaged + line.short
    wanted = {line_no: units for line_no, units in missing.items() if units}
    if wanted:
        want_again(
            session, order, wanted, cause=arrival.id, reason="short_arrival", now=now,
            held=of_transfer is None,  # replenishment proposes it again, if it is still wanted
        )  # fmt: skip


def _counted(task: Task, packet: Packet) -> dict[UUID, tuple[int, bool]]:
    broken = {each.step for each in packet.reported if each.code == "damaged"}
    return {
        UUID(sku): (packet.counts.get(f"{number}.item", 0), f"{number}.item" in broken)
        for number, sku in task.plan["skus"].items()
    }


def _places(task: Task, packet: Packet) -> dict[UUID, LocationId]:
    site = SiteId(task.site_id)
    places = {}
    for number, sku in task.plan["skus"].items():
        code = scanned_at(packet, f"{number}.place")
        places[UUID(sku)] = (
            virtual_location(site, "UNITS") if code is None else location_id(site, code)
        )
    return places


def _allocations(
    session: Session, arrival: Arrival, lines: Sequence[ArrivalLine]
) -> dict[UUID, Allocation]:
    query = select(Allocation).where(
        Allocation.site_id == arrival.from_site_id,
        Allocation.id.in_([line.allocation_id for line in lines]),
    )
    rows = session.scalars(
        query.order_by(Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    return {each.id: each for each in rows}


def _steps(
    arrival: Arrival, line: ArrivalLine, place: LocationId | None, *, actor: str, at: datetime
) -> list[transfer.Arrival]:
    """Good units arrive, then broken ones; what is missing of the last is SHORT."""
    steps = []
    quarantine = virtual_location(SiteId(arrival.site_id), "QUARANTINE")
    hold, left = line.allocation_id, line.units
    parts = [(line.received, place, ""), (line.damaged, quarantine, "damaged")]
    some = [part for part in parts if part[0]]
    for number, (units, to, why) in enumerate(some):
        left -= units
        is_last = number == len(some) - 1
        rest = short_id(line.allocation_id) if is_last else derive(line.allocation_id, "damaged")
        steps.append(
            transfer.Arrival(
                command_id=CommandId(derive(hold, "arrive")),
                site_id=SiteId(arrival.from_site_id),
                hold_id=HoldId(hold),
                to_site_id=SiteId(arrival.site_id),
                to_location_id=to,
                units=units if left else None,
                rest_hold_id=HoldId(rest) if left else None,
                rest_state="SHORT" if is_last else "SAME",
                actor=actor,
                reason=why,
                occurred_at=at,
            )
        )
        hold = rest
    return steps


def _lost(
    arrival: Arrival, line: ArrivalLine, actor: str, reason: str, at: datetime
) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(line.allocation_id, "arrive")),
        site_id=SiteId(arrival.from_site_id),
        hold_id=HoldId(line.allocation_id),
        to="SHORT",
        actor=actor,
        reason=reason,
        occurred_at=at,
    )


def short_id(allocation: UUID) -> UUID:
    """The id of what of an allocation did not arrive."""
    return derive(allocation, "missing")


def _follow(session: Session, allocation: Allocation, line: ArrivalLine) -> None:
    """The allocation, and the parts that it went into, as their holds are now.

    What came broken has arrived, but for nobody: it goes on as nothing but itself, and counts as
    short.
    """
    parts = [
        (derive(allocation.id, "damaged"), line.damaged, "DELIVERED"),
        (short_id(allocation.id), line.short, "SHORT"),
    ]
    rest = [part for part in parts if part[1]]
    first = (allocation.id, line.received, "DELIVERED") if line.received else rest.pop(0)
    allocation.units, allocation.state = first[1], first[2]
    if not line.received and line.damaged:
        allocation.onward_id = allocation.id
    for part_id, units, state in rest:
        session.add(
            Allocation(
                site_id=allocation.site_id,
                id=part_id,
                order_id=allocation.order_id,
                line_no=allocation.line_no,
                sku_id=allocation.sku_id,
                units=units,
                state=state,
                ordered_at=allocation.ordered_at,
                onward_id=part_id if state == "DELIVERED" else None,
            )
        )


def _surplus(
    session: Session, arrival: Arrival, lines: Sequence[ArrivalLine], *, actor: str, at: datetime
) -> None:
    moves = []
    site = SiteId(arrival.site_id)
    kept_singly = set(
        session.scalars(
            select(Sku.id).where(
                Sku.id.in_({line.sku_id for line in lines}),
                (Sku.tracking != "NONE") | Sku.catch_weight,
            )
        )
    )
    for line in lines:
        if not line.surplus or line.sku_id in kept_singly:
            continue  # of which lot, serial or weight it is, nobody has said: see the exception
        moves.append(
            ledger.Move(
                command_id=CommandId(derive(line.allocation_id, "surplus")),
                site_id=site,
                owner_id=owner_of(session, line.sku_id),
                sku_id=SkuId(line.sku_id),
                units=line.surplus,
                from_location_id=virtual_location(site, "ADJUST"),
                to_location_id=virtual_location(site, "QUARANTINE"),
                cause_kind="TRANSFER",
                cause_id=arrival.id,
                actor=actor,
                reason="surplus",
                occurred_at=at,
            )
        )
    if moves:
        ledger.move(session, moves)


def _tell(
    session: Session,
    order: Order,
    arrival: Arrival,
    lines: Sequence[ArrivalLine],
    *,
    at: datetime,
    now: datetime,
) -> None:
    codes = _codes(session, arrival)
    skus = dict(
        session.execute(
            select(Sku.id, Sku.code).where(Sku.id.in_({line.sku_id for line in lines}))
        ).all()
    )
    differences = [
        {"line_no": line.line_no, "sku": skus[line.sku_id], "sent": line.units,
         "received": line.received, "damaged": line.damaged, "short": line.short,
         "surplus": line.surplus}
        for line in lines if line.damaged or line.short or line.surplus
    ]  # fmt: skip
    body: dict[str, Any] = {
        "id": str(order.id),
        "number": order.number,
        "from": codes[arrival.from_site_id],
        "to": codes[arrival.site_id],
        "sscc": arrival.sscc,
        "state": arrival.state,
        "differences": differences,
    }
    outbox.record(session, topic="order", key=order.id, type="TransferArrived", body=body, now=now)
    if differences:
        facts = {"differences": differences, "from": codes[arrival.from_site_id]}
        code = "transfer.differs" if arrival.state == "ARRIVED" else "transfer.lost"
        _report(session, arrival, code, facts, at)
        log.warning("transfer.differs", order=str(order.id), sscc=arrival.sscc)
    if arrival.overdue:
        report(
            session, arrival.site_id, derive(arrival.id, "overdue"), code="transfer.overdue",
            source="transfers", facts={"sscc": arrival.sscc}, at=at, active=False,
        )  # fmt: skip


def _codes(session: Session, arrival: Arrival) -> dict[UUID, str]:
    query = select(Site.id, Site.code).where(Site.id.in_((arrival.site_id, arrival.from_site_id)))
    return dict(session.execute(query).all())


def _came_late(session: Session, arrival: Arrival, task: Task, actor: Actor, now: datetime) -> None:
    """It had been given up, and is here after all: a person must look."""
    facts = {
        "sscc": arrival.sscc,
        "state": arrival.state,
        "by": str(actor),
        "counts": task.packet["counts"],
    }
    report(
        session, arrival.site_id, derive(arrival.id, "late"), code="transfer.came_late",
        source=f"task {task.kind}", facts=facts, at=now,
    )  # fmt: skip


def _report(
    session: Session, arrival: Arrival, code: str, facts: dict[str, Any], at: datetime
) -> None:
    report(
        session, arrival.site_id, derive(arrival.id, code), code=code, source="transfers",
        facts={"sscc": arrival.sscc, "order": str(arrival.order_id), **facts}, at=at, priority=3,
    )  # fmt: skip
