"""What we need of partners, said in our own words.

A port has two real implementations at least: the carrier over HTTP and by files, the notifier by
mail and over HTTP, payments over HTTP and in the tests. They are called between transactions, never
inside one, and every call carries an id of ours, so that a call whose answer was lost can be made
again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from typing_extensions import override

from wms.money import Money


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Party:
    """Who sends or gets a parcel. Never logged: `repr` says no more than that it is one."""

    name: str
    kana: str = ""
    phone: str = ""
    email: str = ""
    postal_code: str = ""
    prefecture: str = ""
    address_lines: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return "Party(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A parcel that a carrier shall take. `parcel_id` makes booking it twice book it once.

    Attributes:
        direction: OUT to the customer, RETURN from the customer to us.
        reference: short and ours; it comes back with the tracking number in a carrier's file.
        recipient: None while nobody has said more than postal code and prefecture.
        slot: hours of the day as "14-16"; "" for any.
        leave_at: where to leave it, a code: FRONT_DOOR, DELIVERY_BOX …; "" for at hand.
        cod_minor: what to collect at the door, with taxes.
        number: the order's.
    """

    parcel_id: UUID
    sscc: str
    service: str
    weight_g: int
    postal_code: str
    carrier: str = ""
    direction: Literal["OUT", "RETURN"] = "OUT"
    reference: str = ""
    number: str = ""
    prefecture: str = ""
    sender: Party | None = None
    recipient: Party | None = None
    ship_on: date | None = None
    deliver_on: date | None = None
    slot: str = ""
    leave_at: str = ""
    cod_minor: int = 0
    currency: str = "JPY"
    cool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A carrier's answer: its number, its own label (PDF; none: we print one), what it costs."""

    tracking_number: str
    label_pdf: bytes = b""
    cost_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """What a carrier says of a parcel.

    COLLECTED, OUT_FOR_DELIVERY, ATTEMPTED (nobody was there), REFUSED (at the door), RETURNED
    (to the sender), DELIVERED; others are kept and mean nothing to us.
    """

    sscc: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What a carrier has said since a cursor, and where to go on."""

    cursor: int
    events: tuple[TrackingEvent, ...]


class Carrier(Protocol):
    """Takes parcels to customers, and back."""

    def book(self, booking: Booking) -> Booked:
        """Announce a parcel; asked again with the same id it answers the same.

        Raises:
            Unavailable: no answer; ask again with the same booking.
            Rejected: never: the carrier does not take such a parcel.
        """
        ...

    def cancel(self, parcel_id: UUID) -> None:
        """Take an announcement back; what is unknown, or already taken back, is fine.

        Raises:
            Unavailable: no answer; ask again.
            Rejected: never: the parcel has been collected.
        """
        ...

    def tracking(self, cursor: int) -> Tracking:
        """What has happened since that cursor.

        Raises:
            Unavailable: no answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money that shall go back to where it came from. `refund_id` makes asking twice ask once.

    `payment` is the provider's own reference of what was captured.
    """

    refund_id: UUID
    payment: str
    amount: Money


class Payments(Protocol):
    """Gives money back. Nothing else: shops charge, we never do."""

    def refund(self, refund: Refund) -> str:
        """Ask for a refund; the provider's reference of it.

        Raises:
            Unavailable: no answer; ask again with the same refund.
            Rejected: never: the provider has said why.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a person is told. `id` is the same each time it is sent; `at` is when it happened."""

    id: UUID
    channel: Literal["EMAIL", "LINE", "SMS"]
    address: str
    language: Literal["ja", "en"]
    subject: str
    text: str
    at: datetime


class Notifier(Protocol):
    """Tells people what happened to their orders."""

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            Unavailable: it was not taken; send it again later.
            Rejected: never: there is no such address.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """An event for a subscriber. `id` is the same each time it is sent; each secret signs it."""

    id: UUID
    url: str
    secrets: tuple[str, ...]
    type: str
    at: datetime
    body: Mapping[str, Any]


class Webhooks(Protocol):
    """Tells other systems what happened."""

    def deliver(self, event: WebhookEvent) -> int:
        """Deliver an event; the HTTP status that was answered.

        Raises:
            Unavailable: it was not taken; send it again later.
        """
        ...
