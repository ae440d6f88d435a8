"""Runs: asked for, done in a process of their own, watched, stopped, read.

    ask_for(session, scenario, ...)    QUEUED, with the scenario as it is now
    stop(session, run)                 the best so far is kept
    take(session)                      the next one to be done, or one whose process is gone
    result_of(played)                  what the days came to: mean, P50 and P90

Laws: a run never changes once it ended, and the same scenario and seeds come to the same. Days that
are kept are not played again, whoever goes on with the run. It is never done in the web process
(wms.planner.watch).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.planner.model import OPEN, PlanPlayed, PlanRun
from wms.planner.scenarios import scenario

GONE_AFTER = timedelta(minutes=15)  # nothing heard of a process: somebody else goes on


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
