"""What a PLC has told us, by its sequence numbers: what is new, and what may be acknowledged.

Laws:
    none doubled  a sequence is new once while this driver lives; over a restart of the edge the
                  spool knows it, by the stream and the sequence that the message carries
    none missed   a sequence is safe only when `spooled` has returned after it was said; without a
                  spool, when it was said a good while ago

Sequences count within a stream; a PLC with a new memory names another stream and counts from 1.
One that counts from 1 again and calls its stream as before is not heard.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

_FLUSH_S, _UNSPOOLED_S = 5.0, 1.0  # real


class Heard:
    """The sequences of one PLC."""

    def __init__(self) -> None:
        self.spooled: Callable[[], Awaitable[None]] | None = None
        self.stream = ""
        self.said = 0  # the last that went to the agent
        self.acknowledged = 0
        self._open: deque[tuple[float, int]] = deque()  # when said, up to where

    def start(self, stream: str) -> None:
        """A connection to that stream begins."""
        if stream != self.stream:
            self.stream, self.said, self.acknowledged = stream, 0, 0
        self._open.clear()
        if self.said > self.acknowledged:
            self._open.append((asyncio.get_running_loop().time(), self.said))

    def is_new(self, sequence: int) -> bool:
        """Whether it has not been said yet."""
        return sequence > self.said

    def note(self, sequence: int) -> None:
        """It has been said."""
        self.said = sequence
        self._open.append((asyncio.get_running_loop().time(), sequence))

    async def safe(self) -> int:
        """Up to which sequence the messages outlive us.

        Raises:
            TimeoutError: the spool does not get done.
        """
        said = self.said
        if self.spooled is not None:
            if said > self.acknowledged:
                async with asyncio.timeout(_FLUSH_S):
                    await self.spooled()
            self._open.clear()
            return said
        safe = self.acknowledged
        long_ago = asyncio.get_running_loop().time() - _UNSPOOLED_S
        while self._open and self._open[0][0] <= long_ago:
            safe = self._open.popleft()[1]
        return safe
