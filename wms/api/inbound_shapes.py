"""What inbound takes and tells over HTTP: deliveries, docks, receipts, inspections, putaways."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictInt, StringConstraints

from wms.api.shapes import AnyText, CommandIn, LineNo, Shape, Text, Units
from wms.inbound.check import Announced, AnnouncedUnit, Announcement
from wms.inbound.judge import Plan, Tolerance

SOONEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
Time = Annotated[AwareDatetime, Field(ge=SOONEST, le=LATEST)]
Level = Literal["EACH", "INNER", "CASE", "PALLET"]
UnitKind = Literal["CARTON", "PALLET", "TOTE", "CAGE"]
Percent = Annotated[StrictInt, Field(ge=0, le=1000)]
Few = Annotated[StrictInt, Field(ge=0, le=1_000_000)]
LineKey = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}$")]
Clock = Annotated[str, StringConstraints(strict=True, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class AsnLineIn(Shape):
    """Units of a SKU, by its code or a GTIN of it."""

    line_no: LineNo
    sku: AnyText = ""
    gtin: AnyText = ""
    units: Units
    level: Level = "EACH"
    lot: Annotated[AnyText, Field(max_length=100)] = ""
    expires_on: date | None = None


class AsnUnitIn(Shape):
    """A pallet or carton by its SSCC (or GRAI): units in it by line number."""

    sscc: Annotated[Text, Field(max_length=50, examples=["106141412345678908"])]
    kind: UnitKind = "PALLET"
    content: Annotated[dict[LineKey, Units], Field(min_length=1, max_length=1000)]


class AsnIn(Shape):
    """A delivery as its supplier tells it; eta by when half the time, and nine times of ten."""

    site: Annotated[Text, Field(examples=["TYO1"])]
    number: Annotated[Text, Field(examples=["A-4711"])]
    supplier: Annotated[Text, Field(examples=["ACME"])]
    owner: Text = "HOUSE"
    purchase_order: AnyText = ""
    eta_p50: Time
    eta_p90: Time
    lines: Annotated[list[AsnLineIn], Field(min_length=1, max_length=2000)]
    units: Annotated[list[AsnUnitIn], Field(default_factory=list, max_length=2000)]

    def announcement(self, asn_id: UUID) -> Announcement:
        """As the use case takes it."""
        return Announcement(
            id=asn_id,
            site=self.site,
            number=self.number,
            supplier=self.supplier,
            owner=self.owner,
            purchase_order=self.purchase_order,
            eta_p50=self.eta_p50,
            eta_p90=self.eta_p90,
            lines=tuple(Announced(**line.model_dump()) for line in self.lines),
            units=tuple(
                AnnouncedUnit(
                    code=unit.sscc,
                    kind=unit.kind,
                    content={int(no): units for no, units in unit.content.items()},
                )
                for unit in self.units
            ),
        )


class AsnChangeIn(CommandIn):
    """The delivery as it is now, the whole of it."""

    asn: AsnIn


class AsnLineOut(BaseModel):
    """A line and what came of it: received are good, held wait for somebody to decide."""

    line_no: int
    sku: str
    name_en: str
    name_ja: str
    units: int
    level: str
    lot: str
    expires_on: date | None
    received: int
    damaged: int
    held: int
    landed: int = Field(description="of the received: put away, promises on them kept")
    short: int


class AsnUnitOut(BaseModel):
    """A pallet or carton of it."""

    code: str
    kind: str
    content: dict[str, int]
    state: Literal["EXPECTED", "RECEIVED", "CANCELLED"]
    received_at: datetime | None
    received_by: str


class ReceiptOut(BaseModel):
    """Units that were counted."""

    id: UUID
    site: str
    asn_id: UUID
    line_no: int
    sku: str
    units: int
    outcome: Literal["GOOD", "DAMAGED", "HELD"]
    reason: str = Field(description="'', damaged, asked, over, unlisted, too_old")
    lot: str
    expires_on: date | None
    serials: list[str]
    weight_g: int | None
    lpn: str
    location: str
    photo: str
    actor: str
    at: datetime
    landed: int
    reversed_at: datetime | None
    reversed_by: str


class AsnSummaryOut(BaseModel):
    """A delivery in a list."""

    id: UUID
    site: str
    kind: Literal["ASN", "BLIND"]
    number: str
    supplier: str
    owner: str
    purchase_order: str
    state: Literal["EXPECTED", "ARRIVED", "CLOSED", "CANCELLED"]
    eta_p50: datetime
    eta_p90: datetime
    made_at: datetime
    changed_at: datetime
    arrived_at: datetime | None
    ended_at: datetime | None
    ended_by: str
    line_count: int
    units_announced: int
    units_received: int
    units_damaged: int
    units_held: int


class AsnOut(AsnSummaryOut):
    """A delivery as it stands."""

    lines: list[AsnLineOut]
    units: list[AsnUnitOut]
    receipts: list[ReceiptOut]


class AsnsOut(BaseModel):
    """Deliveries; `next` goes on behind them."""

    asns: list[AsnSummaryOut]
    next: str | None


class ReceiptsOut(BaseModel):
    """Receipts, the newest first; `next` goes on behind them."""

    receipts: list[ReceiptOut]
    next: str | None


class FileTakenOut(BaseModel):
    """Deliveries of a file, by number."""

    new: list[str]
    known: list[str]


class DoorIn(Shape):
    """A door, and between which hours of the site's day."""

    opens: Clock = "00:00"
    closes: Clock = "23:59"
    active: StrictBool = True

    def hours(self) -> tuple[time, time]:
        """From when to when."""
        return time.fromisoformat(self.opens), time.fromisoformat(self.closes)


class DoorOut(BaseModel):
    """A door."""

    site: str
    code: str
    opens: Clock
    closes: Clock
    active: bool


class AppointmentIn(Shape):
    """A truck that wants a door; whole quarters of an hour."""

    site: Text
    door: Text
    starts_at: Time
    ends_at: Time
    asn_id: UUID | None = None
    carrier: AnyText = ""
    vehicle: AnyText = ""


class AppointmentOut(BaseModel):
    """A truck at a door."""

    id: UUID
    site: str
    door: str
    starts_at: datetime
    ends_at: datetime
    asn_id: UUID | None
    number: str | None
    supplier: str | None
    carrier: str
    vehicle: str
    state: Literal["PLANNED", "CHECKED_IN", "DONE", "NO_SHOW", "CANCELLED"]
    late: bool
    checked_in_at: datetime | None
    ended_at: datetime | None


class ToleranceIn(Shape):
    """What is tolerated of a supplier ('' any) and a SKU ('' any)."""

    site: Text
    supplier: AnyText = ""
    sku: AnyText = ""
    over_percent: Percent = 0
    over_units: Few = 0
    under_percent: Annotated[StrictInt, Field(ge=0, le=100)] = 0
    over: Literal["HOLD", "REFUSE"] = "HOLD"
    unlisted: Literal["HOLD", "REFUSE", "TAKE"] = "HOLD"
    labels: Literal["NONE", "ASK", "PRINT"] = "NONE"
    shelf_days_min: Annotated[StrictInt, Field(ge=0, le=36_500)] = 0

    def tolerance(self) -> Tolerance:
        """As the rules take it."""
        return Tolerance(**self.model_dump(exclude={"site", "supplier", "sku"}))


class PlanIn(Shape):
    """How goods of a supplier ('' any) and a SKU ('' any) are inspected: n of N, c bad at most."""

    site: Text
    supplier: AnyText = ""
    sku: AnyText = ""
    sample_units: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    of_units: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    accept: Few = 0
    skip_after: Few = 0
    skip_every: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 1
    tighten: Few = 0
    active: StrictBool = True

    def plan(self) -> Plan:
        """As the rules take it."""
        return Plan(**self.model_dump(exclude={"site", "supplier", "sku", "active"}))


class ToleranceOut(BaseModel):
    """What is tolerated; '' is any."""

    site: str
    supplier: str
    sku: str
    over_percent: int
    over_units: int
    under_percent: int
    over: str
    unlisted: str
    labels: str
    shelf_days_min: int


class PlanOut(BaseModel):
    """How goods are inspected; '' is any."""

    site: str
    supplier: str
    sku: str
    sample_units: int
    of_units: int
    accept: int
    skip_after: int
    skip_every: int
    tighten: int
    active: bool


class InspectionOut(BaseModel):
    """A sample of a receipt."""

    id: UUID
    site: str
    receipt_id: UUID
    supplier: str
    sku: str
    lot: str
    units: int
    sample: int
    accept: int
    mode: str
    bad: int
    state: Literal["OPEN", "PASSED", "FAILED", "CANCELLED"]
    photo: str
    location: str
    made_at: datetime
    ended_at: datetime | None
    ended_by: str
