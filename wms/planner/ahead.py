"""Questions about the days ahead: asked of the worker, which has the solvers, and answered once.

    ask(session, id, Asked(...))   QUEUED; asked again under the same id it is one question
    plan_wave(session, new)        a wave; the orders of a dense one are such a question
    take(session)                  the next one, from now on RUNNING
    stop(session, id)              content with the best that was found so far

Answers, and with them the solvers, are wms.planner.ahead_answers: the web process asks without
loading them. An answer changes nothing until somebody takes it over (wms.planner.ahead_take).

Laws: a question is answered once, as of the moment it was taken. One whose worker is gone is taken
again after GONE_AFTER.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.errors import IdReused, NotFound
from wms.planner.model import PlanQuestion
from wms.sites import sites_by_code
from wms.waves.wave import NewWave, choose, save_wave

GONE_AFTER = timedelta(minutes=5)
SHOWN_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to know of a site; `wish` is what the kind's function reads."""

    kind: str
    site: str
    wish: Mapping[str, Any]


def ask(session: Session, id_: UUID, asked: Asked, *, by: str, now: datetime) -> PlanQuestion:
    """Have it answered.

    Raises:
        NotFound: no such site.
        IdReused: another question has that id.
    """
    found = sites_by_code(session, {asked.site}).get(asked.site)
    if found is None:
        raise NotFound(f"site {asked.site}")
    known = session.get(PlanQuestion, id_)
    if known is not None:
        if (known.kind, known.site_id, known.wish) != (asked.kind, found.id, dict(asked.wish)):
            raise IdReused(id_)
        return known
    row = PlanQuestion(
        id=id_, kind=asked.kind, site_id=found.id, wish=dict(asked.wish), state="QUEUED",
        failed="", asked_at=now, asked_by=by,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def plan_wave(session: Session, new: NewWave, *, seconds: float, by: str, now: datetime) -> bool:
    """Plan a wave; whether it is new. The orders of a dense one are chosen by the worker.

    With no `seconds` nothing is looked for: it goes in turn.
    """
    is_new = save_wave(session, new, now=now)
    if is_new and new.template.choose == "DENSE":
        if seconds:
            wish = {"wave": str(new.id), "name": new.name, "seconds": seconds}
            asked = Asked(kind="wave", site=new.site, wish=wish)
            ask(session, new.id, asked, by=by, now=now)
        else:
            choose(session, new.id, None)
    return is_new


def stop(session: Session, id_: UUID) -> PlanQuestion:
    """Have the search end with the best that it has. Raises NotFound."""
    row = question(session, id_)
    row.stop_wanted = True
    return row


def question(session: Session, id_: UUID) -> PlanQuestion:
    """A question. Raises NotFound."""
    row = session.get(PlanQuestion, id_)
    if row is None:
        raise NotFound(f"question {id_}")
    return row


def questions(session: Session, kind: str | None = None) -> list[PlanQuestion]:
    """The newest first, of a kind or all."""
    query = select(PlanQuestion).order_by(PlanQuestion.asked_at.desc(), PlanQuestion.id)
    if kind is not None:
        query = query.where(PlanQuestion.kind == kind)
    return list(session.scalars(query.limit(SHOWN_MAX)))


def take(session: Session, *, now: datetime) -> UUID | None:
    """The next question; from now on it is this worker's."""
    gone = (PlanQuestion.state == "RUNNING") & (PlanQuestion.seen_at < now - GONE_AFTER)
    query = select(PlanQuestion).where(or_(PlanQuestion.state == "QUEUED", gone))
    row = session.scalar(
        query.order_by(PlanQuestion.asked_at, PlanQuestion.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if row is None:
        return None
    row.state, row.seen_at = "RUNNING", now
    return row.id
