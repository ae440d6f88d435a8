"""The jobs of replenishment: proposals are made again and again, balancing is weighed at night.

Proposals are looked at every half minute; levels follow demand and stock is balanced once a day,
at two and at three in the morning in Japan, when the day's sales are in the books and nobody picks.
Done again after a restart neither does harm: levels are the same, proposals are withdrawn and made
anew.
"""

from datetime import datetime, timedelta, timezone
from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.replenishment import balance, decide, levels, propose

JAPAN = timezone(timedelta(hours=9))
BALANCE_HOUR = 3
LEVELS_HOUR = 2


def replenishment_jobs(database: Database, clock: Clock) -> list[Job]:
    """All of them."""
    nightly, before = _Nightly(BALANCE_HOUR), _Nightly(LEVELS_HOUR)

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

    def follow_demand() -> int:
        now = clock.now()
        return levels_of_today(database, now) if before.is_due(now) else 0

    return [
        Job(name="replenish", run=replenish, idle_s=30.0),
        Job(name="levels", run=follow_demand, idle_s=60.0),
        Job(name="balance", run=balance_at_night, idle_s=60.0),
    ]


def balance_stock(database: Database, now: datetime) -> int:
    """Weigh what should go where, and propose it; how many proposals."""
    questions = database.run(lambda s: balance.gather(s, now=now))
    moves = balance.solve(questions)
    return database.run(lambda s: balance.store(s, moves, now=now))


def levels_of_today(database: Database, now: datetime) -> int:
    """Policies that follow demand get their levels; how many have changed."""
    done, after = database.run(lambda s: levels.follow(s, now=now))
    while after is not None:
        more, after = database.run(partial(levels.follow, now=now, after=after))
        done += more
    return done


class _Nightly:
    """Once a night, at that hour in Japan."""

    def __init__(self, hour: int) -> None:
        self._hour, self._done = hour, ""

    def is_due(self, now: datetime) -> bool:
        """Whether it is that hour, of a day on which it has not been done."""
        here = now.astimezone(JAPAN)
        if here.hour != self._hour or self._done == here.date().isoformat():
            return False
        self._done = here.date().isoformat()
        return True
