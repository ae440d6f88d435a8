"""A payment provider over HTTP: it is asked for refunds, and for nothing else.

    POST /refunds   {"id", "payment", "amount_minor", "currency"}, Idempotency-Key: the same id
                    -> 200 or 201 {"reference"}: it is done, now or the first time
                    -> 4xx {"error"}: never; but for 408, 409, 425 and 429, which mean later

No answer, a late answer and 5xx mean the same: nobody knows, so ask again with the same id.
"""

from http import HTTPStatus

import httpx2

from wms.errors import Rejected
from wms.partners.http import PartnerUnavailable
from wms.ports import Refund

TIMEOUT_S = 10.0
_LATER = frozenset({
    HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
})  # fmt: skip


class RefundRejected(Rejected):
    """The provider will not give this money back, and has said why."""

    code = "refund_rejected"


class HttpPayments:
    """A provider's API."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx2.Client(base_url=url, timeout=timeout_s, trust_env=False)

    def refund(self, refund: Refund) -> str:
        """Ask for a refund; the provider's reference of it.

        Raises:
            PartnerUnavailable: no answer; ask again with the same refund.
            RefundRejected: never.
        """
        body = {
            "id": str(refund.refund_id),
            "payment": refund.payment,
            "amount_minor": refund.amount.amount_minor,
            "currency": refund.amount.currency,
        }
        try:
            answer = self._client.post(
                "/refunds", json=body, headers={"Idempotency-Key": str(refund.refund_id)}
            )
            if answer.is_client_error and answer.status_code not in _LATER:
                raise RefundRejected(_why(answer))
            return str(answer.raise_for_status().json()["reference"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
            raise PartnerUnavailable("payments", str(error)) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _why(answer: httpx2.Response) -> str:
    """What the provider says of its refusal, or just that it refuses."""
    try:
        return str(answer.json()["error"])[:200]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
