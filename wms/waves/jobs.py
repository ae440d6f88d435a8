"""The jobs of waves: those that are over end, and totes are sorted when slots have been emptied."""

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.ids import SiteId
from wms.job import Job
from wms.orders.model import Allocation
from wms.outbound.putwall import make_sorts
from wms.waves.wave import finish_waves


def waves_jobs(database: Database, clock: Clock) -> list[Job]:
    """All of them."""

    def sort() -> int:
        done = 0
        for site in database.run(_to_sort):
            done += database.run(partial(make_sorts, site=site, now=clock.now()))
        return done

    def waves() -> int:
        return database.run(lambda s: finish_waves(s, now=clock.now()))

    return [Job(name="sort", run=sort, idle_s=2.0), Job(name="waves", run=waves, idle_s=5.0)]


def _to_sort(session: Session) -> list[SiteId]:
    query = select(Allocation.site_id).where(Allocation.to_sort, Allocation.state == "PICKED")
    return [SiteId(site) for site in session.scalars(query.distinct().order_by(Allocation.site_id))]
