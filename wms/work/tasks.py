"""The life of a task: made, handed out (wms.work.pool), worked through, done.

    add -> OPEN -> lease -> LEASED -> events ... -> DONE: carried out by who made it

Every event is judged by the packet (wms.work.packet) under the fence that it carries: what a
device still sends after it has lost the task moves nothing, and is told who has it now. What it
did physically meanwhile is put right by a recovery packet (wms.work.recover).

An event id is answered once: sent again it is a duplicate. All events of a call are one
transaction with what they cause.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from wms.work.actor import Actor, Skills
from wms.work.labour import figures_of
from wms.work.model import Task, WorkEvent
from wms.work.packet import Event, Packet, Problem, Step, new_packet, packet_json, reduce
from wms.work.place import begins_at, leave_at
from wms.work.pool import PacketTaken, keep, lease, lease_next, packet_of, renew
from wms.work.recover import LOST, recover

__all__ = [
    "Actor", "Finish", "Grow", "NewTask", "PacketTaken", "Result", "Skills", "add_task", "lease",
    "lease_next", "packet_of", "take_events",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to put into the pool. Its id is made by its maker, and makes it once.

    It begins at the first place of its steps. `equipment` is what one needs for it ("forklift").
    """

    id: UUID
    site_id: UUID
    kind: str
    title: str
    steps: tuple[Step, ...]
    plan: Mapping[str, Any]
    station: str | None = None
    priority: int = 0
    due_at: datetime | None = None
    equipment: tuple[str, ...] = ()
    for_operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to one event."""

    id: UUID
    result: Literal["accepted", "duplicate", "rejected"]
    problem: Problem | None = None


Finish: TypeAlias = Callable[[Session, Task, Packet, Actor, datetime], None]
Grow: TypeAlias = Callable[[Session, Task, Packet, Actor, datetime], Packet | Problem]


def add_task(session: Session, new: NewTask, *, now: datetime) -> None:
    """Put a task into the pool."""
    packet = new_packet(new.id, new.kind, new.title, new.steps, now)
    place = begins_at(session, new.site_id, new.steps)
    session.add(
        Task(
            site_id=new.site_id,
            id=new.id,
            kind=new.kind,
            state="OPEN",
            station=new.station,
            priority=new.priority,
            fence=0,
            packet=packet_json.dump_python(packet, mode="json"),
            plan=dict(new.plan),
            made_at=now,
            due_at=new.due_at,
            zone=place.zone,
            x_mm=place.x_mm,
            y_mm=place.y_mm,
            equipment=list(new.equipment),
            for_operator=new.for_operator,
        )
    )
    session.flush()


def take_events(
    session: Session,
    events: Sequence[Event],
    actor: Actor,
    finish: Mapping[str, Finish],
    grow: Mapping[str, Grow],
    *,
    now: datetime,
) -> tuple[list[Result], Packet | None]:
    """Take what a device did, in order; carry out what is finished by it.

    Returns:
        an answer for each event, and the packet to go on with: what puts hands right when work
        was in vain, else that of the last event as it is now (None: finished, or not theirs).
    """
    batch = _Batch(session, events, actor, finish, grow, now)
    results = [batch.take(event) for event in events]
    packet = batch.close(events[-1]) if events else None
    return results, packet


class _Batch:
    """The events of one call: each task is locked once, read once and written once."""

    def __init__(
        self,
        session: Session,
        events: Sequence[Event],
        actor: Actor,
        finish: Mapping[str, Finish],
        grow: Mapping[str, Grow],
        now: datetime,
    ) -> None:
        self._session, self._actor, self._now = session, actor, now
        self._finish, self._grow = finish, grow
        query = select(Task).where(Task.id.in_({event.packet for event in events}))
        tasks = session.scalars(
            query.order_by(Task.site_id, Task.id).with_for_update(),
            execution_options={"populate_existing": True},
        )
        self._tasks = {task.id: task for task in tasks}
        self._packets = {task.id: packet_of(task) for task in self._tasks.values()}
        ids = {event.id for event in events}
        known = select(WorkEvent.id, WorkEvent.rev, WorkEvent.problem).where(WorkEvent.id.in_(ids))
        # what was answered before: the fence it came with, and why it was not taken
        self._known: dict[UUID, tuple[int, dict[str, Any] | None]] = {
            id_: (rev, problem) for id_, rev, problem in session.execute(known)
        }
        self._rows: list[dict[str, Any]] = []
        self._changed: set[UUID] = set()
        self._lost: dict[UUID, int] = {}  # the fence that was lost, by task

    def take(self, event: Event) -> Result:
        """The answer to one event."""
        task = self._tasks.get(event.packet)
        if task is None:
            return Result(id=event.id, result="rejected", problem=Problem(code="no_such_packet"))
        if (known := self._known.get(event.id)) is not None:
            rev, stored = known
            problem = None if stored is None else Problem(**stored)
            self._note_loss(task, rev, problem)
            return Result(id=event.id, result="duplicate", problem=problem)
        after = self._judge(task, event)
        if isinstance(after, Problem):
            self._record(task, event, after)
            self._note_loss(task, event.rev, after)
            return Result(id=event.id, result="rejected", problem=after)
        self._packets[task.id] = after
        self._changed.add(task.id)
        self._record(task, event, None)
        if after.step is None:
            self._done(task, after)
        return Result(id=event.id, result="accepted")

    def close(self, last: Event) -> Packet | None:
        """Write what has changed; the packet to go on with."""
        for id_ in self._changed:
            keep(self._tasks[id_], self._packets[id_])
            renew(self._tasks[id_], self._now)
        self._write()
        for id_, rev in self._lost.items():
            found = recover(self._session, self._tasks[id_], self._actor, rev, now=self._now)
            if found is not None:
                return found
        task = self._tasks.get(last.packet)
        if task is None or task.id in self._lost:
            return None
        packet = self._packets[task.id]
        return packet if packet.step is not None else None

    def _judge(self, task: Task, event: Event) -> Packet | Problem:
        packet = self._packets[task.id]
        if problem := _lost(task, packet, event, self._actor):
            return problem
        after = reduce(packet, event)
        if isinstance(after, Packet) and task.kind in self._grow and _is_judged_here(after, event):
            grow = self._grow[task.kind]
            after = grow(self._session, task, after, self._actor, self._now)
        return after

    def _done(self, task: Task, packet: Packet) -> None:
        figures = figures_of(self._session, task.site_id, packet)
        task.state, task.done_at = "DONE", self._now
        keep(task, packet)
        renew(task, self._now)
        self._changed.discard(task.id)
        task.units, task.lines, task.standard_ms = figures.units, figures.lines, figures.standard_ms
        leave_at(self._session, task.site_id, self._actor.worker, packet, now=self._now)
        self._write()
        self._finish[task.kind](self._session, task, packet, self._actor, self._now)

    def _record(self, task: Task, event: Event, problem: Problem | None) -> None:
        value = asdict(event.value) if is_dataclass(event.value) else event.value
        stored = None if problem is None else asdict(problem)
        self._known[event.id] = event.rev, stored
        self._rows.append(
            {
                "id": event.id,
                "task_id": task.id,
                "device": self._actor.device,
                "operator": self._who(task),
                "at": event.at,
                "problem": stored,
                "rev": event.rev,
                "fence": task.fence,
                "site_id": task.site_id,
                "step": event.step,
                "type": event.type,
                "value": value,
                "seq": event.seq,
            }
        )

    def _write(self) -> None:
        """What was answered, and how far the tasks are: the database has it from here on."""
        if self._rows:
            self._session.execute(insert(WorkEvent.__table__), self._rows)  # type: ignore[arg-type]
            self._rows = []
        self._session.flush()

    def _who(self, task: Task) -> str:
        """Who did it: what still waited in a device when its user changed is the former user's."""
        if self._actor.signed_in and task.device == self._actor.device and task.operator:
            return task.operator
        return self._actor.operator

    def _note_loss(self, task: Task, rev: int, problem: Problem | None) -> None:
        if problem is not None and problem.code in LOST:
            self._lost[task.id] = rev


def _is_judged_here(packet: Packet, event: Event) -> bool:
    on = any(step.online for step in packet.steps if step.id == event.step)
    return on and event.type != "undo"


def _lost(task: Task, packet: Packet, event: Event, actor: Actor) -> Problem | None:
    """Why this is no longer theirs, and who has it now."""
    if task.state == "CANCELLED":
        return Problem(code="packet_cancelled", facts={"rev": packet.rev, "why": task.why})
    taken = task.device != actor.device and task.state in {"LEASED", "DONE"}
    given_up = task.state in {"OPEN", "BLOCKED"}
    if not taken and not given_up and event.rev == packet.rev:
        return None
    facts: dict[str, str | int] = {
        "rev": packet.rev,
        "state": task.state.lower(),
        "by": (task.operator or "") if taken else "",
        "device": (task.device or "") if taken else "",
    }
    return Problem(code="stale_packet", facts=facts)
