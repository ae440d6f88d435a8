"""Tables: order, order line, allocation, decision.

An allocation is a demand's hold at one site, under the hold's own id; its state is the hold's,
as far as the floor is concerned. I8: for each line, the units of its live and ended allocations
and its short units add up to what was ordered.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

LINE_OPEN = "OPEN"
LINE_STATES = ("OPEN", "SHIPPED", "BACKORDERED", "CANCELLED", "RETURNED", "SERVICE")
ALLOCATION_STATES = (
    "HELD",
    "ALLOCATED",
    "PINNED",
    "PICKED",
    "PACKED",
    "SHIPPED",
    "DELIVERED",
    "SHORT",
    "RELEASED",
)
ENDED = ("SHORT", "RELEASED")  # these units are no longer on their way to the customer


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """The constraint that a text column holds one of these words."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


class Order(Base):
    """A customer's order. `body_hash` tells a repetition from another order with the same id."""

    __tablename__ = "customer_order"
    __table_args__ = (
        Index("ix_customer_order_unsourced", "placed_at", postgresql_where=text("NOT sourced")),
        Index("ix_customer_order_recorded_at", "recorded_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    channel: Mapped[str]
    customer: Mapped[str | None]
    prefecture: Mapped[str]
    postal_code: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    placed_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    body_hash: Mapped[str]
    sourced: Mapped[bool] = mapped_column(default=False)
    closed: Mapped[bool] = mapped_column(default=False)
    shipped_at: Mapped[datetime | None]


class OrderLine(Base):
    """One line of an order; `sku_id` is None for a service, which is no goods."""

    __tablename__ = "order_line"
    __table_args__ = (one_of("state", LINE_STATES),)

    order_id: Mapped[UUID] = mapped_column(ForeignKey("customer_order.id"), primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku_id: Mapped[UUID | None]
    sku: Mapped[str]
    units: Mapped[int]
    units_short: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default=LINE_OPEN)


class Allocation(Base):
    """A hold of the ledger that stands for units of one order line at one site."""

    __tablename__ = "allocation"
    __table_args__ = (
        one_of("state", ALLOCATION_STATES),
        Index("ix_allocation_order_id_line_no", "order_id", "line_no"),
        Index(
            "ix_allocation_to_release",
            "site_id",
            "ordered_at",
            postgresql_where=text("state = 'ALLOCATED'"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID]
    line_no: Mapped[int]
    sku_id: Mapped[UUID]
    units: Mapped[int]
    state: Mapped[str]
    ordered_at: Mapped[datetime]
    location_id: Mapped[UUID | None]
    tote: Mapped[str | None]
    by_robot: Mapped[bool] = mapped_column(default=False)
    task_id: Mapped[UUID | None]
    to_pack: Mapped[bool] = mapped_column(default=False)


class Decision(Base):
    """Why an order was given to these sites: what was weighed, chosen, and how sure we are."""

    __tablename__ = "decision"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    decided_at: Mapped[datetime]
    status: Mapped[str]
    objective: Mapped[float]
    bound: Mapped[float | None]
    gap: Mapped[float | None]
    runtime_s: Mapped[float]
    seed: Mapped[int]
    inputs_hash: Mapped[str]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    chosen: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    runner_up: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
