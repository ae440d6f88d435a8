"""The way in for reservations: so many at a time and no more, and past everything else.

    app.add_middleware(Admission, router=holds.quick, problem=...)

Who comes when the house is full hears so at once: 429 with ready bytes, for a tenth of the cost of
a reservation, or refusing would keep the process from doing what it can do. Those within get
their answer in the time that UNDER_WAY_MAX take, so they need not ask again, and that is what
ends a storm of retries. The coalescer bounds the lines that wait; this bounds the requests.

The routes of a `quick` router are answered here, before the layers that all other requests go
through (routers within routers, exit stacks): those cost more than the reservation itself. They
are in the application too, which documents them and answers what is asked with another method.
Only they are counted: screens and handhelds keep their way in.
"""

import json
from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wms.api.quick import Handler, QuickRoute
from wms.errors import WmsError
from wms.stock.coalescer import Overloaded

UNDER_WAY_MAX = 256
RETRY_AFTER_S = 1


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
        problem: Callable[[Request, Exception], Response],
        most: int = UNDER_WAY_MAX,
    ) -> None:
        self.under_way = self.refused = 0
        self._app = app
        self._problem = problem
        self._most = most
        self._refusal = problem_bytes(Overloaded(RETRY_AFTER_S))
        self._exact: dict[str, Handler] = {}
        self._verbs: dict[tuple[str, str], Handler] = {}  # (before, after) of the one parameter
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
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
        elif self.under_way >= self._most:
            self.refused += 1
            await self._refuse(send)
        else:
            self.under_way += 1
            try:
                await self._answer(found, Request(scope, receive), send)
            finally:
                self.under_way -= 1

    def _find(self, scope: Scope) -> Handler | None:
        path: str = scope["path"]
        if scope["method"] != "POST":
            return None
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
        except (WmsError, RequestValidationError, HTTPException) as error:
            response = self._problem(request, error)
        await response(request.scope, request.receive, send)

    async def _refuse(self, send: Send) -> None:
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(self._refusal)).encode()),
            (b"retry-after", str(RETRY_AFTER_S).encode()),
        ]
        status = HTTPStatus.TOO_MANY_REQUESTS.value
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": self._refusal})


def problem_bytes(error: Overloaded) -> bytes:
    """The problem as wms.api.problems would write it."""
    body = {
        "type": error.code,
        "title": error.code.capitalize(),
        "status": HTTPStatus.TOO_MANY_REQUESTS.value,
        "code": error.code,
        "retry_after_s": error.retry_after_s,
        "detail": str(error),
    }
    return json.dumps(body, separators=(",", ":")).encode()
