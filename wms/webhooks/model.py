"""Tables: subscriber, delivery, and each attempt to deliver."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from wms.database import Base


class Subscriber(Base):
    """Who wants to be told: an address and the secret that its messages are signed with.

    `types` are the events wanted; none means all. `owner_id`: those of that owner's orders alone;
    None: everybody's. While a secret is changed the messages carry
    signatures of both, so that the receiver may change when it likes. `off_because` is why it is
    told no more: "gone" (it answered 410) or "asked"; None: it is told.
    """

    __tablename__ = "webhook"
    __table_args__ = (CheckConstraint("off_because IN ('gone', 'asked')", name="off_because"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    secret: Mapped[str]
    secret_before: Mapped[str | None]
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owner.id"))
    types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    off_because: Mapped[str | None]
    made_at: Mapped[datetime]


class Delivery(Base):
    """An event on its way to a subscriber.

    DUE -> DELIVERED, or FAILED when all attempts were in vain, or DROPPED: nobody is told there
    any more. It may be sent again from any of these.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("state IN ('DUE', 'DELIVERED', 'FAILED', 'DROPPED')", name="state"),
        Index("ix_webhook_delivery_due", "due_at", postgresql_where=text("state = 'DUE'")),
        Index("ix_webhook_delivery_webhook_id", "webhook_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhook.id"))
    type: Mapped[str]
    at: Mapped[datetime]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(server_default="DUE")
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")


class Attempt(Base):
    """One try: when, how long it took, and what was answered; `problem` is None if it was taken."""

    __tablename__ = "webhook_attempt"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_delivery.id"), primary_key=True)
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    took_ms: Mapped[int]
    status: Mapped[int | None]
    problem: Mapped[str | None]
