"""What we need of partners, said in our own words.

A port has two real implementations at least: the carrier is one over HTTP and one in the tests;
so is the notifier. They are called between transactions, never inside one, and every call
carries an id of ours, so that a call whose answer was lost can be made again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


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
class Notice:
    """An event for a subscriber. `id` is the same each time it is sent."""

    id: UUID
    url: str
    secret: str
    type: str
    at: datetime
    body: Mapping[str, Any]


class Notifier(Protocol):
    """Tells subscribers what happened."""

    def notify(self, notice: Notice) -> None:
        """Deliver a notice.

        Raises:
            Unavailable: it was not taken; send it again later.
        """
        ...
