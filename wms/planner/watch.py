"""A run is done in a process of its own; here it is started, and what it says is kept.

    Watch(database, run).until_done()

Only a worker does that: what plays days needs solvers that the web process starts without.
"""

import multiprocessing
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.planner.model import PlanPlayed, PlanRun, PlanSnapshot
from wms.planner.runs import days_of, result_of
from wms.planner.work import HERE, How, Message, Task, child

LOOK_S = 0.25
PROGRESS_MAX = 400


@dataclass(slots=True)
class Watch:
    """A run whose process this one has started.

    Attributes:
        how: where its days are played.
        progress: what its search has said, thinned out where it is much.
    """

    database: Database
    clock: Clock
    run_id: UUID
    how: How = HERE
    progress: list[list[float | None]] = field(default_factory=list)
    failed: str = ""
    _told: int = 0

    def until_done(self) -> None:
        """Do the run, and keep what it says as it says it."""
        task, known = self.database.run(self._task)
        self.progress = known
        context = multiprocessing.get_context("spawn")  # a copy has locks of threads it lacks
        here, there = context.Pipe(duplex=False)
        stop_event = context.Event()
        process = context.Process(target=child, args=(task, there, stop_event))
        process.start()
        there.close()
        self.failed = "its process died"
        try:
            while self._heard(here):
                if self.database.run(self._keep):
                    stop_event.set()
        finally:
            here.close()  # who speaks to nobody ends, too, if this process is killed
            process.join(5)
            if process.is_alive():
                process.terminate()
                process.join()
        self.database.run(self._end)

    def _task(self, session: Session) -> tuple[Task, list[list[float | None]]]:
        run = session.get_one(PlanRun, self.run_id)
        network = session.get_one(PlanSnapshot, run.snapshot_id).network
        kept = {seed for seed, day in days_of(session, run.id).items() if day.played is not None}
        return Task(
            network=network,
            patches=run.patches,
            seeds=[seed for seed in run.seeds if seed not in kept],
            search_seed=run.seeds[0] if run.seeds and not kept else None,
            iterations=run.iterations,
            how=self.how,
        ), ([] if not kept else run.progress)

    def _heard(self, pipe: Connection) -> bool:
        """Take what the process has said, waiting a moment for it; False: it says no more."""
        if not pipe.poll(LOOK_S):
            return True
        with suppress(EOFError):
            while pipe.poll(0):
                if not self._take(pipe.recv()):
                    return False
            return True
        return False

    def _take(self, message: Message) -> bool:
        match message:
            case ("best", seconds, best, bound):
                self._progressed(seconds, best, bound)
            case ("day", seed, played, failed):
                row = {"run_id": self.run_id, "seed": seed, "played": played, "failed": failed}
                self.database.run(partial(_keep_day, row=row))
            case ("failed", words):
                self.failed = words
                return False
            case _:
                self.failed = ""
                return False
        return True

    def _progressed(self, seconds: float, best: float, bound: float | None) -> None:
        self.progress.append([seconds, best, bound])
        if len(self.progress) > PROGRESS_MAX:  # the newest stays
            del self.progress[1:-1:2]

    def _keep(self, session: Session) -> bool:
        """Write down how far it is; whether somebody wants it to stop."""
        run = session.get_one(PlanRun, self.run_id)
        run.seen_at = self.clock.now()
        run.progress = list(self.progress)
        return run.stop_wanted

    def _end(self, session: Session) -> None:
        run = session.get_one(PlanRun, self.run_id, with_for_update=True)
        days = days_of(session, run.id)
        good = [day.played for day in days.values() if day.played is not None]
        run.progress, run.ended_at = list(self.progress), self.clock.now()
        run.result = result_of(good)
        words = next((day.failed for day in days.values() if day.failed), "")
        run.failed = self.failed or ("" if good else words)
        run.state = "FAILED" if run.failed else "STOPPED" if run.stop_wanted else "DONE"


def _keep_day(session: Session, row: dict[str, Any]) -> None:
    statement = insert(PlanPlayed).values(row)
    same = ["run_id", "seed"]
    session.execute(statement.on_conflict_do_update(index_elements=same, set_=row))
