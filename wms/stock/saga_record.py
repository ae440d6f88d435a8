"""The record of a saga, in the cell that is its home: what was asked, how far it is, who is at it.

    PENDING ──all holds are confirmed──> SETTLED       the answer is yes, for ever
       └─────refused, away, too late───> VOIDING ──nothing is held any more──> VOIDED    no

A saga is decided by one row in one database, and the end is written before anyone is told. No
hold is given back before VOIDING is written; so a saga that could be settled has them all.

Whoever works on a saga has its lease and its fence token. When the lease is over another may take
it, with a higher token; what the first still writes is then refused. Deadline and leases are by
the database's time. Each step is an event of topic "saga" in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms import outbox
from wms.database import Base
from wms.errors import IdReused
from wms.ids import HoldId, derive
from wms.stock import posting
from wms.stock.promises import Reserve

SagaState: TypeAlias = Literal["PENDING", "SETTLED", "VOIDING", "VOIDED"]

_EVENTS = {"SETTLED": "SagaSettled", "VOIDING": "SagaVoiding", "VOIDED": "SagaVoided"}
_OURS = ("group_id",)  # of a line, what the saga itself decides
_UNSAID = ("group_id", "expires_at")  # what may differ when the same is asked again
STUCK_AFTER = "interval '1 minute'"
_OVERDUE = (
    "deadline <= stock_now(:now) AS overdue, state IN ('PENDING', 'VOIDING')"
    f" AND deadline + {STUCK_AFTER} <= stock_now(:now) AS stuck"
)


class Saga(Base):
    """Holds in several cells that are granted together or not at all."""

    __tablename__ = "saga"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="PENDING")
    asked: Mapped[UUID]
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    deadline: Mapped[datetime]
    fence: Mapped[int] = mapped_column(server_default="1")
    lease_until: Mapped[datetime]
    why: Mapped[str] = mapped_column(server_default="")
    free: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A saga as it was when it was read.

    Attributes:
        fence: the token of whoever works on it now.
        mine: whether that is the caller.
        overdue: whether its deadline had passed; stuck: that, long ago, and it is open still.
        free: what was free after each line was decided.
    """

    id: UUID
    state: SagaState
    lines: tuple[Reserve, ...]
    deadline: datetime
    fence: int
    why: str
    free: Mapping[str, int]
    mine: bool
    overdue: bool
    stuck: bool

    @property
    def decided(self) -> bool:
        """Whether the answer is known."""
        return self.state != "PENDING"


def begin(
    session: Session,
    saga_id: UUID,
    lines: Sequence[Reserve],
    *,
    times: tuple[timedelta, timedelta],
    now: datetime,
) -> Record:
    """Write a saga down, or read the one there is. `times`: until its deadline; of a lease.

    Raises:
        IdReused: that id has been used for other lines.
    """
    asked = _asked(lines)
    known = session.scalar(select(Saga.asked).where(Saga.id == saga_id))
    fresh = None
    if known is None:
        at = session.execute(text("SELECT stock_now(:now)"), {"now": now}).scalar_one()
        row = {
            "asked": asked,
            "lines": [_to_json(line) for line in lines],
            "deadline": at + times[0],
            "lease_until": at + times[1],
        }
        made = insert(Saga).values(id=saga_id, **row, made_at=at, changed_at=at)
        fresh = session.scalar(made.on_conflict_do_nothing().returning(Saga.id))
    if fresh is not None:
        body = {"lines": len(lines), "sites": sorted({str(line.site_id) for line in lines})}
        outbox.record(session, topic="saga", key=saga_id, type="SagaBegun", body=body, now=now)
    elif (known or session.scalar(select(Saga.asked).where(Saga.id == saga_id))) != asked:
        raise IdReused(saga_id)
    found = read(session, saga_id, now=now)
    return replace(found, mine=fresh is not None)


def read(session: Session, saga_id: UUID, *, now: datetime) -> Record:
    """The saga as it is."""
    query = text(f"SELECT *, {_OVERDUE} FROM saga WHERE id = :id")  # noqa: S608 - all ours
    return _record(session.execute(query, {"id": saga_id, "now": now}).one(), mine=False)


def page(session: Session, *, after: UUID, limit: int, now: datetime) -> list[Record]:
    """Some of the sagas of this home, in order of their ids."""
    query = text(f"SELECT *, {_OVERDUE} FROM saga WHERE id > :after ORDER BY id LIMIT :limit")  # noqa: S608
    rows = session.execute(query, {"after": after, "limit": limit, "now": now}).all()
    return [_record(row, mine=False) for row in rows]


def claim(
    session: Session, *, lease: timedelta, now: datetime, limit: int, saga_id: UUID | None = None
) -> list[Record]:
    """Take open sagas that nobody is at any more, those first that have waited longest."""
    only = "AND id = :id" if saga_id else ""
    query = text(
        f"UPDATE saga SET fence = fence + 1, lease_until = stock_now(:now) + :lease"  # noqa: S608
        f" WHERE id IN (SELECT id FROM saga WHERE state IN ('PENDING', 'VOIDING') {only}"
        f" AND lease_until <= stock_now(:now) ORDER BY lease_until LIMIT :limit"
        f" FOR UPDATE SKIP LOCKED) RETURNING *, {_OVERDUE}"
    )
    facts = {"now": now, "lease": lease, "limit": limit, "id": saga_id}
    return [_record(row, mine=True) for row in session.execute(query, facts).all()]


def keep(session: Session, saga: Record, *, lease: timedelta, now: datetime) -> bool | None:
    """Prolong the lease. Whether the deadline has passed; None if another has the saga now."""
    query = text(
        f"UPDATE saga SET lease_until = stock_now(:now) + :lease"  # noqa: S608 - all ours
        f" WHERE id = :id AND fence = :fence AND state = :state RETURNING {_OVERDUE}"
    )
    facts = {"now": now, "lease": lease, "id": saga.id, "fence": saga.fence, "state": saga.state}
    overdue: bool | None = session.execute(query, facts).scalar()
    return overdue


def step(session: Session, saga: Record, to: SagaState, *, now: datetime) -> Record | None:
    """Write the next state, with `why` and `free` as in `saga`; None if another has it now."""
    query = text(
        "UPDATE saga SET state = :to, why = :why, free = :free, changed_at = stock_now(:now)"
        " WHERE id = :id AND fence = :fence AND state = :state RETURNING id"
    ).bindparams(bindparam("free", type_=JSONB))
    facts = {
        "id": saga.id,
        "fence": saga.fence,
        "state": saga.state,
        "to": to,
        "why": saga.why,
        "free": dict(saga.free),
        "now": now,
    }
    if session.execute(query, facts).scalar() is None:
        return None
    body = {"why": saga.why, "sites": sorted({str(line.site_id) for line in saga.lines})}
    outbox.record(session, topic="saga", key=saga.id, type=_EVENTS[to], body=body, now=now)
    return replace(saga, state=to)


def confirm_id(saga_id: UUID, hold_id: HoldId) -> UUID:
    """The id of the command that confirms a hold of a saga."""
    return derive(saga_id, "confirm", str(hold_id))


def release_id(saga_id: UUID, hold_id: HoldId) -> UUID:
    """The id of the command that gives a hold of a saga back."""
    return derive(saga_id, "release", str(hold_id))


def _asked(lines: Sequence[Reserve]) -> UUID:
    """A hash of what is asked, in whichever order."""
    return derive(posting.NIL, *sorted(str(posting.asked(line, without=_UNSAID)) for line in lines))


def _to_json(line: Reserve) -> dict[str, Any]:
    said = {f.name: getattr(line, f.name) for f in fields(line) if f.name not in _OURS}
    if line.expires_at is not None:
        said["expires_at"] = line.expires_at.isoformat()
    return {name: str(v) if isinstance(v, UUID) else v for name, v in said.items()}


def _from_json(said: Mapping[str, Any]) -> Reserve:
    ids = {name: UUID(v) for name, v in said.items() if name.endswith("_id") and v is not None}
    end = said["expires_at"] and datetime.fromisoformat(said["expires_at"])
    return Reserve(**{**said, **ids, "expires_at": end})


def _record(row: Any, *, mine: bool) -> Record:
    return Record(
        id=row.id,
        state=row.state,
        lines=tuple(_from_json(line) for line in row.lines),
        deadline=row.deadline,
        fence=row.fence,
        why=row.why,
        free=row.free,
        mine=mine,
        overdue=row.overdue,
        stuck=row.stuck,
    )
