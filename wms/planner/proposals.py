"""Proposals: a run whose scenario is to be, from the word of one to the word of another.

    propose -> approve | reject -> (on its day) activate_due -> roll_back
    held_against(session, proposal)      what it was said to do, and what was measured since

Laws: who proposed does not decide; before its day nothing changes; what is activated can be taken
back as long as nobody has changed it since. Figures are per order: days differ in how many came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import DataError, IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from wms.errors import Conflict, Forbidden, NotFound, Rejected
from wms.orders.model import Decision
from wms.planner.changes import carry_out, split, take_back
from wms.planner.model import PlanProposal, PlanRun
from wms.planner.runs import run_named
from wms.planner.snapshot import read_snapshot

FOR_ORDERING = frozenset({"scarcity", "balance", "markdown", "time"})  # weighed, never paid
MEASURED_MAX = timedelta(days=90)


class SecondPersonNeeded(Forbidden):
    """Who proposed a plan does not decide on it: somebody else does."""

    code = "second_person_needed"


class NotToBeDone(Conflict):
    """The proposal is not in the state for that.

    Attributes:
        state: in which it is.
    """

    code = "proposal_state"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class NothingToPropose(Rejected):
    """A run without a result, or against another network, is no ground for a proposal."""

    code = "nothing_to_propose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """A run that should be, the run it is held against, why, and from when."""

    run_id: UUID
    base_run_id: UUID
    reason: str
    active_from: datetime


def propose(
    session: Session, id_: UUID, wanted: Propose, *, by: str, now: datetime
) -> PlanProposal:
    """Say that a scenario should be. Repeating is nothing.

    Raises:
        NotFound: no such run. NothingToPropose: it has no result, or theirs is another network.
    """
    if (known := session.get(PlanProposal, id_)) is not None:
        return known
    run, base = run_named(session, wanted.run_id), run_named(session, wanted.base_run_id)
    if not _figures(run) or not _figures(base) or run.snapshot_id != base.snapshot_id:
        raise NothingToPropose(f"runs {run.id}, {base.id}")
    changes, by_hand = split(read_snapshot(session, run.snapshot_id), run.patches)
    row = PlanProposal(
        id=id_, run_id=run.id, base_run_id=base.id, state="PROPOSED", reason=wanted.reason,
        changes=changes, by_hand=by_hand, active_from=wanted.active_from, proposed_at=now,
        predicted={"before": per_order(_figures(base)), "after": per_order(_figures(run))},
        proposed_by=by, decided_by="", rolled_back_by="", failed="",
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def decide(session: Session, id_: UUID, *, approve: bool, by: str, now: datetime) -> PlanProposal:
    """Yes or no, by somebody else.

    Raises:
        NotFound; NotToBeDone: it was decided; SecondPersonNeeded.
    """
    row = _locked(session, id_, "PROPOSED")
    if row.proposed_by == by:
        raise SecondPersonNeeded(by)
    row.state, row.decided_at, row.decided_by = "APPROVED" if approve else "REJECTED", now, by
    return row


def activate_due(session: Session, *, now: datetime) -> int:
    """Carry out what is approved and whose day has come, one at a time; how many."""
    due = select(PlanProposal).where(
        PlanProposal.state == "APPROVED", PlanProposal.active_from <= now
    )
    row = session.scalar(
        due.order_by(PlanProposal.active_from, PlanProposal.id).limit(1).with_for_update()
    )
    if row is None:
        return 0
    try:
        with session.begin_nested():
            row.undo = carry_out(session, row.changes, now=now)
    except (DataError, IntegrityError, NoResultFound, OverflowError) as error:
        row.state, row.failed = "FAILED", type(error).__name__
    else:
        row.state, row.activated_at = "ACTIVE", now
    return 1


def roll_back(session: Session, id_: UUID, *, by: str, now: datetime) -> PlanProposal:
    """Put back what there was before.

    Raises:
        NotFound; NotToBeDone: it is not active; PlanOverruled: somebody has changed it since.
    """
    row = _locked(session, id_, "ACTIVE")
    take_back(session, row.undo or [], now=now)
    row.state, row.rolled_back_at, row.rolled_back_by = "ROLLED_BACK", now, by
    return row


def proposal(session: Session, id_: UUID) -> PlanProposal:
    """A proposal. Raises NotFound."""
    row = session.get(PlanProposal, id_)
    if row is None:
        raise NotFound(f"proposal {id_}")
    return row


def held_against(session: Session, of: PlanProposal, *, now: datetime) -> dict[str, Any]:
    """Predicted and measured, before and after: figures per order; None where none came."""
    if of.activated_at is None:
        return {"predicted": of.predicted, "measured": {"before": None, "after": None}}
    until = of.rolled_back_at or now
    window = min(max(until - of.activated_at, timedelta(days=1)), MEASURED_MAX)
    before = measured(session, of.activated_at - window, of.activated_at)
    after = measured(session, of.activated_at, until)
    return {"predicted": of.predicted, "measured": {"before": before, "after": after}}


def measured(session: Session, since: datetime, until: datetime) -> dict[str, float] | None:
    """What sourcing did in that time, per order; None if nothing was ordered."""
    last = (
        select(Decision)
        .ext(distinct_on(Decision.order_id))
        .where(Decision.decided_at >= since, Decision.decided_at < until)
        .where(Decision.kind == "SOURCED")
        .order_by(Decision.order_id, Decision.decided_at.desc())
    )
    cost = parcels = 0.0
    orders = splits = late = 0
    for row in session.scalars(last):
        sites = {site for line in row.chosen for site in line["sites"]}
        orders += 1
        parcels += len(sites)
        splits += len(sites) > 1
        late += row.terms.get("late", 0) > 0
        cost += sum(v for name, v in row.terms.items() if name not in FOR_ORDERING)
    if not orders:
        return None
    return {
        "orders": orders, "cost_minor": round(cost / orders, 2),
        "parcels": round(parcels / orders, 4), "splits": round(splits / orders, 4),
        "on_time": round(1 - late / orders, 4),
    }  # fmt: skip


def per_order(kpis: Mapping[str, float]) -> dict[str, float]:
    """The same figures of a run's days."""
    orders = max(1.0, kpis["orders"])
    return {
        "orders": kpis["orders"], "cost_minor": round(kpis["cost_minor"] / orders, 2),
        "parcels": round(kpis["parcels"] / orders, 4), "splits": round(kpis["splits"] / orders, 4),
        "on_time": kpis["on_time_share"],
    }  # fmt: skip


def all_proposals(session: Session, *, limit: int = 200) -> Sequence[PlanProposal]:
    """The newest first."""
    query = select(PlanProposal).order_by(PlanProposal.proposed_at.desc(), PlanProposal.id)
    return session.scalars(query.limit(limit)).all()


def _figures(run: PlanRun) -> dict[str, float]:
    kpis = (run.result or {}).get("kpis", {})
    return {name: spread["mean"] for name, spread in kpis.items()}


def _locked(session: Session, id_: UUID, state: str) -> PlanProposal:
    row = session.get(PlanProposal, id_, with_for_update=True)
    if row is None:
        raise NotFound(f"proposal {id_}")
    if row.state != state:
        raise NotToBeDone(row.state)
    return row
