"""The house's time is the database's: what one process is to do at nine is due at nine for all.

    HouseClock   this host's clock, put right by what PostgreSQL's clock says
    following    asked at once, then every `AGAIN_S`, while the process lives

A host whose clock is a day ahead would else write that a booking is to be tried again tomorrow,
and all others would wait for it. What is off by less than a second is left as it is, and so is a
clock that somebody has given (SOKO_CLOCK): a played day has its own time. While the database is
away the time goes on from what was known.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text

from edge.clock import Clock, SystemClock, counted
from wms.database import Database
from wms.errors import Unavailable

AGAIN_S = 60.0
_NOW = text("SELECT clock_timestamp()")

log = structlog.get_logger(__name__)


class HouseClock:
    """The time of the database, as this process counts it."""

    def __init__(self, clock: Clock, ask: Callable[[], datetime]) -> None:
        """`ask`: the database's time.

        Raises `Unavailable` where it does not answer.
        """
        self._counted, self._ask = counted(clock), ask

    def now(self) -> datetime:
        """The present moment."""
        return self._counted.now() + timedelta(seconds=self._counted.shift_s)

    def real_s(self, virtual_s: float) -> float:
        """The same number: real time is real."""
        return self._counted.real_s(virtual_s)

    async def sleep(self, virtual_s: float) -> None:
        """Wait."""
        await self._counted.sleep(virtual_s)

    def learn(self) -> None:
        """Ask the database; where it is away nothing changes."""
        before_s, sent_s = self._counted.shift_s, self._counted.up_s()
        try:
            self._counted.heard(self._ask(), sent_up_s=sent_s)
        except Unavailable:
            return
        if abs(self._counted.shift_s - before_s) > 1.0:
            log.warning("clock.off", seconds=round(-self._counted.shift_s, 1))


@contextmanager
def following(clock: Clock) -> Iterator[None]:
    """Have a house's clock follow the database; any other one is left alone."""
    if not isinstance(clock, HouseClock):
        yield
        return
    clock.learn()
    over = threading.Event()

    def follow() -> None:
        while not over.wait(AGAIN_S):
            clock.learn()

    thread = threading.Thread(target=follow, name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


def house_clock(clock: Clock, database: Database) -> Clock:
    """The clock of a process at that database: its host's put right, or the one it was given."""
    if not isinstance(clock, SystemClock):
        return clock
    return HouseClock(clock, lambda: database.run(lambda s: s.execute(_NOW).scalar_one()))
