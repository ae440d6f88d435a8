"""Shadow: what another policy would have done with the same orders, stored and compared.

Each batch is decided by every SHADOW policy too, on the same stock at the same moment, and
without effect. Both plans are judged by the same costs, those of the live policy, so that what a
policy believes of its weights does not count, but what it does:

    cost_minor        what is paid: carrier, packing, cartons, handling
    weighed           all terms together
    parcels           sites that send
    late_lines        lines that arrive after the promise
    unfilled_lines    lines that it would not send
    co2_g             grams of CO2
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from wms.database import Base
from wms.orders.costs import Ints
from wms.orders.source_problem import Sourced, figures

SUMS = ("cost_minor", "weighed", "parcels", "late_lines", "unfilled_lines", "co2_g")


class ShadowDecision(Base):
    """What a shadow policy would have chosen for an order, beside what was chosen."""

    __tablename__ = "shadow_decision"
    __table_args__ = (Index("ix_shadow_decision_at", "at"),)

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    decision_id: Mapped[UUID] = mapped_column(primary_key=True)
    policy: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    at: Mapped[datetime]
    differs: Mapped[bool]
    lines: Mapped[int]
    live: Mapped[dict[str, Any]] = mapped_column(JSONB)
    shadow: Mapped[dict[str, Any]] = mapped_column(JSONB)


def compare(
    session: Session,
    shadows: Sequence[Sourced],
    sourced: Sourced,
    plan: Ints,
    which: tuple[int, UUID],
    *,
    now: datetime,
) -> None:
    """Store what each shadow policy would have done with an order of the batch.

    `plan` is what is carried out; `which` the order's number in the batch, and the decision's id.
    """
    number, decision_id = which
    batch = sourced.batch
    mine = batch.lines[number]
    for other in shadows:
        theirs = other.solution.plan[mine]
        session.add(
            ShadowDecision(
                order_id=batch.facts.orders[number].id,
                decision_id=decision_id,
                policy=other.batch.policy.name,
                version=other.batch.policy.version,
                at=now,
                differs=bool((theirs != plan[mine]).any()),
                lines=int(mine.size),
                live=asdict(figures(batch, plan[mine], number)),
                shadow=asdict(figures(batch, theirs, number)),
            )
        )


def side_by_side(session: Session, *, since: datetime | None = None) -> list[dict[str, Any]]:
    """The figures of each shadow policy and version beside those of what was done."""
    row = ShadowDecision
    sums = [
        func.coalesce(func.sum(side[name].as_float()), 0).label(f"{of}_{name}")
        for of, side in (("live", row.live), ("shadow", row.shadow))
        for name in SUMS
    ]
    split = [
        func.count().filter(side["parcels"].as_integer() > 1).label(f"{of}_splits")
        for of, side in (("live", row.live), ("shadow", row.shadow))
    ]
    query = select(
        row.policy,
        row.version,
        func.count().label("orders"),
        func.count().filter(row.differs).label("differ"),
        func.sum(row.lines).label("lines"),
        func.min(row.at).label("since"),
        *sums,
        *split,
    )
    if since is not None:
        query = query.where(row.at >= since)
    grouped = query.group_by(row.policy, row.version).order_by(row.policy, row.version)
    return [_side_by_side(found._asdict()) for found in session.execute(grouped)]


def _side_by_side(found: dict[str, Any]) -> dict[str, Any]:
    sides = {
        of: {name: round(found[f"{of}_{name}"]) for name in (*SUMS, "splits")}
        for of in ("live", "shadow")
    }
    plain = {name: found[name] for name in ("policy", "version", "orders", "differ", "since")}
    return {**plain, "lines": int(found["lines"]), **sides}
