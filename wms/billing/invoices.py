"""Invoices: a month of an owner, drafted, made final, and corrected by the difference.

    draft      what the month costs by the tariffs known now; drafted again it is made anew
    final      numbered, dated, with both parties and the tax of each rate; never changed again
    rerate     what the month costs now, less all that was billed for it: a CORRECTION, or nothing

A correction is movement by movement: what each costs now, less what it was billed before. Late
movements and new tariff versions with a day in the past are found in the same way.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wms.billing.facts import facts_until
from wms.billing.model import BillingAct, Invoice, InvoiceLine, InvoiceMovement
from wms.billing.rules import Charge, Part, TariffLine, rate, segments, taxes
from wms.billing.tariffs import issuer, owner_named, tariffs_of
from wms.catalog import Owner
from wms.errors import Conflict, IdReused, NotFound
from wms.ids import OwnerId, derive

DECEMBER = 12


class MonthNotOver(Conflict):
    """A month that has not ended cannot be billed for good."""

    code: ClassVar[str] = "month_not_over"


class NoIssuer(Conflict):
    """Nobody has said who bills: name and registration number."""

    code: ClassVar[str] = "no_issuer"


class NotBilled(Conflict):
    """A month that was not billed for good cannot be billed again: draft it."""

    code: ClassVar[str] = "not_billed"


class BilledAlready(Conflict):
    """A month that was billed for good: what it costs more is a correction."""

    code: ClassVar[str] = "billed_already"


def month_after(month: date) -> date:
    """The first day of the next month."""
    last = month.month == DECEMBER
    return date(month.year + last, 1 if last else month.month + 1, 1)


def charges_of(session: Session, owner: OwnerId, month: date) -> list[Charge]:
    """What a month costs by the tariffs that are known now."""
    end = month_after(month)
    facts = facts_until(session, owner, end)
    found: list[Charge] = []
    parts = segments(tariffs_of(session, owner), month, end)
    for tariff, start, until in parts:
        found += rate(tariff, facts, start, until, minimum=len(parts) == 1)
    return found


def draft(session: Session, owner_code: str, month: date, *, now: datetime) -> Invoice:
    """The invoice of a month as it would be now.

    Raises:
        NotFound: there is no such owner.
        BilledAlready: it is final.
    """
    owner = owner_named(session, owner_code)
    _lock(session, owner)
    invoice_id = derive(owner, "invoice", month.isoformat())
    known = session.get(Invoice, invoice_id, with_for_update=True, populate_existing=True)
    if known is not None and known.state == "FINAL":
        raise BilledAlready(known.number)
    if known is None:
        known = Invoice(
            id=invoice_id, owner_id=owner, month=month, kind="INVOICE", state="DRAFT",
            number=f"{owner_code}-{month:%Y%m}-1", corrects="", currency="JPY", made_at=now,
            final_by="", parties={}, taxes=[], net_minor=0, tax_minor=0,
        )  # fmt: skip
        session.add(known)
    known.made_at = now
    lines = [_line(charge) for charge in charges_of(session, owner, month)]
    _fill(session, known, lines)
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalise:
    """Make an invoice final, as of a day."""

    command_id: UUID
    issued_on: date
    actor: str


def finalise(session: Session, invoice_id: UUID, wish: Finalise, *, now: datetime) -> Invoice:
    """Make an invoice final: drafted once more, dated, with both parties.

    Raises:
        NotFound: there is no such invoice.
        MonthNotOver: its month has not ended on that day.
        NoIssuer: nobody has said who bills.
        BilledAlready: it is final by another command.
    """
    if _known(session, wish.command_id, f"final {invoice_id} {wish.issued_on}"):
        return session.get_one(Invoice, invoice_id)
    invoice = session.get(Invoice, invoice_id)
    if invoice is None:
        raise NotFound(f"invoice {invoice_id}")
    owner = session.get_one(Owner, invoice.owner_id)
    _lock(session, OwnerId(owner.id))
    session.refresh(invoice, with_for_update=True)
    if invoice.state == "FINAL":
        raise BilledAlready(invoice.number)
    if wish.issued_on < month_after(invoice.month):
        raise MonthNotOver(f"{invoice.month:%Y-%m}")
    by = issuer(session)
    if not by["registration"]:
        raise NoIssuer("no issuer")
    if invoice.kind == "INVOICE":
        _fill(session, invoice, [_line(c) for c in charges_of(session, OwnerId(owner.id),
                                                              invoice.month)])  # fmt: skip
    invoice.parties = {"issuer": by, "owner": {"code": owner.code, "name": owner.name}}
    invoice.issued_on, invoice.final_at, invoice.final_by = wish.issued_on, now, wish.actor
    invoice.state = "FINAL"
    _done(session, wish.command_id, f"final {invoice_id} {wish.issued_on}", invoice_id, now)
    return invoice


def rerate(
    session: Session, command_id: UUID, owner_code: str, month: date, *, now: datetime
) -> Invoice | None:
    """Draft what a month costs now more (or less) than was billed for it; None: nothing.

    Raises:
        NotFound: there is no such owner.
        NotBilled: its invoice is not final.
        BilledAlready: a correction that is not final stands: finish that first.
    """
    owner = owner_named(session, owner_code)
    asked = f"rerate {owner} {month}"
    if _known(session, command_id, asked):
        act = session.get_one(BillingAct, command_id)
        return None if act.invoice_id is None else session.get_one(Invoice, act.invoice_id)
    _lock(session, owner)
    query = select(Invoice).where(Invoice.owner_id == owner, Invoice.month == month)
    billed = session.scalars(query.order_by(Invoice.number).with_for_update()).all()
    if not any(each.kind == "INVOICE" and each.state == "FINAL" for each in billed):
        raise NotBilled(f"{owner_code} {month:%Y-%m}")
    open_ = [each for each in billed if each.state == "DRAFT"]
    if open_:
        raise BilledAlready(open_[0].number)
    lines = _difference(session, charges_of(session, owner, month), [each.id for each in billed])
    if not lines:
        _done(session, command_id, asked, None, now)
        return None
    invoice = Invoice(
        id=command_id, owner_id=owner, month=month, kind="CORRECTION", state="DRAFT",
        number=f"{owner_code}-{month:%Y%m}-{len(billed) + 1}", corrects=billed[0].number,
        currency="JPY", made_at=now, final_by="", parties={}, taxes=[], net_minor=0, tax_minor=0,
    )  # fmt: skip
    session.add(invoice)
    _fill(session, invoice, lines)
    _done(session, command_id, asked, invoice.id, now)
    return invoice


@dataclass(slots=True)
class _Line:
    """A line of an invoice, and what it is made of."""

    site: str
    line: TariffLine
    version: int
    quantity: int
    amount_minor: int
    parts: list[Part]


def _line(charge: Charge) -> _Line:
    return _Line(
        charge.site, charge.line, charge.version, charge.quantity, charge.amount_minor,
        list(charge.parts),
    )  # fmt: skip


_PartKey = tuple[UUID | None, int]


def _difference(session: Session, charges: Sequence[Charge], billed: Sequence[UUID]) -> list[_Line]:
    """What these charges are more than what was billed, by site, code and movement."""
    before: dict[tuple[str, str, int], dict[_PartKey, list[int]]] = defaultdict(dict)
    rates: dict[tuple[str, str, int], InvoiceLine] = {}
    query = (
        select(InvoiceLine, InvoiceMovement)
        .join(
            InvoiceMovement,
            (InvoiceMovement.invoice_id == InvoiceLine.invoice_id)
            & (InvoiceMovement.line_no == InvoiceLine.no),
        )
        .where(InvoiceLine.invoice_id.in_(billed))
        .order_by(InvoiceLine.invoice_id, InvoiceLine.no, InvoiceMovement.no)
    )
    for billed_line, link in session.execute(query):
        key = (billed_line.site, billed_line.code, billed_line.tax_percent)
        rates[key] = billed_line
        sums = before[key].setdefault((link.site_id, link.movement_id), [0, 0])
        sums[0] += link.quantity
        sums[1] += link.charge_minor
    now: dict[tuple[str, str, int], list[Charge]] = defaultdict(list)
    for charge in charges:
        now[charge.site, charge.line.code, charge.line.tax_percent].append(charge)
    found = []
    for key in sorted({*before, *now}):
        is_now: dict[_PartKey, list[int]] = {}
        for part in [part for charge in now[key] for part in charge.parts]:
            sums = is_now.setdefault((part.site_id, part.movement_id), [0, 0])
            sums[0] += part.quantity
            sums[1] += part.charge_minor
        parts = _parts(is_now, before[key])
        if not parts:
            continue
        line = now[key][-1].line if now[key] else _as_said(rates[key])
        version = now[key][-1].version if now[key] else rates[key].version
        amount = sum(part.charge_minor for part in parts)
        quantity = sum(part.quantity for part in parts)
        found.append(_Line(key[0], line, version, quantity, amount, parts))
    return found


def _parts(now: dict[_PartKey, list[int]], before: dict[_PartKey, list[int]]) -> list[Part]:
    nothing = [0, 0]
    parts = []
    for key in sorted({*now, *before}, key=lambda each: (str(each[0]), each[1])):
        quantity, charge = now.get(key, nothing)
        was_quantity, was = before.get(key, nothing)
        if (quantity, charge) != (was_quantity, was):
            parts.append(Part(key[0], key[1], quantity - was_quantity, charge - was))
    return parts


def _as_said(line: InvoiceLine) -> TariffLine:
    return TariffLine(
        code=line.code,
        kind=line.kind,  # type: ignore[arg-type]
        per=line.per,  # type: ignore[arg-type]
        rate=line.rate,
        tax_percent=line.tax_percent,
    )


def _fill(session: Session, invoice: Invoice, lines: Sequence[_Line]) -> None:
    """The lines of a draft are these."""
    session.flush()
    mine = InvoiceMovement.invoice_id == invoice.id
    session.execute(delete(InvoiceMovement).where(mine))
    session.execute(delete(InvoiceLine).where(InvoiceLine.invoice_id == invoice.id))
    for number, each in enumerate(lines, start=1):
        session.add(
            InvoiceLine(
                invoice_id=invoice.id, no=number, site=each.site, code=each.line.code,
                kind=each.line.kind, per=each.line.per, version=each.version,
                quantity=each.quantity, rate=each.line.rate, tax_percent=each.line.tax_percent,
                amount_minor=each.amount_minor,
            )
        )  # fmt: skip
    session.flush()
    for number, each in enumerate(lines, start=1):
        session.add_all(
            InvoiceMovement(
                invoice_id=invoice.id, line_no=number, no=place, site_id=part.site_id,
                movement_id=part.movement_id, quantity=part.quantity,
                charge_minor=part.charge_minor,
            )
            for place, part in enumerate(each.parts, start=1)
        )  # fmt: skip
    found = taxes((each.line.tax_percent, each.amount_minor) for each in lines)
    invoice.taxes = [asdict(tax) for tax in found]
    invoice.net_minor = sum(tax.net_minor for tax in found)
    invoice.tax_minor = sum(tax.tax_minor for tax in found)
    session.flush()


def _lock(session: Session, owner: OwnerId) -> None:
    """One at a time bills an owner."""
    session.execute(select(Owner.id).where(Owner.id == owner).with_for_update(key_share=True))


def _known(session: Session, command_id: UUID, asked: str) -> bool:
    act = session.get(BillingAct, command_id)
    if act is not None and act.asked != asked:
        raise IdReused(command_id)
    return act is not None


def _done(
    session: Session, command_id: UUID, asked: str, invoice_id: UUID | None, now: datetime
) -> None:
    session.add(BillingAct(id=command_id, asked=asked, invoice_id=invoice_id, at=now))
    session.flush()
