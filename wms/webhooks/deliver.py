"""Notify: what happened to orders is told to those who subscribed, until they have taken it.

fan_out    events of the outbox become deliveries, one for each subscriber: one transaction
due        deliveries whose time has come; each is sent between transactions
settle     taken, or tried again later and later, and given up after a day
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms import outbox
from wms.database import Base
from wms.errors import IdReused
from wms.ids import derive
from wms.ports import WebhookEvent

ATTEMPTS_MAX = 12
BACKOFF_S = 5.0
BACKOFF_MAX_S = 7_200.0


class Subscriber(Base):
    """Who wants to be told: an address and the secret that its messages are signed with."""

    __tablename__ = "webhook"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    secret: Mapped[str]
    made_at: Mapped[datetime]


class Delivery(Base):
    """An event on its way to a subscriber."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("ix_webhook_delivery_due", "due_at", postgresql_where=text("NOT settled")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    type: Mapped[str]
    at: Mapped[datetime]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    settled: Mapped[bool] = mapped_column(server_default="false")
    problem: Mapped[str | None]


def subscribe(session: Session, webhook_id: UUID, *, url: str, secret: str, now: datetime) -> bool:
    """Tell that address from now on; False if it had been asked for before.

    Raises:
        IdReused: another subscriber has that id.
    """
    row = {"id": webhook_id, "url": url, "secret": secret, "made_at": now}
    statement = insert(Subscriber).values(row).on_conflict_do_nothing().returning(Subscriber.id)
    if session.scalar(statement) is not None:
        return True
    known = session.get_one(Subscriber, webhook_id)
    if (known.url, known.secret) != (url, secret):
        raise IdReused(webhook_id)
    return False


def fan_out(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Make deliveries of the events that have come. Returns how many events."""
    events = outbox.drain(session, "webhooks", limit, topics=("order",))
    if not events:
        return 0
    subscribers = session.scalars(select(Subscriber)).all()
    session.add_all(
        Delivery(
            id=derive(subscriber.id, event.position),
            webhook_id=subscriber.id,
            type=event.type,
            at=event.at,
            body=dict(event.body),
            due_at=now,
            attempts=0,
            settled=False,
        )
        for event in events
        for subscriber in subscribers
    )
    return len(events)


def due(session: Session, *, now: datetime, limit: int = 20) -> list[WebhookEvent]:
    """What is to be sent now."""
    query = (
        select(Delivery, Subscriber)
        .join(Subscriber, Subscriber.id == Delivery.webhook_id)
        .where(~Delivery.settled, Delivery.due_at <= now)
        .order_by(Delivery.due_at)
        .limit(limit)
    )
    return [
        WebhookEvent(
            id=delivery.id,
            url=subscriber.url,
            secret=subscriber.secret,
            type=delivery.type,
            at=delivery.at,
            body=delivery.body,
        )
        for delivery, subscriber in session.execute(query)
    ]


def settle(session: Session, delivery_id: UUID, problem: str | None, *, now: datetime) -> None:
    """It was taken (`problem` None), or not: then later, or never."""
    delivery = session.get_one(Delivery, delivery_id, with_for_update=True)
    delivery.attempts += 1
    delivery.problem = problem
    delivery.settled = problem is None or delivery.attempts >= ATTEMPTS_MAX
    wait_s = min(BACKOFF_MAX_S, BACKOFF_S * 2**delivery.attempts)
    delivery.due_at = now + timedelta(seconds=wait_s)
