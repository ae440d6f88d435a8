"""What we need of partners, said in our own words.

A port has two real implementations at least: the carrier over HTTP and by files, the notifier by
mail and over HTTP, payments over HTTP and in the tests. They are called between transactions, never
inside one, and every call carries an id of ours, so that a call whose answer was lost can be made
again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from wms.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A parcel that a carrier shall take. `parcel_id` makes booking it twice book it once."""

    parcel_id: UUID
    sscc: str
    service: str
    weight_g: int
    postal_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """What a carrier says of a parcel."""

    sscc: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What a carrier has said since a cursor, and where to go on."""

    cursor: int
    events: tuple[TrackingEvent, ...]


class Carrier(Protocol):
    """Takes parcels to customers."""

    def book(self, booking: Booking) -> str:
        """Announce a parcel; its tracking number.

        Raises:
            Unavailable: no answer; ask again with the same booking.
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
    """What a person is told. `id` is the same each time it is sent."""

    id: UUID
    channel: Literal["EMAIL", "LINE", "SMS"]
    address: str
    language: Literal["ja", "en"]
    subject: str
    text: str


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
