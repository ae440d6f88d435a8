"""Doors: what each address of the API is for, and the key that opens it.

    POLICIES    every path that there is, by its beginning: who may come
    Doors       the middleware that asks for keys, where the settings say so (SOKO_ACCESS=keys)

    PUBLIC      anybody: health, documentation, tracking by a token that cannot be guessed
    PEOPLE      handhelds and screens of this house: no key; a badge, where the settings say so
                (SOKO_HANDHELD=paired, wms.api.dependencies)
    a scope     other systems, with a key that has it

What no line of the table names is nobody's: 404, and a test compares the table with the routes.
Asking for keys costs a hash; the keys are in memory.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from fastapi.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from edge.clock import Clock
from wms.access import Keys
from wms.errors import WmsError

PUBLIC, PEOPLE = "public", "people"
READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may read and who may write what begins with `path`."""

    path: str
    read: str
    write: str


# The longest beginning counts.
POLICIES = (
    Policy("/oms/v1/webhooks", "webhooks", "webhooks"),
    Policy("/oms/v1/deliveries", "webhooks", "webhooks"),
    Policy("/oms/v1", "orders:read", "orders:write"),
    Policy("/shop/v1", "shop", "shop"),
    Policy("/v1", "stock:read", "stock:write"),
    Policy("/inbound/v1", "inbound", "inbound"),
    Policy("/billing/v1", "billing", "billing"),
    Policy("/epcis/v2", "epcis", "epcis"),
    Policy("/master/v1", "stock:read", "masters:write"),
    Policy("/master/v1/pictures", PUBLIC, "masters:write"),
    Policy("/api/v1", PEOPLE, PEOPLE),
    Policy("/store/v1", PEOPLE, PEOPLE),
    Policy("/console/v1", PEOPLE, PEOPLE),
    Policy("/privacy/v1", "privacy", "privacy"),
    Policy("/track/v1", PUBLIC, PUBLIC),
    Policy("/find/v1", PUBLIC, PUBLIC),
    Policy("/catalog", PUBLIC, PUBLIC),
    Policy("/problems", PUBLIC, PUBLIC),
    Policy("/health", PUBLIC, PUBLIC),
    Policy("/t", PUBLIC, PUBLIC),
    Policy("/find", PUBLIC, PUBLIC),
    Policy("/ui", PUBLIC, PUBLIC),
    Policy("/docs", PUBLIC, PUBLIC),
    Policy("/openapi.json", PUBLIC, PUBLIC),
)
_BY_LENGTH = sorted(POLICIES, key=lambda policy: -len(policy.path))


def policy_of(path: str) -> Policy | None:
    """The line of the table for that path; None: it is nobody's."""
    if path == "/":
        return Policy("/", PUBLIC, PUBLIC)
    for policy in _BY_LENGTH:
        if path == policy.path or path.startswith(f"{policy.path}/"):
            return policy
    return None


class Doors:
    """Asks for keys."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Keys,
        clock: Clock,
        problem: Callable[[Request, Exception], Response],
    ) -> None:
        self._app, self._keys, self._clock, self._problem = app, keys, clock, problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive) if scope["type"] == "http" else None
        try:
            await self._judge(scope, request)
        except (WmsError, HTTPException) as error:
            if request is not None:
                await self._problem(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _judge(self, scope: Scope, request: Request | None) -> None:
        policy = policy_of(scope["path"])
        if policy is None:
            raise HTTPException(404)
        method = scope.get("method", "GET")
        wanted = policy.read if method in READS else policy.write
        if wanted in {PUBLIC, PEOPLE} or request is None:
            return
        now = self._clock.now()
        if not self._keys.is_fresh:
            await asyncio.to_thread(self._keys.refresh, now=now)
        self._keys.judge(request.headers.get("authorization"), wanted, now=now)
