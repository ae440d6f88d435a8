"""What comes in and goes out about packing benches, printing and manifests."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from wms.api.shapes import PRINTABLE, AnyText, PictureAddress, Shape, Text
from wms.outbound.extras import Rule, When
from wms.outbound.printers import LABELS_MAX
from wms.printing.codes import Symbology

Code = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=40, pattern=r"^[!-~]+$")
]
Side = Annotated[StrictInt, Field(ge=1, le=5_000)]
Grams = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
Short = Annotated[str, StringConstraints(strict=True, max_length=200, pattern=PRINTABLE)]
Names = Annotated[tuple[Text, ...], Field(max_length=100)]
Millimetre = Annotated[StrictInt, Field(ge=20, le=300)]


class CartonIn(Shape):
    """A kind of carton; sides are those inside. `stock` null: not counted."""

    code: Annotated[Code, Field(examples=["BOX-80"])]
    length_mm: Side
    width_mm: Side
    height_mm: Side
    tare_g: Grams
    max_g: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    cost_minor: Annotated[StrictInt, Field(ge=0, le=1_000_000)] = 0
    stock: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] | None = None


class CartonOut(BaseModel):
    """A kind of carton."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    length_mm: int
    width_mm: int
    height_mm: int
    tare_g: int
    max_g: int
    cost_minor: int
    stock: int | None


class WhenIn(Shape):
    """Which orders a rule is for; empty means any, dates include both ends."""

    owners: Names = ()
    channels: Names = ()
    fulfilments: Names = ()
    skus: Names = ()
    gifts: Annotated[Names, Field(examples=[["のし"]])] = ()
    worth_min_minor: Annotated[StrictInt, Field(ge=0, le=2**53)] = 0
    from_on: date | None = None
    until_on: date | None = None


class PackRuleIn(Shape):
    """A rule: what it adds to a parcel, as the packer reads and sees it, and of which orders."""

    code: Code
    kind: Literal["NOSHI", "WRAP", "CARD", "FLYER"]
    name: Text
    text: Short = ""
    picture: PictureAddress = ""
    scan: Short = Field(default="", description="the code on it, scanned to prove it")
    each: Literal["PARCEL", "ORDER"] = "ORDER"
    when: WhenIn = WhenIn()

    def rule(self) -> Rule:
        """As the use case takes it."""
        when = When(**self.when.model_dump())
        return Rule(**(self.model_dump(exclude={"when"}) | {"when": when}))


class ExtraOut(BaseModel):
    """What a rule adds to an order's first parcel, and the wish that it answers."""

    rule: str
    kind: str
    name: str
    wish: str


class PickStationIn(Shape):
    """How many orders' totes stand at a goods-to-person station; 0: none are kept apart."""

    slots: Annotated[StrictInt, Field(ge=0, le=100)]


class SlotOut(BaseModel):
    """An order that stands in a slot, and in which tote."""

    model_config = ConfigDict(from_attributes=True)

    slot: str
    order_id: UUID
    tote: str
    since: datetime


class PickStationOut(BaseModel):
    """A goods-to-person station with the orders that stand there."""

    name: str
    slots: int
    taken: list[SlotOut]


class StationIn(Shape):
    """A bench: how it weighs, with which scale, on which printer it prints, who works there."""

    weigh: Literal["SCALE", "TYPED", "NONE"] = "TYPED"
    scale: AnyText = ""
    printer: AnyText = ""
    devices: Annotated[list[Text], Field(default_factory=list, max_length=100)]


class StationOut(BaseModel):
    """A bench."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    weigh: str
    scale: str
    printer: str
    devices: list[str]


class PrinterIn(Shape):
    """Where a label printer is, and how fine it prints."""

    host: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9.:_-]{1,253}$"),
        Field(examples=["10.1.4.20"]),
    ]  # fmt: skip
    port: Annotated[StrictInt, Field(ge=1, le=65_535)] = 9100
    dpi: Literal[203, 300, 600] = 203


class PrinterOut(BaseModel):
    """A printer, and whether it answered the last time."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    host: str
    port: int
    dpi: int
    state: str
    problem: str


class CodeIn(Shape):
    """A code on a label."""

    symbology: Symbology
    text: Annotated[Short, Field(min_length=1)]


class LabelIn(Shape):
    """A label: one that says all itself, or that of a parcel, its slip, or a carrier's list."""

    kind: Literal["LABEL", "PARCEL", "SLIP", "MANIFEST"] = "LABEL"
    id: UUID | None = Field(default=None, description="of the parcel or the manifest")
    label: Literal["LOCATION", "LPN", "ITEM", "BADGE", "COMMAND"] = "ITEM"
    title: Short = ""
    lines: Annotated[list[Short], Field(default_factory=list, max_length=10)]
    codes: Annotated[list[CodeIn], Field(default_factory=list, max_length=4)]
    digits: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{0,4}$")] = ""
    arrow: Literal["", "UP", "DOWN", "LEFT", "RIGHT"] = ""
    width_mm: Millimetre | None = None
    height_mm: Millimetre | None = None


class PrintJobIn(Shape):
    """Labels to print; without a printer they become one PDF."""

    site: Text
    printer: AnyText = ""
    labels: Annotated[list[LabelIn], Field(min_length=1, max_length=LABELS_MAX)]


class PrintJobOut(BaseModel):
    """A job, and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    printer: str
    state: Literal["WANTED", "DONE", "CANCELLED", "FAILED"]
    total: int
    sent: int
    done: int
    problem: str
    made_by: str
    made_at: datetime
    done_at: datetime | None


class JobActIn(Shape):
    """The act's id makes it once."""

    command_id: UUID


class ManifestOut(BaseModel):
    """What a carrier takes from a site on a day."""

    id: UUID
    carrier: str
    ship_on: date
    number: int
    parcels: int
    closed_at: datetime | None
    closed_by: str


class ClosedOut(BaseModel):
    """A list that is closed: parcels on it, and those that went to the next one."""

    parcels: int
    moved: int


class ScaleOut(BaseModel):
    """What a scale said last."""

    model_config = ConfigDict(from_attributes=True)

    scale: str
    grams: int
    stable: bool
    at: datetime
