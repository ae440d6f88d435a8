"""Read: invoices, their lines, and the movements behind a line, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from wms.billing.model import Invoice, InvoiceLine, InvoiceMovement
from wms.catalog import Owner
from wms.errors import NotFound
from wms.stock.moved import MovementView, movements_by_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which invoices; `after` is the last of the page before."""

    owner: str | None = None
    month: date | None = None
    state: str | None = None
    kind: str | None = None
    after: tuple[date, UUID] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What of a line is for one movement; `movement` None: for what lay there before."""

    no: int
    quantity: int
    charge_minor: int
    movement: MovementView | None


def invoices(session: Session, wanted: Wanted) -> list[tuple[Invoice, str]]:
    """Invoices with the code of their owner, the latest month first."""
    query = select(Invoice, Owner.code).join(Owner, Owner.id == Invoice.owner_id)
    for column, value in (
        (Owner.code, wanted.owner),
        (Invoice.month, wanted.month),
        (Invoice.state, wanted.state),
        (Invoice.kind, wanted.kind),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.after is not None:
        query = query.where(tuple_(Invoice.month, Invoice.id) < wanted.after)
    query = query.order_by(Invoice.month.desc(), Invoice.id.desc()).limit(wanted.limit)
    return [(invoice, code) for invoice, code in session.execute(query)]


def one_invoice(session: Session, invoice_id: UUID) -> tuple[Invoice, str]:
    """An invoice with the code of its owner.

    Raises:
        NotFound: there is none.
    """
    query = select(Invoice, Owner.code).join(Owner, Owner.id == Invoice.owner_id)
    row = session.execute(query.where(Invoice.id == invoice_id)).first()
    if row is None:
        raise NotFound(f"invoice {invoice_id}")
    return row[0], row[1]


def lines_of(session: Session, invoice_id: UUID) -> Sequence[InvoiceLine]:
    """Its lines."""
    query = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id)
    return session.scalars(query.order_by(InvoiceLine.no)).all()


def links_of(
    session: Session, invoice_id: UUID, line_no: int, *, after: int = 0, limit: int = 100
) -> list[Link]:
    """The movements behind a line.

    Raises:
        NotFound: there is no such line.
    """
    one_invoice(session, invoice_id)  # of an owner whom they may know
    if session.get(InvoiceLine, (invoice_id, line_no)) is None:
        raise NotFound(f"line {line_no} of invoice {invoice_id}")
    query = (
        select(InvoiceMovement)
        .where(InvoiceMovement.invoice_id == invoice_id, InvoiceMovement.line_no == line_no)
        .where(InvoiceMovement.no > after)
        .order_by(InvoiceMovement.no)
        .limit(limit)
    )
    rows = session.scalars(query).all()
    seen = movements_by_id(session, [row.movement_id for row in rows if row.movement_id])
    return [
        Link(
            no=row.no,
            quantity=row.quantity,
            charge_minor=row.charge_minor,
            movement=seen.get(row.movement_id),
        )
        for row in rows
    ]
