"""The jobs of counting: what is wanted, what is due, and what still has to be posted."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.counting.cadence import count_wanted, plan_counts, sites_that_count
from wms.counting.model import StockCount
from wms.counting.post import post_count
from wms.database import Database
from wms.job import Job

AT_ONCE = 50


def counting_jobs(database: Database, clock: Clock) -> list[Job]:
    """The jobs of this area."""

    def wanted() -> int:
        return database.run(lambda s: count_wanted(s, now=clock.now()))

    def plan() -> int:
        made = 0
        for site in database.run(sites_that_count):
            made += database.run(partial(plan_counts, site=site, now=clock.now()))
        return 0 * made  # tomorrow again, not at once

    return [
        Job(name="count.wanted", run=wanted, idle_s=1.0),
        Job(name="count.plan", run=plan, idle_s=3600.0),
        Job(name="count.post", run=_poster(database, clock), idle_s=5.0),
    ]


def _poster(database: Database, clock: Clock) -> Callable[[], int]:
    def waiting(session: Session) -> list[tuple[object, object]]:
        query = (
            select(StockCount.site_id, StockCount.id)
            .where(StockCount.state == "ACCEPTED")
            .order_by(StockCount.site_id, StockCount.id)
            .limit(AT_ONCE)
        )
        return [(site, id_) for site, id_ in session.execute(query)]

    def post() -> int:
        done = 0
        for key in database.run(waiting):

            def work(session: Session, key: tuple[object, object] = key) -> bool:
                count = session.get_one(
                    StockCount, key, with_for_update=True, populate_existing=True
                )
                if count.state != "ACCEPTED":
                    return False
                return post_count(session, count, actor="rule:count", now=clock.now())

            done += database.run(work)
        return done

    return post
