"""Second persons: what one asks for and another must agree to before it is done.

    ask for it       409 `second_person_needed`, with an id                nothing was done
    another agrees   within `WITHIN`                                       nothing is done yet
    ask again        the same request, under the same id                   it is done

What was agreed to is known by its hash: another amount is another deed. Who asked cannot agree; the
schema says so too. An agreement is good for one deed: its id is the command's.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Conflict, Forbidden, NotFound, WmsError
from wms.identity.caller import caller
from wms.identity.model import SecondPerson

WITHIN = timedelta(hours=1)


class SecondPersonNeeded(Conflict):
    """Somebody else must agree first; then send the same again.

    Attributes:
        id: what they agree to (POST /console/v1/second-persons/{id}:approve).
    """

    code: ClassVar[str] = "second_person_needed"

    def __init__(self, id: UUID) -> None:  # noqa: A002 - it is the id
        super().__init__("a second person must agree to this")
        self.id = id


class AnswerNo(Conflict):
    """A second person has said no."""

    code: ClassVar[str] = "second_person_refused"


class SamePerson(Forbidden):
    """Who has asked cannot be the one who agrees."""

    code: ClassVar[str] = "same_person"


class DecidedAlready(Conflict):
    """Somebody has said yes or no, or it was too long ago."""

    code: ClassVar[str] = "decided_already"


def is_wanted() -> bool:
    """Whether this house wants second persons of who is served now."""
    found = caller()
    return found is not None and found.two_persons


def need(
    session: Session, id_: UUID, what: str, facts: Mapping[str, Any], *, now: datetime
) -> WmsError | None:
    """Why it is not done now: to be raised after the commit; None: it may be done."""
    asking = caller()
    assert asking is not None
    digest = sha256(json.dumps([what, facts], sort_keys=True, default=str).encode()).digest()
    row = session.get(SecondPerson, id_, with_for_update=True)
    if row is None or row.digest != digest or (row.state == "WAITING" and row.until_at <= now):
        if row is not None and row.state != "WAITING":
            return AnswerNo("another deed was agreed to under this id")
        if row is not None:
            session.delete(row)
            session.flush()
        session.add(
            SecondPerson(
                id=id_, what=what, facts=dict(facts), digest=digest, asked_by=asking.who,
                asked_at=now, until_at=now + WITHIN,
            )
        )  # fmt: skip
        return SecondPersonNeeded(id_)
    if row.state == "REJECTED":
        return AnswerNo("a second person has said no")
    return SecondPersonNeeded(id_) if row.state == "WAITING" else None


def waiting(session: Session, *, now: datetime) -> Sequence[SecondPerson]:
    """What waits for somebody to agree, the oldest first."""
    query = select(SecondPerson).where(SecondPerson.state == "WAITING", SecondPerson.until_at > now)
    return session.scalars(query.order_by(SecondPerson.asked_at, SecondPerson.id)).all()


def decide(session: Session, id_: UUID, *, yes: bool, by: str, now: datetime) -> SecondPerson:
    """Say yes or no. Said twice by the same, it is said.

    Raises:
        NotFound, SamePerson, DecidedAlready: nothing was decided.
    """
    row = session.get(SecondPerson, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"nothing waits under {id_}")
    if row.asked_by == by:
        raise SamePerson("who asked cannot agree")
    state = "APPROVED" if yes else "REJECTED"
    if (row.state, row.decided_by) == (state, by):
        return row
    if row.state != "WAITING" or row.until_at <= now:
        raise DecidedAlready("it was decided, or it was too long ago")
    row.state, row.decided_by, row.decided_at = state, by, now
    session.flush()
    return row
