"""Handling units go elsewhere with all that is in them: received, to quarantine, on their way.

    move_unit(session, [MoveUnit(unit_id=pallet, to_location_id=quarantine, ...)])

Where the goods stay in the same state (from shelf to shelf, from dock to dock) only the unit's own
row changes. Else all goods in it, and in the units inside it, are posted, in the same transaction.
A unit moved by itself is in no other unit any more. Goods that holds have pinned, picked or packed
change their state with their holds only: then the move is refused, whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from wms.ids import CommandId, HandlingUnitId, LocationId, SiteId
from wms.stock import posting
from wms.stock.faults import fault_of
from wms.stock.ledger import Moved


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveUnit:
    """A unit goes to another place of its site; with `to_condition` its goods change on the way."""

    command_id: CommandId
    site_id: SiteId
    unit_id: HandlingUnitId
    to_location_id: LocationId
    to_condition: str | None = None
    cause_kind: str
    cause_id: UUID
    actor: str
    reason: str = ""
    occurred_at: datetime


def move_unit(session: Session, lines: Sequence[MoveUnit]) -> list[Moved]:
    """Move units with all that is in them, all lines or none.

    Raises:
        NotFound: there is no such unit at that site.
        WrongLocation: the place is not of that site.
        NotEnoughStock: goods in it are promised, pinned or held: they go with their holds.
        UnitInsideItself: a line names a unit that is in the unit of another line.
        IdReused: a command id has been used before, for something else.
    """
    answers: list[Moved] = []
    for batch in posting.rounds(lines, lambda line: {line.command_id, line.unit_id}):
        body = posting.as_json(batch, without=("occurred_at",))
        for row in session.execute(posting.MOVE_UNIT, {"lines": body}).all():
            line = batch[row.ord]
            if fault := fault_of(
                row, line.unit_id if row.fault == "not_found" else line.command_id
            ):
                raise fault
            answers.append(Moved(command_id=line.command_id, replayed=row.replayed))
    order = {line.command_id: place for place, line in enumerate(lines)}
    return sorted(answers, key=lambda moved: order[moved.command_id])
