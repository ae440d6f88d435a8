"""Tables: tender and refund. What keeps I12 stands in the database itself.

CHECK 0 <= refunded <= captured     of each tender
FK (order_id, tender_id)            a refund goes to a tender of its own order
trigger refund_counts               `refunded_minor` is the sum of the tender's refunds, and
                                    nobody else writes it; a refund's amount never changes
UNIQUE (order, cause, tender)       a cause refunds once

Amounts are minor units of the tender's currency.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

TENDER_KINDS = ("CARD", "KONBINI", "BANK", "WALLET", "POINTS", "GIFT_CARD", "COD")
REFUND_STATES = ("WANTED", "ASKED", "DONE", "REFUSED")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class TenderRow(Base):
    """One of the means that an order was paid with.

    `payment` is the provider's reference. `expected_minor` is what it is to bring (the carrier
    collects so much at the door), `captured_minor` what it has brought, `refunded_minor` what has
    been or shall be given back. `no` counts the order's tenders as they were recorded.
    """

    __tablename__ = "tender"
    __table_args__ = (
        PrimaryKeyConstraint("order_id", "id"),
        ForeignKeyConstraint(["order_id"], ["customer_order.id"]),
        _one_of("kind", TENDER_KINDS),
        CheckConstraint("0 <= refunded_minor AND refunded_minor <= captured_minor", name="refunds"),
        CheckConstraint("expected_minor >= 0", name="expected"),
    )

    order_id: Mapped[UUID]
    id: Mapped[UUID]
    no: Mapped[int]
    kind: Mapped[str]
    payment: Mapped[str]
    expected_minor: Mapped[int]
    captured_minor: Mapped[int]
    refunded_minor: Mapped[int] = mapped_column(server_default="0")
    currency: Mapped[str]
    recorded_at: Mapped[datetime]
    captured_at: Mapped[datetime | None]


class RefundRow(Base):
    """Money that shall go back to a tender.

    WANTED -> ASKED (the provider may have it) -> DONE | REFUSED (people must look; asked again
    when they say so). `due_at` is when the provider is asked next.
    """

    __tablename__ = "refund"
    __table_args__ = (
        PrimaryKeyConstraint("order_id", "id"),
        ForeignKeyConstraint(["order_id", "tender_id"], ["tender.order_id", "tender.id"]),
        UniqueConstraint("order_id", "cause_id", "tender_id"),
        _one_of("state", REFUND_STATES),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(state = 'DONE') = (provider_reference IS NOT NULL)", name="done"),
        Index("ix_refund_id", "id"),
        Index("ix_refund_tender_id", "order_id", "tender_id"),
        Index(
            "ix_refund_due", "due_at", postgresql_where=text("state IN ('WANTED', 'ASKED')")
        ),
        Index("ix_refund_refused", "wanted_at", postgresql_where=text("state = 'REFUSED'")),
    )  # fmt: skip

    order_id: Mapped[UUID]
    id: Mapped[UUID]
    tender_id: Mapped[UUID]
    amount_minor: Mapped[int]
    reason: Mapped[str]
    cause_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="WANTED")
    attempts: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[datetime]
    provider_reference: Mapped[str | None]
    problem: Mapped[str | None]
    wanted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
