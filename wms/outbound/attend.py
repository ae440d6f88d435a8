"""Exceptions are seen to: taken by somebody, acted upon, solved; and all of it is kept.

    OPEN -> TAKEN -> SOLVED     by people, each step a row of history
    active = false              it has ended by itself (wms.outbound.tell); also SOLVED for people

What can be done depends on what is wrong: the acts themselves stand in wms.api.acts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.outbound.model import ExceptionAct, ExceptionRow

State: TypeAlias = Literal["OPEN", "TAKEN", "SOLVED"]
TAKE = "take"


class TakenByAnother(Conflict):
    """Somebody else sees to this exception.

    Attributes:
        owner: who.
    """

    code: ClassVar[str] = "exception_taken"

    def __init__(self, owner: str) -> None:
        super().__init__(f"{owner} sees to this")
        self.owner = owner


class AlreadySolved(Conflict):
    """This exception is over."""

    code: ClassVar[str] = "exception_solved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody does about it, once: `id` is the command's."""

    id: UUID
    name: str
    by: str
    note: str = ""


def exceptions(
    session: Session, state: State | None, site: UUID | None, limit: int
) -> Sequence[ExceptionRow]:
    """Exceptions in a state, the most urgent first; those that are over, the latest first."""
    query = select(ExceptionRow).limit(limit)
    if site is not None:
        query = query.where(ExceptionRow.site_id == site)
    if state is not None:
        query = query.where(_is(state))
    if state == "SOLVED":
        query = query.order_by(ExceptionRow.at.desc(), ExceptionRow.id)
    else:
        query = query.order_by(ExceptionRow.priority, ExceptionRow.at, ExceptionRow.id)
    return session.scalars(query).all()


def state_of(row: ExceptionRow) -> State:
    """How far people are with it."""
    if not row.active or row.state == "SOLVED":
        return "SOLVED"
    return "TAKEN" if row.state == "TAKEN" else "OPEN"


def history(session: Session, row: ExceptionRow) -> Sequence[ExceptionAct]:
    """What was done about it, in order."""
    query = select(ExceptionAct).where(
        ExceptionAct.site_id == row.site_id, ExceptionAct.exception_id == row.id
    )
    return session.scalars(query.order_by(ExceptionAct.at, ExceptionAct.id)).all()


def exception_of(session: Session, id_: UUID) -> ExceptionRow:
    """One exception, locked.

    Raises:
        NotFound: there is none with that id.
    """
    query = select(ExceptionRow).where(ExceptionRow.id == id_).with_for_update()
    row = session.scalars(query, execution_options={"populate_existing": True}).first()
    if row is None:
        raise NotFound(f"exception {id_}")
    return row


def is_done(session: Session, row: ExceptionRow, act: Act) -> bool:
    """Whether that very act was done before: sent again, it is done no more."""
    return session.get(ExceptionAct, (row.site_id, act.id)) is not None


def take(session: Session, row: ExceptionRow, act: Act, *, now: datetime) -> None:
    """They see to it from now on.

    Raises:
        AlreadySolved, TakenByAnother: it is over, or another does.
    """
    if state_of(row) == "SOLVED":
        raise AlreadySolved("this is over")
    if row.owner not in {"", act.by}:
        raise TakenByAnother(row.owner)
    row.state, row.owner = "TAKEN", act.by
    _write(session, row, act, now)


def solve(session: Session, row: ExceptionRow, act: Act, *, now: datetime) -> None:
    """It is solved by that act; whoever had not taken it has now.

    Raises:
        AlreadySolved: it was before.
    """
    if state_of(row) == "SOLVED":
        raise AlreadySolved("this is over")
    row.state, row.owner, row.act = "SOLVED", row.owner or act.by, act.name
    row.solved_at, row.active = now, False
    _write(session, row, act, now)


def _write(session: Session, row: ExceptionRow, act: Act, now: datetime) -> None:
    session.add(
        ExceptionAct(
            site_id=row.site_id, id=act.id, exception_id=row.id, act=act.name, by=act.by,
            note=act.note, at=now,
        )
    )  # fmt: skip
    session.flush()


def _is(state: State) -> ColumnElement[bool]:
    if state == "SOLVED":
        return ~ExceptionRow.active
    return and_(ExceptionRow.active, ExceptionRow.state == state)
