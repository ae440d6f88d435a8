"""Webhooks over HTTP: Standard Webhooks, and to no address inside.

The body is signed with the subscriber's secret (with both, while it is being changed), and
`webhook-id` is the same at every attempt. The address is somebody else's to choose, so:

    it is resolved here, and only addresses of the public internet are called, or networks that
    the settings allow; the call goes to the very address that was judged, whatever a name server
    says a moment later
    redirects are not followed; an answer is read no further than its status

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import ipaddress
import json
import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx2
from standardwebhooks import Webhook

from edge.clock import Clock, SystemClock
from wms.partners.http import PartnerUnavailable
from wms.ports import WebhookEvent

TIMEOUT_S = 5.0
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]


class WebhookRefused(PartnerUnavailable):
    """A subscriber did not take an event.

    Attributes:
        status: what it answered; None if nothing.
    """

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__("webhook", detail)
        self.status = status


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, by the name server."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class WebhookSender:
    """Subscribers' webhooks. `allowed`: networks that may be called though they are not public.

    `clock` tells when an attempt is made: receivers refuse what was signed minutes ago, by the
    clocks of their own. So it is the real time, also when the WMS plays a day.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolve: Resolve = resolve,
        clock: Clock | None = None,
    ) -> None:
        self._now = (clock or SystemClock()).now
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._client = httpx2.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)

    def deliver(self, event: WebhookEvent) -> int:
        """Deliver an event, signed; the status that was answered.

        Raises:
            WebhookRefused: it was not taken; send it again later.
        """
        payload = {"type": event.type, "timestamp": event.at.isoformat(), "data": event.body}
        body = json.dumps(payload, ensure_ascii=False)
        at = self._now()
        try:
            signatures = [Webhook(secret).sign(str(event.id), at, body)
                          for secret in event.secrets]  # fmt: skip
            parts = urlsplit(event.url)
            host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
            address = self._judged(host, port)
            shown = f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004
            headers = {
                "host": parts.netloc.rpartition("@")[2],
                "content-type": "application/json",
                "webhook-id": str(event.id),
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": " ".join(signatures),
            }
            url = parts._replace(netloc=f"{shown}:{port}").geturl()
            request = self._client.build_request(
                "POST", url, content=body.encode(), headers=headers,
                extensions={"sni_hostname": host},
            )  # fmt: skip
            answer = self._client.send(request, stream=True)
            answer.close()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            raise WebhookRefused(str(error) or type(error).__name__) from error
        if not answer.is_success:
            raise WebhookRefused(f"answered {answer.status_code}", answer.status_code)
        return answer.status_code

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _judged(self, host: str, port: int) -> Address:
        """An address of that host that may be called.

        Raises:
            WebhookRefused: one of its addresses may not, or there is none.
        """
        addresses = [ipaddress.ip_address(one) for one in self._resolve(host, port)]
        if not addresses:
            raise WebhookRefused(f"{host} has no address")
        for address in addresses:
            if not self._may_call(address):
                raise WebhookRefused(f"{host} is {address}, which is not a public address")
        return addresses[0]

    def _may_call(self, address: Address) -> bool:
        inside = getattr(address, "ipv4_mapped", None) or address
        if any(inside in network for network in self._allowed if network.version == inside.version):
            return True
        return inside.is_global and not inside.is_multicast


_PORTS = {"http": 80, "https": 443}
