"""What the read side of stock tells: availability, days to come, places near by, changes."""

from datetime import date, datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from wms.api.shapes import PRINTABLE, Shape, Text
from wms.sites import SiteKind
from wms.stock.browse import Filter, Wish
from wms.stock.incoming import SupplyKind
from wms.stock.near import Near
from wms.stock.network import SELLS, Named

SKUS_MAX = 200
SITES_MAX = 500
DAYS_MAX = 120
PLACES_MAX = 100
LINES_MAX = 200
Sites: TypeAlias = Annotated[list[Text] | None, Field(max_length=SITES_MAX)]


class SuppliesIn(Shape):
    """A SKU of an owner's range (the house's by default), at some sites or all."""

    sku: Text
    site: Sites = None
    owner: Text | None = None


class SupplyIn(Shape):
    """What is to come of a SKU to a site, as it is known now; CLOSED: nothing more comes."""

    site: Text
    owner: Text | None = None
    sku: Text
    segment: Text = SELLS
    kind: SupplyKind
    units: StrictInt
    eta_p50: AwareDatetime
    eta_p90: AwareDatetime
    confidence: StrictInt = 100
    state: Literal["OPEN", "CLOSED"] = "OPEN"


class AvailabilityIn(Shape):
    """SKUs of an owner's range, at some sites or all, for one channel."""

    sku: Annotated[list[Text], Field(min_length=1, max_length=SKUS_MAX)]
    site: Sites = None
    owner: Text | None = None
    channel: Text | None = None


class AtpIn(SuppliesIn):
    """A SKU over so many days, for one channel."""

    channel: Text | None = None
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = 28


class NearIn(Shape):
    """So many units of a SKU near a point: at stores, or at sites of the kinds that are named."""

    sku: Text
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    units: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    limit: Annotated[int, Field(ge=1, le=PLACES_MAX)] = 10
    kind: Annotated[list[SiteKind], Field(default_factory=lambda: ["STORE"])]
    also_none: bool = False
    owner: Text | None = None
    channel: Text | None = None

    def near(self, sku: Named) -> Near:
        """As the search takes it."""
        return Near(
            sku=sku,
            latitude=self.latitude,
            longitude=self.longitude,
            units=self.units,
            kinds=self.kind,
            also_none=self.also_none,
        )


class BrowseIn(Shape):
    """SKUs with a text in code or name, at one site or all, with units in any of some states."""

    text: Annotated[str, StringConstraints(max_length=100, pattern=PRINTABLE)] = ""
    site: Text | None = None
    state: list[Filter] | None = None
    after: Annotated[str, StringConstraints(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=LINES_MAX)] = 50

    def wish(self) -> Wish:
        """As the page takes it."""
        return Wish(text=self.text.strip(), site=self.site, states=tuple(self.state or ()))


class LineOfStock(BaseModel):
    """A SKU over all sites; states that are 0 are left out."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    name_en: str
    name_ja: str
    sites: int
    units: dict[str, int]


class LinesOut(BaseModel):
    """A page of them, and the cursor of the next one."""

    as_of: datetime
    age_s: int
    sites: list[str]
    lines: list[LineOfStock]
    next: str | None


class FiguresOut(BaseModel):
    """Units by state, with `free`; free by segment, and by channel where some are kept from it."""

    model_config = ConfigDict(from_attributes=True)

    units: dict[str, int]
    segments: dict[str, int]
    channels: dict[str, int]
    overdue: int


class AtSiteOut(FiguresOut):
    """The figures of one site, and how old they are."""

    kind: str
    as_of: datetime
    age_s: int


class OfSkuOut(BaseModel):
    """A SKU over the network and by site."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    name_en: str
    name_ja: str
    total: FiguresOut
    sites: dict[str, AtSiteOut]


class AvailabilityOut(BaseModel):
    """SKUs in all their states, as of a moment."""

    model_config = ConfigDict(from_attributes=True)

    as_of: datetime
    age_s: int
    skus: list[OfSkuOut]


class ChangeOut(BaseModel):
    """So many units of a SKU are free at a site since then; of one balance in order."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    at: datetime
    site: str
    owner: str
    sku: str
    segment: str
    free: int


class ChangesOut(BaseModel):
    """Changes in order, and the cursor to go on from, always."""

    changes: list[ChangeOut]
    next: str


class SupplyOut(BaseModel):
    """A supply as it stands: announced, received so far, promised of the rest."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    site: str
    owner: str
    sku: str
    segment: str
    kind: str
    units: int
    received: int
    held: int
    eta_p50: datetime
    eta_p90: datetime
    confidence: int
    state: str
    changed_at: datetime


class CurvesOut(BaseModel):
    """What may be promised for each of the dates."""

    model_config = ConfigDict(from_attributes=True)

    free: int
    expected: list[int]
    safe: list[int]


class AtpAtSiteOut(CurvesOut):
    """At one site; its today is its own."""

    kind: str
    time_zone: str
    today: date
    as_of: datetime
    age_s: int


class AtpOut(CurvesOut):
    """A SKU over the network and by site, and the supply that the curves are made of."""

    as_of: datetime
    age_s: int
    sku: str
    dates: list[date]
    sites: dict[str, AtpAtSiteOut]
    supplies: list[SupplyOut]


class PlaceOut(BaseModel):
    """A site, how far it is, whether it has enough, and how old that figure is."""

    model_config = ConfigDict(from_attributes=True)

    site: str
    kind: str
    name_en: str
    name_ja: str
    prefecture: str
    latitude: float
    longitude: float
    distance_m: int | None
    free: int
    stock: Literal["in_stock", "few_left", "none"]
    as_of: datetime
    age_s: int


class FoundOut(BaseModel):
    """The nearest places, nearest first."""

    sku: str
    units: int
    places: list[PlaceOut]
