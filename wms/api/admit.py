"""The way in for reservations: so many at a time and no more, and past everything else.

    app.add_middleware(Admission, router=holds.quick, problem=...)

Who comes when the house is full hears so: 429 with ready bytes, for a quarter of the cost of a
reservation, and LINGER_S later. Refused at once, a crowd asks as fast as it is refused, and those
within got half of what the process can do (benchmarks/http.py --storm). Those within get
their answer in the time that UNDER_WAY_MAX take, so they need not ask again. Those without are told
to come again at different times, and the later the more of them there are: when three come for each
that is answered, within 7 s. That is what ends a storm of retries.
The coalescer bounds the lines that wait; this bounds the requests.

The routes of a `quick` router are answered here, before the layers that all other requests go
through (routers within routers, exit stacks): those cost more than the reservation itself. They
are in the application too, which documents them and answers what is asked with another method.
Only they are counted: screens and handhelds keep their way in, and those of their routes that are
quick, too, come as fast (`uncounted`).
"""

import asyncio
import json
import time
from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wms.api.quick import Handler, QuickRoute
from wms.errors import WmsError
from wms.stock.coalescer import Overloaded

UNDER_WAY_MAX = 256
RETRY_AFTER_MAX_S = 30
LINGER_S = 0.3  # a connection that is refused asks no more than so often
LOOK_S = 1.0  # how often the crowd is counted


class Admission:
    """Answers the quick routes, at most `most` requests at a time.

    Attributes:
        under_way: requests within.
        refused: requests turned away so far.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        router: APIRouter,
        uncounted: APIRouter,
        problem: Callable[[Request, Exception], Response],
        most: int = UNDER_WAY_MAX,
    ) -> None:
        self.under_way = self.refused = 0
        self._app = app
        self._problem = problem
        self._most = most
        self._refusals = [refusal(Overloaded(n)) for n in range(1, RETRY_AFTER_MAX_S + 1)]
        self._spread_s = 1
        self._looked_at = 0.0
        self._answered = self._refused_before = 0  # since then, until then
        self._exact: dict[str, Handler] = {}
        self._verbs: dict[tuple[str, str], Handler] = {}  # (before, after) of the one parameter
        self._uncounted = {
            route.path: route.get_route_handler()
            for route in uncounted.routes
            if isinstance(route, QuickRoute)
        }
        for route in router.routes:
            assert isinstance(route, QuickRoute)
            assert route.methods == {"POST"}
            before, _, rest = route.path.partition("{hold_id}")
            if rest:
                self._verbs[before, rest] = route.get_route_handler()
            else:
                self._exact[before] = route.get_route_handler()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        found = free = None
        if scope["type"] == "http" and scope["method"] == "POST":
            found, free = self._find(scope), self._uncounted.get(scope["path"])
        if free is not None:
            await self._answer(free, Request(scope, receive), send)
        elif found is None:
            await self._app(scope, receive, send)
        elif self.under_way >= self._most:
            self.refused += 1
            messages = self._refusals[self._retry_after_s() - 1]
            await asyncio.sleep(LINGER_S)
            for message in messages:
                await send(message)
        else:
            self.under_way += 1
            try:
                await self._answer(found, Request(scope, receive), send)
            finally:
                self.under_way -= 1
                self._answered += 1

    def _find(self, scope: Scope) -> Handler | None:
        path: str = scope["path"]
        if (handler := self._exact.get(path)) is not None:
            return handler
        before, slash, rest = path.rpartition("/")
        id_, colon, verb = rest.partition(":")
        handler = self._verbs.get((before + slash, colon + verb))
        if handler is not None:
            scope["path_params"] = {"hold_id": id_}
        return handler

    async def _answer(self, handler: Handler, request: Request, send: Send) -> None:
        try:
            response = await handler(request)
        except ClientDisconnect:  # in mid-sentence: nothing was asked, nobody listens
            return
        except (WmsError, RequestValidationError, HTTPException) as error:
            response = self._problem(request, error)
        await response(request.scope, request.receive, send)

    def _retry_after_s(self) -> int:
        """Each time another, up to twice the time that the crowd at the door will take."""
        now = time.monotonic()
        if now - self._looked_at > LOOK_S:
            crowd = (self.refused - self._refused_before) / max(1, self._answered)
            self._spread_s = min(RETRY_AFTER_MAX_S, 1 + round(2 * crowd))
            self._looked_at, self._answered, self._refused_before = now, 0, self.refused
        return 1 + self.refused % self._spread_s


def refusal(error: Overloaded) -> tuple[Message, Message]:
    """The answer as wms.api.problems would write it, ready to be sent."""
    problem = {
        "type": error.code,
        "title": error.code.capitalize(),
        "status": HTTPStatus.TOO_MANY_REQUESTS.value,
        "code": error.code,
        "retry_after_s": error.retry_after_s,
        "detail": str(error),
    }
    body = json.dumps(problem, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(error.retry_after_s).encode()),
    ]
    status = HTTPStatus.TOO_MANY_REQUESTS.value
    return (
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    )
