"""Partners over HTTP: the carrier's API."""

from base64 import b64decode
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import httpx2

from wms.errors import Rejected, Unavailable
from wms.ports import Booked, Booking, Tracking, TrackingEvent

TIMEOUT_S = 5.0
REFUSALS = frozenset({409, 410, 422})


class PartnerUnavailable(Unavailable):
    """A partner did not answer, or said that it cannot now.

    Attributes:
        partner: who.
    """

    code = "partner_unavailable"

    def __init__(self, partner: str, detail: str) -> None:
        super().__init__(f"{partner}: {detail}")
        self.partner = partner


class CarrierRefuses(Rejected):
    """A carrier does not take a parcel, and will say so again.

    Attributes:
        reason: the carrier's word for why.
    """

    code = "carrier_refuses"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the carrier refuses: {reason}")
        self.reason = reason


class HttpCarrier:
    """A carrier's API."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)

    def book(self, booking: Booking) -> Booked:
        """Announce a parcel; asked again with the same id it answers the same.

        Raises:
            PartnerUnavailable: no answer; ask again with the same booking.
            CarrierRefuses: never: the carrier does not take such a parcel.
        """
        said = self._ask("POST", "/shipments", _as_json(booking))
        try:
            cost = said.get("cost_minor")
            return Booked(
                tracking_number=str(said["tracking_number"]),
                label_pdf=b64decode(said.get("label_pdf") or "", validate=True),
                cost_minor=None if cost is None else int(cost),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PartnerUnavailable("carrier", f"not understood: {error!r}") from error

    def cancel(self, parcel_id: UUID) -> None:
        """Take an announcement back.

        Raises:
            PartnerUnavailable: no answer; ask again.
            CarrierRefuses: never: the parcel has been collected.
        """
        self._ask("POST", f"/shipments/{parcel_id}/cancel", {})

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, json=body)
            if answer.status_code in REFUSALS:
                raise CarrierRefuses(_reason(answer))
            said: dict[str, Any] = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            raise PartnerUnavailable("carrier", str(error)) from error
        if not isinstance(said, dict):
            raise PartnerUnavailable("carrier", "not understood: no object")
        return said

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


def _as_json(booking: Booking) -> dict[str, Any]:
    """A booking on the wire: ids and dates as text, what is not known left out."""
    said = {name: value for name, value in asdict(booking).items() if value not in (None, "")}
    return {
        name: str(value) if isinstance(value, (UUID, date)) else value
        for name, value in said.items()
    }


def _reason(answer: httpx2.Response) -> str:
    try:
        said = answer.json()
        return str(said["error"])[:200] if isinstance(said, dict) else str(answer.status_code)
    except (ValueError, KeyError):
        return str(answer.status_code)
