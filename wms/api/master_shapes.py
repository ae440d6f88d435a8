"""What the masters API takes: sites, places, SKUs with their packs, lots, receipts. Strict."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    model_validator,
)

from wms.api.shapes import (
    AnyText,
    Latitude,
    Longitude,
    Millimetres,
    PictureAddress,
    Shape,
    Size,
    Text,
)  # fmt: skip
from wms.catalog import (
    HOUSE,
    Level,
    LotStatus,
    OwnerRecord,
    PackRecord,
    SkuRecord,
    Temperature,
    Tracking,
    owner_id,
)
from wms.sites import Dispatch, Lane, LocationKind, LocationRecord, Mix, SiteKind, SiteRecord

UNITS_MAX = 2**31 - 1


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no time zone of that name")
    return name


TimeZone = Annotated[Text, AfterValidator(_time_zone)]
Count = Annotated[StrictInt, Field(ge=1, le=UNITS_MAX)]


class OwnerIn(Shape):
    """Whose goods they are."""

    code: Text
    name: Text

    def record(self) -> OwnerRecord:
        """As masters take it."""
        return OwnerRecord(**self.model_dump())


class SiteIn(Shape):
    """A site."""

    code: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
    kind: SiteKind
    name_en: Text
    name_ja: AnyText = ""
    time_zone: TimeZone = "Asia/Tokyo"
    prefecture: AnyText = ""
    latitude: Latitude = 0.0
    longitude: Longitude = 0.0
    units_per_day: Size = 1_000_000
    dispatch: Dispatch = "HUB"
    cross_bays: Annotated[
        str,
        StringConstraints(
            strict=True, pattern=r"^([1-9][0-9]{0,5}( [1-9][0-9]{0,5})*)?$", max_length=100
        ),
    ] = ""

    def record(self) -> SiteRecord:
        """As masters take it."""
        return SiteRecord(**self.model_dump())


class LocationIn(Shape):
    """A place in a site."""

    site: Text
    code: Text
    kind: LocationKind
    lane: Lane | None = None
    zone: AnyText = ""
    aisle: Size | None = None
    bay: Size | None = None
    x_mm: Millimetres = 0
    y_mm: Millimetres = 0
    z_mm: Millimetres = 0
    pick_seq: Size = 0
    storage_type: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z0-9_-]{0,20}$")] = ""
    temperature: Literal["", "AMBIENT", "COOL", "FROZEN"] = ""
    dangerous_goods: AnyText = ""
    mix: Mix = "ANY"
    max_units: Count | None = None
    max_weight_g: Count | None = None
    max_height_mm: Count | None = None

    @model_validator(mode="after")
    def _a_lane_leads_somewhere(self) -> Self:
        if (self.kind == "LANE") != (self.lane is not None):
            raise ValueError("a place of kind LANE says which lane it is, and no other does")
        return self

    def record(self) -> LocationRecord:
        """As masters take it."""
        return LocationRecord(**self.model_dump(exclude={"site"}))


class PackIn(Shape):
    """A pack of so many units, with its own barcodes."""

    level: Level
    units: Count
    gtin: Text | None = None
    gtins: tuple[Text, ...] = ()
    length_mm: Size = 0
    width_mm: Size = 0
    height_mm: Size = 0
    weight_g: Size = 0

    @model_validator(mode="after")
    def _each_is_one(self) -> Self:
        if self.level == "EACH" and self.units != 1:
            raise ValueError("an EACH is one unit")
        return self

    def record(self) -> PackRecord:
        """As masters take it."""
        gtins = (*self.gtins, *((self.gtin,) if self.gtin else ()))
        return PackRecord(gtins=gtins, **self.model_dump(exclude={"gtin", "gtins"}))


class SkuIn(Shape):
    """A SKU; `packs` are all that it has. Its owner is the house unless another is named."""

    owner: Text = HOUSE
    code: Text
    name_en: Text
    name_ja: AnyText = ""
    gtin: Text | None = None
    gtins: tuple[Text, ...] = ()
    tracking: Tracking = "NONE"
    temperature: Temperature = "AMBIENT"
    length_mm: Size = 0
    width_mm: Size = 0
    height_mm: Size = 0
    weight_g: Size = 0
    catch_weight: StrictBool = False
    shelf_life_days: Size | None = None
    dangerous_goods: AnyText = ""
    upright: StrictBool = False
    fragile: StrictBool = False
    stackable: StrictBool = True
    picture: PictureAddress = ""
    packs: Annotated[tuple[PackIn, ...], Field(max_length=4)] = ()

    @model_validator(mode="after")
    def _a_level_once(self) -> Self:
        levels = [pack.level for pack in self.packs]
        if len(set(levels)) < len(levels):
            raise ValueError("two packs of one level")
        return self

    def record(self) -> SkuRecord:
        """As masters take it."""
        return SkuRecord(
            gtins=(*self.gtins, *((self.gtin,) if self.gtin else ())),
            packs=tuple(pack.record() for pack in self.packs),
            owner_id=owner_id(self.owner),
            **self.model_dump(exclude={"owner", "gtin", "gtins", "packs"}),
        )


class LotIn(Shape):
    """A lot of a SKU; `expires_on` is the last day on which it may be sold."""

    owner: Text = HOUSE
    sku: Text
    code: Text
    expires_on: date | None = None
    made_on: date | None = None
    origin: AnyText = ""
    status: LotStatus = "OK"


class ReceiptLineIn(Shape):
    """Goods that have come, and where they were put: in a tote that stands there, or loose.

    Goods kept by lot name it, goods with serials one a unit, goods by weight what they weigh.
    """

    site: Text
    location: Text
    tote: Text | None = None
    owner: Text = HOUSE
    sku: Text
    units: StrictInt
    lot: Text | None = None
    serials: Annotated[tuple[Text, ...], Field(max_length=5000)] = ()
    weight_g: Size | None = None


class ReceiptIn(Shape):
    """A receipt; its id makes it once."""

    id: UUID
    lines: Annotated[list[ReceiptLineIn], Field(min_length=1, max_length=5000)]
