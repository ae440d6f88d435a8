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

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import IdReused, NotFound, WmsError
from wms.ids import HoldId, OwnerId, SiteId, SkuId
from wms.stock import columns, posting
from wms.stock.faults import UNITS_MAX, UnitsOutOfRange
from wms.stock.ledger import Advance, advance

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
    request = _Request(lines)
    for error in request.errors.values():
        raise error
    answers = request.post(session, each=False, now=now)
    for answer in answers:
        if isinstance(answer, WmsError):
            raise answer
    return [answer for answer in answers if isinstance(answer, Reserved)]


def reserve_each(
    session: Session, lines: Sequence[Reserve], *, now: datetime
) -> list[Reserved | WmsError]:
    """Set units aside; a line that is wrong is answered by its error, and its neighbours posted.

    The errors are those of `reserve`. A group with a wrong line is refused whole.
    """
    return _Request(lines).post(session, each=True, now=now)


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


@dataclass(slots=True)
class _Request:
    """Lines on their way to stock_reserve: each balance named once, each hold id once."""

    lines: Sequence[Reserve]
    errors: dict[int, WmsError] = field(default_factory=dict)  # by the line's place
    sent: list[Reserve] = field(default_factory=list)
    place: list[int] = field(default_factory=list)  # of each line among those sent; else -1
    asked: list[str] = field(default_factory=list)  # of those sent
    balance: list[int] = field(default_factory=list)
    balances: dict[tuple[Any, ...], int] = field(default_factory=dict)
    party: list[int] | None = None
    refused: list[int] | None = None

    def __post_init__(self) -> None:
        known: dict[tuple[int, int], int] = {}
        for number, line in enumerate(self.lines):
            if not 1 <= line.units <= UNITS_MAX:
                self.errors[number] = UnitsOutOfRange(line.hold_id, line.units)
                self.place.append(-1)
                continue
            key = line.site_id.int, line.hold_id.int
            asked = _asked(line)
            at = known.setdefault(key, len(self.sent))
            if at < len(self.sent):
                if self.asked[at] != asked:
                    self.errors[number] = IdReused(line.hold_id)
                    at = -1
                self.place.append(at)
                continue
            self.place.append(at)
            self.sent.append(line)
            self.asked.append(asked)
            segment_of = key[0], line.owner_id.int, line.sku_id.int, line.segment, line.supply_id
            self.balance.append(self.balances.setdefault(segment_of, len(self.balances) + 1))
        if any(line.group_id is not None for line in self.sent):
            self._form_parties()

    def _form_parties(self) -> None:
        """A party is known by the place of its first line; one with a wrong line is refused."""
        first: dict[UUID, int] = {}
        self.party = [
            at if line.group_id is None else first.setdefault(line.group_id, at)
            for at, line in enumerate(self.sent, 1)
        ]
        wrong = {self.lines[number].group_id for number in self.errors}
        self.refused = [at for group, at in first.items() if group in wrong] or None

    def post(self, session: Session, *, each: bool, now: datetime) -> list[Reserved | WmsError]:
        """Post and answer each line; without `each` a fault means that nothing was posted."""
        granted: Sequence[bool] = ()
        free: Sequence[int] = ()
        faults: Sequence[str | None] | None = None
        if self.sent:
            connection = session.connection()
            row = connection.exec_driver_sql(_RESERVE, (*self._columns(), each, now)).one()
            granted, free, faults = row
        if faults is not None:
            for number, at in enumerate(self.place):
                if at >= 0 and (fault := faults[at]) is not None:
                    line = self.lines[number]
                    self.errors[number] = (
                        IdReused(line.hold_id)
                        if fault == "id_reused"
                        else NotFound(f"SKU {line.sku_id}, site {line.site_id} or supply")
                    )
            if not each:
                return [self.errors[number] for number in sorted(self.errors)]
        errors = self.errors
        return [
            Reserved(hold_id=line.hold_id, granted=granted[at], free=free[at])
            if number not in errors
            else errors[number]
            for number, (line, at) in enumerate(zip(self.lines, self.place, strict=True))
        ]

    def _columns(self) -> tuple[object, ...]:
        sent = self.sent
        one_each = [sent[at] for at in self._first_lines()]
        return (
            columns.uuids([line.site_id for line in one_each]),
            columns.uuids([line.owner_id for line in one_each]),
            columns.uuids([line.sku_id for line in one_each]),
            columns.texts([line.segment for line in one_each]),
            columns.some_uuids([line.supply_id for line in one_each]),
            columns.integers(self.balance),
            columns.uuids([line.hold_id for line in sent]),
            columns.integers([line.units for line in sent]),
            columns.texts([line.kind for line in sent]),
            columns.texts([line.state for line in sent]),
            columns.uuids([line.demand_id for line in sent]),
            "{" + ",".join(self.asked) + "}",
            columns.some_texts([line.channel for line in sent]),
            columns.some_uuids([line.group_id for line in sent]),
            None if self.party is None else columns.integers(self.party),
            columns.some_times([line.expires_at for line in sent]),
            None if self.refused is None else columns.integers(self.refused),
        )

    def _first_lines(self) -> list[int]:
        """Of each balance the first line that names it."""
        first: list[int] = []
        for at, balance in enumerate(self.balance):
            if balance > len(first):
                first.append(at)
        return first


def _asked(line: Reserve) -> str:
    """A hash of what a line asks for; when it ends and with whom it comes are no part of it."""
    said = (
        f"{line.hold_id.int:x} {line.site_id.int:x} {line.owner_id.int:x} {line.sku_id.int:x}"
        f" {line.units} {line.kind} {line.state} {line.demand_id.int:x} {line.supply_id}"
        f" {line.segment}\0{line.channel}"
    )
    return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
