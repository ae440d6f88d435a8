"""Tables: task, and the events that devices sent for it.

`fence` counts how often a task was handed out; it is the `rev` of its packet. An event that
carries an older one comes from somebody who has lost the task, and moves nothing (I11).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base


class Task(Base):
    """A piece of work in the pool.

    `packet` is how far it is (wms.work.packet); `plan` is what its maker wants to remember: which
    step stands for what.
    """

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("state IN ('OPEN', 'LEASED', 'DONE')", name="state"),
        Index("ix_task_id", "id"),
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


class WorkEvent(Base):
    """An event that was answered: sent again, it gets the same answer.

    `rev` is the fence that it carried, `fence` the one that the task had: they are the same for
    what was taken (I11, wms.work.laws). `no` counts the answers.
    """

    __tablename__ = "work_event"
    __table_args__ = (Index("ix_work_event_task_id", "task_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task_id: Mapped[UUID]
    device: Mapped[str]
    operator: Mapped[str]
    at: Mapped[datetime]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    rev: Mapped[int] = mapped_column(server_default="0")
    fence: Mapped[int] = mapped_column(server_default="0")
    no: Mapped[int] = mapped_column(Identity(always=True))
