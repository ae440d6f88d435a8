"""The jobs of replenishment: proposals are made again and again, balancing is weighed at night.

Proposals are looked at every half minute; balancing once a day, at three in the morning in Japan,
when the day's sales are in the books and nobody picks. When it was done last stands in the newest
proposals, so a restart does not do it again: they are only withdrawn and made anew.
"""

from datetime import datetime, timedelta, timezone
from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.replenishment import balance, decide, propose

JAPAN = timezone(timedelta(hours=9))
BALANCE_HOUR = 3


def replenishment_jobs(database: Database, clock: Clock) -> list[Job]:
    """All of them."""
    nightly = _Nightly()

    def replenish() -> int:
        done, after = database.run(lambda s: propose.replenish(s, now=clock.now()))
        while after is not None:
            more, after = database.run(partial(propose.replenish, now=clock.now(), after=after))
            done += more
        done += database.run(lambda s: propose.fill_faces(s, now=clock.now()))
        return done + database.run(decide.settle)

    def balance_at_night() -> int:
        now = clock.now()
        return balance_stock(database, now) if nightly.is_due(now) else 0

    return [
        Job(name="replenish", run=replenish, idle_s=30.0),
        Job(name="balance", run=balance_at_night, idle_s=60.0),
    ]


def balance_stock(database: Database, now: datetime) -> int:
    """Weigh what should go where, and propose it; how many proposals."""
    questions = database.run(lambda s: balance.gather(s, now=now))
    moves = balance.solve(questions)
    return database.run(lambda s: balance.store(s, moves, now=now))


class _Nightly:
    """Once a night."""

    def __init__(self) -> None:
        self._done = ""

    def is_due(self, now: datetime) -> bool:
        """Whether it is that hour, of a day on which it has not been done."""
        here = now.astimezone(JAPAN)
        if here.hour != BALANCE_HOUR or self._done == here.date().isoformat():
            return False
        self._done = here.date().isoformat()
        return True
