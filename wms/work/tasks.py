"""The task pool: tasks are made, handed to one device at a time, worked through, and done.

    add -> OPEN -> lease -> LEASED -> events … -> DONE: carried out by who made it
                    ^          |
                    +----------+  the lease ran out, or the device asked for another kind of work

A lease has an end, so that a dead device holds up nothing; every event renews it. A task that
is handed to another device gets the next fence token, and what the first device still sends is
refused. The new one goes on at the step where the other stopped.

An event id is answered once: sent again it is a duplicate. All events of a call are one
transaction with what they cause.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from typing_extensions import override

from wms.errors import Conflict
from wms.sites import site_id
from wms.work.model import Task, WorkEvent
from wms.work.packet import Event, Packet, Problem, Step, new_packet, packet_json, reduce

LEASE = timedelta(minutes=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who works, and on which device."""

    device: str
    operator: str

    @override
    def __str__(self) -> str:
        return f"user:{self.operator}@{self.device}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to put into the pool. Its id is made by its maker, and makes it once."""

    id: UUID
    site_id: UUID
    kind: str
    title: str
    steps: tuple[Step, ...]
    plan: Mapping[str, Any]
    station: str | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to one event."""

    id: UUID
    result: Literal["accepted", "duplicate", "rejected"]
    problem: Problem | None = None


Finish: TypeAlias = Callable[[Session, Task, Packet, Actor, datetime], None]
Grow: TypeAlias = Callable[[Session, Task, Packet, Actor, datetime], Packet | Problem]


class PacketTaken(Conflict):
    """Somebody else has this piece of work in hand, or it is done."""

    code: ClassVar[str] = "packet_taken"


def add_task(session: Session, new: NewTask, *, now: datetime) -> None:
    """Put a task into the pool."""
    packet = new_packet(new.id, new.kind, new.title, new.steps, now)
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
        )
    )
    session.flush()


def lease_next(
    session: Session,
    site: str,
    kinds: Sequence[str],
    actor: Actor,
    *,
    now: datetime,
    station: str | None = None,
) -> Packet | None:
    """The task that this device has in hand, or the next one for it; None if there is none.

    With a station only its tasks are offered, without one only those of no station.
    """
    here = Task.station.is_(None) if station is None else Task.station == station
    mine = (Task.site_id == site_id(site), Task.kind.in_(kinds), here)
    held = select(Task).where(*mine, Task.state == "LEASED", Task.device == actor.device)
    task = session.scalars(held.order_by(Task.made_at).limit(1).with_for_update()).first()
    if task is None:
        free = or_(Task.state == "OPEN", (Task.state == "LEASED") & (Task.lease_until < now))
        query = select(Task).where(*mine, free).order_by(Task.priority.desc(), Task.made_at)
        task = session.scalars(query.limit(1).with_for_update(skip_locked=True)).first()
        if task is None:
            return None
        task.fence += 1
    return _lease(task, site, actor, now)


def lease(
    session: Session, site: str, task_id: UUID, actor: Actor, *, now: datetime
) -> Packet | None:
    """That very task, for this device; None if another has it in hand, or it is done."""
    query = select(Task).where(Task.site_id == site_id(site), Task.id == task_id)
    task = session.scalars(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).one()
    is_mine = task.state == "LEASED" and task.device == actor.device
    is_over = task.state == "LEASED" and task.lease_until is not None and task.lease_until < now
    if not is_mine and task.state != "OPEN" and not is_over:
        return None
    task.fence += not is_mine
    return _lease(task, site, actor, now)


def _lease(task: Task, site: str, actor: Actor, now: datetime) -> Packet:
    task.state = "LEASED"
    task.device, task.operator = actor.device, actor.operator
    task.lease_until = now + LEASE
    packet = packet_of(task)
    packet = replace(
        packet,
        rev=task.fence,
        lease_until=task.lease_until,
        site=site,
        history=tuple(replace(event, rev=task.fence) for event in packet.history),
    )
    _keep(task, packet)
    return packet


def packet_of(task: Task) -> Packet:
    """How far a task is."""
    return packet_json.validate_python(task.packet)


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
        an answer for each event, and the packet of the last one as it is now (None: finished).
    """
    results = []
    packet = None
    for event in events:
        result, packet = _take(session, event, actor, finish, grow, now)
        results.append(result)
    return results, packet


def _take(
    session: Session,
    event: Event,
    actor: Actor,
    finish: Mapping[str, Finish],
    grow: Mapping[str, Grow],
    now: datetime,
) -> tuple[Result, Packet | None]:
    query = select(Task).where(Task.id == event.packet).with_for_update()
    task = session.scalars(query, execution_options={"populate_existing": True}).first()
    known = session.get(WorkEvent, event.id)
    if task is None:
        problem = Problem(code="no_such_packet")
        return Result(id=event.id, result="rejected", problem=problem), None
    packet = packet_of(task)
    if known is not None:
        return Result(id=event.id, result="duplicate", problem=_stored(known)), _open(packet)
    after = _apply(task, packet, event, actor)
    if isinstance(after, Packet) and _is_judged_here(after, event) and task.kind in grow:
        after = grow[task.kind](session, task, after, actor, now)
    problem_json = None
    if isinstance(after, Problem):
        problem_json = {"code": after.code, "facts": after.facts}
    else:
        packet = after
        task.lease_until = now + LEASE
        _keep(task, packet)
        if packet.step is None:
            task.state, task.done_at = "DONE", now
            finish[task.kind](session, task, packet, actor, now)
    session.add(
        WorkEvent(
            id=event.id,
            task_id=task.id,
            device=actor.device,
            operator=actor.operator,
            at=event.at,
            problem=problem_json,
            rev=event.rev,
            fence=task.fence,
        )
    )
    session.flush()
    if isinstance(after, Problem):
        return Result(id=event.id, result="rejected", problem=after), _open(packet)
    return Result(id=event.id, result="accepted"), _open(packet)


def _is_judged_here(packet: Packet, event: Event) -> bool:
    on = any(step.online for step in packet.steps if step.id == event.step)
    return on and event.type != "undo"


def _apply(task: Task, packet: Packet, event: Event, actor: Actor) -> Packet | Problem:
    if task.state == "LEASED" and task.device != actor.device:
        return Problem(code="stale_packet", facts={"rev": packet.rev})
    if task.state == "OPEN":
        return Problem(code="stale_packet", facts={"rev": packet.rev})
    return reduce(packet, event)


def _stored(known: WorkEvent) -> Problem | None:
    if known.problem is None:
        return None
    return Problem(code=known.problem["code"], facts=known.problem["facts"])


def _open(packet: Packet) -> Packet | None:
    return packet if packet.step is not None else None


def _keep(task: Task, packet: Packet) -> None:
    task.packet = packet_json.dump_python(packet, mode="json")
