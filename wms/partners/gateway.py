"""A gateway for messages to telephones (SMS, LINE): any service that takes a signed webhook.

    POST url  {"type": "message", "timestamp": …,
               "data": {"id", "channel", "to", "language", "text"}}

Signed as Standard Webhooks; `webhook-id` is the message's id, the same at every attempt, so that
the gateway sends it once. 4xx means never (but 408, 425, 429: later), anything else later.

`ByChannel` is the notifier of the whole: mail to the mail server, the rest to the gateway.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import json
from http import HTTPStatus

import httpx2
from standardwebhooks import Webhook

from edge.clock import Clock, SystemClock
from wms.partners.http import PartnerUnavailable
from wms.partners.mail import Undeliverable
from wms.ports import Message, Notifier

TIMEOUT_S = 10.0
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
# who we are is in question, not the message: a person mends it, and then it goes out
_OURS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class MessageGateway:
    """A gateway of ours. The signature's time is the real one: receivers compare it with theirs."""

    def __init__(self, url: str, secret: str, clock: Clock | None = None) -> None:
        self._url = url
        self._webhook = Webhook(secret)
        self._now = (clock or SystemClock()).now
        self._client = httpx2.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)

    def send(self, message: Message) -> None:
        """Hand a message to the gateway.

        Raises:
            PartnerUnavailable: it was not taken; send it again later.
            Undeliverable: never.
        """
        data = {
            "id": str(message.id),
            "channel": message.channel,
            "to": message.address,
            "language": message.language,
            "text": message.text,
        }
        said = {"type": "message", "timestamp": message.at.isoformat(), "data": data}
        body = json.dumps(said, ensure_ascii=False)
        at = self._now()
        headers = {
            "content-type": "application/json",
            "webhook-id": str(message.id),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._webhook.sign(str(message.id), at, body),
        }
        try:
            status = self._client.post(
                self._url, content=body.encode(), headers=headers
            ).status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise PartnerUnavailable("gateway", type(error).__name__) from None
        is_its_fault = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        if is_its_fault and status not in _LATER | _OURS:
            raise Undeliverable(f"the gateway says {status}")
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise PartnerUnavailable("gateway", f"code {status}")

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class ByChannel:
    """The notifier: each channel by the service that has it."""

    def __init__(self, mail: Notifier | None, gateway: Notifier | None) -> None:
        self._mail, self._gateway = mail, gateway

    def send(self, message: Message) -> None:
        """Send a message by its channel.

        Raises:
            PartnerUnavailable: not now.
            Undeliverable: never; or nobody has told us how.
        """
        service = self._mail if message.channel == "EMAIL" else self._gateway
        if service is None:
            raise Undeliverable(f"no service is configured for {message.channel}")
        service.send(message)
