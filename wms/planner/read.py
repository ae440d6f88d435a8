"""What the planner's desk shows: lists, and runs as sides of a comparison."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from optimizer.scenarios import patched
from wms.errors import Conflict
from wms.planner.compare import Side
from wms.planner.model import PlanRun, PlanScenario, PlanSnapshot
from wms.planner.runs import days_of, run_named
from wms.planner.scenarios import read_patches, scenario
from wms.planner.snapshot import read_snapshot

HEADS = ("cost_minor", "on_time_share", "orders", "splits", "short_units")


class NotComparable(Conflict):
    """Runs are compared when they have ended with a result, on the same snapshot."""

    code = "not_comparable"


def snapshots(session: Session, *, limit: int = 100) -> list[dict[str, Any]]:
    """The newest first, without their networks."""
    of = PlanSnapshot
    query = select(of.id, of.name, of.facts, of.made_at, of.made_by)
    found = session.execute(query.order_by(of.made_at.desc(), of.id).limit(limit))
    return [dict(row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's way to say it


def scenarios(session: Session, snapshot_id: str | None = None) -> list[dict[str, Any]]:
    """With the last run of each."""
    query = select(PlanScenario).order_by(PlanScenario.made_at, PlanScenario.id)
    if snapshot_id is not None:
        query = query.where(PlanScenario.snapshot_id == snapshot_id)
    rows = session.scalars(query).all()
    last = (
        select(PlanRun)
        .ext(distinct_on(PlanRun.scenario_id))
        .where(PlanRun.scenario_id.in_([row.id for row in rows]))
        .order_by(PlanRun.scenario_id, PlanRun.asked_at.desc(), PlanRun.id)
    )
    runs = {run.scenario_id: run for run in session.scalars(last)}
    return [told(row, runs.get(row.id)) for row in rows]


def told(row: PlanScenario, run: PlanRun | None = None) -> dict[str, Any]:
    """A scenario as a card has it."""
    names = ("id", "snapshot_id", "name", "patches", "tags", "baseline", "owner", "copied_from",
             "version", "made_at", "changed_at")  # fmt: skip
    return {name: getattr(row, name) for name in names} | {
        "run": None if run is None else headline(run),
        "stale": run is not None and run.patches != row.patches,
    }


def one_scenario(session: Session, id_: UUID) -> dict[str, Any]:
    """With its last run. Raises NotFound."""
    row = scenario(session, id_)
    query = select(PlanRun).where(PlanRun.scenario_id == id_)
    return told(row, session.scalar(query.order_by(PlanRun.asked_at.desc()).limit(1)))


def headline(run: PlanRun) -> dict[str, Any]:
    """How a run stands, and its main figures."""
    kpis = (run.result or {}).get("kpis", {})
    best = run.progress[-1] if run.progress else None
    took = None
    if run.ended_at is not None and run.started_at is not None:
        took = (run.ended_at - run.started_at).total_seconds()
    return {
        "id": run.id, "state": run.state, "asked_at": run.asked_at, "asked_by": run.asked_by,
        "seconds": took, "failed": run.failed, "stop_wanted": run.stop_wanted,
        "best": best and best[1], "bound": best and best[2],
        "kpis": {name: kpis[name]["mean"] for name in HEADS if name in kpis},
    }  # fmt: skip


def runs(session: Session, *, limit: int = 100) -> list[PlanRun]:
    """The newest first."""
    query = select(PlanRun).order_by(PlanRun.asked_at.desc(), PlanRun.id)
    return list(session.scalars(query.limit(limit)))


def waiting_before(session: Session, run: PlanRun) -> int:
    """How many runs are done before this one."""
    if run.state != "QUEUED":
        return 0
    open_ = PlanRun.state.in_(("QUEUED", "RUNNING"))
    query = select(func.count()).select_from(PlanRun)
    return session.scalar(query.where(open_, PlanRun.asked_at < run.asked_at)) or 0


def estimate_s(session: Session, snapshot_id: str, seeds: int) -> float | None:
    """Seconds that a run of so many days would take, by the last ones on that snapshot."""
    query = select(PlanRun).where(
        PlanRun.snapshot_id == snapshot_id, PlanRun.state == "DONE", PlanRun.started_at.is_not(None)
    )
    took = [
        (run.ended_at - run.started_at).total_seconds() / max(1, len(run.seeds))
        for run in session.scalars(query.order_by(PlanRun.asked_at.desc()).limit(5))
        if run.ended_at is not None and run.started_at is not None
    ]
    return round(sum(took) / len(took) * seeds, 1) if took else None


def sides(session: Session, ids: Sequence[UUID]) -> list[Side]:
    """Runs to be compared.

    Raises:
        NotFound: no such run. NotComparable: no result, or of different networks.
    """
    found = [run_named(session, id_) for id_ in ids]
    if len({run.snapshot_id for run in found}) > 1:
        raise NotComparable("they are runs on different snapshots")
    made = []
    for run in found:
        if not (run.result or {}).get("kpis"):
            raise NotComparable(f"run {run.id} is {run.state} and has no result")
        network = patched(read_snapshot(session, run.snapshot_id), read_patches(run.patches))
        days = {
            seed: day.played
            for seed, day in days_of(session, run.id).items()
            if day.played is not None
        }
        name = scenario(session, run.scenario_id).name
        made.append(Side(name=name, network=network, result=run.result or {}, days=days))
    return made
