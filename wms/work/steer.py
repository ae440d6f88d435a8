"""What a supervisor does to a task: assign, prioritise, take away, block, cancel, leave a message.

Nothing is done behind somebody's back: who has a task in hand gets the message on the next look,
and who loses it gets a recovery packet for what they have taken (wms.work.recover). A task that
is taken away begins anew, as its goods go back to their places; one that the server has judged
step by step (receiving) cannot, and goes on where it was.
"""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.pool import RECOVER, keep, packet_of
from wms.work.recover import give_back

UNDONE = frozenset({"OPEN", "LEASED", "BLOCKED"})


class TaskOver(Conflict):
    """It is done, or cancelled.

    Attributes:
        state: which of them.
    """

    code: ClassVar[str] = "task_over"

    def __init__(self, state: str) -> None:
        super().__init__(f"this task is {state.lower()}")
        self.state = state


class TaskLeased(Conflict):
    """Somebody has it in hand: take it away first.

    Attributes:
        operator: who.
    """

    code: ClassVar[str] = "task_leased"

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator} has it in hand: revoke it first")
        self.operator = operator


def undone(session: Session, id_: UUID) -> Task:
    """A task, locked.

    Raises:
        NotFound, TaskOver: there is none, or it is over.
    """
    query = select(Task).where(Task.id == id_).with_for_update()
    task = session.scalars(query, execution_options={"populate_existing": True}).first()
    if task is None:
        raise NotFound(f"task {id_}")
    if task.state not in UNDONE:
        raise TaskOver(task.state)
    return task


def assign(task: Task, worker: str | None) -> None:
    """It is for them alone (an operator's code; a device's name where nobody signs in).

    Raises:
        TaskLeased: another has it in hand.
    """
    if task.state == "LEASED" and worker not in {task.operator, task.device, None}:
        raise TaskLeased(task.operator or "")
    task.for_operator = worker


def prioritise(task: Task, priority: int, due_at: datetime | None) -> None:
    """It is so urgent."""
    task.priority = priority
    task.due_at = due_at or task.due_at


def leave_note(task: Task, note: str) -> None:
    """A message that stands over every step."""
    keep(task, replace(packet_of(task), note=note))


def revoke(session: Session, task: Task, why: str, *, now: datetime) -> UUID | None:
    """Take it from whoever has it; the id of what they must put right, None: nothing."""
    recovery = _let_go(session, task, now) if task.state == "LEASED" else None
    task.state, task.why = "OPEN", why
    session.flush()
    return recovery


def block(session: Session, task: Task, why: str, *, now: datetime) -> UUID | None:
    """Nobody gets it until it is opened again."""
    recovery = revoke(session, task, why, now=now)
    task.state = "BLOCKED"
    session.flush()
    return recovery


def unblock(task: Task) -> None:
    """Anybody may get it again."""
    if task.state == "BLOCKED":
        task.state, task.why = "OPEN", ""


def cancel(session: Session, task: Task, why: str, *, now: datetime) -> UUID | None:
    """It is not to be done any more. For the areas: what it was for is theirs to put right."""
    recovery = revoke(session, task, why, now=now)
    task.state = "CANCELLED"
    session.flush()
    return recovery


def _let_go(session: Session, task: Task, now: datetime) -> UUID | None:
    recovery = None
    packet = packet_of(task)
    if task.kind != RECOVER and not _was_judged(packet):
        recovery = give_back(session, task, now=now)
        packet = replace(
            packet,
            step=packet.steps[0].id,
            progress=replace(packet.progress, done=0),
            counts={},
            choices={},
            reported=(),
            later=(),
            history=(),
        )
        task.plan = {**task.plan, "anew": [*task.plan.get("anew", ()), task.fence + 1]}
    task.fence += 1
    task.device = task.operator = task.lease_until = task.leased_at = None
    keep(task, replace(packet, rev=task.fence))
    return recovery


def _was_judged(packet: Packet) -> bool:
    """Whether the server has judged a step already: then it cannot begin anew."""
    seen = {event.step for event in packet.history}
    return any(step.online and step.id in seen for step in packet.steps)
