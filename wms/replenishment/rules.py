"""Rules of replenishment: whether to order, how much, and what a site can spare.

    position = free + on its way + proposed
    MINMAX   below `low`                 up to `high`
    SS       at `low` or below           up to `high`   (s = low, S = high)

Quantities are whole packs: as many as fit under `high`, but one at least.
Rates are units a day.

Source: Axsäter, Inventory Control, 3rd ed., 2015, chapter 3.1 (continuous review, (s, S)).
"""

from math import ceil
from typing import Literal

PolicyKind = Literal["MINMAX", "SS"]

TARGET_DAYS = 14  # a site with less than that of what it sells needs some
KEEP_DAYS = 28  # a site with more than that of what it sells can spare some
MOVE_MINOR = 50  # what it costs to pick, pack and receive a unit
KM_MINOR = 0.2  # and to carry it a kilometre
WORTH_MINOR = 600  # what it is worth to have a unit where it will be sold
UNITS_MIN = 2  # fewer are not worth a box


def units_to_order(
    kind: PolicyKind, low: int, high: int, pack_units: int, *, position: int
) -> int:  # fmt: skip
    """How many units to ask for; 0: enough is there or on its way."""
    is_low = position < low if kind == "MINMAX" else position <= low
    if not is_low or position >= high:
        return 0
    return max(1, (high - position) // pack_units) * pack_units


def units_to_send(wanted: int, spare: int, pack_units: int) -> int:
    """How many of them the source can give, in whole packs."""
    return min(wanted, max(0, spare) // pack_units * pack_units)


def need_of(rate: float, position: int) -> int:
    """How many units a site lacks for the days that it should have stock for."""
    return max(0, ceil(rate * TARGET_DAYS) - position)


def surplus_of(rate: float, free: int, low: int = 0) -> int:
    """How many units a site has too many; never so that it falls below its own `low`."""
    return max(0, free - max(ceil(rate * KEEP_DAYS), low))


def move_cost(distance_km: float) -> int:
    """What it costs to move one unit."""
    return MOVE_MINOR + round(KM_MINOR * distance_km)
