"""Facts: what each movement of an owner's goods is to a bill.

    from a supplier, or the lane from one, into the house    INBOUND
    onto a lane to a customer, store or locker; handed over  OUTBOUND
    onto the returns bench                                   RETURN

Stored is what lies in the house: not what is still to come, on a lane, missed or lost.
"""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.billing.rules import Fact, Firsts, Position
from wms.ids import OwnerId
from wms.orders.model import Allocation, OrderLine
from wms.outbound.model import ParcelLine
from wms.stock.moved import MovedRow, moved_until
from wms.stock.posting import NIL

STORED = frozenset({
    "received", "sellable", "quarantine", "damaged", "picked", "packed", "return_received",
})  # fmt: skip
_OUT = frozenset({"TO_CUSTOMER", "TO_STORE", "TO_LOCKER"})
ASKED_AT_ONCE = 10_000


def facts_until(session: Session, owner: OwnerId, until: date) -> list[Fact]:
    """All of an owner's movements before that day."""
    rows = list(moved_until(session, owner, until))
    out = [row.cause_id for row in rows if _way(row) == "OUTBOUND"]
    orders = _orders_of(session, out)
    firsts = Firsts()
    return [_fact(row, orders, firsts) for row in rows]


def _fact(
    row: MovedRow, orders: dict[UUID, tuple[UUID, int, str, UUID | None]], firsts: Firsts
) -> Fact:
    way, gift = _way(row), ""
    things: dict[str, object | None] = {}
    if way == "INBOUND":
        pallet = row.to_unit_id if row.to_unit_kind == "PALLET" else None
        things = {"LINE": (row.cause_id, row.sku_id, row.lot), "PALLET": pallet}
    elif way == "OUTBOUND":
        order, line, gift, parcel = orders.get(row.cause_id, (row.cause_id, 0, "", None))
        things = {"ORDER": order, "LINE": (order, line), "PARCEL": parcel}
    elif way == "RETURN":
        things = {"RETURN": row.cause_id}
    return Fact(
        id=row.id,
        site_id=row.site_id,
        site=row.site,
        day=row.day,
        units=row.units,
        way=way,
        first_of=firsts.of(things) if things else frozenset(),
        gift=gift,
        leaves=_position(row.site_id, row.from_counter, row.from_unit_id, row.from_location_id),
        enters=_position(row.site_id, row.to_counter, row.to_unit_id, row.to_location_id),
    )


def _way(row: MovedRow) -> str:
    comes = row.from_kind == "SUPPLIER" or row.from_lane == "FROM_SUPPLIER"
    if comes and row.to_counter in STORED:
        return "INBOUND"
    leaves = row.to_lane in _OUT or row.to_kind == "CUSTOMER"
    if leaves and row.from_counter in {"packed", "picked"}:
        return "OUTBOUND"
    if row.to_kind == "RETURNS_BENCH" and row.from_counter not in STORED:
        return "RETURN"
    return ""


def _position(site: UUID, counter: str, unit: UUID, place: UUID) -> Position | None:
    if counter not in STORED:
        return None
    return site, place if unit == NIL else unit


def _orders_of(
    session: Session, causes: Iterable[UUID]
) -> dict[UUID, tuple[UUID, int, str, UUID | None]]:
    """Of the holds that left: order, line, wrapping and parcel."""
    ids = list(dict.fromkeys(causes))
    found: dict[UUID, tuple[UUID, int, str, UUID | None]] = {}
    for start in range(0, len(ids), ASKED_AT_ONCE):
        query = (
            select(
                Allocation.id, Allocation.order_id, Allocation.line_no, OrderLine.gift,
                ParcelLine.parcel_id,
            )
            .join(
                OrderLine,
                (OrderLine.order_id == Allocation.order_id)
                & (OrderLine.line_no == Allocation.line_no),
            )
            .outerjoin(
                ParcelLine,
                (ParcelLine.site_id == Allocation.site_id)
                & (ParcelLine.allocation_id == Allocation.id),
            )
            .where(Allocation.id.in_(ids[start : start + ASKED_AT_ONCE]))
            .order_by(Allocation.id, ParcelLine.parcel_id)
        )  # fmt: skip
        for id_, order, line, gift, parcel in session.execute(query):
            found.setdefault(id_, (order, line, gift, parcel))
    return found
