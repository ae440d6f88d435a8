"""What comes in and goes out, strictly: no extra fields, no numbers as text, no NaN, no NUL.

Whole numbers are bounded here only so far that they can be said back; what an order may ask for
is for `wms.orders.place` to say, with a code.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from wms.api.contact_shapes import ContactIn
from wms.ids import derive
from wms.orders.place import Backorders, PlaceLine, PlaceOrder, ShipTo, Split
from wms.payments.tenders import Tender, TenderKind
from wms.work.packet import Event, Packet

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=PRINTABLE)
]
AnyText = Annotated[str, StringConstraints(strict=True, max_length=1000, pattern=PRINTABLE)]
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
PictureAddress = Annotated[
    str, StringConstraints(strict=True, max_length=1000, pattern=r"^($|/[!-~]*$|https://[!-~]+$)")
]
LineNo = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Currency = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")]
Minor = Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
Millimetres = Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)]
Units = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Size = Annotated[StrictInt, Field(ge=0, le=2**31 - 1)]


class Shape(BaseModel):
    """A body: frozen, nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --------------------------------------------------------------------------- order systems
class ShipToIn(Shape):
    """Where an order goes."""

    prefecture: Text
    postal_code: Text
    latitude: Latitude
    longitude: Longitude


class LineIn(Shape):
    """A line of an order or a return."""

    line_no: LineNo
    sku: Text
    units: StrictInt
    service: StrictBool = False


class OrderLineIn(LineIn):
    """A line of an order: what one unit costs with taxes, its wrapping, what it waits for."""

    price_minor: Minor = 0
    gift: AnyText = ""
    supply_id: UUID | None = None


class AddedLineIn(Shape):
    """A line that is added to an order."""

    line_no: LineNo
    sku: Text
    units: Units
    price_minor: Minor = 0
    gift: AnyText = ""


class TenderIn(Shape):
    """What an order was paid with; what was captured may be told again when it has grown."""

    id: UUID
    kind: TenderKind
    payment: Text = Field(description="the provider's reference", examples=["pay_8812"])
    captured_minor: Annotated[StrictInt, Field(ge=0, le=2**53)]
    expected_minor: Annotated[StrictInt, Field(ge=0, le=2**53)] | None = None
    currency: Currency = "JPY"

    def tender(self) -> Tender:
        """As the use case takes it."""
        return Tender(**self.model_dump())


class OrderIn(Shape):
    """An order; `to_site` is where it is collected, or goes to."""

    number: Text
    channel: Text
    placed_at: AwareDatetime
    customer: Text | None = None
    ship_to: ShipToIn
    lines: list[OrderLineIn]
    kind: Literal["CUSTOMER", "EXCHANGE"] = "CUSTOMER"
    fulfilment: Literal["DELIVERY", "COLLECT", "RESERVE"] = "DELIVERY"
    to_site: Text | None = None
    priority: Annotated[StrictInt, Field(ge=-1000, le=1000)] = 0
    promised_from: AwareDatetime | None = None
    promised_by: AwareDatetime | None = None
    split: Split = "ANY"
    backorders: Backorders = "END"
    delivery_on: date | None = None
    slot: AnyText = ""
    leave_at: AnyText = ""
    currency: Currency = "JPY"
    language: Literal["ja", "en"] = "ja"
    expires_at: AwareDatetime | None = Field(
        default=None, description="until when a reservation is kept; two days if nothing is said"
    )
    tenders: Annotated[list[TenderIn], Field(max_length=20)] = []
    contact: ContactIn | None = None
    owner: Text = Field(default="HOUSE", description="whose goods they are (荷主)")

    def request(self, order_id: UUID) -> PlaceOrder:
        """As the use case takes it."""
        return PlaceOrder(
            id=order_id,
            number=self.number,
            channel=self.channel,
            placed_at=self.placed_at,
            customer=self.customer,
            ship_to=ShipTo(**self.ship_to.model_dump()),
            lines=tuple(PlaceLine(**line.model_dump()) for line in self.lines),
            kind=self.kind,
            fulfilment=self.fulfilment,
            to_site=self.to_site,
            priority=self.priority,
            promised_from=self.promised_from,
            promised_by=self.promised_by,
            split=self.split,
            backorders=self.backorders,
            delivery_on=self.delivery_on,
            slot=self.slot,
            leave_at=self.leave_at,
            currency=self.currency,
            language=self.language,
            contact_id=None if self.contact is None else derive(order_id, "contact"),
            expires_at=self.expires_at,
            owner=self.owner,
        )

    def paid_with(self) -> list[Tender]:
        """The tenders, as the use case takes them."""
        return [tender.tender() for tender in self.tenders]


class LineOut(BaseModel):
    """A line as it stands."""

    line_no: int
    sku: str
    units: int
    units_short: int = 0
    status: str
    site: str | None = None


class OrderLineOut(LineOut):
    """A line of an order as it stands: where its units are, and what became of the others."""

    units_waiting: int = 0
    units_cancelled: int = 0
    units_cancelling: int = Field(default=0, description="taken back, on the way to their shelf")
    price_minor: int = 0
    gift: str = ""
    supply_id: UUID | None = None
    parts: list["OrderLineOut"] = Field(default=[], description="of a kit: what it is made of")


class PromiseOut(BaseModel):
    """What the customer was told about when, and why it changed."""

    promised_from: datetime | None
    promised_by: datetime | None
    reason: str
    at: datetime


class OrderOut(BaseModel):
    """An order as it stands. `changes`: what can be changed (null), or why it cannot."""

    id: UUID
    number: str
    channel: str
    kind: str
    fulfilment: str
    status: str
    placed_at: datetime
    shipped_at: datetime | None
    closed: bool
    to_site: str | None
    priority: int
    split: str
    backorders: str
    promised_from: datetime | None
    promised_by: datetime | None
    delivery_on: date | None
    slot: str
    leave_at: str
    currency: str
    language: str
    expires_at: datetime | None
    token: str | None = Field(default=None, description="what the customer follows it by")
    lines: list[OrderLineOut]
    promises: list[PromiseOut] = []
    changes: dict[str, str | None] = {}


class OrdersOut(BaseModel):
    """Orders, the first recorded first; `next` goes on behind them."""

    orders: list[OrderOut]
    next: str | None


class CommandIn(Shape):
    """The caller's own id of what it wants done: sent again, it is done once."""

    command_id: UUID


class CancelIn(CommandIn):
    """What to take back: so many units of these lines; all of the order without."""

    lines: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")], Units],
                     Field(max_length=1000)] = Field(default={}, examples=[{"1": 2}])  # fmt: skip
    reason: Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_]{0,49}$")] = (
        "customer"
    )


class AddressIn(CommandIn):
    """Where to send it instead."""

    ship_to: ShipToIn
    contact: ContactIn | None = None


class SlotIn(CommandIn):
    """When, and where to leave it (時間帯指定, 置き配)."""

    delivery_on: date | None = None
    slot: AnyText = ""
    leave_at: AnyText = ""


class CollectionPointIn(CommandIn):
    """Where to collect it instead."""

    to_site: Text


class LinesIn(CommandIn):
    """So many units of these lines in all, and these lines more."""

    lines: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")], Size],
                     Field(max_length=1000)] = Field(default={}, examples=[{"1": 3}])  # fmt: skip
    added: Annotated[list[AddedLineIn], Field(max_length=1000)] = []


class ShipmentOut(BaseModel):
    """A parcel of an order."""

    id: UUID
    site: str
    sscc: str
    service: str
    status: str
    weight_g: int
    tracking: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None


# -------------------------------------------------------------------------------- handheld
class EventsIn(Shape):
    """What a device did, in order."""

    events: Annotated[list[Event], Field(max_length=500)]


class ResultOut(BaseModel):
    """The answer to one event."""

    id: UUID
    result: Literal["accepted", "duplicate", "rejected"]
    problem: dict[str, Any] | None = None


class EventsOut(BaseModel):
    """The answers, and the packet of the last event as it is now (None: finished)."""

    results: list[ResultOut]
    packet: Packet | None
