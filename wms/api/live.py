"""The latest live picture of the site, for as many viewers as look.

The bus writes it in the event loop; each viewer waits for a newer one than it has, and is told what
has changed since (wms.control.pictures). A slow viewer misses pictures, never delays anybody.
"""

import asyncio
import json
from collections import OrderedDict
from typing import Any, Literal

from wms.control.pictures import difference

KEPT = 8  # pictures that a difference can begin at


class Feed:
    """The latest frame, and a number that grows with each."""

    def __init__(self) -> None:
        self.number = 0
        self._frames: OrderedDict[int, str] = OrderedDict()
        self._read: dict[int, dict[str, Any]] = {}
        self._told: dict[tuple[int, int], str | None] = {}
        self._more = asyncio.Event()

    def put(self, frame: str) -> None:
        """There is a newer picture."""
        self.number += 1
        self._frames[self.number] = frame
        while len(self._frames) > KEPT:
            gone, _ = self._frames.popitem(last=False)
            self._read.pop(gone, None)
        self._told.clear()
        self._more.set()
        self._more = asyncio.Event()

    def news(self, seen: int) -> tuple[Literal["frame", "moved"], str]:
        """What somebody is told who has seen that picture: what has changed, or all of it.

        Worked out once for all who have seen the same.
        """
        pair = seen, self.number
        if pair not in self._told:
            self._told[pair] = self._difference(*pair)
        told = self._told[pair]
        return ("frame", self._frames[self.number]) if told is None else ("moved", told)

    def _difference(self, seen: int, number: int) -> str | None:
        if seen not in self._frames:
            return None
        try:
            found = difference(self._picture(seen), self._picture(number))
        except (ValueError, TypeError, LookupError):
            return None  # it is no picture that we know: the screen may
        return None if found is None else json.dumps(found, separators=(",", ":"))

    def _picture(self, number: int) -> dict[str, Any]:
        if number not in self._read:
            self._read[number] = json.loads(self._frames[number])
        return self._read[number]

    async def newer_than(self, number: int, *, within_s: float) -> bool:
        """Wait for a picture after that one; False if none came in time."""
        if self.number > number:
            return True
        try:
            async with asyncio.timeout(within_s):
                await self._more.wait()
        except TimeoutError:
            return False
        return True
