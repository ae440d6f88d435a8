"""Ship: what sorter, gates and carrier saw of a parcel, and what that means for the order.

    INDUCTED | LINE_HAUL -> AT_HUB -> SORTED -> SHIPPED -> DELIVERED

Messages come in the order in which things happened, but some things nobody saw: a parcel may be
shipped that no gate saw coming in, or be at the gate before the packer has finished the last box
of the order. So a state only ever moves forward. A parcel for a site of ours is SHIPPED when it
was loaded, whatever gates see of it (wms.outbound.load). An allocation is shipped when it has
been packed and the last of its parcels is shipped, a line when all its allocations are.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wcs.messages import GatePassage, ParcelScanned, ParcelSorted
from wms import outbox
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order
from wms.orders.model import Allocation, Order
from wms.outbound.doors import see_passage
from wms.outbound.floor import Floor
from wms.outbound.model import PARCEL_STATES, Parcel, ParcelLine
from wms.outbound.tell import count, report
from wms.stock import availability, ledger
from wms.work.packet import code_of

ENDED = ("DELIVERED", "LOST", "CANCELLED")
RANK = {state: rank for rank, state in enumerate(PARCEL_STATES)}


def take_scan(session: Session, floor: Floor, message: ParcelScanned) -> None:
    """The sorter's scanner read a parcel, or failed to."""
    if message.code is None:
        count(session, floor.hub, "sorter_no_reads")
        return
    count(session, floor.hub, "sorter_reads")
    if (parcel := _by_sscc(session, message.code)) is not None:
        parcel.reads += 1


def take_sort(session: Session, floor: Floor, message: ParcelSorted) -> None:
    """The sorter put a parcel somewhere, or let it go round again."""
    if message.status != "DIVERTED":
        count(session, floor.hub, "recirculations")
    if message.code is None or (parcel := _by_sscc(session, message.code)) is None:
        return
    if message.status != "DIVERTED":
        parcel.recirculations += 1
        return
    if message.lane == parcel.lane:
        parcel.sorts += 1
        forward(parcel, "SORTED")


def take_passage(
    session: Session, floor: Floor, message: GatePassage, message_id: UUID, *, now: datetime
) -> None:
    """Tags went through a gate of the hub."""
    count(session, floor.hub, "gate_passages_raw")
    parcels = _by_epc(session, message.epcs_hex)
    if message.direction == "AMBIGUOUS":
        here = [parcel.sscc for parcel in parcels if RANK[parcel.state] < RANK["SHIPPED"]]
        if here:  # tags that are none of ours, or have left, are nobody's question
            report(
                session, floor.hub, message_id, code="gate.ambiguous", source=message.gate,
                facts={**evidence(message), "parcels": here}, at=message.at,
            )  # fmt: skip
        return
    if message.direction == "IN":
        for parcel in parcels:
            parcel.passages_in += 1
            forward(parcel, "AT_HUB")
        return
    for parcel in parcels:
        parcel.passages_out += 1
    see_passage(session, floor.hub, message.gate, parcels, at=message.at)
    ship_parcels(session, floor, parcels, at=message.ended_at, now=now)


def evidence(message: GatePassage) -> dict[str, Any]:
    """What a person should know who is asked which way something went."""
    names = ("gate", "confidence", "reads_inside", "reads_outside", "expected", "neighbour")
    return {
        **{name: getattr(message, name) for name in names},
        "reasons": list(message.reasons), "epcs": list(message.epcs_hex),
        "at": message.ended_at.isoformat(),
    }  # fmt: skip


def take_delivery(
    session: Session, floor: Floor, delivered: Mapping[str, datetime], *, now: datetime
) -> None:
    """The carrier has delivered these parcels (SSCC: when)."""
    query = select(Parcel).where(
        Parcel.sscc.in_(delivered), Parcel.state.not_in(ENDED), Parcel.to_site_id.is_(None)
    )
    parcels = session.scalars(query.order_by(Parcel.site_id, Parcel.id).with_for_update()).all()
    unseen = [parcel for parcel in parcels if parcel.state != "SHIPPED"]
    # no gate saw it, but the customer has it: it must have left
    if unseen:
        ship_parcels(session, floor, unseen, at=max(delivered.values()), now=now)
    for parcel in parcels:
        parcel.state, parcel.delivered_at = "DELIVERED", delivered[parcel.sscc]
        outbox.record(
            session,
            topic="order",
            key=parcel.order_id,
            type="ParcelDelivered",
            body={"order": str(parcel.order_id), "sscc": parcel.sscc, "at": _text(parcel)},
            now=now,
        )
    settle(session, floor, parcels, at=max(delivered.values(), default=now))


def _text(parcel: Parcel) -> str:
    return parcel.delivered_at.isoformat() if parcel.delivered_at else ""


def forward(parcel: Parcel, state: str) -> None:
    """Move a parcel on; it never goes back."""
    if RANK[state] > RANK[parcel.state]:
        parcel.state = state


def ship_parcels(
    session: Session, floor: Floor, parcels: Sequence[Parcel], *, at: datetime, now: datetime
) -> None:
    """The carrier has these, those that it had not before. Vans of ours carry the others."""
    leaving = [
        parcel
        for parcel in parcels
        if RANK[parcel.state] < RANK["SHIPPED"] and parcel.to_site_id is None
    ]
    for parcel in leaving:
        parcel.state, parcel.shipped_at = "SHIPPED", at
        outbox.record(
            session,
            topic="order",
            key=parcel.order_id,
            type="ParcelShipped",
            body={"order": str(parcel.order_id), "sscc": parcel.sscc, "service": parcel.service},
            now=now,
        )
    settle(session, floor, leaving, at=at)


def settle(session: Session, floor: Floor, parcels: Sequence[Parcel], *, at: datetime) -> None:
    """Let allocations and orders follow where their parcels are."""
    if not parcels:
        return
    ids = {parcel.order_id for parcel in parcels}
    orders = session.scalars(
        select(Order).where(Order.id.in_(ids)).order_by(Order.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    shipped = _complete(session, parcels, "PACKED", {"SHIPPED", "DELIVERED"})
    # what comes from other sites left their books when it was loaded, if that was said in time
    left = {
        hold.hold_id
        for hold in availability.holds_by_id(
            session, [HoldId(each.id) for each in shipped if each.site_id != floor.hub]
        ).values()
        if hold.state != "PACKED"
    }
    here = [each for each in shipped if each.id not in left]
    ledger.advance(session, [_advance(each, "SHIPPED", at) for each in here])
    for each in shipped:
        each.state = "SHIPPED"
    delivered = _complete(session, parcels, "SHIPPED", {"DELIVERED"})
    ledger.advance(session, [_advance(each, "DELIVERED", at) for each in delivered])
    for each in delivered:
        each.state = "DELIVERED"
    for order in orders:
        close_order(session, order, at=at)


def _complete(
    session: Session, parcels: Sequence[Parcel], state: str, states: set[str]
) -> Sequence[Allocation]:
    """The allocations in that state of these parcels, none of whose parcels is still behind."""
    session.flush()
    mine = select(ParcelLine.allocation_id).where(
        ParcelLine.parcel_id.in_([parcel.id for parcel in parcels])
    )
    behind = (
        select(ParcelLine.allocation_id)
        .join(Parcel, (Parcel.site_id == ParcelLine.site_id) & (Parcel.id == ParcelLine.parcel_id))
        .where(ParcelLine.allocation_id.in_(mine), Parcel.state.not_in(states))
    )
    query = (
        select(Allocation)
        .where(Allocation.id.in_(mine), Allocation.id.not_in(behind), Allocation.state == state)
        .where(Allocation.site_id.in_({parcel.site_id for parcel in parcels}))
        .order_by(Allocation.site_id, Allocation.id)
        .with_for_update()
    )
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def _advance(allocation: Allocation, to: ledger.HoldState, at: datetime) -> ledger.Advance:
    return ledger.Advance(
        command_id=CommandId(derive(allocation.id, to)),
        site_id=SiteId(allocation.site_id),
        hold_id=HoldId(allocation.id),
        to=to,
        actor="device:gate" if to == "SHIPPED" else "device:carrier",
        occurred_at=at,
    )


def _by_sscc(session: Session, code: str) -> Parcel | None:
    query = select(Parcel).where(Parcel.sscc == code_of(code)).with_for_update()
    return session.scalars(query).first()


def _by_epc(session: Session, epcs_hex: Sequence[str]) -> Sequence[Parcel]:
    wanted = {epc.upper() for epc in epcs_hex}
    query = select(Parcel).where(Parcel.epc_hex.in_(wanted))
    return session.scalars(query.order_by(Parcel.site_id, Parcel.id).with_for_update()).all()
