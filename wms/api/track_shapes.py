"""What a customer sees of an order, and what they may ask for. No name but the given one."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from wms.api.shapes import Shape, Text
from wms.returns.rules import Reason

StepCode = Literal[
    "PLACED", "WAITING", "PREPARING", "SHIPPED", "DELIVERED", "READY", "COLLECTED", "CANCELLED"
]
Deed = Literal["slot", "collection_point", "cancel", "return"]


class BrandOut(BaseModel):
    """Whose shop it is."""

    name: str = Field(examples=["Soko"])
    colour: str | None = Field(examples=["#1f6feb"])
    logo: str | None


class StepOut(BaseModel):
    """A step on the way of an order; `at` null: not yet."""

    code: StepCode
    at: datetime | None


class EtaOut(BaseModel):
    """When it comes: in hours of a day, if some were wished for ("14-16")."""

    model_config = ConfigDict(populate_by_name=True)

    from_: datetime | None = Field(alias="from")
    by: datetime | None
    slot: str


class MovedOut(BaseModel):
    """The promise is not the first one any more."""

    was: datetime
    reason: str


class TrackParcelOut(BaseModel):
    """A parcel."""

    number: str | None
    carrier: str | None
    status: Literal["PREPARING", "SHIPPED", "DELIVERED"]
    shipped_at: datetime | None
    delivered_at: datetime | None


class PointOut(BaseModel):
    """Where an order can be collected."""

    site: str
    name_en: str
    name_ja: str
    prefecture: str
    latitude: float
    longitude: float


class PickupOut(PointOut):
    """Where it is collected; the code and what the QR says, once it is ready."""

    state: str
    code: str | None = Field(examples=["042817"])
    qr: str | None
    keep_until: datetime | None


class GoodOut(BaseModel):
    """Goods of an order; `returnable`: how many units may come back now."""

    line_no: int
    sku: str
    name_en: str
    name_ja: str
    units: int
    returnable: int


class ReturnStateOut(BaseModel):
    """A return of an order; `qr` is what the counter scans."""

    id: UUID
    number: str
    state: str
    tracking: str | None
    qr: str


class TrackingOut(BaseModel):
    """An order as its customer follows it. `allowed`: null is yes, else why not any more."""

    number: str
    brand: BrandOut
    language: Literal["ja", "en"]
    time_zone: str
    first_name: str | None
    status: StepCode
    steps: list[StepOut]
    eta: EtaOut | None
    promise_moved: MovedOut | None
    parcels: list[TrackParcelOut]
    pickup: PickupOut | None
    lines: list[GoodOut]
    allowed: dict[Deed, str | None]
    slots: list[str]
    points: list[PointOut]
    returns: list[ReturnStateOut]


class CommandIn(Shape):
    """What somebody asks for, under an id of theirs: done once."""

    command_id: UUID


class SlotIn(CommandIn):
    """Other hours, on another day; "" and null: no wish."""

    slot: Annotated[str, StringConstraints(strict=True, max_length=20, pattern=r"^[0-9a-z-]*$")]
    delivery_on: date | None = None


class PointIn(CommandIn):
    """Another place to collect it."""

    site: Text


class ReturnLineIn(Shape):
    """Units of a line that go back, and why."""

    line_no: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
    units: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
    reason: Reason = "OTHER"


class ReturnStartIn(CommandIn):
    """Goods that shall go back, by parcel."""

    lines: Annotated[list[ReturnLineIn], Field(min_length=1, max_length=200)]


class StoreOut(BaseModel):
    """A store, how far it is, and whether it has enough: in words, no figure to be read out."""

    model_config = ConfigDict(from_attributes=True)

    site: str
    kind: str
    name_en: str
    name_ja: str
    prefecture: str
    latitude: float
    longitude: float
    distance_m: int | None
    stock: Literal["in_stock", "few_left", "none"]
    as_of: datetime
    age_s: int


class StoresOut(BaseModel):
    """Stores near a point, nearest first."""

    sku: str
    name_en: str
    name_ja: str
    units: int
    places: list[StoreOut]
