"""So many reservations at a time, and no more: who comes when the house is full hears so at once.

An overload must cost next to nothing, or refusing it keeps the process from doing what it can do:
this stands before everything else and answers 429 with ready bytes, for a tenth of the cost of a
reservation. Those within get their answer in the time that UNDER_WAY_MAX take, so they need
not ask again, and that is what ends a storm of retries.

The coalescer bounds the lines that wait; this bounds the requests. Only reservations and changes
of holds are counted: screens and handhelds keep their way in.
"""

import json
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from wms.stock.coalescer import Overloaded

UNDER_WAY_MAX = 256
RETRY_AFTER_S = 1
COUNTED = "/v1/holds"


class Admission:
    """Refuses reservations while `most` are under way.

    Attributes:
        under_way: requests within.
        refused: requests turned away so far.
    """

    def __init__(self, app: ASGIApp, *, most: int = UNDER_WAY_MAX) -> None:
        self.under_way = self.refused = 0
        self._app = app
        self._most = most
        self._refusal = _refusal(Overloaded(RETRY_AFTER_S))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it in."""
        if scope["type"] != "http" or not scope["path"].startswith(COUNTED):
            await self._app(scope, receive, send)
            return
        if self.under_way >= self._most:
            self.refused += 1
            headers = [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(self._refusal)).encode()),
                (b"retry-after", str(RETRY_AFTER_S).encode()),
            ]
            status = HTTPStatus.TOO_MANY_REQUESTS.value
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": self._refusal})
            return
        self.under_way += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.under_way -= 1


def _refusal(error: Overloaded) -> bytes:
    """As wms.api.problems would say it."""
    return json.dumps(
        {
            "type": error.code,
            "title": error.code.capitalize(),
            "status": HTTPStatus.TOO_MANY_REQUESTS.value,
            "code": error.code,
            "retry_after_s": error.retry_after_s,
            "detail": str(error),
        }
    ).encode()
