"""Promises: units set aside for a demand, first come first served, and never more than there are.

    reserve        units of a SKU at a site are set aside for a demand: a hold; or an error
    reserve_each   the same for lines of many callers: a line that is wrong fails by itself
    reassign       holds are given up and others taken, at once: sourcing
    expire         holds whose time has run out end
    set_limits     what is kept from being promised, and how much may be oversold
    keep_from      what one channel may not have of what is free

Each call takes many lines and is one posting, like those of the ledger: it locks the balances it
touches in the order of their keys, decides, and writes. It never commits. A hold's id is the
client's key: sent again it answers as it did the first time, for ever.
Make one posting call a transaction; two may deadlock (`Database.run` starts over then).

With `supply_id` a line takes from what is still to come (a purchase order, a transfer under way)
and from no stock; see `wms.stock.incoming` for what happens when it has come.

Units are base units of the SKU. `now` judges expiry where the connection's clock is given;
elsewhere the database's own time does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import WmsError
from wms.ids import HoldId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.ledger import Advance, advance
from wms.stock.request import Request

HoldKind: TypeAlias = Literal["CART", "CLICK_RESERVE", "COLLECT", "ORDER", "TRANSFER", "ROBOT"]

_RESERVE = (
    "SELECT granted, free, fault FROM stock_reserve(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s, %s, %s, %s, %s, %s, %s)"
)


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
