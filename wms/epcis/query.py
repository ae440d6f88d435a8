"""Events asked for: by kind, time, step, place, and by what they name in whatever form.

    page = events(session, Asked(biz_steps=("shipping",), any_epc=("urn:epc:id:sscc:…",)))
    page.next    where to go on; None: that is all

Names in a question are brought to the form in which they are kept, so a question by a URN finds
what was told by a Digital Link. A list is one of its values; several questions all hold. Events
come in the order of recording: who goes on from `next` misses none that was recorded before the
question was asked, however many come meanwhile.

    values(session, "biz_step")   what there is to ask for, a page at a time
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, Text, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.expression import cast

from wms.epcis.model import EpcisEvent
from wms.epcis.names import canonical
from wms.epcis.vocabulary import bare

Dimension: TypeAlias = Literal[
    "type", "biz_step", "disposition", "read_point", "biz_location", "epcs"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to know. Nothing: all events."""

    types: Sequence[str] = ()
    actions: Sequence[str] = ()
    ids: Sequence[str] = ()
    event_from: datetime | None = None
    event_until: datetime | None = None
    record_from: datetime | None = None
    record_until: datetime | None = None
    biz_steps: Sequence[str] = ()
    dispositions: Sequence[str] = ()
    read_points: Sequence[str] = ()
    biz_locations: Sequence[str] = ()
    papers: Sequence[str] = ()
    parents: Sequence[str] = ()
    epcs: Sequence[str] = ()  # among the things that it happened to
    any_epc: Sequence[str] = ()  # or the parent
    classes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Events as they are told, and the place after the last of them."""

    events: Sequence[dict[str, Any]]
    next: tuple[datetime, str] | None = field(default=None)


def events(
    session: Session, asked: Asked, *, after: tuple[datetime, str] | None = None, limit: int = 30
) -> Page:
    """A page of the events that were asked for."""
    query = select(EpcisEvent.body, EpcisEvent.record_time, EpcisEvent.id)
    for clause in _clauses(asked):
        query = query.where(clause)
    if after is not None:
        query = query.where(tuple_(EpcisEvent.record_time, EpcisEvent.id) > after)
    query = query.order_by(EpcisEvent.record_time, EpcisEvent.id).limit(limit + 1)
    rows = session.execute(query).all()
    more = (rows[limit - 1][1], rows[limit - 1][2]) if len(rows) > limit else None
    return Page([row[0] for row in rows[:limit]], more)


def event(session: Session, id_: str) -> dict[str, Any] | None:
    """One event by its id."""
    return session.scalar(select(EpcisEvent.body).where(EpcisEvent.id == id_))


def values(session: Session, what: Dimension, *, after: str = "", limit: int = 30) -> list[str]:
    """What there is in events, sorted, after that one."""
    column: InstrumentedAttribute[Any] = getattr(EpcisEvent, what)
    value = func.unnest(column).label("value") if what == "epcs" else column.label("value")
    inner: Select[Any] = select(value).distinct()
    found = inner.subquery()
    query = select(found.c.value).where(found.c.value > after, found.c.value != "")
    return list(session.scalars(query.order_by(found.c.value).limit(limit)))


def _clauses(asked: Asked) -> list[ColumnElement[bool]]:
    one = EpcisEvent
    equal = (
        (one.type, asked.types), (one.action, asked.actions), (one.id, asked.ids),
        (one.biz_step, [bare("bizStep", each) for each in asked.biz_steps]),
        (one.disposition, [bare("disposition", each) for each in asked.dispositions]),
        (one.read_point, [canonical(each) for each in asked.read_points]),
        (one.biz_location, [canonical(each) for each in asked.biz_locations]),
        (one.parent, [canonical(each) for each in asked.parents]),
    )  # fmt: skip
    holds = (
        (one.papers, list(asked.papers)),
        (one.inside, [canonical(each) for each in asked.epcs]),
        (one.epcs, [canonical(each) for each in asked.any_epc]),
        (one.classes, [canonical(each) for each in asked.classes]),
    )
    times = (
        (one.event_time, asked.event_from, asked.event_until),
        (one.record_time, asked.record_from, asked.record_until),
    )
    found: list[ColumnElement[bool]] = [column.in_(some) for column, some in equal if some]
    found += [column.op("&&")(cast(some, ARRAY(Text))) for column, some in holds if some]
    found += [column >= start for column, start, _ in times if start is not None]
    found += [column < end for column, _, end in times if end is not None]
    return found
