"""The jobs of the planner's desk: runs, one after the other; questions; activation."""

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.planner import proposals, runs
from wms.planner.ahead_answers import answer
from wms.planner.watch import Watch
from wms.planner.work import HERE, How


def planner_jobs(database: Database, clock: Clock, how: How = HERE) -> list[Job]:
    """All of them; `how` is where the days of runs are played."""

    def plan() -> int:
        run = database.run(lambda s: runs.take(s, now=clock.now()))
        if run is None:
            return 0
        Watch(database, clock, run.id, how).until_done()
        return 1

    def activate() -> int:
        return database.run(lambda s: proposals.activate_due(s, now=clock.now()))

    def reply() -> int:
        return answer(database, clock)

    return [
        Job(name="plan-ahead", run=reply, idle_s=0.5),
        Job(name="plan", run=plan, idle_s=0.5),
        Job(name="plan-activate", run=activate, idle_s=5.0),
    ]
