"""Out of service: a trouble of a machine, or all of it, of which nothing is to be heard for long.

A gate that is rebuilt, a belt with a broken sensor whose part comes on Tuesday. It differs from a
shelf by its length, and so by its laws:

* it ends by itself: until when is said when it is put out, 31 days at most (the table holds it);
* it is never silent: what is out of service is a list of its own, whether an alarm stands or not;
* who put it out and why, who put it back, or that its time was over, stays with the alarm;
* asks of people and emergency stops are always heard (`HEARD`), of whatever machine.

What a whole machine out of service hides round it: wms.control.suppress.
Source: ISA-18.2 / IEC 62682 (out-of-service state).
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.control.alarms import HEARD, keep
from wms.control.model import AlarmOutOfService
from wms.errors import Rejected
from wms.ids import derive
from wms.outbound.attend import Act, exception_of, is_done
from wms.outbound.model import ExceptionAct

PART = 500


class MustBeHeard(Rejected):
    """An ask of people or an emergency stop is never out of service."""

    code: ClassVar[str] = "alarm_must_be_heard"


def take_out(
    session: Session, id_: UUID, act: Act, *, until: datetime, whole: bool, now: datetime
) -> None:
    """That trouble, or all of its machine, is out of service until then.

    Raises:
        NotFound: there is no such alarm.
        MustBeHeard: it is an ask or an emergency stop.
    """
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return
    if row.code.startswith(HEARD):
        raise MustBeHeard(f"{row.code} is always heard")
    facts = {
        "exception_id": row.id, "until": until, "by": act.by, "reason": act.note, "at": now,
    }  # fmt: skip
    key = {"site_id": row.site_id, "source": row.source, "code": "" if whole else row.code}
    statement = insert(AlarmOutOfService).values(**key, **facts)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=facts))
    keep(session, row, act, now)


def put_back(session: Session, id_: UUID, act: Act, *, now: datetime) -> None:
    """What was put out at that alarm is heard again; sent twice, once.

    Raises:
        NotFound: there is no such alarm.
    """
    row = exception_of(session, id_)
    if is_done(session, row, act):
        return
    mine = AlarmOutOfService.site_id == row.site_id, AlarmOutOfService.exception_id == row.id
    for one in session.scalars(select(AlarmOutOfService).where(*mine)):
        session.delete(one)
    keep(session, row, act, now)


def end(session: Session, now: datetime) -> int:
    """Those whose time is over: it is written down, and they are off the list."""
    query = select(AlarmOutOfService).where(AlarmOutOfService.until <= now).limit(PART)
    over = session.scalars(query.with_for_update(skip_locked=True)).all()
    for one in over:
        session.add(
            ExceptionAct(
                site_id=one.site_id,
                id=derive(one.exception_id, "service", one.code, one.until.isoformat()),
                exception_id=one.exception_id, act="back_in_service", by="", note="", at=one.until,
            )
        )  # fmt: skip
        session.delete(one)
    session.flush()
    return len(over)
