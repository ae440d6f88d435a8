"""Deliver: what happened to orders is told to those who subscribed, until they have taken it.

fan_out    events of the outbox become deliveries, one for each subscriber: one transaction;
           who subscribed for one owner gets that owner's (wms.webhooks.whose)
due        deliveries whose time has come; each is sent between transactions
settle     taken; or tried again later and later, ten times in three days; or given up

An event has the same id at each attempt, so that a subscriber can tell a repetition. They are
sent in the order in which they happened, but one that fails does not hold up the others: who
needs an order's events in order looks at their times, or reads the order.

Law: nobody waits for another subscriber for longer than one question takes that is not answered.
So a round has a share for each, and whoever was silent is asked no more in it.

Source: https://github.com/standard-webhooks/standard-webhooks (the schedule of attempts).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import select, true
from sqlalchemy.orm import Session, aliased

from wms import outbox
from wms.ids import derive
from wms.ports import WebhookEvent
from wms.webhooks.model import Attempt, Delivery, Subscriber
from wms.webhooks.whose import owners_of

HOUR_S = 3600.0
# After the first attempt, at once, the next ones wait that long (seconds).
WAITS_S: Sequence[float] = (
    5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S,
)  # fmt: skip
JITTER = 0.2  # a wait is longer by up to that share, so that not all come back at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a subscriber said: `problem` None if it was taken."""

    status: int | None
    problem: str | None
    took_ms: int

    @property
    def is_silence(self) -> bool:
        """Whether nobody has answered anything."""
        return self.problem is not None and self.status is None


def fan_out(session: Session, *, now: datetime, limit: int = 200) -> int:
    """Make deliveries of the events that have come. Returns how many events."""
    events = outbox.drain(session, "webhooks", limit, topics=("order",))
    if not events:
        return 0
    subscribers = session.scalars(select(Subscriber).where(Subscriber.off_because.is_(None))).all()
    is_asked = any(subscriber.owner_id for subscriber in subscribers)
    whose = owners_of(session, {event.key for event in events}) if is_asked else {}
    session.add_all(
        Delivery(
            id=derive(subscriber.id, event.position),
            webhook_id=subscriber.id,
            type=event.type,
            at=event.at,
            body=dict(event.body),
            state="DUE",
            due_at=now,
            attempts=0,
        )
        for event in events
        for subscriber in subscribers
        if (not subscriber.types or event.type in subscriber.types)
        and subscriber.owner_id in {None, whose.get(event.key)}
    )
    return len(events)


def due(session: Session, *, now: datetime, share: int = 20) -> list[WebhookEvent]:
    """What is to be sent now, so many to each. What is for nobody any more is dropped."""
    theirs = (
        select(Delivery)
        .where(Delivery.webhook_id == Subscriber.id)
        .where(Delivery.state == "DUE", Delivery.due_at <= now)
        .order_by(Delivery.due_at, Delivery.at, Delivery.id)
        .limit(share)
        .lateral()
    )
    one = aliased(Delivery, theirs)
    query = select(one, Subscriber).select_from(Subscriber).join(theirs, true())
    events = []
    for delivery, subscriber in session.execute(query.order_by(one.due_at, one.at, one.id)):
        if subscriber.off_because is not None:
            delivery.state = "DROPPED"
            continue
        secrets = (subscriber.secret, subscriber.secret_before)
        events.append(
            WebhookEvent(
                id=delivery.id,
                url=subscriber.url,
                secrets=tuple(secret for secret in secrets if secret is not None),
                type=delivery.type,
                at=delivery.at,
                body=delivery.body,
            )
        )
    return events


def settle(session: Session, delivery_id: UUID, answer: Answer, *, now: datetime) -> None:
    """It was taken, or not: then later, or never. Every attempt is kept."""
    delivery = session.get_one(Delivery, delivery_id, with_for_update=True)
    delivery.attempts += 1
    tried = session.scalars(select(Attempt.no).where(Attempt.delivery_id == delivery_id)).all()
    session.add(
        Attempt(
            delivery_id=delivery_id,
            no=max(tried, default=0) + 1,
            at=now,
            took_ms=answer.took_ms,
            status=answer.status,
            problem=answer.problem,
        )
    )
    if answer.problem is None:
        delivery.state = "DELIVERED"
    elif answer.status == HTTPStatus.GONE:
        delivery.state = "DROPPED"
        session.get_one(Subscriber, delivery.webhook_id).off_because = "gone"
    elif delivery.attempts > len(WAITS_S):
        delivery.state = "FAILED"
    else:
        wait_s = WAITS_S[delivery.attempts - 1] * (1 + JITTER * _share(delivery))
        delivery.due_at = now + timedelta(seconds=wait_s)


def _share(delivery: Delivery) -> float:
    """A number from 0 to 1 that is this delivery's own."""
    return delivery.id.int % 1000 / 1000
