"""The one view of stock over several cells: each cell's part, and the time that it speaks of.

    seen = availability(cells, ["CUP"], now=now);   seen.stock.skus[0].total;   seen.away

Every cell answers for its own sites at the same time as the others; nothing is copied and nothing
is cached. So each site carries the moment of its cell (`as_of`), the whole that of the oldest, and
a cell that is away is named instead of guessed at. To promise is another thing: that is a hold.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from wms.cells import CellAway, Cells
from wms.sites import site_id
from wms.stock import network
from wms.stock.network import SELLS, WHOLE, AtSite, Availability, Figures, OfSku, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The stock of the cells that answered, and those that did not, with the problem."""

    stock: Availability
    away: Mapping[str, str]


def availability(cells: Cells, skus: Sequence[str], scope: Scope = WHOLE, *, now: datetime) -> Seen:
    """These SKUs in all states over all cells, in that part of the network.

    Raises:
        CellAway: no cell answers.
    """

    def read(session: Session) -> Availability:
        named = network.named_skus(session, skus, scope.owner_id)
        known = [named[code] for code in skus if code in named]
        return network.availability(session, known, scope, now=now)

    found = cells.each(read)
    there = {name: part for name, part in found.items() if isinstance(part, Availability)}
    away = {name: str(part) for name, part in found.items() if isinstance(part, CellAway)}
    if not there:
        raise next(part for part in found.values() if isinstance(part, CellAway))
    parts = [_own(cells, name, part) for name, part in there.items()]
    codes = [code for code in skus if any(code in part for part in parts)]
    stock = Availability(
        as_of=min(part.as_of for part in there.values()),
        age_s=max(part.age_s for part in there.values()),
        skus=[_together([part[code] for part in parts if code in part]) for code in codes],
    )
    return Seen(stock=stock, away=away)


def _own(cells: Cells, name: str, part: Availability) -> dict[str, OfSku]:
    """What a cell says of its own sites; of others it may keep what was moved away."""
    own: dict[str, OfSku] = {}
    for of_sku in part.skus:
        sites = {
            code: at for code, at in of_sku.sites.items() if cells.of(site_id(code)).name == name
        }
        own[of_sku.sku] = OfSku(
            sku=of_sku.sku,
            name_en=of_sku.name_en,
            name_ja=of_sku.name_ja,
            total=_sum(list(sites.values())),
            sites=sites,
        )
    return own


def _together(parts: Sequence[OfSku]) -> OfSku:
    sites: dict[str, AtSite] = {}
    for part in parts:
        sites |= part.sites
    first = parts[0]
    return OfSku(
        sku=first.sku,
        name_en=first.name_en,
        name_ja=first.name_ja,
        total=_sum(list(sites.values())),
        sites=dict(sorted(sites.items())),
    )


def _sum(figures: Sequence[Figures]) -> Figures:
    """A channel that a part does not name has all that is free there."""
    units: Counter[str] = Counter()
    segments: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    named = {channel for part in figures for channel in part.channels}
    for part in figures:
        units.update(part.units)
        segments.update(part.segments)
        free = part.segments.get(SELLS, 0)
        channels.update({channel: part.channels.get(channel, free) for channel in named})
    return Figures(
        units=dict(units),
        segments=dict(segments),
        channels=dict(sorted(channels.items())),
        overdue=sum(part.overdue for part in figures),
    )
