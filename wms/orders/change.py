"""Change: what of an order can still be changed is changed, and for the rest it is said why not.

    cancel            all of it, or units of lines (wms.orders.cancel)
    address           until its parcel has a label
    slot              day, hours and place of delivery: until its parcel has a label
    collection point  until somebody is at work on it
    lines             more units, or lines more: until a part is packed

Each change takes the id that whoever asks for it has chosen, and is done once under it.
`possible` says beforehand what can be changed, for pages that offer it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE_OWNER_ID, owner_of, skus_by_code
from wms.errors import Conflict, IdReused
from wms.ids import derive
from wms.orders.backorder import wait_or_end
from wms.orders.cancel import (
    NoSuchUnits,
    TooLateToCancel,
    cancel_lines,
    cancel_order,
    in_work,
    live_allocations,
    locked,
    too_late,
)
from wms.orders.hold import Instead, Wish, hold_units, set_sourced
from wms.orders.kits import OfKit, kits_of, order_lines
from wms.orders.model import ENDED, Allocation, Order, OrderChange, OrderLine
from wms.orders.place import (
    UNITS_MAX,
    MalformedOrder,
    PlaceLine,
    ShipTo,
    UnfitSite,
    UnknownSku,
)
from wms.orders.rules import FIT
from wms.sites import sites_by_code

__all__ = [
    "TooLateToCancel",
    "TooLateToChange",
    "cancel_lines",
    "cancel_order",
    "change_address",
    "change_collection_point",
    "change_lines",
    "change_slot",
    "once",
    "possible",
]
LABELLED = frozenset({"PACKED", "SHIPPED", "DELIVERED"})
ACTIONS = ("cancel", "address", "slot", "collection_point", "lines")


class TooLateToChange(Conflict):
    """This of an order can no longer be changed, or never could.

    Attributes:
        order_id: the order.
        action: what was to be changed.
        reason: "shipped", "closed", "packed", "in_work", "cancelling", "not_delivered",
            "not_collected", "reserved" or "no_stock".
    """

    code: ClassVar[str] = "too_late_to_change"

    def __init__(self, order_id: UUID, action: str, reason: str) -> None:
        super().__init__(f"{action} of order {order_id}: {reason}")
        self.order_id = order_id
        self.action = action
        self.reason = reason


def once(
    session: Session, order_id: UUID, command_id: UUID, kind: str, asked: str, *, now: datetime
) -> bool:
    """Whether this change is asked for for the first time; locks the order.

    Raises:
        NotFound: there is no such order.
        IdReused: another change has that id.
    """
    locked(session, order_id)
    said = hashlib.sha256(asked.encode()).hexdigest()
    row = {"order_id": order_id, "id": command_id, "kind": kind, "asked": said, "at": now}
    new = insert(OrderChange).values(row).on_conflict_do_nothing().returning(OrderChange.id)
    if session.scalar(new) is not None:
        return True
    known = session.get_one(OrderChange, (order_id, command_id))
    if (known.kind, known.asked) != (kind, said):
        raise IdReused(command_id)
    return False


def possible(session: Session, order: Order) -> dict[str, str | None]:
    """What can be changed of an order: None, or the reason why it cannot."""
    query = select(Allocation).where(
        Allocation.order_id == order.id,
        Allocation.state.not_in(ENDED),
        Allocation.onward_id.is_(None),
    )
    live = session.scalars(query).all()
    return {action: _why_not(order, live, action) for action in ACTIONS}


def change_address(
    session: Session,
    order_id: UUID,
    ship_to: ShipTo,
    *,
    now: datetime,
    contact_id: UUID | None = None,
) -> None:
    """Send it somewhere else. What has no site for good yet is sourced for the new place.

    Raises:
        NotFound: there is no such order.
        TooLateToChange: its parcel has a label, or it is not delivered.
    """
    order = _changeable(session, order_id, "address")
    order.prefecture, order.postal_code = ship_to.prefecture, ship_to.postal_code
    order.latitude, order.longitude = ship_to.latitude, ship_to.longitude
    if contact_id is not None:
        order.contact_id = contact_id
    _say(session, order, "address", (), now)


def change_slot(
    session: Session,
    order_id: UUID,
    *,
    delivery_on: date | None,
    slot: str,
    leave_at: str,
    now: datetime,
) -> None:
    """Deliver it on another day, at another time, or leave it somewhere (置き配).

    Raises:
        NotFound: there is no such order.
        TooLateToChange: its parcel has a label, or it is not delivered.
    """
    order = _changeable(session, order_id, "slot")
    if (order.delivery_on, order.slot, order.leave_at) == (delivery_on, slot, leave_at):
        return
    order.delivery_on, order.slot, order.leave_at = delivery_on, slot, leave_at
    _say(session, order, "slot", (), now)


def change_collection_point(
    session: Session, order_id: UUID, to_site: str, *, now: datetime
) -> None:
    """Collect it somewhere else: what is there is held there, the rest comes by transfer.

    Raises:
        NotFound: there is no such order.
        UnfitSite: nothing can be collected there.
        TooLateToChange: somebody is at work on it, or it is not collected.
    """
    order = _changeable(session, order_id, "collection_point")
    site = sites_by_code(session, [to_site]).get(to_site)
    if site is None or site.kind not in FIT[order.fulfilment]:
        raise UnfitSite("to_site", to_site, "unknown" if site is None else "not_fit")
    if site.id == order.to_site_id:
        return
    order.to_site_id = site.id
    live = [each for each in live_allocations(session, order_id) if each.supply_id is None]
    wanted: dict[OrderLine, int] = {}
    for each in live:
        line = session.get_one(OrderLine, (order_id, each.line_no))
        wanted[line] = wanted.get(line, 0) + each.units
    instead = [
        Instead(site_id=each.site_id, hold_id=each.id, sku_id=each.sku_id, units=each.units)
        for each in live
    ]
    for each in live:
        each.state = "RELEASED"
    session.flush()
    wish = Wish(cause=derive(order_id, "point", now.isoformat()), state="HELD", now=now)
    if hold_units(session, order, wanted, wish, instead=instead):
        raise TooLateToChange(order_id, "collection_point", "no_stock")
    set_sourced(session, order)
    _say(session, order, "collection_point", [line.line_no for line in wanted], now)


def change_lines(
    session: Session,
    order_id: UUID,
    units: Mapping[int, int],
    *,
    now: datetime,
    added: Sequence[PlaceLine] = (),
) -> None:
    """Want so many units of these lines in all, and these lines more.

    Fewer units are cancelled; more, and new lines, are held as an order's are.

    Raises:
        NotFound: there is no such order.
        NoSuchUnits: there is no such line that could have so many.
        MalformedOrder, UnknownSku: a new line could not be meant.
        TooLateToChange: a part is packed, or the units are nowhere and the order does not wait.
        TooLateToCancel: fewer, of what cannot be stopped.
    """
    order = _changeable(session, order_id, "lines")
    lines = {
        line.line_no: line
        for line in session.scalars(select(OrderLine).where(OrderLine.order_id == order_id))
    }
    more: dict[OrderLine, int] = {}
    fewer: dict[int, int] = {}
    kits = kits_of(session, [order_id]).get(order_id, {})
    for line_no, wanted in sorted(units.items()):
        if line_no in kits:
            _change_kit(kits[line_no], wanted, more, fewer)
            continue
        line = lines.get(line_no)
        if line is None or line.kit_no or line.state != "OPEN" or not 0 <= wanted <= UNITS_MAX:
            raise NoSuchUnits(line_no)
        now_wanted = line.units - line.units_cancelled
        if wanted > now_wanted:
            line.units += wanted - now_wanted
            more[line] = wanted - now_wanted
        elif wanted < now_wanted:
            fewer[line_no] = now_wanted - wanted
    for line in _added(session, order, lines, added):
        more[line] = line.units
    session.flush()
    if more:
        _hold_more(session, order, more, now)
        _say(session, order, "lines", [line.line_no for line in more], now)
    if fewer:
        cancel_lines(session, order_id, fewer, now=now)


def _change_kit(of: OfKit, wanted: int, more: dict[OrderLine, int], fewer: dict[int, int]) -> None:
    """Want so many of a kit in all: more are more of each part, fewer are cancelled as kits."""
    ended = of.kits({part.line_no: part.units_cancelled for part in of.parts}, some=True)
    by = wanted - (of.kit.units - ended)
    if not 0 <= wanted <= UNITS_MAX or any(part.state != "OPEN" for part in of.parts):
        raise NoSuchUnits(of.kit.line_no)
    if by > 0:
        of.kit.units += by
        for part in of.parts:
            part.units += by * part.kit_units
            more[part] = by * part.kit_units
    elif by < 0:
        fewer[of.kit.line_no] = -by


def _hold_more(session: Session, order: Order, more: dict[OrderLine, int], now: datetime) -> None:
    wish = Wish(cause=derive(order.id, "more", now.isoformat()), state="HELD", now=now)
    missing = hold_units(session, order, more, wish)
    if missing and order.backorders != "WAIT":
        raise TooLateToChange(order.id, "lines", "no_stock")
    for line, units in missing.items():
        wait_or_end(session, order, line, units, now=now)
    set_sourced(session, order)


def _added(
    session: Session, order: Order, lines: Mapping[int, OrderLine], added: Sequence[PlaceLine]
) -> list[OrderLine]:
    goods = [line.sku_id for line in lines.values() if line.sku_id is not None]
    owner = owner_of(session, goods[0]) if goods else HOUSE_OWNER_ID
    skus = skus_by_code(session, {line.sku for line in added}, owner)
    taken = set(lines) | set(kits_of(session, [order.id]).get(order.id, {}))
    for line in added:
        if line.line_no in taken:
            raise MalformedOrder("line_no_repeated", line.line_no)
        if not 1 <= line.units <= UNITS_MAX:
            raise MalformedOrder("units_out_of_range", line.line_no)
        if line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
        taken.add(line.line_no)
    return order_lines(session, order.id, added, skus)


def _changeable(session: Session, order_id: UUID, action: str) -> Order:
    order = locked(session, order_id)
    if reason := _why_not(order, live_allocations(session, order_id), action):
        raise TooLateToChange(order_id, action, reason)
    return order


def _why_not(order: Order, live: Sequence[Allocation], action: str) -> str | None:
    """The first thing that stands against it."""
    if order.closed:
        return "shipped" if order.shipped_at else "closed"
    if action == "cancel":
        return next((why for each in live if (why := too_late(order, each))), None)
    delivered = order.fulfilment == "DELIVERY"
    against = {
        "not_delivered": action in {"address", "slot"} and not delivered,
        "not_collected": action == "collection_point" and order.fulfilment != "COLLECT",
        "reserved": action == "lines" and order.fulfilment == "RESERVE",
        "cancelling": bool(live) and all(each.cancelling for each in live),
        "packed": any(each.to_pack or each.state in LABELLED for each in live),
        "in_work": action == "collection_point" and any(in_work(each) for each in live),
    }
    return next((reason for reason, is_so in against.items() if is_so), None)


def _say(session: Session, order: Order, reason: str, lines: Sequence[int], now: datetime) -> None:
    query = select(OrderLine.line_no).where(
        OrderLine.order_id == order.id, OrderLine.units_waiting > 0
    )
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": reason,
        "lines": sorted(lines),
        "backordered": sorted(session.scalars(query)),
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
