"""Tables: transfer, arrival and its lines.

    transfer       what makes an order of kind TRANSFER one: from where, to where, why
    arrival        a parcel that has left for `site_id`: EXPECTED -> ARRIVED | LOST, once
    arrival_line   units of an allocation in it; ended: units = received + damaged + short

An arrival has the parcel's id, and lies at the destination.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class Transfer(Base):
    """An order that moves stock between two of our sites.

    `announced` is what its destination was told last, units by line (wms.transfers.expect);
    `settled`: nothing is on its way any more.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("from_site_id <> to_site_id", name="sites"),
        Index("ix_transfer_to_site_id", "to_site_id", "made_at"),
        Index("ix_transfer_unsettled", "made_at", postgresql_where=text("NOT settled")),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_site_id: Mapped[UUID]
    to_site_id: Mapped[UUID]
    why: Mapped[str]
    proposal_id: Mapped[UUID | None]
    body_hash: Mapped[str]
    eta_p50: Mapped[datetime]
    eta_p90: Mapped[datetime]
    made_at: Mapped[datetime]
    announced: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    settled: Mapped[bool] = mapped_column(server_default="false")


class Arrival(Base):
    """A parcel on its way to a site of ours; `due_at` is when it counts as overdue."""

    __tablename__ = "arrival"
    __table_args__ = (
        CheckConstraint("state IN ('EXPECTED', 'ARRIVED', 'LOST')", name="state"),
        CheckConstraint("(state = 'EXPECTED') = (ended_at IS NULL)", name="ended"),
        Index("ix_arrival_order_id", "order_id"),
        Index(
            "ix_arrival_expected",
            "site_id",
            "due_at",
            postgresql_where=text("state = 'EXPECTED'"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_site_id: Mapped[UUID]
    order_id: Mapped[UUID]
    sscc: Mapped[str]
    state: Mapped[str]
    task_id: Mapped[UUID]
    shipped_at: Mapped[datetime]
    due_at: Mapped[datetime]
    overdue: Mapped[bool] = mapped_column(server_default="false")
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    found_at: Mapped[datetime | None]  # it was given up, and turned up after all


class ArrivalLine(Base):
    """Units of an allocation in an arrival, and what became of them.

    `surplus` is what was found beyond what was sent; it is none of `units`.
    """

    __tablename__ = "arrival_line"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "arrival_id"], ["arrival.site_id", "arrival.id"]),
        CheckConstraint(
            "units > 0 AND received >= 0 AND damaged >= 0 AND short >= 0 AND surplus >= 0"
            " AND received + damaged + short <= units",
            name="units",
        ),
        Index("ix_arrival_line_allocation_id", "site_id", "allocation_id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    arrival_id: Mapped[UUID] = mapped_column(primary_key=True)
    allocation_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int]
    sku_id: Mapped[UUID]
    units: Mapped[int]
    received: Mapped[int] = mapped_column(server_default="0")
    damaged: Mapped[int] = mapped_column(server_default="0")
    short: Mapped[int] = mapped_column(server_default="0")
    surplus: Mapped[int] = mapped_column(server_default="0")
