"""Rules of promising: where a line is held before anybody has thought about it properly.

The nearest site that has all of it; else the nearest sites that have it together; else nothing:
a line that the whole network cannot fill whole is back-ordered whole, so that the little there
is goes to somebody whose line it does fill. Who waits for the rest gets the little at once.

    split ANY          units of a line may come from several sites
    split WHOLE_LINES  each line from one
    split ONE_SITE     all lines from one
"""

from collections.abc import Hashable, Mapping, MutableMapping, Sequence
from math import asin, cos, radians, sin, sqrt
from typing import TypeVar
from uuid import UUID

Wanted = TypeVar("Wanted", bound=Hashable)

EARTH_RADIUS_KM = 6371.0
HELD_AS = {
    "DELIVERY": "ORDER",
    "COLLECT": "COLLECT",
    "RESERVE": "CLICK_RESERVE",
    "TRANSFER": "TRANSFER",
}
HELD_AT = ("DC", "FC", "STORE")  # kinds of sites that orders are filled from
# kinds of sites that an order may go to
FIT: Mapping[str, tuple[str, ...]] = {
    "COLLECT": ("STORE", "LOCKER"),
    "RESERVE": ("STORE",),
    "TRANSFER": HELD_AT,
}


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance of two places given as (latitude, longitude) in degrees."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, place)) for place in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def spread(
    units: int, sites: Sequence[UUID], free: MutableMapping[UUID, int], *, partly: bool = False
) -> Mapping[UUID, int]:
    """How many units to hold at which site; empty if the sites cannot fill it whole.

    Args:
        units: wanted.
        sites: nearest first.
        free: units free by site; what is granted is taken off.
        partly: rather some than none.
    """
    for site in sites:
        if free.get(site, 0) >= units:
            free[site] -= units
            return {site: units}
    if not partly and sum(max(0, free.get(site, 0)) for site in sites) < units:
        return {}
    shares: dict[UUID, int] = {}
    for site in sorted(sites, key=lambda site: -free.get(site, 0)):
        share = min(units - sum(shares.values()), max(0, free.get(site, 0)))
        if share:
            shares[site] = share
            free[site] -= share
    return shares


def share_out(
    wanted: Mapping[Wanted, tuple[UUID, int]],
    sites: Sequence[UUID],
    free: Mapping[UUID, MutableMapping[UUID, int]],
    split: str,
    *,
    partly: bool = False,
) -> dict[Wanted, Mapping[UUID, int]]:
    """What to hold where, for all lines of an order.

    Args:
        wanted: SKU and units by line.
        sites: nearest first.
        free: units free by SKU and site; what is granted is taken off.
        split: how far the order may be parted.
        partly: a line that cannot be filled takes what there is (only with split ANY).
    """
    if split == "ONE_SITE":
        for site in sites:
            if _all_at(site, wanted, free):
                sites = (site,)
                break
        else:
            return {}
    shares: dict[Wanted, Mapping[UUID, int]] = {}
    for line, (sku, units) in wanted.items():
        there = free.get(sku, {})
        if split == "ANY":
            found = spread(units, sites, there, partly=partly)
        else:
            able = [site for site in sites if there.get(site, 0) >= units][:1]
            found = spread(units, able, there)
        if found:
            shares[line] = found
    return shares


def _all_at(
    site: UUID,
    wanted: Mapping[Wanted, tuple[UUID, int]],
    free: Mapping[UUID, MutableMapping[UUID, int]],
) -> bool:
    needed: dict[UUID, int] = {}
    for sku, units in wanted.values():
        needed[sku] = needed.get(sku, 0) + units
    return all(free.get(sku, {}).get(site, 0) >= units for sku, units in needed.items())
