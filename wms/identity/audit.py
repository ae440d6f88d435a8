"""Audit: what people and systems did that is no movement, written with the deed or not at all.

    record(session, kind="rights", who="account:mori", what="PUT /admin/v1/accounts/{id}", ...)

The stock's audit is its movements. Here are sign-ins, rights, configuration, overrides, exports
and commands to machines. An event is written in the transaction of the deed, is never changed
(a trigger, and no right to), and is sealed with the movements (wms.stock.seal). It has no personal
data: people are codes, and of a name that nobody has it is not said what it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from wms.identity.model import AuditEvent
from wms.ids import new_id

Kind: TypeAlias = Literal[
    "sign_in", "sign_in_failed", "sign_out", "rights", "config", "override", "export", "command"
]
KINDS: tuple[Kind, ...] = (
    "sign_in", "sign_in_failed", "sign_out", "rights", "config", "override", "export", "command",
)  # fmt: skip
TEXT_MAX = 300
_HAS_WRITTEN = text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What was done: by whom, what, to what, from where."""

    kind: Kind
    who: str
    what: str
    subject: str = ""
    address: str = ""


def record(
    session: Session, deed: Deed, *, now: datetime, facts: Mapping[str, Any] | None = None
) -> None:
    """Write it; it is there when the transaction is."""
    session.add(
        AuditEvent(
            id=new_id(now),
            at=now,
            kind=deed.kind,
            who=_plain(deed.who),
            what=_plain(deed.what),
            subject=_plain(deed.subject),
            address=_plain(deed.address),
            facts=dict(facts or {}),
        )
    )
    session.flush()


def record_if_written(session: Session, deed: Deed, *, now: datetime) -> bool:
    """Write it if this transaction has changed anything; whether it has."""
    session.flush()
    if not session.scalar(_HAS_WRITTEN):
        return False
    record(session, deed, now=now)
    return True


def read(
    session: Session, *, before: AuditEvent | None = None, kind: str = "", who: str = "", limit: int
) -> Sequence[AuditEvent]:
    """The newest events, or those before one of them."""
    query = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(AuditEvent.at, AuditEvent.id) < (before.at, before.id))
    if kind:
        query = query.where(AuditEvent.kind == kind)
    if who:
        query = query.where(AuditEvent.who == who)
    return session.scalars(query).all()


def _plain(said: str) -> str:
    """One line, not too long: nobody writes a second event into a first."""
    return "".join(c if c.isprintable() else "�" for c in said)[:TEXT_MAX]
