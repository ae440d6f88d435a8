"""The jobs of sourcing beside sourcing itself: away from closed sites, 引当振替, scarcity."""

from collections.abc import Callable
from functools import partial
from time import monotonic

import structlog

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.orders import scarcity, swaps
from wms.orders.exclusion import move_away

log = structlog.get_logger(__name__)

REPRICE_SHARE = 0.05  # of one core, at most: a shop of 20,000 orders a day takes a minute a round


def sourcing_jobs(database: Database, clock: Clock) -> list[Job]:
    """What has to be done again and again."""
    return [
        Job(name="reroute", run=partial(reroute, database, clock), idle_s=1.0),
        Job(name="swap", run=partial(swap, database, clock), idle_s=30.0),
        Job(
            name="reprice",
            run=sparing(partial(scarcity.reprice, database, clock), REPRICE_SHARE),
            idle_s=60.0,
        ),
    ]


def sparing(
    work: Callable[[], int], share: float, now_s: Callable[[], float] = monotonic
) -> Callable[[], int]:
    """The same work, done so seldom that it takes no more than that share of the time."""
    rests_until_s = -1.0

    def run() -> int:
        nonlocal rests_until_s
        began_s = now_s()
        if began_s < rests_until_s:
            return 0
        done = work()
        ended_s = now_s()
        rests_until_s = ended_s + (ended_s - began_s) / share
        return done

    return run


def reroute(database: Database, clock: Clock) -> int:
    """Find another site for an order that a closed one has not begun; how many were moved."""
    return database.run(lambda s: move_away(s, now=clock.now()))


def swap(database: Database, clock: Clock) -> int:
    """Let urgent orders take units from those with time to spare; how many units."""
    search = database.run(lambda s: swaps.find(s, now=clock.now()))
    found = None if search is None else swaps.solve(search)
    if found is None:
        return 0
    try:
        return database.run(lambda s: swaps.carry_out(s, found, now=clock.now()))
    except swaps.SwapLost as lost:  # the next round looks again
        log.info("orders.swap_lost", reason=str(lost))
        return 0
