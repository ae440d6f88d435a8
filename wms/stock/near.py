"""Find in store: the nearest places that have enough of a SKU, with the age of the figure.

Distances are great-circle metres on a sphere of the earth's mean radius: right within 0.6 %, which
is less than any way along streets is longer. A site without coordinates (0, 0) comes last and has
no distance. What is free is what the channel may have; a reservation alone promises it.

Source: R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984); IUGG mean radius.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Double, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from wms.sites import SiteKind
from wms.stock.network import SELLS, WHOLE, Named, Scope, moment

FEW = 3  # fewer would be left than that
RADIUS_M = 6_371_009
Stock: TypeAlias = Literal["in_stock", "few_left", "none"]

_NEAR = text(
    "SELECT n.site, n.kind, n.name_en, n.name_ja, n.prefecture, n.latitude, n.longitude,"
    " cast(round(n.metres) AS bigint) AS distance_m, n.free FROM ("
    "  SELECT s.code AS site, s.kind, s.name_en, s.name_ja, s.prefecture, s.latitude, s.longitude,"
    "   CASE WHEN s.latitude <> 0 OR s.longitude <> 0 THEN 2 * :radius * asin(least(1, sqrt("
    "    sin(radians(s.latitude - :latitude) / 2) ^ 2 + cos(radians(:latitude))"
    "    * cos(radians(s.latitude)) * sin(radians(s.longitude - :longitude) / 2) ^ 2))) END"
    "   AS metres,"
    "   cast(coalesce(sum(b.sellable - b.blocked - b.reserved - b.allocated - b.safety"
    "    - coalesce(c.keep, 0)), 0) AS bigint) AS free"
    " FROM site s LEFT JOIN stock_balance b ON b.site_id = s.id AND b.segment = :segment"
    "   AND b.sku_id = :sku AND (CAST(:owner AS uuid) IS NULL OR b.owner_id = :owner)"
    "  LEFT JOIN channel_buffer c ON c.site_id = b.site_id AND c.owner_id = b.owner_id"
    "   AND c.sku_id = b.sku_id AND c.channel = :channel"
    "  WHERE s.kind = ANY(:kinds) GROUP BY s.id) AS n"
    " WHERE n.free >= :least ORDER BY n.metres NULLS LAST, n.site LIMIT :limit"
).bindparams(
    bindparam("sku", type_=Uuid()),
    bindparam("owner", type_=Uuid()),
    bindparam("channel", type_=Text()),
    bindparam("segment", SELLS, type_=Text()),
    bindparam("kinds", type_=ARRAY(Text())),
    *(bindparam(name, type_=Double()) for name in ("latitude", "longitude", "radius")),
)
ANY_UNITS = -(2**62)  # places that have none are wanted too


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """What is wanted: so many units of a SKU near a point, at sites of these kinds."""

    sku: Named
    latitude: float
    longitude: float
    units: int = 1
    kinds: Sequence[SiteKind] = ("STORE",)
    also_none: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site, how far it is, whether it has enough, and how old that figure is."""

    site: str
    kind: str
    name_en: str
    name_ja: str
    prefecture: str
    latitude: float
    longitude: float
    distance_m: int | None
    free: int
    stock: Stock
    as_of: datetime
    age_s: int


def find_in_store(
    session: Session, near: Near, scope: Scope = WHOLE, *, now: datetime, limit: int = 10
) -> list[Place]:
    """The nearest places, nearest first: those that have enough, or all."""
    at = moment(session, now=now)
    rows = session.execute(
        _NEAR,
        {
            "sku": near.sku.id,
            "owner": scope.owner_id,
            "channel": scope.channel,
            "kinds": list(near.kinds),
            "latitude": near.latitude,
            "longitude": near.longitude,
            "radius": RADIUS_M,
            "least": ANY_UNITS if near.also_none else near.units,
            "limit": limit,
        },
    )
    return [
        Place(**row._asdict(), stock=in_words(row.free, near.units), as_of=at.as_of, age_s=at.age_s)
        for row in rows
    ]


def in_words(free: int, units: int) -> Stock:
    """Whether so many units are there, and whether only just."""
    if free < units:
        return "none"
    return "few_left" if free - units < FEW else "in_stock"
