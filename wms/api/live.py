"""The latest live picture of the site, for as many viewers as look.

The bus writes it in the event loop; each viewer waits for a newer one than it has. A slow viewer
misses pictures, never delays anybody.
"""

import asyncio


class Feed:
    """The latest frame, and a number that grows with each."""

    def __init__(self) -> None:
        self.frame: str | None = None
        self.number = 0
        self._more = asyncio.Event()

    def put(self, frame: str) -> None:
        """There is a newer picture."""
        self.frame = frame
        self.number += 1
        self._more.set()
        self._more = asyncio.Event()

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
