"""The jobs of the planner's desk: runs, one after the other; questions; activation."""

from edge.clock import Clock
from wms.database import Database
from wms.job import Job
from wms.planner import ahead, proposals, runs
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
        question = database.run(lambda s: ahead.take(s, now=clock.now()))
        if question is None:
            return 0
        from wms.planner.ahead_answers import answer  # noqa: PLC0415 - solvers: half a second

        answer(database, clock, question)
        return 1

    return [
        Job(name="plan-ahead", run=reply, idle_s=0.5),
        Job(name="plan", run=plan, idle_s=0.5),
        Job(name="plan-activate", run=activate, idle_s=5.0),
    ]
