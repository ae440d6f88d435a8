"""Waiting for stock to change, without a connection and without a thread for each who waits.

    follower = Follower(database)
    await follower.beyond(position, within_s=25)     True as soon as there is a newer change

While anybody waits, one task of this process asks the database ten times a second for the newest
position, for all of them. Nobody waits: nobody asks. No NOTIFY: it costs the writers dearly.
"""

import asyncio
from contextvars import Context

import anyio.to_thread
import structlog
from sqlalchemy.orm import Session

from wms import outbox
from wms.database import Database
from wms.errors import Unavailable
from wms.stock.feed import TOPIC

log = structlog.get_logger(__name__)
ASK_EVERY_S = 0.1


class Follower:
    """Knows the newest position of a stock change, while somebody wants to know."""

    def __init__(self, database: Database, *, every_s: float = ASK_EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._newest = 0
        self._waiting = 0
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def beyond(self, position: int, *, within_s: float) -> bool:
        """Wait for a change after that position; False if none came in time."""
        self._waiting += 1
        try:
            async with asyncio.timeout(within_s):
                while self._newest <= position:
                    if self._task is None or self._task.done():
                        # it goes on after this request, and is nobody's
                        self._task = asyncio.create_task(self._follow(), context=Context())
                    await self._more.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
        return True

    async def _follow(self) -> None:
        while self._waiting:
            try:
                newest = await anyio.to_thread.run_sync(self._database.run, self._ask)
            except Unavailable as error:
                log.warning("stock.feed_waits", problem=str(error))
                newest = self._newest
            if newest > self._newest:
                self._newest = newest
                self._more.set()
                self._more = asyncio.Event()
            await asyncio.sleep(self._every_s)

    def _ask(self, session: Session) -> int:
        outbox.number(session)
        return outbox.newest(session, TOPIC, after=self._newest)
