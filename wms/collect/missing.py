"""Missing: what a store cannot find is wanted again, and the customer is told what it means.

The store is not asked again for that order: another site is, from where it comes by transfer; the
promise moves, by an event with its reason. What is nowhere waits or ends as short, as the order
says, and short units are paid back (`wms.orders.backorder`).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.collect.goods import goods_of, lines_of
from wms.collect.model import Collection
from wms.ids import derive
from wms.orders.backorder import wait_or_end
from wms.orders.capacity import SourcingExclusion
from wms.orders.close import close_order
from wms.orders.hold import Wish, hold_units, set_sourced
from wms.orders.model import Order
from wms.orders.promise import set_promise
from wms.outbound.tell import report

BY_TRANSFER = timedelta(days=2)


def want_again(
    session: Session,
    order: Order,
    collection: Collection,
    missing: Mapping[int, int],
    *,
    cause: UUID,
    now: datetime,
) -> None:
    """Hold units again that were not found here: by line number."""
    by_no = {line.line_no: line for line in lines_of(session, order.id)}
    wanted = {by_no[number]: units for number, units in sorted(missing.items())}
    exclude(session, order.id, collection.site_id, now)
    wish = Wish(cause=cause, state="HELD", now=now, partly=True)
    nowhere = hold_units(session, order, wanted, wish)
    set_sourced(session, order)
    waiting = [
        line.line_no
        for line, units in nowhere.items()
        if units and not wait_or_end(session, order, line, units, now=now)
    ]
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": "store_short",
        "lines": [line.line_no for line in wanted],
        "backordered": waiting,
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
    report(
        session,
        collection.site_id,
        derive(cause, "short"),
        code="collect.short",
        source=f"collection {collection.id}",
        facts={"order": str(order.id), "missing": {str(no): n for no, n in missing.items()}},
        at=now,
        priority=3,
    )
    promise_later(session, order, collection, reason="store_short", now=now)
    close_order(session, order, at=now)


def exclude(session: Session, order_id: UUID, site: UUID, now: datetime) -> None:
    """Nothing more of that order is looked for here."""
    row = {"order_id": order_id, "site_id": site, "reason": "store_short", "at": now}
    session.execute(insert(SourcingExclusion).values(row).on_conflict_do_nothing())


def promise_later(
    session: Session, order: Order, collection: Collection, *, reason: str, now: datetime
) -> None:
    """What comes by transfer comes later: say so, if it is later than was promised."""
    session.flush()
    by = now + BY_TRANSFER
    if not goods_of(session, order, collection.site_id).away:
        return
    if order.promised_by is not None and order.promised_by < by:
        set_promise(session, order, by=by, reason=reason, now=now)
