"""Gather: events of orders become notices, and end those that they make superfluous.

    event of the outbox ──> one notice of that event and order, or none
                        └─> waiting notices of the order that it supersedes end unsent

In the transaction that moves the consumer's cursor: each event once. A notice is due when those
who get it are awake. Nothing of a person is read here but where they sleep.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.contacts.model import ContactRow
from wms.ids import derive
from wms.notices.hours import awake_at
from wms.notices.model import Notice
from wms.notices.templates import Template, texts
from wms.orders.model import Order, Wait
from wms.outbox import Event
from wms.returns.model import Return

CONSUMER = "notices"
GIVE_UP = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose and which notice: `id` is an order's, or a waiting list's."""

    id: UUID
    contact_id: UUID | None
    language: str
    fulfilment: str


def gather(session: Session, *, zone: str, limit: int = 200) -> int:
    """Take the events that have come. `zone` is where people are who have not said. How many."""
    events = outbox.drain(session, CONSUMER, limit, topics=("order",))
    for event in events:
        template = texts().by_event.get(event.type)
        if template is not None:
            _take(session, event, template, zone)
    return len(events)


def subject_of(session: Session, body: Mapping[str, Any]) -> Subject | None:
    """What an event's body is about: an order, a return's order, or a place on a waiting list."""
    for name in ("order", "id", "wait"):
        try:
            named = UUID(str(body.get(name)))
        except ValueError:
            continue
        if name == "wait":
            return _of_wait(session, named)
        order = session.get(Order, named) or _order_of_return(session, named)
        if order is not None:
            return None if order.kind == "TRANSFER" else Subject(
                id=order.id, contact_id=order.contact_id, language=order.language,
                fulfilment=order.fulfilment,
            )  # fmt: skip
    return None


def _order_of_return(session: Session, return_id: UUID) -> Order | None:
    back = session.get(Return, return_id)
    return None if back is None or back.order_id is None else session.get(Order, back.order_id)


def _of_wait(session: Session, wait_id: UUID) -> Subject | None:
    wait = session.scalars(select(Wait).where(Wait.id == wait_id)).first()
    if wait is None:
        return None
    contact_id = derive(wait_id, "contact")
    return Subject(id=wait_id, contact_id=contact_id, language=wait.language, fulfilment="RESERVE")


def _take(session: Session, event: Event, template: Template, zone: str) -> None:
    about = subject_of(session, event.body)
    if about is None:
        return
    _supersede(session, about.id, template.supersedes, by=event)
    if not template.tells or (template.fulfilment and about.fulfilment not in template.fulfilment):
        return
    contact = None if about.contact_id is None else session.get(ContactRow, about.contact_id)
    if contact is None or contact.erased_at is not None:
        return
    if _waits(session, about.id, template.within):
        return
    due_at = awake_at(event.at + timedelta(seconds=template.wait_s), contact.time_zone or zone)
    row = {
        "order_id": about.id,
        "id": derive(contact.id, template.name, event.position),
        "contact_id": contact.id,
        "template": template.name,
        "language": about.language,
        "facts": dict(event.body),
        "state": "UNWANTED" if contact.notify == "NONE" else "WAITING",
        "happened_at": event.at,
        "due_at": due_at,
        "give_up_at": due_at + GIVE_UP,
    }
    session.execute(insert(Notice).values(row).on_conflict_do_nothing())


def _waits(session: Session, order_id: UUID, names: Iterable[str]) -> bool:
    """Whether a notice that will tell it anyhow waits, and nobody is just sending it."""
    query = select(Notice.id).where(
        Notice.order_id == order_id,
        Notice.state == "WAITING",
        Notice.attempts == 0,
        Notice.template.in_(list(names)),
    )
    return session.scalars(query.with_for_update()).first() is not None


def _supersede(session: Session, order_id: UUID, names: Iterable[str], *, by: Event) -> None:
    waiting = (
        select(Notice.id)
        .where(Notice.order_id == order_id, Notice.state == "WAITING")
        .where(Notice.template.in_(list(names)))
        .order_by(Notice.id)
        .with_for_update()
    )
    ids = session.scalars(waiting).all()
    if not ids:
        return
    ended: dict[str, Any] = {"state": "SUPERSEDED", "problem": by.type, "ended_at": by.at}
    query = update(Notice).where(Notice.order_id == order_id, Notice.id.in_(ids))
    session.execute(query.values(**ended))
