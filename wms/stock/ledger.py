"""The stock ledger: the only code that writes stock.

    advance    a hold goes one step: allocated, pinned to a place, picked, packed, shipped ...
    move       units go from one place to another without a hold: receiving, counts, returns

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
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy.orm import Session

from wms.errors import WmsError
from wms.ids import CommandId, HandlingUnitId, HoldId, LocationId, OwnerId, SiteId, SkuId
from wms.stock import posting
from wms.stock.faults import WrongLocation, WrongState, check_units, raise_fault
from wms.stock.posting import rounds

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
            check_units(line.command_id, line.units)
    posting.lock(session, lines, ())
    answers: list[Advanced] = []
    for batch in rounds(lines, lambda line: {line.hold_id, line.rest_hold_id, line.command_id}):
        body = posting.as_json(batch, without=("occurred_at",))
        for row in session.execute(posting.ADVANCE, {"lines": body}).all():
            line = batch[row.ord]
            if row.fault == "wrong_state":
                raise WrongState(line.hold_id, state=row.state, to=line.to)
            raise_fault(row, line.hold_id if row.fault == "not_found" else line.command_id)
            answers.append(
                Advanced(
                    command_id=line.command_id,
                    hold_id=line.hold_id,
                    state=row.state,
                    replayed=row.replayed,
                )
            )
    return answers


def advance_each(session: Session, lines: Sequence[Advance]) -> list[Advanced | WmsError]:
    """As `advance`, but what is wrong with a line is the answer to it, and harms no other."""
    return posting.by_halves(session, lines, advance)


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
        check_units(line.command_id, line.units)
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
            raise_fault(row, line.sku_id if row.fault == "not_found" else line.command_id)
            answers.append(Moved(command_id=line.command_id, replayed=row.replayed))
    return answers


def move_each(session: Session, lines: Sequence[Move]) -> list[Moved | WmsError]:
    """As `move`, but what is wrong with a line is the answer to it, and harms no other."""
    return posting.by_halves(session, lines, move)
