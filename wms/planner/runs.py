"""Runs: asked for, done in a process of their own, watched, stopped, read.

    ask_for(session, scenario, ...)    QUEUED, with the scenario as it is now
    stop(session, run)                 the best so far is kept
    take(session)                      the next one to be done, or one whose process is gone
    Watch(database, run).until_done()  starts the process, keeps what it says
    result_of(played)                  what the days came to: mean, P50 and P90

Laws: a run never changes once it ended, and the same scenario and seeds come to the same. Days that
are kept are not played again, whoever goes on with the run. It is never done in the web process.
"""

import multiprocessing
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from edge.clock import Clock
from wms.database import Database
from wms.errors import Conflict, NotFound
from wms.planner.model import OPEN, PlanPlayed, PlanRun, PlanSnapshot
from wms.planner.scenarios import scenario
from wms.planner.work import HERE, How, Message, Task, child

GONE_AFTER = timedelta(minutes=15)  # nothing heard of a process: somebody else goes on
LOOK_S = 0.25
PROGRESS_MAX = 400


class RunEnded(Conflict):
    """A run that has ended cannot be stopped.

    Attributes:
        state: as which it ended.
    """

    code = "run_ended"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Which scenario to play, for which days, and for how many steps to search."""

    scenario_id: UUID
    seeds: Sequence[int] = (1,)
    iterations: int = 2_000


def ask_for(session: Session, id_: UUID, ask: Ask, *, by: str, now: datetime) -> PlanRun:
    """Have a scenario played as it is now. Repeating is nothing. Raises NotFound."""
    if (known := session.get(PlanRun, id_)) is not None:
        return known
    of = scenario(session, ask.scenario_id)
    row = PlanRun(
        id=id_, scenario_id=of.id, snapshot_id=of.snapshot_id, patches=of.patches,
        seeds=list(dict.fromkeys(ask.seeds)), iterations=ask.iterations, state="QUEUED",
        progress=[], stop_wanted=False, failed="", asked_at=now, asked_by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def run_named(session: Session, id_: UUID) -> PlanRun:
    """A run. Raises NotFound."""
    row = session.get(PlanRun, id_)
    if row is None:
        raise NotFound(f"run {id_}")
    return row


def stop(session: Session, id_: UUID, *, now: datetime) -> PlanRun:
    """Stop a run and keep the best so far; one that waits does not begin.

    Raises:
        NotFound: no such run. RunEnded: it is over.
    """
    row = session.get(PlanRun, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"run {id_}")
    if row.state not in OPEN:
        raise RunEnded(row.state)
    row.stop_wanted = True
    if row.state == "QUEUED":
        row.state, row.ended_at = "STOPPED", now
    return row


def take(session: Session, *, now: datetime) -> PlanRun | None:
    """The next run to be done; from now on it is this process's."""
    gone = (PlanRun.state == "RUNNING") & (PlanRun.seen_at < now - GONE_AFTER)
    query = select(PlanRun).where(or_(PlanRun.state == "QUEUED", gone))
    row = session.scalar(
        query.order_by(PlanRun.asked_at, PlanRun.id).limit(1).with_for_update(skip_locked=True)
    )
    if row is not None:
        row.state, row.seen_at = "RUNNING", now
        row.started_at = row.started_at or now
    return row


def begin(session: Session, id_: UUID, *, now: datetime) -> None:
    """Do a run here and now that waits; the worker does not take it any more.

    Raises:
        NotFound: no such run. RunEnded: it does not wait.
    """
    row = session.get(PlanRun, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"run {id_}")
    if row.state != "QUEUED":
        raise RunEnded(row.state)
    row.state, row.started_at, row.seen_at = "RUNNING", now, now


def days_of(session: Session, run_id: UUID) -> dict[int, PlanPlayed]:
    """The days of a run that are kept, by seed."""
    query = select(PlanPlayed).where(PlanPlayed.run_id == run_id).order_by(PlanPlayed.seed)
    return {row.seed: row for row in session.scalars(query)}


def result_of(days: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the days came to together: figures with mean, P50, P90 and each day's; means else."""
    played = list(days)
    if not played:
        return {"days": 0, "kpis": {}, "terms": {}, "loads": {}, "flows": []}
    flows: dict[tuple[str, str, str], list[float]] = {}
    for day in played:
        for flow in day["flows"]:
            sums = flows.setdefault((flow["region"], flow["node"], flow["carrier"]), [0.0, 0.0])
            sums[0] += flow["parcels"] / len(played)
            sums[1] += flow["cost_minor"] / len(played)
    return {
        "days": len(played),
        "kpis": {k: _spread([day["kpis"][k] for day in played]) for k in played[0]["kpis"]},
        "terms": _means([day["terms"] for day in played]),
        "loads": _means([day["loads"] for day in played]),
        "flows": [
            {"region": region, "node": node, "carrier": carrier,
             "parcels": round(sums[0], 2), "cost_minor": round(sums[1])}
            for (region, node, carrier), sums in sorted(flows.items())
        ],
    }  # fmt: skip


def _spread(values: Sequence[float]) -> dict[str, Any]:
    p50, p90 = np.percentile(values, [50, 90])
    return {
        "mean": round(float(np.mean(values)), 4), "p50": round(float(p50), 4),
        "p90": round(float(p90), 4), "each": list(values),
    }  # fmt: skip


def _means(of: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = sorted({name for each in of for name in each})
    return {name: round(sum(e.get(name, 0) for e in of) / len(of), 4) for name in names}


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
