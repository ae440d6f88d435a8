"""The job of the masters: files too long for a request, and those that a dead process left."""

import structlog

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.masters.take import waiting, work_off

log = structlog.get_logger(__name__)


def masters_jobs(database: Database, clock: Clock) -> list[Job]:
    """What goes on with imports."""

    def imports() -> int:
        worked = 0
        for id_ in database.run(waiting):
            if work_off(database, id_, now=clock.now()):
                log.info("import.ended", id=str(id_))
                worked += 1
        return worked

    return [Job(name="imports", run=imports, idle_s=0.5)]
