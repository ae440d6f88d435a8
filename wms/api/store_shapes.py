"""What store staff send and are told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, StrictInt, StringConstraints

from wms.api.contact_shapes import ContactIn
from wms.api.shapes import PRINTABLE, AnyText, LineNo, OrderIn, Shape, Text
from wms.work.packet import Packet

LINES_MAX = 1_000
ReasonCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[a-z][a-z_]*$", min_length=1, max_length=40)
]

Postal = Annotated[str, StringConstraints(strict=True, max_length=20, pattern=PRINTABLE)]


class ActIn(Shape):
    """An act. The same `command_id` again is the same act, and is not done again."""

    command_id: UUID


class RejectIn(ActIn):
    """What the store cannot give (no lines: all of it), and why."""

    lines: Annotated[list[LineNo], Field(default_factory=list, max_length=LINES_MAX)]
    reason: ReasonCode = Field(examples=["not_found"])


class HandOverIn(ActIn):
    """What the customer shows: six digits, or what the QR says; and the receipt of the till."""

    code: Annotated[str, StringConstraints(strict=True, pattern=r"^[\x21-\x7e]{1,100}$")] = Field(
        examples=["482913"]
    )
    till_reference: Annotated[
        str, StringConstraints(strict=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
    ] = ""


class SalesOrderIn(Shape):
    """An order taken in the store. Its channel is "store", whatever is said."""

    id: UUID
    order: OrderIn


class CounterLineIn(Shape):
    """Units of a SKU that a customer buys in the store, at the price of one."""

    sku: Text
    units: Annotated[StrictInt, Field(ge=1, le=10_000)]
    price_minor: Annotated[StrictInt, Field(ge=0, le=2**53)] = 0


class CounterOrderIn(Shape):
    """What the store has not on its shelf: sent to the customer's HOME, or fetched HERE.

    It is paid at the till; `number` is what the customer is given.
    """

    id: UUID
    number: Text
    to: Literal["HOME", "HERE"]
    prefecture: AnyText = ""
    postal_code: Postal = ""
    lines: Annotated[list[CounterLineIn], Field(min_length=1, max_length=100)]
    contact: ContactIn | None = None


class StorePolicyIn(Shape):
    """How a store answers."""

    accept: Literal["BY_HAND", "AUTO"] = "BY_HAND"
    accept_ship: Literal["BY_HAND", "AUTO"] = "AUTO"
    answer_within_min: Annotated[StrictInt, Field(ge=1, le=10_000)] = 30
    unanswered: Literal["ESCALATE", "RESOURCE"] = "ESCALATE"
    keep_days: Annotated[StrictInt, Field(ge=1, le=365)] = 7
    remind_before_h: Annotated[StrictInt, Field(ge=0, le=1_000)] = 24


class QueueLineOut(BaseModel):
    """Units of a line, and where they stand (null: not here yet)."""

    line_no: int
    sku: str
    name_en: str
    name_ja: str
    units: int
    place: str | None
    state: str
    image: str | None


class QueueItemOut(BaseModel):
    """Something to do. `late_in_s` is what is left until the promise; below zero it is late."""

    id: UUID
    kind: Literal["COLLECT", "RESERVE", "SHIP", "RETURN"]
    number: str
    order_id: UUID
    state: str
    promised_by: datetime | None
    late_in_s: int | None
    lines: list[QueueLineOut]
    answer_by: datetime | None
    bag: str | None
    shelf: str | None
    ready_at: datetime | None
    keep_until: datetime | None
    ended_at: datetime | None
    packet_id: UUID | None
    reason: str
    till_reference: str


class QueueOut(BaseModel):
    """What a store has to do, what is promised first on top."""

    site: str
    at: datetime
    items: list[QueueItemOut]


class PrepareOut(BaseModel):
    """The packet, for this device; null if another device has it in hand."""

    packet_id: UUID
    packet: Packet | None
