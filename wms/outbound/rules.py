"""Rules of the way out: what goes into one parcel, which carrier takes it, which station serves.

Weights are grams.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

PARCEL_WEIGHT_MAX_G = 20_000
COOL_WEIGHT_MAX_G = 15_000  # what the usual cooled service takes
TARE_G = 150
WEIGHT_TOLERANCE_G = 50
WEIGHT_TOLERANCE_PERCENT = 5
LIGHT_G = 600
HEAVY_G = 8_000
ISLANDS = frozenset({"北海道", "沖縄県"})
LANES: Mapping[str, str] = {
    "YAMATO": "L1",
    "SAGAWA": "L2",
    "YUPACK": "L3",
    "YAMATO-COOL": "L4",
    "SAGAWA-COOL": "L4",
    "YUPACK-COOL": "L4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Units of one allocation, to be packed."""

    allocation_id: UUID
    units: int
    unit_weight_g: int
    cool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What goes into one parcel."""

    contents: tuple[Packed, ...]
    weight_g: int
    cool: bool


def boxes(items: Sequence[Packed]) -> list[Box]:
    """Fill boxes in the order given, each up to its weight limit; cooled goods by themselves.

    A unit heavier than the limit has a box of its own.
    """
    filled: list[Box] = []
    for cool in (False, True):
        filled += _fill([item for item in items if item.cool == cool], cool=cool)
    return filled


def _fill(items: Sequence[Packed], *, cool: bool) -> list[Box]:
    filled: list[Box] = []
    contents: list[Packed] = []
    weight_g, weight_max_g = TARE_G, COOL_WEIGHT_MAX_G if cool else PARCEL_WEIGHT_MAX_G
    for item in items:
        left, unit_g = item.units, max(1, item.unit_weight_g)
        while left:
            room = (weight_max_g - weight_g) // unit_g
            if room < 1 and contents:
                filled.append(Box(contents=tuple(contents), weight_g=weight_g, cool=cool))
                contents, weight_g = [], TARE_G
                continue
            put = max(1, min(left, room))
            contents.append(
                Packed(allocation_id=item.allocation_id, units=put, unit_weight_g=unit_g, cool=cool)
            )
            left -= put
            weight_g += put * unit_g
    if contents:
        filled.append(Box(contents=tuple(contents), weight_g=weight_g, cool=cool))
    return filled


def weight_differs(expected_g: int, weighed_g: int) -> bool:
    """Whether a parcel cannot be what it should be: paper and tape, and goods that vary, pass."""
    most_g = max(WEIGHT_TOLERANCE_G, expected_g * WEIGHT_TOLERANCE_PERCENT // 100)
    return abs(weighed_g - expected_g) > most_g


def lane_of(service: str) -> str:
    """The sorter's lane of a service; one that nobody has given a lane goes with the usual."""
    return LANES.get(service, LANES["YAMATO"])


def carrier_service(weight_g: int, prefecture: str, *, cool: bool) -> str:
    """The carrier's service for a parcel: cooled, by sea or air, light, heavy, or the usual."""
    if cool:
        return "YAMATO-COOL"
    if prefecture in ISLANDS or weight_g <= LIGHT_G:
        return "YUPACK"
    return "SAGAWA" if weight_g >= HEAVY_G else "YAMATO"


def station_for(open_totes: Mapping[str, int], capacity: Mapping[str, int]) -> str | None:
    """The station with the most room, the first of equals; None if all are full."""
    room = {name: most - open_totes.get(name, 0) for name, most in capacity.items()}
    name = max(room, key=lambda each: (room[each], [-ord(c) for c in each]), default=None)
    return name if name is not None and room[name] > 0 else None
