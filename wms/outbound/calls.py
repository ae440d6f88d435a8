"""Calls: somebody with a handheld wants a supervisor, who sees where and for what."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.outbound.tell import report
from wms.work.actor import Actor
from wms.work.model import Task
from wms.work.packet import Event, Trouble
from wms.work.pool import packet_of

CALL = "supervisor"  # the exception code of the handheld
CODE = "work.supervisor"


def calls_of(session: Session, events: Sequence[Event], actor: Actor, *, now: datetime) -> None:
    """Put before supervisors what these events, which were taken, call them for."""
    calls = [
        event for event in events if isinstance(event.value, Trouble) and event.value.code == CALL
    ]
    for event in calls:
        task = session.scalars(select(Task).where(Task.id == event.packet)).one()
        call_supervisor(session, task.site_id, task, event.id, actor, step=event.step, now=now)


def call_supervisor(  # noqa: PLR0913 - who, where and why
    session: Session,
    site: UUID,
    task: Task | None,
    cause: UUID,
    actor: Actor,
    *,
    step: str = "",
    note: str = "",
    now: datetime,
) -> None:
    """Put it before supervisors: the packet, the step and the place."""
    facts = {"device": actor.device, "operator": actor.operator, "step": step, "note": note}
    if task is not None:
        facts |= {
            "task": str(task.id),
            "kind": task.kind,
            "title": str(task.packet["title"]),
            "location": place_at(task, step),
        }
    report(
        session, site, derive(cause, "call"), code=CODE, source=f"device {actor.device}",
        facts=facts, at=now, priority=1,
    )  # fmt: skip


def place_at(task: Task, step_id: str) -> str:
    """The place that a step is at: its own, or the last one before it; "" if there is none."""
    place = ""
    for step in packet_of(task).steps:
        codes = [
            expect.codes[0] for expect in step.expect if expect.kind == "location" and expect.codes
        ]
        place = codes[0] if codes else place
        if step.id == step_id:
            return place
    return place
