"""Rules of transfers: how long they take, and what a count at the dock means.

Our own vans go at night: under a hundred kilometres a transfer is there the next day, then a day
more for every six hundred. One time in ten it takes a day longer than that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

NEAR_KM = 100.0
KM_A_DAY = 600.0
SLACK = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eta:
    """By when half the time, and by when nine times of ten."""

    p50: datetime
    p90: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Units of an allocation, as they were packed."""

    allocation_id: UUID
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What became of them: `received` are good; the three add up to what was sent.

    `surplus` is what nobody sent.
    """

    allocation_id: UUID
    received: int
    damaged: int
    short: int
    surplus: int = 0


def eta(distance_km: float, leaves_at: datetime) -> Eta:
    """When goods arrive that leave then."""
    days = 1 + max(0, ceil((distance_km - NEAR_KM) / KM_A_DAY))
    p50 = leaves_at + timedelta(days=days)
    return Eta(p50=p50, p90=p50 + SLACK)


def share_count(sent: Sequence[Sent], *, found: int, damaged: bool = False) -> list[Came]:
    """Give what was counted of a SKU to its allocations, the first first.

    Args:
        sent: the allocations of that SKU in the parcel.
        found: good units.
        damaged: whether the rest is there, but broken; else it is missing.
    """
    left = found
    came: list[Came] = []
    for each in sent:
        received = min(each.units, left)
        left -= received
        rest = each.units - received
        came.append(
            Came(
                allocation_id=each.allocation_id,
                received=received,
                damaged=rest if damaged else 0,
                short=0 if damaged else rest,
            )
        )
    if left and came:
        last = came[-1]
        came[-1] = Came(
            allocation_id=last.allocation_id,
            received=last.received,
            damaged=last.damaged,
            short=last.short,
            surplus=left,
        )
    return came
