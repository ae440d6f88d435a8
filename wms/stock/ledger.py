"""The stock ledger: the only code that writes stock.

    advance    a hold goes one step: allocated, pinned to a place, picked, packed, shipped ...
    move       units go from one place to another without a hold: receiving, counts, returns

    ..._each   the same for lines of many callers: a line that is wrong fails by itself

Each call takes many lines and is one posting: it locks the balances it touches in the order of
their keys, decides, and writes all or nothing. It never commits. Every line carries an id made by
the caller and has its effect once, for ever: sent again it answers as it did the first time.
Roll back what a call that raises was part of. Make one posting call a transaction; two may deadlock
(`Database.run` starts over then, so it is slow, not wrong).

Units are base units of the SKU. `now` judges expiry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import WmsError
from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.faults import UNITS_MAX, UnitsOutOfRange, WrongLocation, WrongState, fault_of
from wms.stock.posting import Answer, rounds

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Take a hold one step further, all its units or some.

    With fewer `units` than it has, the rest becomes a hold of its own, `rest_hold_id`, in
    `rest_state` (SAME: where the hold was, as when a hold is packed into two parcels).
    `location_id` is, for PINNED, the place that the units will be taken from, and
    for later states the place that they go to (else the site's own for that state).

    PINNED takes the `lot` named, else the one there that expires first. Of goods with serials
    `serials` says which are PICKED, and which go when a hold is parted; they stay with the hold.
    `weight_g` is what the units of goods by weight were found to weigh.
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
    lot: str | None = None
    serials: tuple[str, ...] = ()
    weight_g: int | None = None
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
    `to_condition` it changes on the way. Goods kept by lot name theirs when they come in from
    outside; goods with serials name them on every move, one a unit; goods by weight are weighed
    when they come in, and afterwards may be: else they weigh their share of what was there.
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
    serials: tuple[str, ...] = ()
    weight_g: int | None = None
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


def advance(session: Session, lines: Sequence[Advance]) -> list[Advanced]:
    """Take holds one step further.

    Raises:
        NotFound: no such hold at that site.
        WrongState: the hold cannot go there from where it is; a hold whose time has run out is
            EXPIRED, whether somebody has tidied up or not.
        NotEnoughStock: PINNED, but fewer units stand free at that place.
        WrongLocation: the place is not of that site, or not fit for that state.
        UnitsOutOfRange: more units than the hold has, or fewer than one, or fewer than all and
            no id for the rest.
        LotBlocked, LotExpired: PINNED, but what stands there may not be sold.
        SerialMissing, SerialUnknown, SerialElsewhere, SerialDuplicate, SerialUnwanted: the
            serials named are not those that go.
        WeightUnwanted: a weight, of goods that are not kept by weight.
        IdReused: a command id has been used before, for something else.
    """
    return whole(_advance(session, lines, each=False))


def advance_each(session: Session, lines: Sequence[Advance]) -> list[Advanced | WmsError]:
    """As `advance`, but what is wrong with a line is the answer to it, and harms no other."""
    return posting.by_halves(session, lines, lambda s, some: _advance(s, some, each=True))


def move(session: Session, lines: Sequence[Move]) -> list[Moved]:
    """Move units from place to place.

    Raises:
        NotFound: there is no such SKU of that owner.
        NotEnoughStock: fewer units are there, or the rest is promised.
        WrongLocation: a place is not of that site, or the goods are there already.
        UnitsOutOfRange: less than one unit or more than the ledger can count.
        LotMissing, LotUnwanted, SerialMissing, SerialUnwanted, SerialUnknown, SerialElsewhere,
            SerialDuplicate, WeightMissing, WeightUnwanted: see `Move`.
        IdReused: a command id has been used before, for something else.
    """
    return whole(_move(session, lines, each=False))


def move_each(session: Session, lines: Sequence[Move]) -> list[Moved | WmsError]:
    """As `move`, but what is wrong with a line is the answer to it, and harms no other."""
    return posting.by_halves(session, lines, lambda s, some: _move(s, some, each=True))


def whole(answers: Sequence[Answer | WmsError]) -> list[Answer]:
    """The answers, if nothing is wrong with any line; else the first fault is raised."""
    good: list[Answer] = []
    for answer in answers:
        if isinstance(answer, WmsError):
            raise answer
        good.append(answer)
    return good


def _advance(
    session: Session, lines: Sequence[Advance], *, each: bool
) -> list[Advanced | WmsError]:
    answers: dict[CommandId, Advanced | WmsError] = {}
    batches = list(rounds(lines, _ids_of_advance))
    if len(batches) > 1:
        posting.lock(session, lines, ())
    said: list[Advanced | WmsError] = []
    for batch in batches:
        answers = {
            line.command_id: UnitsOutOfRange(line.command_id, line.units)
            for line in batch
            if line.units is not None and not 1 <= line.units <= UNITS_MAX
        }
        if answers and not each:
            return list(answers.values())
        good = [line for line in batch if line.command_id not in answers]
        body = posting.as_json(good, without=("occurred_at",))
        for row in session.execute(posting.ADVANCE, {"lines": body, "each": each}).all():
            answers[good[row.ord].command_id] = _advanced(good[row.ord], row)
            if row.fault and not each:
                return [answers[good[row.ord].command_id]]
        said += [answers[line.command_id] for line in batch]
    return said


def _ids_of_advance(line: Advance) -> set[Any]:
    return {line.hold_id, line.rest_hold_id, line.command_id, *line.serials}


def _advanced(line: Advance, row: Any) -> Advanced | WmsError:
    if row.fault == "wrong_state":
        return WrongState(line.hold_id, state=row.state, to=line.to)
    fault = fault_of(row, line.hold_id if row.fault == "not_found" else line.command_id)
    return fault or Advanced(
        command_id=line.command_id,
        hold_id=line.hold_id,
        state=row.state,
        replayed=row.replayed,
    )


def _move(session: Session, lines: Sequence[Move], *, each: bool) -> list[Moved | WmsError]:
    said: list[Moved | WmsError] = []
    for batch in rounds(lines, lambda line: {line.command_id, *line.serials}):
        answers: dict[CommandId, Moved | WmsError] = {
            line.command_id: fault for line in batch if (fault := _wrong(line))
        }
        if answers and not each:
            return list(answers.values())
        good = [
            replace(line, to_condition=line.to_condition or line.condition)
            for line in batch
            if line.command_id not in answers
        ]
        body = posting.as_json(
            good, without=("occurred_at",), from_unit_id=posting.NIL, to_unit_id=posting.NIL
        )
        for row in session.execute(posting.MOVE, {"lines": body, "each": each}).all():
            line = good[row.ord]
            fault = fault_of(row, line.sku_id if row.fault == "not_found" else line.command_id)
            if fault and not each:
                return [fault]
            moved = Moved(command_id=line.command_id, replayed=row.replayed)
            answers[line.command_id] = fault or moved
        said += [answers[line.command_id] for line in batch]
    return said


def _wrong(line: Move) -> WmsError | None:
    if not 1 <= line.units <= UNITS_MAX:
        return UnitsOutOfRange(line.command_id, line.units)
    there = (line.to_location_id, line.to_unit_id, line.to_condition or line.condition)
    if (line.from_location_id, line.from_unit_id, line.condition) == there:
        return WrongLocation(line.command_id)
    return None
