"""HTTP as the simulated people and shops speak it: patiently.

A server that is away, restarting or asks to wait is asked again with the very same words, until
it answers. That is what ids made by the sender are for.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import stamina

WAIT_MAX_S = 1.0


class NotNow(Exception):  # noqa: N818 - reads as a situation
    """The server cannot answer at the moment."""


@contextlib.asynccontextmanager
async def client_of(base_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client for all simulated people together."""
    limits = httpx2.Limits(max_connections=24, max_keepalive_connections=24)
    async with httpx2.AsyncClient(base_url=base_url, timeout=20, limits=limits) as client:
        yield client


async def call(
    client: httpx2.AsyncClient, method: str, path: str, **options: Any
) -> httpx2.Response:
    """The answer of the server, whatever it is, once it is there at all."""
    async for attempt in stamina.retry_context(
        on=(httpx2.HTTPError, NotNow), attempts=None, timeout=None, wait_max=WAIT_MAX_S
    ):
        with attempt:
            response = await client.request(method, path, **options)
            if response.status_code in {429, 502, 503, 504}:
                raise NotNow(f"{method} {path}: {response.status_code}")
            return response
    raise AssertionError("unreachable: the last attempt returns or raises")
