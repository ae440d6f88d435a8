"""Tables: stock policy, pick face, proposal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

PROPOSAL_KINDS = ("REPLENISH", "PICK_FACE", "BALANCE")
PROPOSAL_STATES = ("OPEN", "APPROVED", "REJECTED", "WITHDRAWN", "DONE")
_LEVELS = "low >= 0 AND high >= low AND high > 0 AND pack_units > 0 AND auto_units_max >= 0"


class StockPolicy(Base):
    """How much a site wants to have of a SKU.

    MINMAX: when the position is below `low`, up to `high`; SS, the (s, S) policy: when it is at
    `low` or below. In whole packs of `pack_units`; up to `auto_units_max` units nobody is asked.
    With a `service_percent` the levels follow demand (wms.replenishment.levels).
    """

    __tablename__ = "stock_policy"
    __table_args__ = (
        CheckConstraint("kind IN ('MINMAX', 'SS')", name="kind"),
        CheckConstraint(_LEVELS, name="levels"),
        CheckConstraint("source_site_id <> site_id", name="source"),
        CheckConstraint(
            "service_percent BETWEEN 0 AND 99 AND lead_days BETWEEN 0 AND 90", name="service"
        ),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    kind: Mapped[str]
    low: Mapped[int]
    high: Mapped[int]
    source_site_id: Mapped[UUID]
    pack_units: Mapped[int] = mapped_column(server_default="1")
    auto_units_max: Mapped[int] = mapped_column(server_default="0")
    service_percent: Mapped[int] = mapped_column(server_default="0")
    lead_days: Mapped[int] = mapped_column(server_default="2")
    active: Mapped[bool] = mapped_column(server_default="true")
    changed_at: Mapped[datetime]


class PickFace(Base):
    """How much of a SKU a place to pick from should have, filled from the site's reserve."""

    __tablename__ = "pick_face"
    __table_args__ = (
        ForeignKeyConstraint(["site_id", "location_id"], ["location.site_id", "location.id"]),
        CheckConstraint(_LEVELS, name="levels"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID] = mapped_column(ForeignKey("sku.id"), primary_key=True)
    low: Mapped[int]
    high: Mapped[int]
    pack_units: Mapped[int] = mapped_column(server_default="1")
    auto_units_max: Mapped[int] = mapped_column(server_default="0")
    active: Mapped[bool] = mapped_column(server_default="true")
    changed_at: Mapped[datetime]


class Proposal(Base):
    """Goods that should go to `site_id`; `facts` says why, in figures.

    OPEN -> APPROVED -> DONE, or REJECTED by a person, or WITHDRAWN by the rule that made it.
    `cause_id` is what carries it out: the transfer's order, or the task.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint("kind IN ('REPLENISH', 'PICK_FACE', 'BALANCE')", name="kind"),
        CheckConstraint(
            "state IN ('OPEN', 'APPROVED', 'REJECTED', 'WITHDRAWN', 'DONE')", name="state"
        ),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("(state = 'OPEN') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("(kind = 'PICK_FACE') = (to_location_id IS NOT NULL)", name="face"),
        Index(
            "ix_proposal_open",
            "site_id",
            "sku_id",
            "kind",
            "from_site_id",
            "to_location_id",
            unique=True,
            postgresql_where=text("state = 'OPEN'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_proposal_state", "state", "made_at"),
        Index("ix_proposal_id", "id"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    sku_id: Mapped[UUID]
    units: Mapped[int]
    from_site_id: Mapped[UUID]
    from_location_id: Mapped[UUID | None]
    to_location_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(server_default="")
    command_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(server_default="")
    cause_id: Mapped[UUID | None]
