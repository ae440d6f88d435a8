"""Exclusion: a site does not send what it was given; another is found.

    reject       a site cannot, or will not: its lines of an order go elsewhere
    close_site   a site sends nothing for a while: what is not yet in work there goes elsewhere
    open_site    it sends again

What was set aside at the site and what is set aside instead are one posting, so that nobody
takes it in between; the optimizer then looks at the order anew. The site is excluded for that
order, for good. What is nowhere else waits or ends, as the order says.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound
from wms.ids import derive
from wms.orders.backorder import wait_or_end
from wms.orders.capacity import SiteClosure, SourcingExclusion
from wms.orders.close import close_order, lock_order
from wms.orders.hold import Instead, Wish, hold_units, set_sourced
from wms.orders.model import Allocation, Order, OrderLine
from wms.sites import Site

CAN_GO = ("HELD", "ALLOCATED", "PINNED")
NOT_IN_WORK = ("HELD", "ALLOCATED")
ORDERS_AT_ONCE = 1  # each is a posting of its own


class AlreadyInWork(Conflict):
    """The floor of the site is at work on it: it can only say what is missing.

    Attributes:
        order_id: the order.
        line_no: the first such line.
    """

    code: ClassVar[str] = "already_in_work"

    def __init__(self, order_id: UUID, line_no: int) -> None:
        super().__init__(f"line {line_no} of order {order_id} is being picked, or has left")
        self.order_id = order_id
        self.line_no = line_no


def reject(
    session: Session,
    order_id: UUID,
    site_id: UUID,
    line_nos: Collection[int],
    *,
    reason: str,
    now: datetime,
) -> list[int]:
    """Take these lines of an order (all, if none is named) away from a site. Repeating is nothing.

    Returns:
        the numbers of the lines that were there.

    Raises:
        NotFound: there is no such order.
        AlreadyInWork: some of it is being picked there; nothing has changed.
    """
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    order = lock_order(session, order_id)
    query = select(Allocation).where(
        Allocation.order_id == order_id,
        Allocation.site_id == site_id,
        Allocation.state.in_((*CAN_GO, "PICKED", "PACKED")),
        Allocation.supply_id.is_(None),
    )
    if line_nos:
        query = query.where(Allocation.line_no.in_(line_nos))
    there = session.scalars(
        query.order_by(Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for each in there:
        if each.state not in CAN_GO or each.task_id is not None or each.by_robot:
            raise AlreadyInWork(order_id, each.line_no)
    _exclude(session, order_id, site_id, reason, now)
    return _elsewhere(session, order, there, reason, now)


def close_site(
    session: Session, site_id: UUID, *, reason: str, until: datetime | None, now: datetime
) -> None:
    """From now on a site sends nothing new; `move_away` takes away what it has not begun."""
    row = {"site_id": site_id, "reason": reason, "from_at": now, "until_at": until}
    statement = insert(SiteClosure).values(row)
    session.execute(statement.on_conflict_do_update(index_elements=["site_id"], set_=row))


def open_site(session: Session, site_id: UUID) -> None:
    """A site sends again. Orders that went elsewhere stay there."""
    session.execute(delete(SiteClosure).where(SiteClosure.site_id == site_id))


def move_away(session: Session, *, now: datetime, limit: int = ORDERS_AT_ONCE) -> int:
    """Find other sites for what closed sites have not begun. Returns how many orders moved.

    Goods that customers fetch at a closed store stay: the shop asks them for another place.
    """
    closed = (
        select(SiteClosure.site_id)
        .where(SiteClosure.from_at <= now)
        .where((SiteClosure.until_at.is_(None)) | (SiteClosure.until_at > now))
    )
    query = (
        select(Allocation.order_id, Allocation.site_id)
        .join(Order, Order.id == Allocation.order_id)
        .where(
            Allocation.site_id.in_(closed),
            Allocation.state.in_(NOT_IN_WORK),
            Allocation.supply_id.is_(None),
            Order.fulfilment.in_(("DELIVERY", "COLLECT")),
            (Order.to_site_id.is_(None)) | (Order.to_site_id != Allocation.site_id),
        )
        .distinct()
        .order_by(Allocation.order_id, Allocation.site_id)
        .limit(limit)
    )
    moved = 0
    for order_id, site_id in session.execute(query).all():
        order = lock_order(session, order_id)
        live = select(Allocation).where(
            Allocation.order_id == order_id,
            Allocation.site_id == site_id,
            Allocation.state.in_(NOT_IN_WORK),
            Allocation.supply_id.is_(None),
        )
        there = session.scalars(live.order_by(Allocation.id).with_for_update()).all()
        _exclude(session, order_id, site_id, "site_closed", now)
        moved += bool(_elsewhere(session, order, there, "site_closed", now))
    return moved


def site_named(session: Session, code: str) -> Site:
    """The site with that code.

    Raises:
        NotFound: there is none.
    """
    site = session.scalar(select(Site).where(Site.code == code))
    if site is None:
        raise NotFound(f"site {code}")
    return site


def _exclude(session: Session, order_id: UUID, site_id: UUID, reason: str, now: datetime) -> None:
    row = {"order_id": order_id, "site_id": site_id, "reason": reason, "at": now}
    session.execute(insert(SourcingExclusion).values(row).on_conflict_do_nothing())


def _elsewhere(
    session: Session, order: Order, there: Sequence[Allocation], reason: str, now: datetime
) -> list[int]:
    """Hold the same units at other sites, and say what changed."""
    if not there:
        return []
    units: dict[int, int] = defaultdict(int)
    for each in there:
        units[each.line_no] += each.units
    wanted = {session.get_one(OrderLine, (order.id, no)): n for no, n in sorted(units.items())}
    instead = [
        Instead(site_id=each.site_id, hold_id=each.id, sku_id=each.sku_id, units=each.units)
        for each in there
    ]
    for each in there:
        each.state = "RELEASED"
    session.flush()
    cause = derive(there[0].id, "rejected")
    wish = Wish(cause=cause, state="HELD", now=now, partly=order.backorders == "WAIT")
    missing = hold_units(session, order, wanted, wish, instead=instead)
    for line, lacking in missing.items():
        wait_or_end(session, order, line, lacking, now=now)
    set_sourced(session, order)
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": reason,
        "lines": sorted(units),
        "backordered": sorted(line.line_no for line in missing),
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
    close_order(session, order, at=now)
    return sorted(units)
