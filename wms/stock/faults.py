"""What can be wrong with a line of a posting: the faults of the stock functions, as errors.

Each names the line by its id and carries what was wanted and what there was.
"""

from typing import Any
from uuid import UUID

from wms.errors import Conflict, IdReused, NotFound, Rejected

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


def check_units(id_: UUID, units: int) -> None:
    """A quantity of goods is a whole number that the ledger can count."""
    if not 1 <= units <= UNITS_MAX:
        raise UnitsOutOfRange(id_, units)


def raise_fault(row: Any, id_: UUID) -> None:
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
