"""Sites and the places in them: where goods can be, and what being there means.

Every state that goods can be in is a kind of place, so that stock is counted by adding up
places. A place's `counter` says which counter of the stock balance its goods are part of; the
database derives it from kind and lane. `outside` places (SUPPLIER, CUSTOMER, ADJUST) are the rest
of the world: their stock runs below zero, and so all stock adds up to nothing.

Each site has one virtual place for each state that needs no address: `virtual_location`. Their
codes begin with "@". Ids are derived from codes, as for SKUs. Lengths are millimetres.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.bulk import upsert
from wms.database import Base
from wms.ids import LocationId, SiteId, derive

_SITES = UUID("00000000-0000-7000-8000-000000000002")  # the name space of site codes

SiteKind: TypeAlias = Literal["DC", "FC", "STORE", "LOCKER", "CARRIER"]
Dispatch: TypeAlias = Literal["HUB", "CARRIER"]  # who takes a site's parcels to customers
LocationKind: TypeAlias = Literal[
    "SUPPLIER", "EXPECTED_RETURN", "DOCK_IN", "QUALITY", "RESERVE", "PICK_FACE", "TOTE", "CART",
    "PUT_WALL", "PACK", "DOCK_OUT", "LANE", "BACKROOM", "SALES_FLOOR", "PICKUP_SHELF",
    "LOCKER_CELL", "CUSTOMER", "RETURNS_BENCH", "QUARANTINE", "REFURBISH", "SCRAP", "LOST",
    "ADJUST", "NETWORK", "UNKNOWN",
]  # fmt: skip
Lane: TypeAlias = Literal[
    "TO_CUSTOMER", "TO_STORE", "TO_LOCKER", "STORE_TO_DC", "DC_TO_DC", "FROM_SUPPLIER",
    "FROM_CUSTOMER",
]  # fmt: skip
Mix: TypeAlias = Literal["ANY", "ONE_SKU", "ONE_LOT"]  # what may lie together in one place
Virtual: TypeAlias = Literal[
    "SUPPLIER", "CUSTOMER", "ADJUST", "NETWORK", "UNKNOWN", "LOST", "SCRAP", "DOCK_IN", "UNITS",
    "TOTE", "PACK", "DOCK_OUT", "LANE", "LANE_STORE", "LANE_LOCKER", "LANE_STORE_DC",
    "LANE_DC_DC", "LANE_IN", "LANE_RETURN", "EXPECTED_RETURN", "RETURNS_BENCH", "QUARANTINE",
    "REFURBISH",
]  # fmt: skip

# What the counter of a place is; the database says the same, and a test compares the two.
COUNTERS: dict[str, str] = {
    "SUPPLIER": "outside", "CUSTOMER": "outside", "ADJUST": "outside",
    "NETWORK": "outside", "DOCK_IN": "received", "EXPECTED_RETURN": "return_requested",
    "QUALITY": "quarantine", "RETURNS_BENCH": "return_received", "QUARANTINE": "quarantine",
    "REFURBISH": "damaged", "SCRAP": "none", "LOST": "lost", "UNKNOWN": "unknown",
    "RESERVE": "sellable", "PICK_FACE": "sellable", "BACKROOM": "sellable",
    "SALES_FLOOR": "sellable",
    "TOTE": "picked", "CART": "picked", "PUT_WALL": "picked",
    "PACK": "packed", "DOCK_OUT": "packed", "PICKUP_SHELF": "packed", "LOCKER_CELL": "packed",
}  # fmt: skip
LANE_COUNTERS = {
    "FROM_SUPPLIER": "expected", "FROM_CUSTOMER": "return_in_transit",
    "TO_CUSTOMER": "to_customer", "TO_STORE": "to_store", "TO_LOCKER": "to_locker",
    "STORE_TO_DC": "store_to_dc", "DC_TO_DC": "dc_to_dc",
}  # fmt: skip

_VIRTUAL: dict[Virtual, tuple[LocationKind, Lane | None]] = {
    "SUPPLIER": ("SUPPLIER", None),
    "CUSTOMER": ("CUSTOMER", None),
    "ADJUST": ("ADJUST", None),
    "NETWORK": ("NETWORK", None),  # another site of ours has it
    "UNKNOWN": ("UNKNOWN", None),
    "LOST": ("LOST", None),
    "SCRAP": ("SCRAP", None),
    "DOCK_IN": ("DOCK_IN", None),
    "UNITS": ("PICK_FACE", None),  # what is in a tote or pallet: the unit itself has the place
    "TOTE": ("TOTE", None),
    "PACK": ("PACK", None),
    "DOCK_OUT": ("DOCK_OUT", None),
    "LANE": ("LANE", "TO_CUSTOMER"),
    "LANE_STORE": ("LANE", "TO_STORE"),
    "LANE_LOCKER": ("LANE", "TO_LOCKER"),
    "LANE_STORE_DC": ("LANE", "STORE_TO_DC"),
    "LANE_DC_DC": ("LANE", "DC_TO_DC"),
    "LANE_IN": ("LANE", "FROM_SUPPLIER"),
    "LANE_RETURN": ("LANE", "FROM_CUSTOMER"),
    "EXPECTED_RETURN": ("EXPECTED_RETURN", None),
    "RETURNS_BENCH": ("RETURNS_BENCH", None),
    "QUARANTINE": ("QUARANTINE", None),
    "REFURBISH": ("REFURBISH", None),
}


class Site(Base):
    """A warehouse, a store, a bank of lockers.

    `dispatch` says how its parcels come to customers: over the hub (HUB), or handed to the
    carrier at the site itself (CARRIER). `cross_bays` are the bays behind which one can walk across
    to the next aisle, beside front and back, with blanks between them ("10 20").
    """

    __tablename__ = "site"
    __table_args__ = (
        CheckConstraint("kind IN ('DC', 'FC', 'STORE', 'LOCKER', 'CARRIER')", name="kind"),
        CheckConstraint("dispatch IN ('HUB', 'CARRIER')", name="dispatch"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name_en: Mapped[str]
    name_ja: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="Asia/Tokyo")
    prefecture: Mapped[str] = mapped_column(server_default="")
    latitude: Mapped[float] = mapped_column(server_default="0")
    longitude: Mapped[float] = mapped_column(server_default="0")
    units_per_day: Mapped[int] = mapped_column(server_default="1000000")
    dispatch: Mapped[str] = mapped_column(server_default="HUB")
    cross_bays: Mapped[str] = mapped_column(server_default="")


class Location(Base):
    """A place in a site.

    What may lie there: `temperature` (empty: what its goods need), classes of `dangerous_goods`
    with a blank between them (empty: none), `mix` of SKUs or lots, and limits of units, weight and
    height (None: no limit). `blocked` says why nothing is to be put there or taken from there now.
    `label_epoch` counts how often its label was printed anew (check_digits), `pick_seq` is its turn
    in a walk that somebody laid down.
    """

    __tablename__ = "location"
    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        CheckConstraint("(kind = 'LANE') = (lane IS NOT NULL)", name="lane"),
        CheckConstraint("counter IS NOT NULL", name="kind"),
        CheckConstraint("mix IN ('ANY', 'ONE_SKU', 'ONE_LOT')", name="mix"),
        CheckConstraint("temperature IN ('', 'AMBIENT', 'COOL', 'FROZEN')", name="temperature"),
        CheckConstraint("max_units > 0 AND max_weight_g > 0 AND max_height_mm > 0", name="limits"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    kind: Mapped[str]
    lane: Mapped[str | None]
    zone: Mapped[str] = mapped_column(server_default="")
    aisle: Mapped[int | None]
    bay: Mapped[int | None]
    x_mm: Mapped[int] = mapped_column(server_default="0")
    y_mm: Mapped[int] = mapped_column(server_default="0")
    z_mm: Mapped[int] = mapped_column(server_default="0")
    pick_seq: Mapped[int] = mapped_column(server_default="0")
    label_epoch: Mapped[int] = mapped_column(server_default="0")
    storage_type: Mapped[str] = mapped_column(server_default="")
    temperature: Mapped[str] = mapped_column(server_default="")
    dangerous_goods: Mapped[str] = mapped_column(server_default="")
    mix: Mapped[str] = mapped_column(server_default="ANY")
    max_units: Mapped[int | None]
    max_weight_g: Mapped[int | None]
    max_height_mm: Mapped[int | None]
    blocked: Mapped[str] = mapped_column(server_default="")
    counter: Mapped[str] = mapped_column(Computed("location_counter(kind, lane)", persisted=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """A site as master data bring it."""

    code: str
    kind: SiteKind
    name_en: str
    name_ja: str = ""
    time_zone: str = "Asia/Tokyo"
    prefecture: str = ""
    latitude: float = 0.0
    longitude: float = 0.0
    units_per_day: int = 1_000_000
    dispatch: Dispatch = "HUB"
    cross_bays: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRecord:
    """A place as master data bring it. `zone` is "ROBOT", "SHELF" or a name of the site's own."""

    code: str
    kind: LocationKind
    lane: Lane | None = None
    zone: str = ""
    aisle: int | None = None
    bay: int | None = None
    x_mm: int = 0
    y_mm: int = 0
    z_mm: int = 0
    pick_seq: int = 0
    storage_type: str = ""
    temperature: Literal["", "AMBIENT", "COOL", "FROZEN"] = ""
    dangerous_goods: str = ""
    mix: Mix = "ANY"
    max_units: int | None = None
    max_weight_g: int | None = None
    max_height_mm: int | None = None


def check_digits(location: UUID, epoch: int) -> str:
    """Two digits that stand on a place's label: said or typed instead of scanning it.

    A label that is printed anew has others (`epoch`), so that nobody works by heart.
    """
    return f"{derive(location, 'check', str(epoch)).int % 100:02d}"


def site_id(code: str) -> SiteId:
    """The id of the site with that code."""
    return SiteId(derive(_SITES, code))


def location_id(site: SiteId, code: str) -> LocationId:
    """The id of the place with that code at that site."""
    return LocationId(derive(site, "location", code))


def virtual_location(site: SiteId, name: Virtual) -> LocationId:
    """The one place of that site for a state that needs no address."""
    return location_id(site, f"@{name}")


def save_sites(session: Session, records: Sequence[SiteRecord]) -> list[SiteId]:
    """Make or change sites, known by code, each with its virtual places."""
    rows = {record.code: _row(record, id=site_id(record.code)) for record in records}
    for row in rows.values():
        row["name_ja"] = row["name_ja"] or row["name_en"]
    upsert(session, Site, [rows[code] for code in sorted(rows)], ["id"])
    virtual = [
        LocationRecord(code=f"@{name}", kind=kind, lane=lane, zone="VIRTUAL")
        for name, (kind, lane) in _VIRTUAL.items()
    ]
    for code in sorted(rows):
        save_locations(session, site_id(code), virtual)
    return [site_id(record.code) for record in records]


def save_locations(
    session: Session, site: SiteId, records: Sequence[LocationRecord]
) -> list[LocationId]:
    """Make or change places of a site, known by code."""
    rows = {
        record.code: _row(record, site_id=site, id=location_id(site, record.code))
        for record in records
    }
    upsert(session, Location, [rows[code] for code in sorted(rows)], ["site_id", "id"])
    return [location_id(site, record.code) for record in records]


def sites_by_code(session: Session, codes: Iterable[str] | None = None) -> dict[str, Site]:
    """All sites, or those of the codes that there are."""
    query = select(Site).order_by(Site.code)
    if codes is not None:
        query = query.where(Site.code.in_(set(codes)))
    return {site.code: site for site in session.scalars(query)}


def locations_by_code(session: Session, site: SiteId, codes: Iterable[str]) -> dict[str, Location]:
    """Those of the codes that there are at that site, with their places."""
    query = select(Location).where(Location.site_id == site, Location.code.in_(set(codes)))
    return {location.code: location for location in session.scalars(query)}


def _row(record: SiteRecord | LocationRecord, **ids: UUID) -> dict[str, object]:
    return {**{name: getattr(record, name) for name in record.__slots__}, **ids}
