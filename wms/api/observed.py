"""Each request is measured and traced: method, door, status, seconds to the first byte.

    app.add_middleware(Observed, measures=measures)

A door is a line of wms.api.doors: paths have ids in them, of which there is no end. A trace that
the caller began (`traceparent`) is gone on with; its id stands in every line that is logged
meanwhile.
"""

from time import perf_counter

import structlog
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wms.api.doors import policy_of
from wms.observe import Measures, carried, tracer

BROKEN = 500  # no answer was begun


class Observed:
    """Looks on."""

    def __init__(self, app: ASGIApp, *, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = policy_of(scope["path"])
        door = "none" if policy is None else policy.path
        method = scope["method"] if scope["method"] in _METHODS else "other"
        parent = carried.extract(dict(Headers(scope=scope)))
        named = f"{method} {door}"
        started_s, status = perf_counter(), BROKEN
        took_s: float | None = None

        async def send_on(message: Message) -> None:
            nonlocal status, took_s
            if message["type"] == "http.response.start":
                status, took_s = message["status"], perf_counter() - started_s
            await send(message)

        with tracer().start_as_current_span(named, parent, SpanKind.SERVER) as span:
            context = span.get_span_context()
            known = {"trace": f"{context.trace_id:032x}"} if context.is_valid else {}
            with structlog.contextvars.bound_contextvars(**known):
                try:
                    await self._app(scope, receive, send_on)
                finally:
                    span.set_attribute("http.response.status_code", status)
                    if took_s is None:
                        took_s = perf_counter() - started_s
                    self._measures.requested(method, door, status, took_s)


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
