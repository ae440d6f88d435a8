"""The outbox: what happened, stored with the change itself, and read later by those who care.

    record(session, topic="order", key=order_id, type="OrderPlaced", body={...}, now=now)

writes an event in the caller's transaction: both happen or neither. A consumer (a webhook, the
site's WCS, the console) later takes what it has not had:

    for event in drain(session, "webhooks", limit=100): ...

Events come at least once, each consumer at its own pace, and in order for each key. The cursor
moves in the same transaction as what the consumer does with the events, so that work inside this
database happens exactly once. Who keeps a cursor of its own, elsewhere, reads with

    number(session)
    page = read(session, after=position, topic="stock", limit=100)

and is told with `Pruned` when what it has not had is no longer there.

Reading by `id > cursor` would lose events: ids are given when a row is written and rows become
visible when their transaction commits, later ones first at times. Going by transaction number
(xid8 below the snapshot's xmin) loses none, but a transaction that began early and wrote late
would overtake one on the same key that it had waited for. So `drain` first gives a position to
every event that has become visible and has none yet, in order of id. Whoever changes a thing
holds its lock while it writes the event; so of two events of one key the first is visible before
the second exists, and positions keep their order and have no gaps (I14). No NOTIFY: it costs the
writers dearly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.errors import Conflict
from wms.events import EVENTS

# No consumers: the row that guards the giving of positions, and how far has been forgotten.
_SEQUENCER, _FORGOTTEN = "@sequencer", "@forgotten"
_BATCH = 5000


class OutboxEvent(Base):
    """An event. `position` is null until somebody drains."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_new", "id", postgresql_where=text("position IS NULL")),
        Index("ix_outbox_position", "position", postgresql_where=text("position IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str]
    key: Mapped[str]
    type: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    position: Mapped[int | None]


class OutboxConsumer(Base):
    """How far a consumer has come."""

    __tablename__ = "outbox_consumer"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(server_default="0")


class Pruned(Conflict):
    """Events after that position have been forgotten, or the position is from elsewhere.

    What they said must be read anew, and the reading begun again.
    """

    code = "cursor_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events in order, and the position to go on from: all before it have been seen."""

    events: Sequence["Event"]
    next: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as a consumer gets it."""

    position: int
    topic: str
    key: str
    type: str
    body: Mapping[str, Any]
    at: datetime


def record(
    session: Session,
    *,
    topic: str,
    key: UUID | str,
    type: str,  # noqa: A002 - it is the type
    body: Mapping[str, Any],
    now: datetime,
) -> None:
    """Store an event with the change that causes it. `body` is JSON; `key` keeps the order.

    What is of topic "order" may be heard by other systems, so it stands in their catalogue.
    """
    assert topic != "order" or type in EVENTS, f"say in wms/events.py what {type} means"
    made = insert(OutboxEvent).values(topic=topic, key=str(key), type=type, body=dict(body), at=now)
    session.execute(made.inline())  # its id is of no use here, and not everybody may read it


def drain(
    session: Session, consumer: str, limit: int = 100, *, topics: tuple[str, ...] = ()
) -> list[Event]:
    """The next events that this consumer has not had, all topics or some; they count as had.

    An empty answer means nothing new, or that another process is draining for the same consumer.
    """
    number(session)
    cursor = _lock(session, consumer)
    if cursor is None:
        return []
    top = head(session)
    events = _between(session, cursor, top, topics, limit)
    last = events[-1].position if len(events) == limit else top
    if last > cursor:  # past what is of other topics, too
        session.execute(
            update(OutboxConsumer).where(OutboxConsumer.name == consumer).values(position=last)
        )
    return events


def read(session: Session, *, after: int, topic: str, limit: int = 100) -> Page:
    """The next events of a topic after that position. Moves nothing: the caller keeps the cursor.

    Only what `number` has given a position is there to be read.

    Raises:
        Pruned: events after that position have been forgotten; or there never was such a position.
    """
    top = head(session)
    events = _between(session, after, top, (topic,), limit)
    if after > top or after < _forgotten(session):  # asked last: nothing was lost before it
        raise Pruned(f"position {after}")
    last = events[-1].position if len(events) == limit else top
    return Page(events=events, next=last)


def head(session: Session) -> int:
    """The last position that was given. All that there are up to it can be seen."""
    last = session.scalar(
        select(func.max(OutboxEvent.position)).where(OutboxEvent.position.is_not(None))
    )
    return max(last or 0, _forgotten(session))


def newest(session: Session, topic: str, *, after: int) -> int:
    """The position of the newest event of that topic, if there is one after that; else that."""
    query = select(OutboxEvent.position).where(
        OutboxEvent.position > after, OutboxEvent.topic == topic
    )
    return session.scalar(query.order_by(OutboxEvent.position.desc()).limit(1)) or after


def backlog(session: Session, consumer: str) -> int:
    """How many events this consumer has not had."""
    cursor = session.scalar(select(OutboxConsumer.position).where(OutboxConsumer.name == consumer))
    return (
        session.scalar(
            select(func.count())
            .select_from(OutboxEvent)
            .where((OutboxEvent.position > (cursor or 0)) | OutboxEvent.position.is_(None))
        )
        or 0
    )


def forget(session: Session, *, before: datetime, limit: int = 10_000) -> int:
    """Delete events older than that which every consumer has had. Returns how many.

    It looks at no more than `limit`, from the front. What remains has no gaps (I14): an older
    event behind a newer one waits for that.
    """
    had_by_all = session.scalar(
        select(func.min(OutboxConsumer.position)).where(~OutboxConsumer.name.startswith("@"))
    )
    had = head(session) if had_by_all is None else had_by_all
    front = (
        select(OutboxEvent.id, OutboxEvent.position, OutboxEvent.at)
        .where(OutboxEvent.position <= had)
        .order_by(OutboxEvent.position)
        .limit(limit)
        .subquery()
    )
    all_old = func.bool_and(front.c.at < before).over(order_by=front.c.position)
    judged = select(front.c.id, all_old.label("all_old")).subquery()
    old = select(judged.c.id).where(judged.c.all_old)
    gone = session.scalars(
        delete(OutboxEvent).where(OutboxEvent.id.in_(old)).returning(OutboxEvent.position)
    ).all()
    if gone:
        known = upsert(OutboxConsumer).values(
            name=_FORGOTTEN, position=max(position or 0 for position in gone)
        )
        farther = func.greatest(OutboxConsumer.position, known.excluded.position)
        session.execute(
            known.on_conflict_do_update(index_elements=["name"], set_={"position": farther})
        )
    return len(gone)


def _forgotten(session: Session) -> int:
    query = select(OutboxConsumer.position).where(OutboxConsumer.name == _FORGOTTEN)
    return session.scalar(query) or 0


def _between(
    session: Session, after: int, top: int, topics: tuple[str, ...], limit: int
) -> list[Event]:
    query = select(
        OutboxEvent.position, OutboxEvent.topic, OutboxEvent.key, OutboxEvent.type,
        OutboxEvent.body, OutboxEvent.at,
    ).where(OutboxEvent.position > after, OutboxEvent.position <= top)  # fmt: skip
    if topics:
        query = query.where(OutboxEvent.topic.in_(topics))
    rows = session.execute(query.order_by(OutboxEvent.position).limit(limit))
    return [Event(**row._asdict()) for row in rows]


def _lock(session: Session, consumer: str) -> int | None:
    """This consumer's position, locked; None if somebody else has it."""
    session.execute(upsert(OutboxConsumer).values(name=consumer).on_conflict_do_nothing())
    return session.scalar(
        select(OutboxConsumer.position)
        .where(OutboxConsumer.name == consumer)
        .with_for_update(skip_locked=True)
    )


def number(session: Session) -> None:
    """Give the events that have become visible their positions, unless somebody is at it.

    They are counted on from the last: no number is left out, as a sequence would at a rollback.
    """
    new = select(OutboxEvent.id).where(OutboxEvent.position.is_(None))
    if session.scalar(new.order_by(OutboxEvent.id).limit(1)) is None:  # in order: by the index
        return
    last = _lock(session, _SEQUENCER)
    if last is None:
        return
    session.execute(
        text(
            "WITH new AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM (SELECT id"
            " FROM outbox WHERE position IS NULL ORDER BY id LIMIT :batch) AS n),"
            " given AS (UPDATE outbox SET position = :last + new.place FROM new"
            " WHERE outbox.id = new.id RETURNING outbox.position)"
            " UPDATE outbox_consumer SET position = g.last"
            " FROM (SELECT max(position) AS last FROM given) AS g"
            " WHERE name = :sequencer AND g.last IS NOT NULL"
        ),
        {"batch": _BATCH, "last": last, "sequencer": _SEQUENCER},
    )
