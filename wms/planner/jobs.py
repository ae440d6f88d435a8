"""The jobs of the planner's desk: runs are done one after the other; what is due is activated."""

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.planner import proposals, runs


def planner_jobs(database: Database, clock: Clock) -> list[Job]:
    """All of them."""

    def plan() -> int:
        run = database.run(lambda s: runs.take(s, now=clock.now()))
        if run is None:
            return 0
        runs.Watch(database, clock, run.id).until_done()
        return 1

    def activate() -> int:
        return database.run(lambda s: proposals.activate_due(s, now=clock.now()))

    return [
        Job(name="plan", run=plan, idle_s=0.5),
        Job(name="plan-activate", run=activate, idle_s=5.0),
    ]
