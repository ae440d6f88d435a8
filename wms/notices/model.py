"""Table: notice, one for each thing that a customer is told.

WAITING -> SENT
-> SUPERSEDED   something has happened since: a reminder of what is collected
-> UNWANTED     they do not want to be told, or have been erased
-> DEAD         nobody took it for a day, or the address is none: a person looks
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

STATES = ("WAITING", "SENT", "SUPERSEDED", "UNWANTED", "DEAD")


class Notice(Base):
    """What one customer is told of one event. No personal data: that is read when it is sent.

    `order_id` is the order's, or that of a place on a waiting list.
    `due_at` is never at night; while an attempt is under way it is the end of its lease, and
    `attempts` says whose. `facts` is the body of the event. `give_up_at`: dead after that.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_due", "due_at", postgresql_where=text("state = 'WAITING'")),
        Index("ix_notice_contact_id", "contact_id"),
        CheckConstraint(
            "state IN ({})".format(", ".join(f"'{state}'" for state in STATES)), name="state"
        ),
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID]
    template: Mapped[str]
    language: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str]
    channel: Mapped[str | None]
    happened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    give_up_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    problem: Mapped[str | None]
    ended_at: Mapped[datetime | None]
