"""Binding: which place units are taken from, decided as late as can be (物理引当). Pure.

Places that may not be used fall away: an expired lot, a lot with too little of its life left (the
third that shops ask for, 賞味期限の1/3), another zone. Of those left, the rules are asked in turn;
each sees only places that were equal before it:

    FEFO        what expires first (no expiry: last)
    FULL_PACK   whole packs from the reserve, loose units from a place to pick from
    WHOLE       a place that has all; else the one that has most
    ROBOT       what robots bring before what people walk to
    FEW_TOTES   the totes that together serve the release (wms.outbound.few_totes)
    EMPTY_BIN   the place of which least is left
    CLOSEST     the way of the walk: turn, aisle, bay
    (code)      so that it is always the same one

Units are base units; shares of a life are thousandths.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeAlias
from uuid import UUID

Rule: TypeAlias = Literal[
    "FEFO", "FULL_PACK", "WHOLE", "ROBOT", "FEW_TOTES", "EMPTY_BIN", "CLOSEST"
]  # fmt: skip
Key: TypeAlias = tuple[UUID, UUID, UUID | None, str]  # SKU, place, tote, lot
THIRD = 333


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The rules in their turn; `min_life` of a lot must be left; only these zones (none: all)."""

    rules: tuple[Rule, ...] = ("FEFO", "WHOLE", "ROBOT", "EMPTY_BIN", "CLOSEST")
    min_life: int = 0
    zones: tuple[str, ...] = ()


DEFAULT = Binding()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Units of a SKU that may be taken from a place."""

    key: Key
    code: str
    zone: str
    kind: str
    units: int
    way: tuple[int, int, int] = (0, 0, 0)
    expires_on: date | None = None
    life_days: int | None = None
    pack_units: int = 1
    is_chosen: bool = False  # its tote is one of the few


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Take so many units from there."""

    spot: Spot
    units: int


Judge: TypeAlias = Callable[[Spot, int, int], Any]  # (spot, left there, wanted): least is best


def _full_pack(spot: Spot, left: int, wanted: int) -> bool:
    in_reserve = spot.kind == "RESERVE"
    if spot.pack_units > 1 and wanted >= spot.pack_units:
        return not (in_reserve and left >= spot.pack_units)
    return in_reserve


RULES: Mapping[Rule, Judge] = {
    "FEFO": lambda spot, _left, _wanted: spot.expires_on or date.max,
    "FULL_PACK": _full_pack,
    "WHOLE": lambda _spot, left, wanted: (left < wanted, -left if left < wanted else 0),
    "ROBOT": lambda spot, _left, _wanted: spot.zone != "ROBOT",
    "FEW_TOTES": lambda spot, _left, _wanted: not spot.is_chosen,
    "EMPTY_BIN": lambda _spot, left, _wanted: left,
    "CLOSEST": lambda spot, _left, _wanted: spot.way,
}


def is_fit(spot: Spot, binding: Binding, today: date) -> bool:
    """Whether units from there may be sent to that customer at all."""
    if binding.zones and spot.zone not in binding.zones:
        return False
    if spot.expires_on is None:
        return True
    left = (spot.expires_on - today).days
    if left < 0:
        return False
    return not spot.life_days or left * 1000 >= binding.min_life * spot.life_days


def choose(
    wanted: int, spots: Sequence[Spot], left: Mapping[Key, int], binding: Binding, today: date
) -> Choice | None:
    """The place to take from, and how many units of those wanted; None: there is none."""
    able = [spot for spot in spots if left[spot.key] > 0 and is_fit(spot, binding, today)]
    if not able:
        return None

    def rank(spot: Spot) -> tuple[Any, ...]:
        there = left[spot.key]
        return (*(RULES[rule](spot, there, wanted) for rule in binding.rules), spot.code, spot.key)

    spot = min(able, key=rank)
    units = min(wanted, left[spot.key])
    whole = units // spot.pack_units * spot.pack_units
    if "FULL_PACK" in binding.rules and spot.kind == "RESERVE" and whole:
        units = whole
    return Choice(spot=spot, units=units)
