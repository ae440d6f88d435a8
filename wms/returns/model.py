"""Tables: return and return line, the saved policy, and commands that were done.

REQUESTED -> LABELLED -> IN_TRANSIT -> RECEIVED -> GRADED -> DISPOSED -> REFUNDED | EXCHANGED
ends else: REJECTED (none of it came, or nothing of it was ours), EXPIRED (nothing came in time),
CANCELLED (the customer keeps it). A counter takes what it sees in one step; what is not refunded
ends DISPOSED.

Of a return that names an order, `line_no` is the order's line. Amounts are minor units.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

STATES = (
    "REQUESTED", "LABELLED", "IN_TRANSIT", "RECEIVED", "GRADED", "DISPOSED", "REFUNDED",
    "EXCHANGED", "REJECTED", "EXPIRED", "CANCELLED",
)  # fmt: skip
WAYS = ("BENCH", "PARCEL", "COUNTER")
ORIGINS = ("CHANNEL", "CUSTOMER", "COUNTER", "CARRIER")
COMING = ("REQUESTED", "LABELLED", "IN_TRANSIT")  # the goods are not here yet
NOTHING_CAME = ("REJECTED", "EXPIRED", "CANCELLED")


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class Return(Base):
    """Goods that a customer sends or brings back.

    way            BENCH (announced, comes as it comes), PARCEL (with a label of ours), COUNTER
    site_id        where it is expected, and then where it was received
    sscc, service  of the parcel with our label; `tracking` once the carrier knows it
    arrived_at     when its parcel came to the site; `received_at`, when somebody had looked
    exchange_id    the order that replaces it, placed before it is back
    settled_at     when it was decided what goes back for it: once
    """

    __tablename__ = "customer_return"
    __table_args__ = (
        _one_of("state", STATES),
        _one_of("way", WAYS),
        _one_of("origin", ORIGINS),
        Index("ix_customer_return_order_id", "order_id"),
        Index("ix_customer_return_sscc", "sscc", postgresql_where=text("sscc IS NOT NULL")),
        Index(
            "ix_customer_return_exchange_id",
            "exchange_id",
            postgresql_where=text("exchange_id IS NOT NULL"),
        ),
        Index(
            "ix_customer_return_unlabelled",
            "recorded_at",
            postgresql_where=text("state = 'REQUESTED' AND way = 'PARCEL'"),
        ),
        Index(
            "ix_customer_return_coming",
            "expires_at",
            postgresql_where=text("state IN ('REQUESTED', 'LABELLED', 'IN_TRANSIT')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("customer_order.id"))
    body_hash: Mapped[str]
    recorded_at: Mapped[datetime]
    closed: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(server_default="REQUESTED")
    way: Mapped[str] = mapped_column(server_default="BENCH")
    origin: Mapped[str] = mapped_column(server_default="CHANNEL")
    site_id: Mapped[UUID | None]
    sscc: Mapped[str | None]
    service: Mapped[str | None]
    tracking: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    refund_minor: Mapped[int] = mapped_column(server_default="0")
    exchange_id: Mapped[UUID | None]
    exchange_minor: Mapped[int] = mapped_column(server_default="0")
    exchange_due_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]


class ReturnLine(Base):
    """One line of a return.

    `grade` is A (as new), B (opened), C (damaged) or D (worthless), `photo` a reference to the
    pictures that show it, `disposition` what became of it, `refund_minor` what goes back for it.
    """

    __tablename__ = "return_line"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'RETURNED', 'SERVICE')", name="state"),
        CheckConstraint("units_received BETWEEN 0 AND units", name="received"),
    )

    return_id: Mapped[UUID] = mapped_column(ForeignKey("customer_return.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID | None]
    sku: Mapped[str]
    units: Mapped[int]
    units_received: Mapped[int] = mapped_column(default=0)
    grade: Mapped[str | None]
    state: Mapped[str] = mapped_column(default="OPEN")
    reason: Mapped[str] = mapped_column(server_default="OTHER")
    photo: Mapped[str] = mapped_column(server_default="")
    disposition: Mapped[str | None]
    refund_minor: Mapped[int] = mapped_column(server_default="0")


class ReturnPolicyRow(Base):
    """What was last said of returns, in place of the built-in policy."""

    __tablename__ = "return_policy"

    name: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime]
