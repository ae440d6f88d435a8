"""Tables: tariffs, who bills, invoices, their lines, and the movements behind each line.

    tariff             what an owner pays from a day on; a version is never changed
    issuer             who bills: name and registration number (適格請求書発行事業者)
    invoice            of a month and an owner: DRAFT -> FINAL, then never changed
    invoice_line       one kind of charge at one site
    invoice_movement   what of a line's charge is for which movement; they add up to it

A link with movement 0 is what no movement caused in the month: goods that lay there when it began,
and a minimum fee.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class TariffRow(Base):
    """A version of what an owner pays. `body` is wms.billing.rules.Tariff."""

    __tablename__ = "tariff"
    __table_args__ = (CheckConstraint("version > 0", name="version"),)

    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owner.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    valid_from: Mapped[date]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]


class Issuer(Base):
    """Who bills. There is one: "HOUSE"."""

    __tablename__ = "issuer"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    registration: Mapped[str]
    address: Mapped[str] = mapped_column(server_default="")
    saved_at: Mapped[datetime]


class Invoice(Base):
    """What an owner owes for a month. `taxes`: net and tax of each rate, rounded once.

    CORRECTION: what a month costs more (or less) than was billed; it names what it corrects.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        CheckConstraint("kind IN ('INVOICE', 'CORRECTION')", name="kind"),
        CheckConstraint("state IN ('DRAFT', 'FINAL')", name="state"),
        CheckConstraint("(state = 'FINAL') = (final_at IS NOT NULL)", name="final"),
        Index("ix_invoice_listed", "month", "id"),
        Index("ix_invoice_owner_id", "owner_id", "month"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID]
    month: Mapped[date]
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="DRAFT")
    number: Mapped[str]
    corrects: Mapped[str] = mapped_column(server_default="")
    currency: Mapped[str] = mapped_column(server_default="JPY")
    issued_on: Mapped[date | None]
    parties: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    taxes: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
    net_minor: Mapped[int] = mapped_column(server_default="0")
    tax_minor: Mapped[int] = mapped_column(server_default="0")
    made_at: Mapped[datetime]
    final_at: Mapped[datetime | None]
    final_by: Mapped[str] = mapped_column(server_default="")


class InvoiceLine(Base):
    """One kind of charge at one site under one version: quantity × rate, rounded once."""

    __tablename__ = "invoice_line"
    __table_args__ = (ForeignKeyConstraint(["invoice_id"], ["invoice.id"]),)

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    site: Mapped[str]
    code: Mapped[str]
    kind: Mapped[str]
    per: Mapped[str]
    version: Mapped[int]
    quantity: Mapped[int]
    rate: Mapped[str]
    tax_percent: Mapped[int]
    amount_minor: Mapped[int]


class InvoiceMovement(Base):
    """What of a line is for one movement of the ledger."""

    __tablename__ = "invoice_movement"
    __table_args__ = (
        ForeignKeyConstraint(
            ["invoice_id", "line_no"], ["invoice_line.invoice_id", "invoice_line.no"]
        ),
    )

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    site_id: Mapped[UUID | None]
    movement_id: Mapped[int]
    quantity: Mapped[int]
    charge_minor: Mapped[int]


class BillingAct(Base):
    """A command that was carried out on invoices: sent again, it answers as it did."""

    __tablename__ = "billing_act"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asked: Mapped[str]
    invoice_id: Mapped[UUID | None]
    at: Mapped[datetime]
