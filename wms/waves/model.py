"""Tables: release channel, wave and the acts on it, kits and the work of putting them together."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class ReleaseChannel(Base):
    """What a site releases by itself as there is room, and how it is picked; the first that fits.

    `which` says what orders are its own (wms.waves.which), `style` and `binding` how they are
    picked (wms.outbound.style, wms.outbound.bind). With no room at all it waits for waves.
    """

    __tablename__ = "release_channel"
    __table_args__ = (CheckConstraint("wip_lines_max >= 0", name="wip"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(server_default="0")
    which: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    wip_lines_max: Mapped[int]
    style: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    binding: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(server_default="true")
    changed_at: Mapped[datetime]


class Wave(Base):
    """Orders that are released together.

    PLANNED -> SIMULATED (again and again) -> RELEASED -> DONE, or CANCELLED. `forecast` is what
    was said last before it was released; it stays, to be held against what happened. `chosen` is
    what was found for a dense wave (wms.waves.choice), empty where that was nothing.
    """

    __tablename__ = "wave"
    __table_args__ = (
        CheckConstraint(
            "state IN ('PLANNED', 'SIMULATED', 'RELEASED', 'DONE', 'CANCELLED')", name="state"
        ),
        Index("ix_wave_id", "id"),
        Index(
            "ix_wave_open",
            "site_id",
            "made_at",
            postgresql_where=text("state IN ('PLANNED', 'SIMULATED', 'RELEASED')"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="PLANNED")
    asked: Mapped[str]
    template: Mapped[dict[str, Any]] = mapped_column(JSONB)
    forecast: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    chosen: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    lines: Mapped[int] = mapped_column(server_default="0")
    made_at: Mapped[datetime]
    simulated_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def is_unchosen(self) -> bool:
        """Whether it is a dense one whose orders the worker has not chosen yet."""
        return self.template.get("choose") == "DENSE" and self.chosen is None


class WaveAct(Base):
    """An act that somebody asked for, under an id of theirs, and what was answered."""

    __tablename__ = "wave_act"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    what: Mapped[str]
    said: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime]


class KitOrder(Base):
    """Kits that are to be put together for stock; `made` is how many were."""

    __tablename__ = "kit_order"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'DONE', 'CANCELLED')", name="state"),
        CheckConstraint("units > 0 AND made BETWEEN 0 AND units", name="units"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku_id: Mapped[UUID]
    units: Mapped[int]
    made: Mapped[int] = mapped_column(server_default="0")
    state: Mapped[str] = mapped_column(server_default="OPEN")
    asked: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
