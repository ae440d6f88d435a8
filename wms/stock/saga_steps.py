"""What a saga does in one cell: hold, confirm, give back. Each is one transaction there.

    hold       its lines in this cell, all or none, until the deadline by this cell's own time
    confirm    allocate, or extend to the end that was asked for; if one has ended or is overdue,
               none of them
    give back  whatever of it lives; afterwards every id of it is used up

All may be done again: holds and commands have ids derived from the saga's. Given back is also a
hold that never came to be: a message on its way, or a coordinator that was asleep, might still
make it. Its id is used up by asking for more than there can be, which is refused, and a refusal
stays the answer to that id.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.ids import CommandId, HoldId
from wms.stock import posting, promises
from wms.stock.faults import UNITS_MAX
from wms.stock.ledger import Advance, HoldState, advance
from wms.stock.promises import Extend, Reserve, Reserved, extend
from wms.stock.saga_record import Record, confirm_id, release_id

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
_LIVING = ("HELD", "ALLOCATED", "PINNED")  # what can be given back

_LOOK = text(
    "SELECT u.id, h.state, h.group_id, coalesce(h.expires_at <= stock_now(:now), false) AS overdue,"
    " c.command_id IS NOT NULL AS confirmed, r.command_id IS NOT NULL AS released"
    " FROM unnest(:sites, :holds, :confirms, :releases) AS u(site_id, id, confirm_id, release_id)"
    " LEFT JOIN hold h ON h.site_id = u.site_id AND h.id = u.id"
    " LEFT JOIN stock_command c ON c.site_id = u.site_id AND c.command_id = u.confirm_id"
    " LEFT JOIN stock_command r ON r.site_id = u.site_id AND r.command_id = u.release_id"
).bindparams(
    *(bindparam(name, type_=ARRAY(Uuid())) for name in ("sites", "holds", "confirms", "releases"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    state: HoldState | None
    ours: bool
    held: bool  # and its time is not over
    confirmed: bool
    released: bool


def hold(
    session: Session, saga: Record, lines: Sequence[Reserve], *, now: datetime
) -> list[Reserved]:
    """Set the lines aside, all or none, until the deadline.

    The deadline is in a database's time, and what a caller says is taken to be in the caller's;
    so we say it by the time of this database, whatever our own clock thinks.
    """
    there = session.execute(text("SELECT stock_now(:now)"), {"now": now}).scalar_one()
    wanted = [
        replace(line, group_id=saga.id, state="HELD", expires_at=saga.deadline) for line in lines
    ]
    return promises.reserve(session, wanted, now=there)


def confirm(
    session: Session, saga: Record, lines: Sequence[Reserve], *, now: datetime
) -> list[HoldId]:
    """Allocate or extend what is held. The holds that were lost; if any, nothing is done."""
    posting.lock(session, lines, ())
    seen = _look(session, saga, lines, now=now)
    lost = [
        id_
        for id_, look in seen.items()
        if not look.ours or look.released or not (look.confirmed or look.held)
    ]
    if not lost:
        fresh = [line for line in lines if not seen[line.hold_id].confirmed]
        advance(session, [_allocate(saga, x, now) for x in fresh if x.state == "ALLOCATED"])
        extend(session, [_extend(saga, x) for x in fresh if x.state == "HELD"], now=now)
    return lost


def missing(
    session: Session, saga: Record, lines: Sequence[Reserve], *, now: datetime
) -> list[Reserve]:
    """Lines whose holds never came to be."""
    seen = _look(session, saga, lines, now=now)
    return [line for line in lines if seen[line.hold_id].state is None]


def use_up(session: Session, saga: Record, lines: Sequence[Reserve], *, now: datetime) -> None:
    """See to it that holds that never came to be never will; one that just has is left alone."""
    wanted = [
        replace(line, units=UNITS_MAX, group_id=saga.id, state="HELD", expires_at=saga.deadline)
        for line in lines
    ]
    promises.reserve_each(session, wanted, now=now)


def give_back(session: Session, saga: Record, lines: Sequence[Reserve], *, now: datetime) -> None:
    """Release what lives of the saga, confirmed or not."""
    posting.lock(session, lines, ())
    seen = _look(session, saga, lines, now=now)
    living = [x for x in lines if (look := seen[x.hold_id]).ours and look.state in _LIVING]
    advance(session, [_release(saga, line, now) for line in living])


def _allocate(saga: Record, line: Reserve, now: datetime) -> Advance:
    return _advance(line, confirm_id(saga.id, line.hold_id), "ALLOCATED", now)


def _release(saga: Record, line: Reserve, now: datetime) -> Advance:
    return _advance(line, release_id(saga.id, line.hold_id), "RELEASED", now)


def _advance(line: Reserve, command_id: UUID, to: HoldState, now: datetime) -> Advance:
    return Advance(
        command_id=CommandId(command_id),
        site_id=line.site_id,
        hold_id=line.hold_id,
        to=to,
        actor="saga",
        occurred_at=now,
    )


def _extend(saga: Record, line: Reserve) -> Extend:
    return Extend(
        command_id=CommandId(confirm_id(saga.id, line.hold_id)),
        site_id=line.site_id,
        hold_id=line.hold_id,
        expires_at=line.expires_at or FOREVER,
    )


def _look(
    session: Session, saga: Record, lines: Iterable[Reserve], *, now: datetime
) -> dict[HoldId, _Look]:
    facts = {
        "sites": [line.site_id for line in lines],
        "holds": [line.hold_id for line in lines],
        "confirms": [confirm_id(saga.id, line.hold_id) for line in lines],
        "releases": [release_id(saga.id, line.hold_id) for line in lines],
        "now": now,
    }
    return {
        HoldId(row.id): _Look(
            state=row.state,
            ours=row.group_id == saga.id,
            held=row.state == "HELD" and not row.overdue,
            confirmed=row.confirmed,
            released=row.released,
        )
        for row in session.execute(_LOOK, facts)
    }
