"""Endpoints that are asked thousands of times a second: documented as others, parsed by hand.

    router = APIRouter(route_class=QuickRoute)

    @router.post("/v1/holds")
    async def post_holds(request: Request, body: HoldsIn) -> Response: ...

An endpoint's signature says what it takes, and the OpenAPI document is made of it, as always. But
the body goes from bytes to the shape in one step (pydantic's own JSON parser), nothing is looked up
among dependencies, and the endpoint answers with ready bytes. `wms.api.admit` calls them past
everything else.

A quick endpoint takes the request, and of these what it names: `body`, `hold_id` (of the path),
`deadline_ms` (of the header Soko-Deadline-Ms), `actor` (who works). What is wrong with them is 422
"malformed", 413 if the body is too long.
"""

import inspect
import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import Header
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from typing_extensions import override

from wms.api.dependencies import actor_of

BODY_MAX = 1 << 20
DEADLINE_MS = 10_000
DEADLINE_MAX_MS = 600_000
_TOO_LONG = HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {BODY_MAX} bytes")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)

DeadlineMs: TypeAlias = Annotated[
    int,
    Header(
        alias="Soko-Deadline-Ms",
        ge=1,
        le=DEADLINE_MAX_MS,
        description="Milliseconds from its arrival after which the request is not posted any more.",
    ),
]


Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]


class QuickRoute(APIRoute):
    """A route whose endpoint is called with what `quick` endpoints may ask for."""

    @override
    def get_route_handler(self) -> Handler:
        endpoint = self.endpoint
        named = inspect.signature(endpoint).parameters
        taken: Any = named["body"].annotation if "body" in named else None
        shape = TypeAdapter(taken) if taken else None
        takes_id, takes_deadline = "hold_id" in named, "deadline_ms" in named
        takes_actor = "actor" in named

        async def handle(request: Request) -> Response:
            given: dict[str, Any] = {}
            if takes_actor:
                given["actor"] = await actor_of(request)
            if takes_deadline:
                given["deadline_ms"] = _deadline_ms(request)
            if takes_id:
                given["hold_id"] = _id(request.path_params["hold_id"])
            if shape is not None:
                body = await _body(request)
                try:
                    given["body"] = shape.validate_json(body)
                except ValidationError as error:
                    raise _malformed("body", error) from None
            answer: Response = await endpoint(request, **given)
            return answer

        return handle


async def _body(request: Request) -> bytes:
    said = request.headers.get("content-length")
    length = int(said) if said is not None and said.isascii() and said.isdigit() else None
    if length is not None and length > BODY_MAX:
        raise _TOO_LONG
    body, more = b"", True
    while more and len(body) != length:  # the end of what was announced need not be waited for
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_MAX:
            raise _TOO_LONG
    return body


def _deadline_ms(request: Request) -> int:
    said = request.headers.get("soko-deadline-ms")
    if said is None:
        return DEADLINE_MS
    if not (said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= DEADLINE_MAX_MS):
        what = f"whole milliseconds, 1 to {DEADLINE_MAX_MS}"
        raise _wrong("header", "Soko-Deadline-Ms", what)
    return int(said)


def _id(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise _wrong("path", "hold_id", "an id is a UUID")
    return UUID(text)


def _wrong(where: str, name: str, what: str) -> RequestValidationError:
    return RequestValidationError([{"loc": (where, name), "msg": what, "type": "value_error"}])


def _malformed(where: str, error: ValidationError) -> RequestValidationError:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**one, "loc": (where, *one["loc"])} for one in faults])
