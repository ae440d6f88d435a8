"""Operators: who works here and what they may do. PUT under the caller's id: made or changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Rejected
from wms.people.model import Operator
from wms.people.secrets import hash_of, pin_hash


class CodeTaken(Rejected):
    """Another operator or device has that code, name or badge.

    Attributes:
        field: which of them.
    """

    code: ClassVar[str] = "name_taken"

    def __init__(self, field: str) -> None:
        super().__init__(f"another one has this {field}")
        self.field = field


class BadgeNeeded(Rejected):
    """Somebody new needs a badge and a PIN."""

    code: ClassVar[str] = "badge_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRecord:
    """An operator as the office has it. Without badge or PIN they stay as they are."""

    code: str
    name: str
    badge: str | None = None
    pin: str | None = None
    languages: tuple[str, ...] = ("ja",)
    kinds: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    equipment: tuple[str, ...] = ()
    supervisor: bool = False
    active: bool = True


def save_operator(session: Session, id_: UUID, record: OperatorRecord, *, now: datetime) -> bool:
    """Make or change an operator; whether they are new.

    Raises:
        CodeTaken, BadgeNeeded: nothing was changed.
    """
    operator = session.get(Operator, id_, with_for_update=True)
    is_new = operator is None
    _check(session, id_, record)
    if operator is None:
        if record.badge is None or record.pin is None:
            raise BadgeNeeded("a new operator needs a badge and a PIN")
        operator = Operator(id=id_, made_at=now)
        session.add(operator)
    if record.badge is not None:
        operator.badge_hash = hash_of(record.badge)
    if record.pin is not None:
        operator.pin_hash = pin_hash(record.pin)
    operator.code, operator.name = record.code, record.name
    operator.languages, operator.kinds = list(record.languages), list(record.kinds)
    operator.zones, operator.equipment = list(record.zones), list(record.equipment)
    operator.supervisor, operator.active = record.supervisor, record.active
    session.flush()
    return is_new


def all_operators(session: Session) -> Sequence[Operator]:
    """Every operator, in the order of their codes."""
    return session.scalars(select(Operator).order_by(Operator.code)).all()


def _check(session: Session, id_: UUID, record: OperatorRecord) -> None:
    others = select(Operator.id).where(Operator.id != id_)
    if session.scalars(others.where(Operator.code == record.code)).first():
        raise CodeTaken("code")
    if record.badge is not None:
        hashed = hash_of(record.badge)
        if session.scalars(others.where(Operator.badge_hash == hashed)).first():
            raise CodeTaken("badge")
