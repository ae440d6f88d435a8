"""The jobs of sourcing beside sourcing itself: away from closed sites, and 引当振替."""

from functools import partial

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.orders.exclusion import move_away


def sourcing_jobs(database: Database, clock: Clock) -> list[Job]:
    """What has to be done again and again."""
    return [Job(name="reroute", run=partial(reroute, database, clock), idle_s=1.0)]


def reroute(database: Database, clock: Clock) -> int:
    """Find another site for an order that a closed one has not begun; how many were moved."""
    return database.run(lambda s: move_away(s, now=clock.now()))
