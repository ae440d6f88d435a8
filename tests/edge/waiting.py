"""Waiting for a condition, with an end, instead of sleeping for a while."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_S = 0.01


def eventually(condition: Callable[[], T], *, within_s: float = 15.0) -> T:
    """The first true answer of `condition`; fails if there is none in time."""
    deadline = time.monotonic() + within_s
    never = threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        never.wait(STEP_S)
    return answer


async def soon(condition: Callable[[], T], *, within_s: float = 15.0) -> T:
    """The same for asyncio: the event loop runs on between two looks."""
    async with asyncio.timeout(within_s):
        while not (answer := condition()):  # noqa: ASYNC110 - other processes have no event
            await asyncio.sleep(STEP_S)
        return answer
