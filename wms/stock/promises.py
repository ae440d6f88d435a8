"""Promises: units set aside for a demand, first come first served, and never more than there are.

    reserve    units of a SKU at a site are set aside for a demand: a hold
    reassign   holds are given up and others taken, at once: sourcing
    expire     holds whose time has run out end

Each call takes many lines and is one posting, like those of the ledger: it locks the balances it
touches in the order of their keys, decides, and writes. It never commits. A hold's id is the
client's key: sent again it answers as it did the first time, for ever.
Make one posting call a transaction; two may deadlock (`Database.run` starts over then).

Units are base units of the SKU. `now` judges expiry.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import IdReused
from wms.ids import HoldId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.faults import check_units
from wms.stock.ledger import Advance, advance

HoldKind: TypeAlias = Literal["CART", "CLICK_RESERVE", "COLLECT", "ORDER", "TRANSFER", "ROBOT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Set units aside. Lines of the same group are granted together or not at all."""

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
    """
    if not lines:
        return []
    asked = [posting.asked(line, without=("expires_at", "group_id")) for line in lines]
    first: dict[tuple[SiteId, HoldId], UUID] = {}
    for line, mark in zip(lines, asked, strict=True):
        check_units(line.hold_id, line.units)
        if first.setdefault((line.site_id, line.hold_id), mark) != mark:
            raise IdReused(line.hold_id)
    columns = {name: [getattr(line, name) for line in lines] for name in posting.RESERVE_COLUMNS}
    rows = session.execute(posting.RESERVE, {**columns, "asked": asked, "now": now}).all()
    for row in rows:
        if row.fault is not None:
            raise IdReused(lines[row.ord - 1].hold_id)
    return [
        Reserved(hold_id=line.hold_id, granted=row.granted, free=row.free)
        for line, row in zip(lines, rows, strict=True)
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
