"""Tables: snapshot, scenario, run, the days that a run played, proposal, question."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from wms.database import Base

OPEN = ("QUEUED", "RUNNING")


class PlanSnapshot(Base):
    """A network at a moment; `id` is the hash of `network`, which is never changed."""

    __tablename__ = "plan_snapshot"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    network: Mapped[dict[str, Any]] = mapped_column(JSONB)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime]
    made_by: Mapped[str]


class PlanScenario(Base):
    """Differences from a snapshot. `version` counts changes, so that two people do not overwrite.

    At most one of a snapshot is the baseline: what others are held against.
    """

    __tablename__ = "plan_scenario"
    __table_args__ = (
        Index(
            "ix_plan_scenario_baseline",
            "snapshot_id",
            unique=True,
            postgresql_where=text("baseline"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("plan_snapshot.id"))
    name: Mapped[str]
    patches: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    baseline: Mapped[bool] = mapped_column(server_default="false")
    owner: Mapped[str]
    copied_from: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")
    made_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class PlanRun(Base):
    """A scenario as it was when it was asked for, played once for each seed.

    QUEUED -> RUNNING -> DONE | STOPPED (somebody kept the best so far) | FAILED. `progress` is
    [seconds, best, bound] as the search went on; `seen_at` when its process was last heard of.
    """

    __tablename__ = "plan_run"
    __table_args__ = (
        CheckConstraint(
            "state IN ('QUEUED', 'RUNNING', 'DONE', 'STOPPED', 'FAILED')", name="state"
        ),
        Index("ix_plan_run_scenario_id", "scenario_id", "asked_at"),
        Index(
            "ix_plan_run_open",
            "asked_at",
            postgresql_where=text("state IN ('QUEUED', 'RUNNING')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scenario_id: Mapped[UUID] = mapped_column(ForeignKey("plan_scenario.id"))
    snapshot_id: Mapped[str] = mapped_column(ForeignKey("plan_snapshot.id"))
    patches: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    seeds: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    iterations: Mapped[int]
    state: Mapped[str] = mapped_column(server_default="QUEUED")
    stop_wanted: Mapped[bool] = mapped_column(server_default="false")
    progress: Mapped[list[list[float | None]]] = mapped_column(JSONB, server_default=text("'[]'"))
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    failed: Mapped[str] = mapped_column(server_default="")
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]


class PlanPlayed(Base):
    """A day of a run: what it came to, or what went wrong; it is not played twice."""

    __tablename__ = "plan_played"

    run_id: Mapped[UUID] = mapped_column(ForeignKey("plan_run.id"), primary_key=True)
    seed: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    played: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    failed: Mapped[str] = mapped_column(server_default="")


class PlanProposal(Base):
    """A run whose scenario is to be. The one who proposed it does not decide on it.

    PROPOSED -> APPROVED -> ACTIVE (from `active_from` on) -> ROLLED_BACK; or REJECTED; or FAILED,
    where the house had moved on. `changes` is what the product does by itself, `by_hand` what
    people have to do; `undo` what there was before, and what was put there.
    """

    __tablename__ = "plan_proposal"
    __table_args__ = (
        CheckConstraint(
            "state IN ('PROPOSED', 'APPROVED', 'REJECTED', 'ACTIVE', 'FAILED', 'ROLLED_BACK')",
            name="state",
        ),
        CheckConstraint("decided_by <> proposed_by", name="second"),
        Index("ix_plan_proposal_due", "active_from", postgresql_where=text("state = 'APPROVED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("plan_run.id"))
    base_run_id: Mapped[UUID] = mapped_column(ForeignKey("plan_run.id"))
    state: Mapped[str] = mapped_column(server_default="PROPOSED")
    reason: Mapped[str]
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    by_hand: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    predicted: Mapped[dict[str, Any]] = mapped_column(JSONB)
    active_from: Mapped[datetime]
    undo: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(server_default="")
    activated_at: Mapped[datetime | None]
    rolled_back_at: Mapped[datetime | None]
    rolled_back_by: Mapped[str] = mapped_column(server_default="")
    failed: Mapped[str] = mapped_column(server_default="")


class PlanQuestion(Base):
    """What somebody wants to know of the days ahead of a site, and the worker's answer.

    QUEUED -> RUNNING -> DONE, or FAILED where it could not be asked. `wish` and `answer` are of
    the kind (wms.planner.ahead); `seen_at` is when its worker was last heard of. `progress` is
    [seconds, best, bound] as it searches; `took` what came of it when somebody took it over.
    """

    __tablename__ = "plan_question"
    __table_args__ = (
        CheckConstraint("state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')", name="state"),
        CheckConstraint("(state = 'DONE') = (answer IS NOT NULL)", name="answer"),
        CheckConstraint(
            "(took IS NULL) = (taken_at IS NULL) AND (taken_at IS NULL OR state = 'DONE')",
            name="taken",
        ),
        Index("ix_plan_question_asked_at", "kind", "asked_at"),
        Index(
            "ix_plan_question_open",
            "asked_at",
            postgresql_where=text("state IN ('QUEUED', 'RUNNING')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"))
    wish: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(server_default="QUEUED")
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    failed: Mapped[str] = mapped_column(server_default="")
    stop_wanted: Mapped[bool] = mapped_column(server_default="false")
    progress: Mapped[list[list[float | None]]] = mapped_column(JSONB, server_default=text("'[]'"))
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    seen_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    took: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    taken_at: Mapped[datetime | None]
    taken_by: Mapped[str] = mapped_column(server_default="")
