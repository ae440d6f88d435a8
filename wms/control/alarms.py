"""Alarms as operators need them: in which state, under which cause, shelved or not, whose orders.

    UNACK     it stands, and nobody has said that they know
    ACKED     somebody has; it stands
    RETURNED  it is over, and nobody had said so: shown until somebody does, for an hour
    LATCHED   it is over, and what it may have left must be looked at: shown until it is reset
    (gone)    over and known, or reset

    shelved         people want to hear nothing of that trouble of that machine, for an hour at most
    suppressed      its cause stands, and by design that is enough         (wms.control.suppress)
    out of service  people took it out until a time they named  (wms.control.out_of_service)

Acknowledging moves nothing and ends nothing: an alarm ends when its trouble does, and only a person
resets what is latched. What comes again is new again, whoever knew of it before. What was shelved
comes back by itself. Each of these acts is kept, with who did it and why (`exception_act`).

Source: ISA-18.2 / IEC 62682 (states, shelving, performance: 6 an hour, floods, chattering).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import and_, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from wcs.messages import Alarm
from wms.control.figures import A_DAY
from wms.control.model import AlarmEvent, AlarmOutOfService, AlarmShelf
from wms.control.rules import LATCHED, Ground, Seen, causes, is_flood
from wms.control.suppress import suppressed
from wms.errors import Conflict
from wms.ids import derive
from wms.outbound import machines
from wms.outbound.attend import Act, AlreadySolved, exception_of, is_done, take
from wms.outbound.model import ExceptionAct, ExceptionRow

State: TypeAlias = Literal["UNACK", "ACKED", "RETURNED", "LATCHED"]
SHOWN_MAX = 300
RETURNED_FOR = timedelta(hours=1)
HEARD = ("machine.", "safety.")  # asks of people and emergency stops are never out of service


class AlarmStands(Conflict):
    """Its trouble is not over: there is nothing to reset yet."""

    code: ClassVar[str] = "alarm_stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One alarm on the list."""

    row: ExceptionRow
    state: State
    cause: UUID | None  # of the alarm that explains it
    shelf: AlarmShelf | None
    hidden_by: tuple[str, str] | None  # by design: code and source of what stands
    out: AlarmOutOfService | None

    @property
    def is_heard(self) -> bool:
        """Whether it is to be looked at now."""
        return self.shelf is None and self.hidden_by is None and self.out is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmList:
    """What stands or came back, the most urgent first; and whether it is a flood."""

    alarms: list[Listed]
    flood: bool
    out: Sequence[AlarmOutOfService]  # all of them, whether such an alarm stands or not


# ------------------------------------------------------------------------------- what there is
def alarm_list(session: Session, ground: Ground, *, now: datetime) -> AlarmList:
    """Everything that needs somebody, the most urgent first, the latest of these first."""
    returned = and_(
        ~ExceptionRow.active,
        ExceptionRow.state == "OPEN",
        ExceptionRow.at > now - RETURNED_FOR,
        ExceptionRow.code.not_in(machines.CODES.values()),
    )
    latched = and_(~ExceptionRow.active, ExceptionRow.latched, ExceptionRow.state != "SOLVED")
    query = (
        select(ExceptionRow)
        .where(or_(ExceptionRow.active, returned, latched))
        .order_by(ExceptionRow.priority, ExceptionRow.at.desc(), ExceptionRow.id)
        .limit(SHOWN_MAX)
    )
    rows = [row for row in session.scalars(query) if not machines.is_over(row, now)]
    shelves = {
        (shelf.site_id, shelf.source, shelf.code): shelf
        for shelf in session.scalars(select(AlarmShelf).where(AlarmShelf.until > now))
    }
    out = session.scalars(
        select(AlarmOutOfService)
        .where(AlarmOutOfService.until > now)
        .order_by(AlarmOutOfService.until, AlarmOutOfService.source, AlarmOutOfService.code)
    ).all()
    standing = [
        Seen(id=str(row.id), code=row.code, source=row.source, at=row.at, priority=row.priority)
        for row in rows if row.active
    ]  # fmt: skip
    first = causes(standing, ground)
    hidden = suppressed(standing, ground, [one.source for one in out if not one.code])
    listed = [
        Listed(
            row=row,
            state=_state(row),
            cause=UUID(cause) if (cause := first.get(str(row.id))) else None,
            shelf=shelves.get((row.site_id, row.source, row.code)),
            hidden_by=hidden.get(str(row.id)),
            out=_out_of_service(row, out),
        )
        for row in rows
    ]
    new = (one.row.at for one in listed if one.row.active and one.is_heard)
    return AlarmList(alarms=listed, flood=is_flood(new, now), out=out)


def _out_of_service(
    row: ExceptionRow, out: Sequence[AlarmOutOfService]
) -> AlarmOutOfService | None:
    if row.code.startswith(HEARD):
        return None
    mine = (each for each in out if each.site_id == row.site_id and each.source == row.source)
    return next((each for each in mine if each.code in ("", row.code)), None)


def _state(row: ExceptionRow) -> State:
    if not row.active:
        return "LATCHED" if row.latched else "RETURNED"
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
    """They know of it; what has returned is off the list with that, but for what is latched.

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
        row.owner = act.by
        row.state = "TAKEN" if row.latched else "SOLVED"
        row.solved_at = None if row.latched else now
        keep(session, row, act, now)
    return row


def reset(session: Session, id_: UUID, act: Act, *, now: datetime) -> ExceptionRow:
    """They have looked at what a latched alarm left behind: it is off the list.

    Raises:
        NotFound: there is none.
        AlarmStands: its trouble is not over.
        AlreadySolved: nothing is latched there.
    """
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return row
    if row.active:
        raise AlarmStands("its trouble is not over")
    if not row.latched or row.state == "SOLVED":
        raise AlreadySolved("nothing is latched")
    row.state, row.owner, row.act, row.solved_at = "SOLVED", row.owner or act.by, act.name, now
    keep(session, row, act, now)
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
    keep(session, row, act, now)
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
    keep(session, row, act, now)
    return row


def keep(session: Session, row: ExceptionRow, act: Act, now: datetime) -> None:
    """It stays with the alarm that it was done, by whom and why."""
    session.add(
        ExceptionAct(
            site_id=row.site_id, id=act.id, exception_id=row.id, act=act.name, by=act.by,
            note=act.note, at=now,
        )
    )  # fmt: skip
    session.flush()


def note(
    session: Session,
    site_id: UUID,
    exception_id: UUID,
    alarm: Alarm,
    *,
    latching: Collection[str] = (),
) -> None:
    """A reported alarm came or went: kept for rates. The same news twice is one.

    Whether it stays until it is reset is settled when it comes: by `LATCHED` and `latching`.
    """
    if alarm.active:
        stays = alarm.code in LATCHED or alarm.code in latching
        mine = ExceptionRow.site_id == site_id, ExceptionRow.id == exception_id
        session.execute(update(ExceptionRow).where(*mine).values(latched=stays))
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
