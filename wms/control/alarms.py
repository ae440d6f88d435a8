"""Alarms as operators need them: in which state, under which cause, shelved or not, whose orders.

    UNACK     it stands, and nobody has said that they know
    ACKED     somebody has; it stands
    RETURNED  it is over, and nobody had said so: shown until somebody does, for an hour
    (gone)    over and known
    shelved   people want to hear nothing of that trouble of that machine, for an hour at most

Acknowledging moves nothing and ends nothing: an alarm ends when its trouble does. What was shelved
comes back by itself. Each of these acts is kept, with who did it and why (`exception_act`).

Source: ISA-18.2 / IEC 62682 (states, shelving, performance: 6 an hour, floods, chattering).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import and_, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from wcs.messages import Alarm
from wms.control.model import AlarmEvent, AlarmShelf
from wms.control.rules import FLOOD, Ground, Seen, causes, is_flood
from wms.ids import derive
from wms.outbound import machines
from wms.outbound.attend import Act, exception_of, is_done, take
from wms.outbound.model import ExceptionAct, ExceptionRow

State: TypeAlias = Literal["UNACK", "ACKED", "RETURNED"]
SHOWN_MAX = 300
RETURNED_FOR = timedelta(hours=1)
CHATTERS = 3  # times in a minute
STALE = timedelta(hours=24)
A_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One alarm on the list."""

    row: ExceptionRow
    state: State
    cause: UUID | None  # of the alarm that explains it
    shelf: AlarmShelf | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmList:
    """What stands or came back, the most urgent first; and whether it is a flood."""

    alarms: list[Listed]
    flood: bool


# ------------------------------------------------------------------------------- what there is
def alarm_list(session: Session, ground: Ground, *, now: datetime) -> AlarmList:
    """Everything that needs somebody, the most urgent first, the latest of these first."""
    returned = and_(
        ~ExceptionRow.active,
        ExceptionRow.state == "OPEN",
        ExceptionRow.at > now - RETURNED_FOR,
        ExceptionRow.code.not_in(machines.CODES.values()),
    )
    query = (
        select(ExceptionRow)
        .where(or_(ExceptionRow.active, returned))
        .order_by(ExceptionRow.priority, ExceptionRow.at.desc(), ExceptionRow.id)
        .limit(SHOWN_MAX)
    )
    rows = [row for row in session.scalars(query) if not machines.is_over(row, now)]
    shelves = {
        (shelf.site_id, shelf.source, shelf.code): shelf
        for shelf in session.scalars(select(AlarmShelf).where(AlarmShelf.until > now))
    }
    standing = [row for row in rows if row.active]
    seen = [Seen(id=str(one.id), code=one.code, source=one.source, at=one.at) for one in standing]
    first = causes(seen, ground)
    listed = [
        Listed(
            row=row,
            state=_state(row),
            cause=UUID(cause) if (cause := first.get(str(row.id))) else None,
            shelf=shelves.get((row.site_id, row.source, row.code)),
        )
        for row in rows
    ]
    return AlarmList(alarms=listed, flood=is_flood((row.at for row in standing), now))


def _state(row: ExceptionRow) -> State:
    if not row.active:
        return "RETURNED"
    return "ACKED" if row.state == "TAKEN" else "UNACK"


def orders_of(session: Session, row: ExceptionRow, limit: int = 50) -> Sequence[tuple[UUID, str]]:
    """The open orders that wait for what is in trouble: id and number, the oldest first.

    By what the alarm names: an order, a parcel, a tote; or a robot, and what it carries.
    """
    facts = {name: str(value) for name, value in row.facts.items()}
    found = session.execute(
        _ORDERS,
        {
            "site": row.site_id,
            "source": row.source,
            "named": facts.get("order", ""),
            "tote": facts.get("tote", ""),
            "parcel": facts.get("sscc") or facts.get("parcel", ""),
            "most": limit,
        },
    )
    return [(order_id, number) for order_id, number in found]


_ORDERS = text("""
SELECT o.id, o.number FROM customer_order o WHERE NOT o.closed AND (
  o.number = :named OR o.id::text = :named
  OR o.id IN (SELECT order_id FROM parcel WHERE site_id = :site AND sscc = :parcel)
  OR o.id IN (SELECT a.order_id FROM allocation a WHERE a.site_id = :site AND a.tote IN (
      SELECT p.tote FROM presentation p JOIN transport t
        ON t.site_id = p.site_id AND t.presentation_id = p.id
      WHERE p.site_id = :site AND t.robot = :source
        AND t.state NOT IN ('FINISHED', 'FAILED', 'WITHDRAWN')
      UNION ALL SELECT :tote)))
ORDER BY o.placed_at, o.id LIMIT :most
""")


# ------------------------------------------------------------------------------- what is done
def acknowledge(session: Session, id_: UUID, act: Act, *, now: datetime) -> ExceptionRow:
    """They know of it; what has returned is off the list with that.

    Raises:
        NotFound, TakenByAnother: there is none, or somebody else sees to it.
    """
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return row
    if row.active:
        take(session, row, act, now=now)
        return row
    if row.state == "OPEN":
        row.state, row.owner, row.solved_at = "SOLVED", act.by, now
        _keep(session, row, act, now)
    return row


def shelve(
    session: Session, id_: UUID, act: Act, *, until: datetime, now: datetime
) -> ExceptionRow:
    """Until then that trouble of that machine is out of the way; after it, it is back by itself."""
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return row
    facts = {"until": until, "by": act.by, "reason": act.note, "at": now}
    statement = insert(AlarmShelf).values(
        site_id=row.site_id, source=row.source, code=row.code, **facts
    )
    session.execute(
        statement.on_conflict_do_update(index_elements=["site_id", "source", "code"], set_=facts)
    )
    _keep(session, row, act, now)
    return row


def unshelve(session: Session, id_: UUID, act: Act, *, now: datetime) -> ExceptionRow:
    """It is to be heard of again."""
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return row
    key = (row.site_id, row.source, row.code)
    shelf = session.get(AlarmShelf, key)
    if shelf is not None:
        session.delete(shelf)
    _keep(session, row, act, now)
    return row


def _keep(session: Session, row: ExceptionRow, act: Act, now: datetime) -> None:
    session.add(
        ExceptionAct(
            site_id=row.site_id, id=act.id, exception_id=row.id, act=act.name, by=act.by,
            note=act.note, at=now,
        )
    )  # fmt: skip
    session.flush()


def note(session: Session, site_id: UUID, exception_id: UUID, alarm: Alarm) -> None:
    """An alarm came or went: kept for rates. The same news twice is one."""
    what = "RAISED" if alarm.active else "ENDED"
    row = {
        "site_id": site_id,
        "id": derive(exception_id, what, alarm.at.isoformat()),
        "exception_id": exception_id,
        "at": alarm.at,
        "what": what,
        "code": alarm.code,
        "source": alarm.source,
        "priority": alarm.priority,
    }
    session.execute(insert(AlarmEvent).values(row).on_conflict_do_nothing())


def standing_at(session: Session, site_id: UUID, at: datetime) -> list[AlarmEvent]:
    """The machines' alarms that stood then, the most urgent first."""
    latest = (
        select(AlarmEvent)
        .where(AlarmEvent.site_id == site_id, AlarmEvent.at <= at, AlarmEvent.at > at - A_DAY)
        .ext(distinct_on(AlarmEvent.exception_id))
        .order_by(AlarmEvent.exception_id, AlarmEvent.at.desc(), AlarmEvent.what)
    )
    rows = [row for row in session.scalars(latest) if row.what == "RAISED"]
    return sorted(rows, key=lambda row: (row.priority, row.at))


# ------------------------------------------------------------------------------- how it goes
def figures(session: Session, site_id: UUID, since: datetime, now: datetime) -> dict[str, Any]:
    """How many came, in an hour and by whom; how much of it as floods; what chatters or is stale.

    Shares are of one; `per_hour` is of all operators together.
    """
    query = (
        select(AlarmEvent.at, AlarmEvent.source, AlarmEvent.code, AlarmEvent.priority)
        .where(AlarmEvent.site_id == site_id, AlarmEvent.what == "RAISED")
        .where(AlarmEvent.at > since, AlarmEvent.at <= now)
        .order_by(AlarmEvent.at)
    )
    raised = session.execute(query).all()
    hours = max((now - since).total_seconds() / 3600, 1e-9)
    minutes = Counter(
        (row.source, row.code, row.at.replace(second=0, microsecond=0)) for row in raised
    )
    slots = Counter(int((row.at - since).total_seconds()) // 600 for row in raised)
    stale = select(ExceptionRow.id).where(ExceptionRow.active, ExceptionRow.at < now - STALE)
    actors = Counter((row.source, row.code) for row in raised).most_common(10)
    return {
        "raised": len(raised),
        "per_hour": round(len(raised) / hours, 2),
        "by_priority": {str(n): sum(row.priority == n for row in raised) for n in (1, 2, 3)},
        "flood_share": round(
            sum(count > FLOOD for count in slots.values()) / max(1.0, hours * 6),
            4,
        ),
        "bad_actors": [
            {"source": source, "code": code, "times": times} for (source, code), times in actors
        ],
        "chattering": sorted(
            {
                f"{source} {code}"
                for (source, code, _), times in minutes.items()
                if times >= CHATTERS
            }
        ),
        "stale": len(session.scalars(stale).all()),
    }


def forget(session: Session, now: datetime, kept: timedelta = timedelta(days=30)) -> int:
    """Shelves that are over, and events that are old."""
    over = select(AlarmShelf.site_id, AlarmShelf.source, AlarmShelf.code).where(
        AlarmShelf.until <= now
    )
    keys = session.execute(over.limit(1000)).all()
    if keys:
        key = tuple_(AlarmShelf.site_id, AlarmShelf.source, AlarmShelf.code)
        session.execute(AlarmShelf.__table__.delete().where(key.in_(keys)))  # type: ignore[attr-defined]
    old = text(
        "DELETE FROM alarm_event WHERE (site_id, id) IN"
        " (SELECT site_id, id FROM alarm_event WHERE at < :before LIMIT 5000)"
    )
    session.execute(old, {"before": now - kept})
    return len(keys)
