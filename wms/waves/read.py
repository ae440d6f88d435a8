"""Waves as people see them: what was forecast beside what happened, step by step."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, case, cast, func, select
from sqlalchemy.orm import Session

from wms.errors import NotFound
from wms.orders.model import Allocation, Order
from wms.outbound.style import PickLine
from wms.sites import Site
from wms.waves.model import Wave
from wms.work.model import Task

TRUE_STATES = ("PACKED", "SHIPPED", "DELIVERED")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """A step of a wave: predicted and actual; without an end, it is not over."""

    step: str
    predicted_start_at: datetime | None
    predicted_finish_at: datetime | None
    actual_start_at: datetime | None
    actual_finish_at: datetime | None
    tasks: int
    tasks_done: int
    late_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveView:
    """A wave; `choosing`: the worker has not chosen its orders yet (a dense one)."""

    id: UUID
    site: str
    name: str
    state: str
    template: dict[str, Any]
    forecast: dict[str, Any] | None
    choosing: bool
    lines: int
    lines_by_state: dict[str, int]
    steps: tuple[StepView, ...]
    missed: tuple[str, ...]
    made_at: datetime
    simulated_at: datetime | None
    released_at: datetime | None
    ended_at: datetime | None


def waves(
    session: Session, *, site: str | None = None, state: str | None = None, limit: int = 100
) -> list[WaveView]:
    """Waves, the newest first."""
    query = select(Wave, Site.code).join(Site, Site.id == Wave.site_id)
    if site is not None:
        query = query.where(Site.code == site)
    if state is not None:
        query = query.where(Wave.state == state)
    query = query.order_by(Wave.made_at.desc(), Wave.id).limit(limit)
    return [_view(session, wave, code) for wave, code in session.execute(query)]


def wave_view(session: Session, wave_id: UUID) -> WaveView:
    """A wave.

    Raises:
        NotFound: there is none.
    """
    query = select(Wave, Site.code).join(Site, Site.id == Wave.site_id).where(Wave.id == wave_id)
    row = session.execute(query).first()
    if row is None:
        raise NotFound(f"wave {wave_id}")
    return _view(session, row[0], row[1])


def _view(session: Session, wave: Wave, site: str) -> WaveView:
    mine = (
        PickLine.site_id == wave.site_id,
        PickLine.wave_id == wave.id,
        Allocation.site_id == PickLine.site_id,
        Allocation.id == PickLine.allocation_id,
    )
    states = select(Allocation.state, func.count()).where(*mine).group_by(Allocation.state)
    return WaveView(
        id=wave.id,
        site=site,
        name=wave.name,
        state=wave.state,
        template=wave.template,
        forecast=wave.forecast,
        choosing=wave.state == "PLANNED" and wave.is_unchosen,
        lines=wave.lines,
        lines_by_state=dict(session.execute(states).all()),
        steps=tuple(_steps(session, wave)),
        missed=tuple(_missed(session, wave)),
        made_at=wave.made_at,
        simulated_at=wave.simulated_at,
        released_at=wave.released_at,
        ended_at=wave.ended_at,
    )


def _steps(session: Session, wave: Wave) -> list[StepView]:
    """What was said and what was done; said from its release on, however long it was planned."""
    told: dict[str, Any] = (wave.forecast or {}).get("steps", {})
    said_at = (wave.forecast or {}).get("at")
    shift = None
    if wave.released_at is not None and said_at is not None:
        shift = wave.released_at - datetime.fromisoformat(said_at)
    found = {step: row for step, row in _done(session, wave).items() if row[0] or step in told}
    views = []
    for step in dict.fromkeys([*told, *found]):
        tasks, done, start, end = found.get(step, (0, 0, None, None))
        by = _moment(told.get(step, {}).get("finish_at"), shift)
        over = end if tasks and tasks == done else None
        views.append(
            StepView(
                step=step,
                predicted_start_at=_moment(told.get(step, {}).get("start_at"), shift),
                predicted_finish_at=by,
                actual_start_at=start,
                actual_finish_at=over,
                tasks=tasks,
                tasks_done=done,
                late_s=round((over - by).total_seconds()) if over and by else None,
            )
        )
    return views


def _moment(text: str | None, shift: Any) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at if shift is None else at + shift


def _done(
    session: Session, wave: Wave
) -> dict[str, tuple[int, int, datetime | None, datetime | None]]:
    """Of each step of the wave: tasks, those done, when the first began and the last ended."""
    orders = (
        select(Allocation.order_id)
        .join(
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        )
        .where(PickLine.site_id == wave.site_id, PickLine.wave_id == wave.id)
    )
    ids = [str(order) for order in session.scalars(orders.distinct())]
    lines = select(PickLine.allocation_id).where(
        PickLine.site_id == wave.site_id, PickLine.wave_id == wave.id
    )
    tasks_of = select(Allocation.task_id).where(
        Allocation.site_id == wave.site_id,
        Allocation.id.in_(lines),
        Allocation.task_id.is_not(None),
    )
    mine = (
        (Task.plan["wave"].astext == str(wave.id))
        | Task.plan.has_key("presentation") & Task.id.in_(tasks_of)
        | (Task.kind == "pack") & Task.plan["order"].astext.in_(ids)
    )
    step = case(
        (Task.kind == "putwall", "sort"),
        (Task.plan.has_key("presentation"), "station"),
        else_=Task.kind,
    )
    began = func.min(Task.packet["history"][0]["at"].astext)
    query = (
        select(
            step,
            func.count(),
            func.count().filter(Task.state == "DONE"),
            began,
            func.max(Task.done_at),
        )
        .where(Task.site_id == wave.site_id, Task.made_at >= wave.made_at, mine)
        .group_by(step)
    )
    return {
        kind: (tasks, done, datetime.fromisoformat(start) if start else None, end)
        for kind, tasks, done, start, end in session.execute(query)
    }


def _missed(session: Session, wave: Wave) -> list[str]:
    """The numbers of orders of the wave that were not packed at its cut-off, or are not yet."""
    cut_off = wave.template.get("cut_off_at")
    if cut_off is None or wave.released_at is None:
        return []
    packed = select(Task.plan["order"].astext).where(
        Task.site_id == wave.site_id,
        Task.kind == "pack",
        Task.done_at <= datetime.fromisoformat(cut_off),
    )
    query = (
        select(Order.number)
        .join(Allocation, Allocation.order_id == Order.id)
        .join(
            PickLine,
            (PickLine.site_id == Allocation.site_id) & (PickLine.allocation_id == Allocation.id),
        )
        .where(
            PickLine.site_id == wave.site_id,
            PickLine.wave_id == wave.id,
            Allocation.state.in_(("PINNED", "PICKED", *TRUE_STATES)),
            cast(Order.id, Text).not_in(packed),
        )
    )
    return sorted(set(session.scalars(query)))
