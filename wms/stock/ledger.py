"""The stock ledger: the only code that writes stock.

    reserve    units of a SKU at a site are set aside for a demand: a hold
    advance    a hold goes one step: allocated, pinned to a place, picked, packed, shipped ...
    move       units go from one place to another without a hold: receiving, counts, returns
    reassign   holds are given up and others taken, at once: sourcing

Each call takes many lines and is one posting: it locks the balances it touches in the order of
their keys, decides, and writes all or nothing. It never commits. Every line carries an id made by
the caller and has its effect once, for ever: sent again it answers as it did the first time.
A call that raises has changed nothing. Make one posting call a transaction; two may deadlock
(`Database.run` starts over then, so it is slow, not wrong).

Units are base units of the SKU. `now` judges expiry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound, Rejected
from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.posting import rounds

HoldKind: TypeAlias = Literal["CART", "CLICK_RESERVE", "COLLECT", "ORDER", "TRANSFER", "ROBOT"]
HoldState: TypeAlias = Literal[
    "HELD",
    "ALLOCATED",
    "PINNED",
    "PICKED",
    "PACKED",
    "SHIPPED",
    "DELIVERED",
    "RELEASED",
    "EXPIRED",
    "SHORT",
    "SWAPPED",
]
RestState: TypeAlias = Literal["ALLOCATED", "SHORT", "RELEASED", "SAME"]

UNITS_MAX = 2**31 - 1


class NotEnoughStock(Conflict):
    """More was wanted than is there and free. Another place, or another time, may do.

    Attributes:
        id: the line in question (its hold or command id).
        wanted: units asked for.
        free: units that were free at that moment.
    """

    code = "not_enough_stock"

    def __init__(self, id: UUID, *, wanted: int, free: int) -> None:  # noqa: A002 - it is the id
        super().__init__(f"{id}: wanted {wanted}, free {free}")
        self.id = id
        self.wanted = wanted
        self.free = free


class WrongState(Conflict):
    """A hold cannot go from the state that it is in to the state that was asked for.

    Attributes:
        hold_id: the hold.
        state: where it is.
        to: where it was to go.
    """

    code = "wrong_state"

    def __init__(self, hold_id: UUID, *, state: str, to: str) -> None:
        super().__init__(f"hold {hold_id} is {state}, cannot become {to}")
        self.hold_id = hold_id
        self.state = state
        self.to = to


class WrongLocation(Rejected):
    """That place is not of this site, or not of a kind where this can happen.

    Attributes:
        id: the line in question (its command id).
    """

    code = "wrong_location"

    def __init__(self, id: UUID) -> None:  # noqa: A002 - it is the id
        super().__init__(str(id))
        self.id = id


class UnitsOutOfRange(Rejected):
    """A quantity of goods is a whole number from 1 to 2^31 - 1, and no more than its hold has.

    Attributes:
        id: the line in question (its hold or command id).
        units: what was asked for.
    """

    code = "units_out_of_range"

    def __init__(self, id: UUID, units: int) -> None:  # noqa: A002 - it is the id
        super().__init__(f"{id}: {units} units")
        self.id = id
        self.units = units


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
class Advance:
    """Take a hold one step further, all its units or some.

    With fewer `units` than it has, the rest becomes a hold of its own, `rest_hold_id`, in
    `rest_state` (SAME: where the hold was, as when a hold is packed into two parcels).
    `location_id` is, for PINNED, the place that the units will be taken from, and
    for later states the place that they go to (else the site's own for that state).
    """

    command_id: CommandId
    site_id: SiteId
    hold_id: HoldId
    to: HoldState
    units: int | None = None
    rest_hold_id: HoldId | None = None
    rest_state: RestState = "ALLOCATED"
    location_id: LocationId | None = None
    handling_unit_id: HandlingUnitId | None = None
    actor: str
    reason: str = ""
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """The answer to an Advance; `replayed` if it had been done before."""

    command_id: CommandId
    hold_id: HoldId
    state: HoldState
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Units go from one place of a site to another, in or out of a handling unit.

    `condition` is A (good), D (damaged: never sellable) or a grade of one's own between; with
    `to_condition` it changes on the way.
    """

    command_id: CommandId
    site_id: SiteId
    owner_id: OwnerId
    sku_id: SkuId
    units: int
    from_location_id: LocationId
    to_location_id: LocationId
    from_unit_id: HandlingUnitId | None = None
    to_unit_id: HandlingUnitId | None = None
    lot: str = ""
    condition: str = "A"
    to_condition: str | None = None
    cause_kind: str
    cause_id: UUID
    actor: str
    reason: str = ""
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The answer to a Move; `replayed` if it had been done before."""

    command_id: CommandId
    replayed: bool


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
        _check_units(line.hold_id, line.units)
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


def advance(session: Session, lines: Sequence[Advance]) -> list[Advanced]:
    """Take holds one step further.

    Raises:
        NotFound: no such hold at that site.
        WrongState: the hold cannot go there from where it is.
        NotEnoughStock: PINNED, but fewer units stand free at that place.
        WrongLocation: the place is not of that site, or not fit for that state.
        UnitsOutOfRange: more units than the hold has, or fewer than one, or fewer than all and
            no id for the rest.
        IdReused: a command id has been used before, for something else.
    """
    if not lines:
        return []
    for line in lines:
        if line.units is not None:
            _check_units(line.command_id, line.units)
    _lock(session, lines, ())
    answers: list[Advanced] = []
    for batch in rounds(lines, lambda line: {line.hold_id, line.rest_hold_id, line.command_id}):
        body = posting.as_json(batch, without=("occurred_at",))
        for row in session.execute(posting.ADVANCE, {"lines": body}).all():
            line = batch[row.ord]
            if row.fault == "wrong_state":
                raise WrongState(line.hold_id, state=row.state, to=line.to)
            _raise_fault(row, line.hold_id if row.fault == "not_found" else line.command_id)
            answers.append(
                Advanced(
                    command_id=line.command_id,
                    hold_id=line.hold_id,
                    state=row.state,
                    replayed=row.replayed,
                )
            )
    return answers


def move(session: Session, lines: Sequence[Move]) -> list[Moved]:
    """Move units from place to place.

    Raises:
        NotFound: there is no such SKU of that owner.
        NotEnoughStock: fewer units are there, or the rest is promised.
        WrongLocation: a place is not of that site, or the goods are there already.
        UnitsOutOfRange: less than one unit or more than the ledger can count.
        IdReused: a command id has been used before, for something else.
    """
    for line in lines:
        _check_units(line.command_id, line.units)
        there = (line.to_location_id, line.to_unit_id, line.to_condition or line.condition)
        if (line.from_location_id, line.from_unit_id, line.condition) == there:
            raise WrongLocation(line.command_id)
    answers: list[Moved] = []
    for batch in rounds(lines, lambda line: {line.command_id}):
        filled = [replace(line, to_condition=line.to_condition or line.condition) for line in batch]
        body = posting.as_json(
            filled, without=("occurred_at",), from_unit_id=posting.NIL, to_unit_id=posting.NIL
        )
        for row in session.execute(posting.MOVE, {"lines": body}).all():
            line = batch[row.ord]
            _raise_fault(row, line.sku_id if row.fault == "not_found" else line.command_id)
            answers.append(Moved(command_id=line.command_id, replayed=row.replayed))
    return answers


def reassign(
    session: Session, release: Sequence[Advance], take: Sequence[Reserve], *, now: datetime
) -> list[Reserved]:
    """Give holds up, then take others, with all balances of both locked once and first.

    What is released is released even if a group that follows is refused.

    Raises:
        WrongState: a hold cannot be released from where it is.
        NotFound, UnitsOutOfRange, IdReused: as for `advance` and `reserve`.
    """
    _lock(session, release, take)
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


def _lock(session: Session, holds: Sequence[Advance], keys: Sequence[Reserve]) -> None:
    session.execute(
        posting.LOCK,
        {
            "holds": posting.as_json(holds),
            "sites": [line.site_id for line in keys],
            "owners": [line.owner_id for line in keys],
            "skus": [line.sku_id for line in keys],
        },
    )


def _check_units(id_: UUID, units: int) -> None:
    if not 1 <= units <= UNITS_MAX:
        raise UnitsOutOfRange(id_, units)


def _raise_fault(row: Any, id_: UUID) -> None:
    """Say as an error what a posting function says in words."""
    match row.fault:
        case None:
            return
        case "not_found":
            raise NotFound(str(id_))
        case "not_enough_stock":
            raise NotEnoughStock(id_, wanted=row.wanted, free=row.free)
        case "wrong_location":
            raise WrongLocation(id_)
        case "units_out_of_range":
            raise UnitsOutOfRange(id_, row.wanted)
        case "id_reused":
            raise IdReused(id_)
        case _:
            raise AssertionError(row.fault)
