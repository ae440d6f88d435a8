"""Tables: task, the events that devices sent for it, where workers are, rules, photos.

`fence` counts how often a task was handed out; it is the `rev` of its packet. An event that
carries an older one comes from somebody who has lost the task, and moves nothing (I11).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base


class Task(Base):
    """A piece of work in the pool.

    `packet` is how far it is (wms.work.packet); `plan` is what its maker wants to remember: which
    step stands for what. `x_mm`, `y_mm`, `zone`: where it begins; `for_operator`: nobody else gets
    it; `why` it is blocked, cancelled or was taken away. What is done has its figures: `units`,
    `lines`, and how long that should take (`standard_ms`, wms.work.labour).
    """

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint(
            "state IN ('OPEN', 'LEASED', 'BLOCKED', 'DONE', 'CANCELLED')", name="state"
        ),
        CheckConstraint(
            "state <> 'LEASED' OR (device IS NOT NULL AND operator IS NOT NULL"
            " AND lease_until IS NOT NULL)",
            name="leased",
        ),
        Index("ix_task_id", "id"),
        Index("ix_task_leased", "site_id", "device", postgresql_where=text("state = 'LEASED'")),
        Index("ix_task_done", "site_id", "done_at", postgresql_where=text("state = 'DONE'")),
        Index(
            "ix_task_pool",
            "site_id",
            "kind",
            "priority",
            "made_at",
            postgresql_where=text("state <> 'DONE'"),
        ),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="OPEN")
    station: Mapped[str | None]
    priority: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    device: Mapped[str | None]
    operator: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    packet: Mapped[dict[str, Any]] = mapped_column(JSONB)
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    zone: Mapped[str] = mapped_column(server_default="")
    x_mm: Mapped[int] = mapped_column(server_default="0")
    y_mm: Mapped[int] = mapped_column(server_default="0")
    equipment: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    for_operator: Mapped[str | None]
    leased_at: Mapped[datetime | None]
    lease_s: Mapped[int] = mapped_column(server_default="0")
    why: Mapped[str] = mapped_column(server_default="")
    units: Mapped[int] = mapped_column(server_default="0")
    lines: Mapped[int] = mapped_column(server_default="0")
    standard_ms: Mapped[int] = mapped_column(server_default="0")


class WorkEvent(Base):
    """An event that was answered: sent again, it gets the same answer.

    `rev` is the fence that it carried, `fence` the one that the task had: they are the same for
    what was taken (I11, wms.work.laws). `no` counts the answers. Step, type and value are kept so
    that what a device had done in vain can be told from its events (wms.work.recover).
    """

    __tablename__ = "work_event"
    __table_args__ = (
        Index("ix_work_event_task_id", "task_id"),
        Index("ix_work_event_at", "site_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID]
    device: Mapped[str]
    operator: Mapped[str]
    at: Mapped[datetime]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    rev: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    no: Mapped[int] = mapped_column(Identity(always=True))
    site_id: Mapped[UUID | None]
    step: Mapped[str] = mapped_column(server_default="")
    type: Mapped[str] = mapped_column(server_default="")
    value: Mapped[Any | None] = mapped_column(JSONB)
    seq: Mapped[int] = mapped_column(server_default="0")


class WorkPlace(Base):
    """Where a worker's last task ended: the next one is to be near."""

    __tablename__ = "work_place"

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(primary_key=True)
    x_mm: Mapped[int]
    y_mm: Mapped[int]
    at: Mapped[datetime]


class WorkRule(Base):
    """What a site has decided of a kind of work: how long a lease lasts, how urgent it is."""

    __tablename__ = "work_rule"
    __table_args__ = (CheckConstraint("lease_s > 0", name="lease"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    lease_s: Mapped[int]
    priority: Mapped[int] = mapped_column(server_default="0")


class WorkStandard(Base):
    """How long a step of a kind of work should take, and each unit of it. `op` "": the task."""

    __tablename__ = "work_standard"
    __table_args__ = (CheckConstraint("step_ms >= 0 AND unit_ms >= 0", name="time"),)

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    op: Mapped[str] = mapped_column(primary_key=True)
    step_ms: Mapped[int]
    unit_ms: Mapped[int] = mapped_column(server_default="0")


class Evidence(Base):
    """A photo. `kind` says of what, `cause` what it belongs to."""

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("mime IN ('image/jpeg', 'image/png', 'image/webp')", name="mime"),
        CheckConstraint("octet_length(content) BETWEEN 1 AND 2097152", name="size"),
        Index("ix_evidence_id", "id"),
        Index("ix_evidence_cause", "site_id", "cause"),
    )

    site_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    mime: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    device: Mapped[str]
    operator: Mapped[str]
    cause: Mapped[UUID | None]
