"""The one view of stock: SKUs over all sites, in all states, and their sums over the network.

    availability(session, [sku, …], Scope(), now=now) -> Availability

It reads the balances of these SKUs by index and adds up nothing else, whatever has moved in the
past: one row a site, owner and segment. Reads lock nothing and may be a moment old; what is shown
as free is promised only by a reservation.

    free          = sellable - blocked - reserved - allocated - safety, of segment A; below zero
                    where goods that were promised, or are to be kept, are not there
    channels      free for a channel that may not have all: less what is kept for the others
    overdue       units of holds whose time has run out and that nobody has ended yet: they count
                    as reserved, and a reservation may have them
    sums          of the figures of the sites, so that they can be checked by adding

`as_of` is the moment that the figures are true for, by the database's own clock; `age_s` how long
ago that was: 0 on the database itself, more on a replica. Units are base units.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.catalog import HOUSE_OWNER_ID
from wms.ids import OwnerId, SkuId
from wms.reach import sees_owner
from wms.stock.availability import STATES

SELLS = "A"  # the segment that is sold when none is named
FREE = "b.sellable - b.blocked - b.reserved - b.allocated - b.safety"

_MOMENT = text(
    "SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_xact_replay_timestamp(), n.now)"
    " ELSE n.now END AS as_of, n.now FROM (SELECT stock_now(:now) AS now) AS n"
).bindparams(bindparam("now", type_=DateTime(timezone=True)))
_SKUS = text(
    "SELECT id, code, name_en, name_ja FROM sku WHERE owner_id = :owner AND code = ANY(:codes)"
).bindparams(bindparam("owner", type_=Uuid()), bindparam("codes", type_=ARRAY(Text())))
_BALANCES = text(
    f"SELECT b.sku_id, s.code AS site, s.kind, b.segment, {FREE} AS free, b.overdraft,"  # noqa: S608 - names of ours
    f" {', '.join(f'b.{state}' for state in STATES)},"
    " (SELECT coalesce(sum(h.units), 0) FROM hold h WHERE h.site_id = b.site_id"
    "   AND h.owner_id = b.owner_id AND h.sku_id = b.sku_id AND h.segment = b.segment"
    "   AND h.state = 'HELD' AND h.expires_at <= :as_of AND h.supply_id IS NULL) AS overdue,"
    " (SELECT jsonb_object_agg(c.channel, c.keep) FROM channel_buffer c"
    "   WHERE c.site_id = b.site_id AND c.owner_id = b.owner_id AND c.sku_id = b.sku_id"
    f"  AND b.segment = '{SELLS}') AS keeps"
    " FROM stock_balance b JOIN site s ON s.id = b.site_id WHERE b.sku_id = ANY(:skus)"
    " AND (CAST(:sites AS text[]) IS NULL OR s.code = ANY(:sites))"
    " AND (CAST(:owner AS uuid) IS NULL OR b.owner_id = :owner)"
    " ORDER BY b.sku_id, s.code, b.owner_id, b.segment"
).bindparams(
    bindparam("as_of", type_=DateTime(timezone=True)),
    bindparam("skus", type_=ARRAY(Uuid())),
    bindparam("sites", type_=ARRAY(Text())),
    bindparam("owner", type_=Uuid()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What part of the network is meant: sites by code, an owner, a channel; or all of it."""

    sites: tuple[str, ...] | None = None
    owner_id: OwnerId | None = None
    channel: str = ""


WHOLE = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When figures are true for, and how long ago that was, in whole seconds."""

    as_of: datetime
    age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A SKU and what people call it."""

    id: SkuId
    code: str
    name_en: str
    name_ja: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Units by state, `free` among them; what is free by segment, and of segment A by channel."""

    units: Mapping[str, int]
    segments: Mapping[str, int]
    channels: Mapping[str, int]
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AtSite(Figures):
    """The figures of one site, and the moment they are true for: each cell has its own."""

    kind: str
    as_of: datetime
    age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSku:
    """A SKU over the network, and by the code of the site."""

    sku: str
    name_en: str
    name_ja: str
    total: Figures
    sites: Mapping[str, AtSite]


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """SKUs in the order in which they were asked for."""

    as_of: datetime
    age_s: int
    skus: Sequence[OfSku]


def moment(session: Session, *, now: datetime) -> Moment:
    """The moment that what is read from here on is at least true for."""
    as_of, present = session.execute(_MOMENT, {"now": now}).one()
    return Moment(as_of=as_of, age_s=max(0, int((present - as_of).total_seconds())))


def named_skus(
    session: Session, codes: Iterable[str], owner_id: OwnerId | None = None
) -> dict[str, Named]:
    """Those of the codes that there are in the owner's range, the house's by default."""
    owner = owner_id or HOUSE_OWNER_ID
    if not sees_owner(owner):
        return {}
    rows = session.execute(_SKUS, {"owner": owner, "codes": list(dict.fromkeys(codes))})
    return {row.code: Named(**row._asdict()) for row in rows}


def availability(
    session: Session, skus: Sequence[Named], scope: Scope = WHOLE, *, now: datetime
) -> Availability:
    """These SKUs in all states, in that part of the network.

    What is free is told for each channel that is kept from some units anywhere, and for the one
    asked for.
    """
    at = moment(session, now=now)
    rows = session.execute(
        _BALANCES,
        {
            "as_of": at.as_of,
            "skus": [sku.id for sku in skus],
            "sites": None if scope.sites is None else list(scope.sites),
            "owner": scope.owner_id,
        },
    ).all()
    by_sku: dict[UUID, list[Any]] = {}
    for row in rows:
        by_sku.setdefault(row.sku_id, []).append(row)
    told = {channel for row in rows for channel in row.keeps or ()} | {scope.channel} - {""}
    return Availability(
        as_of=at.as_of,
        age_s=at.age_s,
        skus=[_of_sku(sku, by_sku.get(sku.id, []), sorted(told), at) for sku in skus],
    )


def _of_sku(sku: Named, rows: list[Any], channels: list[str], at: Moment) -> OfSku:
    of_site: dict[str, list[Any]] = {}
    for row in rows:
        of_site.setdefault(row.site, []).append(row)
    return OfSku(
        sku=sku.code,
        name_en=sku.name_en,
        name_ja=sku.name_ja,
        total=Figures(**_figures(rows, channels)),
        sites={
            code: AtSite(
                **_figures(here, channels), kind=here[0].kind, as_of=at.as_of, age_s=at.age_s
            )
            for code, here in of_site.items()
        },
    )


def _figures(rows: list[Any], channels: list[str]) -> dict[str, Any]:
    units = dict.fromkeys((*STATES, "overdraft"), 0)
    segments: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    overdue = 0
    for row in rows:
        for state in units:
            units[state] += getattr(row, state)
        segments[row.segment] += row.free
        overdue += int(row.overdue)
        kept.update(row.keeps or {})
    free = segments[SELLS]
    return {
        "units": units | {"free": free},
        "segments": dict(segments),
        "channels": {channel: free - kept[channel] for channel in channels},
        "overdue": overdue,
    }
