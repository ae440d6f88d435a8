"""Reverse: a receipt was wrong. Its opposite goes into the books, and what came of it ends."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.ids import SiteId
from wms.inbound.announce import tell
from wms.inbound.book import back, take_off
from wms.inbound.model import Asn, AsnLine, AsnUnit, Inspection, Putaway, Receipt
from wms.stock import ledger
from wms.stock.faults import NotEnoughStock
from wms.stock.units import unit_id
from wms.work.model import Task
from wms.work.steer import cancel


class ReceiptMoved(Conflict):
    """The goods are not where they were received any more: move them, or count the place."""

    code: ClassVar[str] = "receipt_moved"


def reverse_receipt(
    session: Session, site: SiteId, receipt_id: UUID, *, actor: str, now: datetime
) -> Receipt:
    """Take a receipt back. Done again it does nothing.

    Raises:
        NotFound: there is none.
        ReceiptMoved: some of it has been put away, inspected, or given to somebody.
    """
    found = session.get(Receipt, (site, receipt_id), with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(f"receipt {receipt_id}")
    if found.reversed_at is not None:
        return found
    asn = session.get_one(Asn, (site, found.asn_id), with_for_update=True)
    if found.landed or _was_inspected(session, found):
        raise ReceiptMoved(f"receipt {receipt_id}")
    unit = unit_id(site, found.unit_code) if found.unit_code else None
    try:
        ledger.move(session, [back(asn, found, unit, actor=actor)])
    except NotEnoughStock as error:
        raise ReceiptMoved(f"receipt {receipt_id}") from error
    found.reversed_at, found.reversed_by = now, actor
    if found.line_no:
        key = (site, found.asn_id, found.line_no)
        line = session.get_one(AsnLine, key, with_for_update=True, populate_existing=True)
        take_off(line, found)
    _end_what_came_of_it(session, found, actor, now)
    session.flush()
    body = {"receipt": str(found.id), "line_no": found.line_no, "units": found.units}
    tell(session, asn, "AsnReversed", body, now=now)
    return found


def _was_inspected(session: Session, receipt: Receipt) -> bool:
    query = select(Inspection.state).where(
        Inspection.site_id == receipt.site_id, Inspection.receipt_id == receipt.id
    )
    return any(state in {"PASSED", "FAILED"} for state in session.scalars(query))


def _end_what_came_of_it(session: Session, receipt: Receipt, actor: str, now: datetime) -> None:
    """Its putaways and inspections are for nothing; whoever has one in hand is told at its end."""
    of_it = (Putaway.receipt_id == receipt.id,)
    if receipt.unit_code:
        of_it = (Putaway.unit_code == receipt.unit_code,)
        unit = session.get(AsnUnit, (receipt.site_id, receipt.unit_code, receipt.asn_id))
        if unit is not None:
            unit.state, unit.received_at, unit.received_by = "EXPECTED", None, ""
    query = select(Putaway).where(
        Putaway.site_id == receipt.site_id, Putaway.state == "OPEN", *of_it
    )
    tasks = []
    for putaway in session.scalars(query.with_for_update()).all():
        putaway.state, putaway.ended_at, putaway.ended_by = "CANCELLED", now, actor
        tasks.append(putaway.task_id)
    open_ = select(Inspection).where(
        Inspection.site_id == receipt.site_id,
        Inspection.receipt_id == receipt.id,
        Inspection.state == "OPEN",
    )
    for inspection in session.scalars(open_.with_for_update()).all():
        inspection.state, inspection.ended_at, inspection.ended_by = "CANCELLED", now, actor
        tasks.append(inspection.id)
    of_them = select(Task).where(Task.site_id == receipt.site_id, Task.id.in_(tasks))
    for task in session.scalars(of_them.order_by(Task.id).with_for_update()).all():
        if task.state in {"OPEN", "LEASED", "BLOCKED"}:
            cancel(session, task, "receipt_reversed", now=now)
