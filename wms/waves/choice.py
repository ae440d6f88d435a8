"""Choice: which orders a dense wave is of, and from which aisles; as it was found, and is kept.

It is found beside the floor (wms.waves.dense, in the worker) and kept with the wave. What has
gone elsewhere since is left out when the wave is released; what has become urgent since joins it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

Aisle: TypeAlias = tuple[str, int]  # zone and number


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Which orders, from which aisles; and how good that is known to be.

    Attributes:
        urgent: how many of the orders were not chosen but had to be.
        units_an_aisle, in_turn: of this wave, and of one of as many units that goes in turn.
        gap: the share by which a better wave might be denser; none where nothing was chosen.
    """

    orders: frozenset[UUID]
    aisles: frozenset[Aisle]
    urgent: int
    units_an_aisle: float
    in_turn: float
    gap: float | None

    def facts(self) -> dict[str, Any]:
        """For the forecast that is kept."""
        return {
            "aisles": len(self.aisles),
            "urgent": self.urgent,
            "units_an_aisle": round(self.units_an_aisle, 2),
            "in_turn": round(self.in_turn, 2),
            "gap": None if self.gap is None else round(self.gap, 4),
        }

    def kept(self) -> dict[str, Any]:
        """As JSON has it."""
        return self.facts() | {
            "orders": sorted(str(each) for each in self.orders),
            "from": sorted(self.aisles),
        }


def dense_from(kept: Mapping[str, Any]) -> Dense:
    """What was `kept`."""
    return Dense(
        orders=frozenset(UUID(each) for each in kept["orders"]),
        aisles=frozenset((zone, number) for zone, number in kept["from"]),
        urgent=kept["urgent"],
        units_an_aisle=kept["units_an_aisle"],
        in_turn=kept["in_turn"],
        gap=kept["gap"],
    )
