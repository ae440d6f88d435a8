"""Partners over HTTP: the carrier's API."""

from datetime import datetime

import httpx2

from wms.errors import Unavailable
from wms.ports import Booking, Tracking, TrackingEvent

TIMEOUT_S = 5.0


class PartnerUnavailable(Unavailable):
    """A partner did not answer, or said that it cannot now.

    Attributes:
        partner: who.
    """

    code = "partner_unavailable"

    def __init__(self, partner: str, detail: str) -> None:
        super().__init__(f"{partner}: {detail}")
        self.partner = partner


class HttpCarrier:
    """A carrier's API."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def book(self, booking: Booking) -> str:
        """Announce a parcel; its tracking number.

        Raises:
            PartnerUnavailable: no answer; ask again with the same booking.
        """
        body = {
            "parcel_id": str(booking.parcel_id),
            "sscc": booking.sscc,
            "service": booking.service,
            "weight_g": booking.weight_g,
            "postal_code": booking.postal_code,
        }
        try:
            answer = self._client.post("/shipments", json=body).raise_for_status()
            return str(answer.json()["tracking_number"])
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise PartnerUnavailable("carrier", str(error)) from error

    def tracking(self, cursor: int) -> Tracking:
        """What has happened since that cursor.

        Raises:
            PartnerUnavailable: no answer.
        """
        try:
            answer = self._client.get("/tracking", params={"cursor": cursor}).raise_for_status()
            said = answer.json()
            events = tuple(
                TrackingEvent(
                    sscc=str(event["sscc"]),
                    status=str(event["status"]),
                    at=datetime.fromisoformat(event["at"]),
                )
                for event in said["events"]
            )
            return Tracking(cursor=int(said["cursor"]), events=events)
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise PartnerUnavailable("carrier", str(error)) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
