"""Promises: units set aside for a demand, first come first served, and never more than there are.

    reserve        units of a SKU at a site are set aside for a demand: a hold; or an error
    reserve_each   the same for lines of many callers: a line that is wrong fails by itself
    reassign       holds are given up and others taken, at once: sourcing
    extend         a hold ends later
    swap           two demands exchange what they hold (引当振替)
    expire         holds whose time has run out end
    judge_lots     lots whose last day is over are blocked
    set_limits     what is kept from being promised, and how much may be oversold
    keep_from      what one channel may not have of what is free

Each call takes many lines and is one posting, like those of the ledger: it locks the balances it
touches in the order of their keys, decides, and writes. It never commits. A hold's id is the
client's key: sent again it answers as it did the first time, for ever.
Make one posting call a transaction; two may deadlock (`Database.run` starts over then).

With `supply_id` a line takes from what is still to come (a purchase order, a transfer under way)
and from no stock; `wms.stock.incoming` says what is to come, and that it has.

Units are base units of the SKU. `now` judges expiry where the connection's clock is given;
elsewhere the database's own time does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound, WmsError
from wms.ids import CommandId, HoldId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.faults import WrongState
from wms.stock.ledger import Advance, HoldState, advance
from wms.stock.request import Request

Line = TypeVar("Line")
Answer = TypeVar("Answer")
HoldKind: TypeAlias = Literal["CART", "CLICK_RESERVE", "COLLECT", "ORDER", "TRANSFER", "ROBOT"]

_RESERVE = (
    "SELECT granted, free, fault FROM stock_reserve(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s, %s, %s, %s, %s, %s, %s, %s)"
)

_EXTEND = text("SELECT * FROM stock_extend(cast(:lines AS jsonb), :each, :now)")
_SWAP = text("SELECT * FROM stock_swap(cast(:lines AS jsonb), :each, :now)")
_JUDGE = text("SELECT stock_judge_due(:now, :limit)")
_KEEP_FROM = text("SELECT stock_keep_from(:site, :owner, :sku, :channel, :keep)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Set units aside. Lines of the same group are granted together or not at all.

    `segment` is the condition of the goods. `channel` is who sells them: it may not have what is
    kept from it. `supply_id`: take from that supply, not from stock.
    """

    hold_id: HoldId
    site_id: SiteId
    owner_id: OwnerId
    sku_id: SkuId
    units: int
    kind: HoldKind
    state: Literal["HELD", "ALLOCATED"] = "HELD"
    demand_id: UUID
    group_id: UUID | None = None
    expires_at: datetime | None = None
    segment: str = "A"
    channel: str = ""
    supply_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """The answer to a Reserve: granted or not, and what was free right after it was decided."""

    hold_id: HoldId
    granted: bool
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Let a hold end at another time; the same command again leaves it at the time of the first."""

    command_id: CommandId
    site_id: SiteId
    hold_id: HoldId
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Extended:
    """The answer to an Extend; `replayed` if it had been done before."""

    command_id: CommandId
    hold_id: HoldId
    expires_at: datetime
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Let two holds of the same goods exchange their demands; the heirs' ids are new."""

    command_id: CommandId
    site_id: SiteId
    hold_id: HoldId
    with_hold_id: HoldId
    heir_id: HoldId
    with_heir_id: HoldId


@dataclass(frozen=True, slots=True, kw_only=True)
class Swapped:
    """The answer to a Swap: which holds the two demands have now, and `heir_id`'s state then."""

    command_id: CommandId
    heir_id: HoldId
    with_heir_id: HoldId
    state: HoldState
    replayed: bool


class NotSwappable(Conflict):
    """Two holds cannot exchange their demands: not the same goods, or one may yet run out.

    Attributes:
        hold_id: the one hold.
        with_hold_id: the other.
    """

    code = "not_swappable"

    def __init__(self, hold_id: UUID, with_hold_id: UUID) -> None:
        super().__init__(f"holds {hold_id} and {with_hold_id} cannot be exchanged")
        self.hold_id = hold_id
        self.with_hold_id = with_hold_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """A hold whose time had run out."""

    hold_id: HoldId
    site_id: SiteId
    sku_id: SkuId
    units: int
    demand_id: UUID


def reserve(session: Session, lines: Sequence[Reserve], *, now: datetime) -> list[Reserved]:
    """Set units aside, first come first served in the order of the lines.

    A refusal is an answer, and stays the answer to that hold id. Groups come in the order of
    their first lines.

    Raises:
        UnitsOutOfRange: a line asks for less than one unit or more than the ledger can count.
        IdReused: a hold id has been used before, for something else.
        NotFound: there is no such SKU, site or supply.
        Nothing has been changed then.
    """
    request = Request(lines)
    granted, free = _post(session, request, each=False, now=now)
    return [
        Reserved(hold_id=line.hold_id, granted=granted[at], free=free[at])
        for line, at in zip(lines, request.place, strict=True)
    ]


def reserve_each(
    session: Session, lines: Sequence[Reserve], *, now: datetime
) -> list[Reserved | WmsError]:
    """Set units aside; a line that is wrong is answered by its error, and its neighbours posted.

    The errors are those of `reserve`. A group with a wrong line is refused whole.
    """
    request = Request(lines)
    granted, free = _post(session, request, each=True, now=now)
    errors = request.errors
    return [
        Reserved(hold_id=line.hold_id, granted=granted[at], free=free[at])
        if number not in errors
        else errors[number]
        for number, (line, at) in enumerate(zip(request.lines, request.place, strict=True))
    ]


def extend(session: Session, lines: Sequence[Extend], *, now: datetime) -> list[Extended]:
    """Let holds that are HELD end at another time, all or none.

    Raises:
        WrongState: a hold is not HELD any more; one whose time has run out is EXPIRED.
        NotFound: there is no such hold.
        IdReused: a command id has been used before, for something else.
    """
    return _whole(_extend(session, lines, now, each=False))


def extend_each(
    session: Session, lines: Sequence[Extend], *, now: datetime
) -> list[Extended | WmsError]:
    """Like `extend`, but each line for itself: what is wrong with a line is its answer."""
    return _extend(session, lines, now, each=True)


def swap(session: Session, lines: Sequence[Swap], *, now: datetime) -> list[Swapped]:
    """Let two demands exchange what they hold of the same goods, all pairs or none.

    Both holds end as SWAPPED. Each demand goes on as an heir, a new hold, in the state and place
    of the other's; counters and pins stay as they are. So an urgent order gets the unit that is
    pinned already, and the one with time to spare waits in its stead.

    Raises:
        WrongState: a hold is picked already, or has ended.
        NotSwappable: they differ in SKU, owner, segment or units; or one may yet run out.
        NotFound: there is no such hold.
        IdReused: a command id has been used before for something else, or an heir's id at all.
    """
    return _whole(_swap(session, lines, now, each=False))


def swap_each(
    session: Session, lines: Sequence[Swap], *, now: datetime
) -> list[Swapped | WmsError]:
    """Like `swap`, but each pair for itself: what is wrong with a line is its answer."""
    return _swap(session, lines, now, each=True)


def reassign(
    session: Session, release: Sequence[Advance], take: Sequence[Reserve], *, now: datetime
) -> list[Reserved]:
    """Give holds up, then take others, with all balances of both locked once and first.

    What is released is released even if a group that follows is refused.

    Raises:
        WrongState: a hold cannot be released from where it is.
        NotFound, UnitsOutOfRange, IdReused: as for `advance` and `reserve`.
    """
    posting.lock(session, release, take)
    advance(session, release)
    return reserve(session, take, now=now)


def expire(session: Session, *, now: datetime, limit: int = 500) -> list[Expired]:
    """Tidy up: end the holds whose time has run out, the oldest first.

    Nothing depends on it: a reservation that lacks stock expires what is overdue by itself. Each
    expiry, whoever does it, is an event HoldExpired of topic "hold" in the outbox.
    """
    rows = session.execute(posting.EXPIRE, {"now": now, "limit": limit}).all()
    return [Expired(**row._asdict()) for row in rows]


def judge_lots(session: Session, *, now: datetime, limit: int = 500) -> int:
    """Tidy up: what is of lots whose last day is over counts as blocked. How many balances it was.

    No promise depends on it: a reservation judges what it asks for. What is shown does.
    """
    return int(session.scalar(_JUDGE, {"now": now, "limit": limit}) or 0)


def set_limits(
    session: Session,
    site_id: SiteId,
    sku: tuple[OwnerId, SkuId],
    *,
    safety: int,
    overdraft: int = 0,
) -> None:
    """Keep `safety` units of a SKU from being promised at a site; oversell up to `overdraft`."""
    limits = {"safety": safety, "overdraft": overdraft}
    session.execute(posting.LIMITS, {"site": site_id, "owner": sku[0], "sku": sku[1], **limits})


def keep_from(
    session: Session, site_id: SiteId, sku: tuple[OwnerId, SkuId], channel: str, *, keep: int
) -> None:
    """Of what is free of a SKU at a site, that channel may not have the last `keep` units."""
    place = {"site": site_id, "owner": sku[0], "sku": sku[1], "channel": channel}
    session.execute(_KEEP_FROM, {**place, "keep": keep})


def _extend(
    session: Session, lines: Sequence[Extend], now: datetime, *, each: bool
) -> list[Extended | WmsError]:
    answers: list[Extended | WmsError] = []
    for batch in posting.rounds(lines, lambda line: {line.command_id, line.hold_id}):
        for line, row in _rows(session, _EXTEND, batch, each=each, now=now):
            error = _fault(row, line.command_id, line.hold_id)
            answers.append(
                error
                or Extended(
                    command_id=line.command_id,
                    hold_id=line.hold_id,
                    expires_at=datetime.fromisoformat(row.state),
                    replayed=row.replayed,
                )
            )
    return answers


def _swap(
    session: Session, lines: Sequence[Swap], now: datetime, *, each: bool
) -> list[Swapped | WmsError]:
    answers: list[Swapped | WmsError] = []
    for batch in posting.rounds(lines, _names):
        for line, row in _rows(session, _SWAP, batch, each=each, now=now):
            error = (
                NotSwappable(line.hold_id, line.with_hold_id)
                if row.fault == "not_swappable"
                else _fault(row, line.command_id, line.hold_id)
            )
            answers.append(
                error
                or Swapped(
                    command_id=line.command_id,
                    heir_id=line.heir_id,
                    with_heir_id=line.with_heir_id,
                    state=row.state,
                    replayed=row.replayed,
                )
            )
    return answers


def _rows(
    session: Session, statement: TextClause, batch: Sequence[Line], *, each: bool, now: datetime
) -> list[tuple[Line, Any]]:
    """Each line with what the database says of it; or with one that is wrong, if not `each`."""
    body = posting.as_json(batch, without=("expires_at",))
    rows = session.execute(statement, {"lines": body, "each": each, "now": now}).all()
    return [(batch[row.ord], row) for row in sorted(rows, key=lambda row: row.ord)]


def _fault(row: Any, command: CommandId, hold: HoldId) -> WmsError | None:
    match row.fault:
        case None:
            return None
        case "not_found":
            return NotFound(f"hold {hold}")
        case "wrong_state":
            return WrongState(hold, state=row.state, to="something else")
        case _:
            assert row.fault == "id_reused", row.fault
            return IdReused(command)


def _whole(answers: Sequence[Answer | WmsError]) -> list[Answer]:
    """The answers, if nothing is wrong with any line; else the first fault is raised."""
    good: list[Answer] = []
    for answer in answers:
        if isinstance(answer, WmsError):
            raise answer
        good.append(answer)
    return good


def _names(line: Swap) -> set[UUID]:
    holds = {line.hold_id, line.with_hold_id, line.heir_id, line.with_heir_id}
    return holds | {line.command_id}


def _post(
    session: Session, request: Request, *, each: bool, now: datetime
) -> tuple[Sequence[bool], Sequence[int]]:
    """Post what can be posted; what is wrong is in the request's errors, or raised (not `each`)."""
    granted: Sequence[bool] = ()
    free: Sequence[int] = ()
    if request.sent and (each or not request.errors):
        values = (*request.columns(), each, now)
        granted, free, faults = session.connection().exec_driver_sql(_RESERVE, values).one()
        if faults is not None:
            request.take_faults(faults)
    if request.errors and not each:
        raise request.errors[min(request.errors)]
    return granted, free
