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

from wms.orders.place import Backorders, PlaceLine, PlaceOrder, ShipTo, Split
from wms.returns.accept import AnnouncedLine, AnnounceReturn
from wms.work.packet import Event, Packet

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Text = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=PRINTABLE)
]
AnyText = Annotated[str, StringConstraints(strict=True, max_length=1000, pattern=PRINTABLE)]
Latitude = Annotated[float, Field(strict=True, ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(strict=True, ge=-180, le=180, allow_inf_nan=False)]
LineNo = Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
Minor = Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
Millimetres = Annotated[StrictInt, Field(ge=-(2**31), le=2**31 - 1)]
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
    currency: Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z]{3}$")] = "JPY"
    language: Literal["ja", "en"] = "ja"
    expires_at: AwareDatetime | None = None

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
            expires_at=self.expires_at,
        )


class LineOut(BaseModel):
    """A line as it stands."""

    line_no: int
    sku: str
    units: int
    units_short: int = 0
    status: str
    site: str | None = None


class OrderOut(BaseModel):
    """An order as it stands."""

    id: UUID
    number: str
    status: str
    placed_at: datetime
    shipped_at: datetime | None
    lines: list[LineOut]


class ReturnIn(Shape):
    """A return."""

    number: Text
    order_id: UUID | None = None
    lines: list[LineIn]

    def request(self, return_id: UUID) -> AnnounceReturn:
        """As the use case takes it."""
        return AnnounceReturn(
            id=return_id,
            number=self.number,
            order_id=self.order_id,
            lines=tuple(AnnouncedLine(**line.model_dump()) for line in self.lines),
        )


class ReturnOut(BaseModel):
    """A return as it stands."""

    id: UUID
    number: str
    status: str
    lines: list[LineOut]


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
