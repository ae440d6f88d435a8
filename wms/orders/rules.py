"""Rules of promising: where a line is held before anybody has thought about it properly.

The nearest site that has all of it; else the nearest sites that have it together; else nothing:
a line that the whole network cannot fill whole is back-ordered whole, so that the little there
is goes to somebody whose line it does fill.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from math import asin, cos, radians, sin, sqrt
from uuid import UUID

EARTH_RADIUS_KM = 6371.0


def distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The great-circle distance of two places given as (latitude, longitude) in degrees."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, place)) for place in (one, other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def spread(
    units: int, sites: Sequence[UUID], free: MutableMapping[UUID, int]
) -> Mapping[UUID, int]:
    """How many units to hold at which site; empty if the sites cannot fill it whole.

    Args:
        units: wanted.
        sites: nearest first.
        free: units free by site; what is granted is taken off.
    """
    for site in sites:
        if free.get(site, 0) >= units:
            free[site] -= units
            return {site: units}
    if sum(max(0, free.get(site, 0)) for site in sites) < units:
        return {}
    shares: dict[UUID, int] = {}
    for site in sorted(sites, key=lambda site: -free.get(site, 0)):
        share = min(units - sum(shares.values()), max(0, free.get(site, 0)))
        if share:
            shares[site] = share
            free[site] -= share
    return shares
