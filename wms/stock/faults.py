"""What can be wrong with a line of a posting: the faults of the stock functions, as errors.

Each names the line by its id and carries what was wanted and what there was.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from wms.errors import Conflict, IdReused, NotFound, Rejected, WmsError

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


class _OfLine(WmsError):  # noqa: N818 - reads as a situation, as all of them
    """What is wrong with one line, known by its id."""

    def __init__(self, id: UUID) -> None:  # noqa: A002 - it is the id
        super().__init__(str(id))
        self.id = id


class LotMissing(_OfLine, Rejected):
    """Goods of this SKU come in by lot, and none is named."""

    code = "lot_missing"


class LotUnwanted(_OfLine, Rejected):
    """A lot is named, and this SKU is not kept by lot."""

    code = "lot_unwanted"


class LotBlocked(_OfLine, Conflict):
    """What stands there is of a lot that nobody may have."""

    code = "lot_blocked"


class LotExpired(_OfLine, Conflict):
    """What stands there is past its day."""

    code = "lot_expired"


class SerialMissing(_OfLine, Rejected):
    """As many serial numbers must be named as there are units; they are not."""

    code = "serial_missing"


class SerialUnwanted(_OfLine, Rejected):
    """Serial numbers are named, and this SKU has none."""

    code = "serial_unwanted"


class SerialUnknown(_OfLine, Conflict):
    """A serial number that is nowhere at this site."""

    code = "serial_unknown"


class SerialElsewhere(_OfLine, Conflict):
    """A serial number that stands at another place, or belongs to another hold."""

    code = "serial_elsewhere"


class SerialDuplicate(_OfLine, Conflict):
    """A serial number comes in that is here already, or is named twice."""

    code = "serial_duplicate"


class WeightMissing(_OfLine, Rejected):
    """Goods of this SKU are weighed when they come in, and no weight is given."""

    code = "weight_missing"


class WeightUnwanted(_OfLine, Rejected):
    """A weight is given, and this SKU is not kept by weight."""

    code = "weight_unwanted"


class UnitInsideItself(_OfLine, Rejected):
    """A handling unit would be in itself, or go two ways at once."""

    code = "unit_inside_itself"


_OF_LINE: dict[str, Callable[[UUID], WmsError]] = {
    "not_found": lambda id_: NotFound(str(id_)),
    "wrong_location": WrongLocation,
    "id_reused": IdReused,
} | {
    error.code: error
    for error in (
        LotMissing,
        LotUnwanted,
        LotBlocked,
        LotExpired,
        SerialMissing,
        SerialUnwanted,
        SerialUnknown,
        SerialElsewhere,
        SerialDuplicate,
        WeightMissing,
        WeightUnwanted,
        UnitInsideItself,
    )
}


def check_units(id_: UUID, units: int) -> None:
    """A quantity of goods is a whole number that the ledger can count."""
    if not 1 <= units <= UNITS_MAX:
        raise UnitsOutOfRange(id_, units)


def fault_of(row: Any, id_: UUID) -> WmsError | None:
    """As an error what a posting function says in words; None if all is well."""
    code = row.fault
    if code is None:
        return None
    if code == "not_enough_stock":
        return NotEnoughStock(id_, wanted=row.wanted, free=row.free)
    if code == "units_out_of_range":
        return UnitsOutOfRange(id_, row.wanted)
    return _OF_LINE[code](id_)
