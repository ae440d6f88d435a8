"""The one table from errors to HTTP: problem+json, RFC 9457.

    NotFound 404 · Conflict 409 · Rejected 422 · Forbidden 403 · Unavailable 503 (Retry-After)
    Overloaded, which is Unavailable for the moment: 429 (Retry-After)
    KeyMissing, KeyUnknown: 401 (WWW-Authenticate)
    what is no such request at all: 422 with code "malformed"; what we did not foresee: 500

Every body has `code`, which never changes, and the facts of the situation by name.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_problem.error import Problem
from fastapi_problem.handler import add_exception_handler, new_exception_handler
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from wms.access import KeyMissing
from wms.api.doors import policy_of
from wms.api.limits import TooOften
from wms.errors import Conflict, Forbidden, NotFound, Rejected, Unavailable, WmsError
from wms.identity.passwords import AccountShut
from wms.people.entry import EntryShut
from wms.stock.coalescer import Overloaded

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 1
STATUS: dict[type[WmsError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.TOO_MANY_REQUESTS,
    TooOften: HTTPStatus.TOO_MANY_REQUESTS,
    EntryShut: HTTPStatus.TOO_MANY_REQUESTS,
    AccountShut: HTTPStatus.TOO_MANY_REQUESTS,
    KeyMissing: HTTPStatus.UNAUTHORIZED,
}


def install(app: FastAPI) -> Callable[[Request, Exception], Response]:
    """Answer every error of this application as a problem; that is also what is returned."""
    handler = new_exception_handler(
        handlers={
            WmsError: _of_error,
            HTTPException: _of_http,
            RequestValidationError: _of_malformed,
            Exception: _of_unforeseen,
        },
        http_exception_handler=_of_http,
        request_validation_handler=_of_malformed,
    )
    add_exception_handler(app, handler)
    app.add_exception_handler(WmsError, handler)
    return handler


def problem(
    code: str,
    status: HTTPStatus,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **facts: Any,
) -> Problem:
    """A problem with a code."""
    return Problem(
        title=re.sub("_", " ", code).capitalize(),
        type_=code.replace("_", "-"),
        detail=detail,
        status=status.value,
        headers=headers,
        code=code,
        **facts,
    )


def _of_error(_handler: Any, _request: Request, error: Exception) -> Problem:
    assert isinstance(error, WmsError)
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    facts = {name: _plain(value) for name, value in vars(error).items() if name not in _TAKEN}
    status = STATUS[kind]
    headers = None
    if isinstance(error, Unavailable):
        headers = {"retry-after": str(getattr(error, "retry_after_s", RETRY_AFTER_S))}
    elif isinstance(error, KeyMissing):
        headers = {"www-authenticate": "Bearer"}
    return problem(error.code, status, str(error), headers=headers, **facts)


_TAKEN = frozenset({"type", "title", "status", "detail", "code", "headers"})


def _of_unforeseen(_handler: Any, request: Request, error: Exception) -> Problem:
    log.error("http.failed", path=_route(request), exc_info=error)
    return problem("internal", HTTPStatus.INTERNAL_SERVER_ERROR, "this should not have happened")


def _route(request: Request) -> str:
    """The path as we have it in the table: what stands in its place may be a secret of somebody."""
    route, door = request.scope.get("route"), policy_of(request.scope["path"])
    return str(getattr(route, "path", None) or getattr(door, "path", "?"))


def _of_http(_handler: Any, _request: Request, error: Exception) -> Problem:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_").replace("-", "_").replace("'", "")
    headers = dict(error.headers) if error.headers else None
    return problem(code, status, str(error.detail), headers=headers)


def _of_malformed(_handler: Any, _request: Request, error: Exception) -> Problem:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"where": ".".join(map(str, fault["loc"])), "what": fault["msg"], "kind": fault["type"]}
        for fault in error.errors()[:20]
    ]
    where = faults[0]["where"] if faults else "body"
    what = faults[0]["what"] if faults else "malformed"
    return problem("malformed", HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {what}", errors=faults)


def _plain(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value  # faults by line and column
    return value if isinstance(value, int | str | bool | None) else str(value)
