"""The pool: which task somebody gets next, and for how long it is theirs.

    OPEN -> LEASED -> DONE | CANCELLED
      ^       |
      +-------+  the lease ran out and somebody else asked; or a supervisor took it away
    BLOCKED   a supervisor keeps it from everybody

Who asks gets what they have in hand already, also what they had in hand on another device. Else
the task that is worth most to them now, in seconds that it might have waited for:

    10 min a point of priority + every second since it was made + the last 4 h before it is due
    - 5 s a metre from where their last task ended

so that nothing waits for ever, and the next task is near the last one whatever its kind is:
somebody who has put away next to a pick does that pick on the way back. What is meant for
somebody (`for_operator`) is theirs alone and comes first.

The row is locked with SKIP LOCKED: many ask at once, nobody waits for anybody, and no task is
given to two. A task that goes to another device gets the next fence (I11). A lease is kept by
any event, by the device's open stream and by its heartbeat; a dead device loses its tasks when it
runs out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ColumnElement, case, false, func, literal, or_, select, true, update
from sqlalchemy.orm import Session

from wms.errors import Conflict
from wms.sites import site_id
from wms.work.actor import Actor
from wms.work.model import Task, WorkPlace, WorkRule
from wms.work.packet import Packet, packet_json

LEASE_S = 20 * 60  # as long as somebody may be out of reach and lose nothing
PRIORITY_S = 600
METRE_S = 5
DUE_S = 4 * 3600
RECOVER = "recover"  # the kind of what puts hands right: never filtered, always first


class PacketTaken(Conflict):
    """Somebody else has this piece of work in hand, or it is done."""

    code: ClassVar[str] = "packet_taken"


def lease_next(
    session: Session,
    site: str,
    kinds: Sequence[str],
    actor: Actor,
    *,
    now: datetime,
    station: str | None = None,
) -> Packet | None:
    """The task that they have in hand, or the next one for them; None if there is none.

    With a station only its tasks are offered, without one only those of no station.
    """
    here = Task.station.is_(None) if station is None else Task.station == station
    wanted = or_(Task.kind == RECOVER, here & Task.kind.in_(kinds))
    at = site_id(site)
    rules = {rule.kind: rule for rule in _rules(session, at)}
    task = _held(session, at, wanted, actor)
    if task is None:
        task = _next(session, at, wanted, actor, rules, now)
        if task is None:
            return None
        task.fence += 1
    elif task.device != actor.device:
        task.fence += 1  # they have come to another device
    return _taken(session, task, site, actor, rules.get(task.kind), now)


def lease(
    session: Session, site: str, task_id: UUID, actor: Actor, *, now: datetime
) -> Packet | None:
    """That very task, for them; None if another has it in hand, or it is done or blocked."""
    query = select(Task).where(Task.site_id == site_id(site), Task.id == task_id)
    task = session.scalars(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).one()
    stays = task.state == "LEASED" and task.device == actor.device
    comes = task.state == "LEASED" and actor.signed_in and task.operator == actor.operator
    is_over = task.state == "LEASED" and task.lease_until is not None and task.lease_until < now
    is_free = task.state == "OPEN" and task.for_operator in {None, actor.worker}
    if not (stays or comes or is_free or is_over):
        return None
    task.fence += not stays
    return take(session, task, site, actor, now=now)


def take(session: Session, task: Task, site: str, actor: Actor, *, now: datetime) -> Packet:
    """Give a locked task to somebody; its fence is theirs already."""
    rule = session.get(WorkRule, (task.site_id, task.kind))
    return _taken(session, task, site, actor, rule, now)


def _taken(
    session: Session, task: Task, site: str, actor: Actor, rule: WorkRule | None, now: datetime
) -> Packet:
    if task.device != actor.device or task.state != "LEASED":
        task.leased_at = now
    task.state = "LEASED"
    task.device, task.operator = actor.device, actor.operator
    task.lease_s = LEASE_S if rule is None else rule.lease_s
    renew(task, now)
    assert task.lease_until is not None
    packet = packet_of(task)
    packet = replace(
        packet,
        rev=task.fence,
        lease_until=task.lease_until,
        site=site,
        history=tuple(replace(event, rev=task.fence) for event in packet.history),
    )
    keep(task, packet)
    session.flush()
    return packet


def renew(task: Task, now: datetime) -> None:
    """The lease begins anew."""
    task.lease_until = now + timedelta(seconds=task.lease_s or LEASE_S)


def keep_leases(session: Session, actor: Actor, *, now: datetime) -> int:
    """The device is alive: all that it has in hand stays its own. Returns how many tasks.

    Locks nothing that is being worked on: an event keeps the lease by itself.
    """
    free = select(Task.id).where(Task.state == "LEASED", Task.device == actor.device)
    ids = session.scalars(free.with_for_update(skip_locked=True)).all()
    if not ids:
        return 0
    until = literal(now) + func.make_interval(0, 0, 0, 0, 0, 0, Task.lease_s)
    session.execute(
        update(Task)
        .where(Task.id.in_(ids), Task.state == "LEASED", Task.device == actor.device)
        .values(lease_until=func.greatest(Task.lease_until, until)),
        execution_options={"synchronize_session": False},
    )
    return len(ids)


def packet_of(task: Task) -> Packet:
    """How far a task is."""
    return packet_json.validate_python(task.packet)


def keep(task: Task, packet: Packet) -> None:
    """That is how far it is now."""
    task.packet = packet_json.dump_python(packet, mode="json")


def _held(session: Session, at: UUID, wanted: ColumnElement[bool], actor: Actor) -> Task | None:
    theirs = Task.device == actor.device
    if actor.signed_in:
        theirs = Task.operator == actor.operator
    query = (
        select(Task)
        .where(Task.site_id == at, Task.state == "LEASED", theirs, wanted)
        .order_by((Task.kind == RECOVER).desc(), Task.made_at, Task.id)
        .limit(1)
    )
    fresh = {"populate_existing": True}
    return session.scalars(query.with_for_update(), execution_options=fresh).first()


def _rules(session: Session, at: UUID) -> Sequence[WorkRule]:
    return session.scalars(select(WorkRule).where(WorkRule.site_id == at)).all()


def _next(
    session: Session,
    at: UUID,
    wanted: ColumnElement[bool],
    actor: Actor,
    rules: Mapping[str, WorkRule],
    now: datetime,
) -> Task | None:
    """The best task that nobody else has in hand now, locked."""
    free = or_(Task.state == "OPEN", (Task.state == "LEASED") & (Task.lease_until < now))
    nobody, me = Task.for_operator.is_(None), Task.for_operator == actor.worker
    best = (
        select(Task.id)
        .where(Task.site_id == at, wanted, free, or_(me, nobody & _may(actor)))
        .order_by(nobody, _worth(at, actor, rules, now).desc(), Task.made_at, Task.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    # locked once more, by who has it already: so it is read as it is, not as it was when we came
    query = select(Task).where(Task.site_id == at, Task.id == best).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).first()


def _may(actor: Actor) -> ColumnElement[bool]:
    """Whether they may do it; a task of no zone is for any."""
    skills = actor.skills
    # who has counted does not count again; a plan is long, and is looked into only where it must be
    has_counted = func.coalesce(Task.plan["not_operators"].contains([actor.operator]), false())
    may: ColumnElement[bool] = case((Task.kind == "count", ~has_counted), else_=true())
    if skills.kinds:
        may &= Task.kind.in_({*skills.kinds, RECOVER})
    if skills.zones:
        may &= Task.zone.in_({*skills.zones, ""})
    if skills.equipment is not None:
        may &= Task.equipment.contained_by(sorted(skills.equipment))
    return may


def _worth(
    at: UUID, actor: Actor, rules: Mapping[str, WorkRule], now: datetime
) -> ColumnElement[Any]:
    worth: ColumnElement[Any] = func.extract("epoch", literal(now) - Task.made_at)
    worth += Task.priority * PRIORITY_S
    urgent = {kind: rule.priority * PRIORITY_S for kind, rule in rules.items() if rule.priority}
    if urgent:
        worth += case(urgent, value=Task.kind, else_=0)
    left_s = func.extract("epoch", Task.due_at - literal(now))
    worth += func.coalesce(func.greatest(0, DUE_S - left_s), 0)
    x_mm, y_mm = (
        select(side)
        .where(WorkPlace.site_id == at, WorkPlace.worker == actor.worker)
        .scalar_subquery()
        for side in (WorkPlace.x_mm, WorkPlace.y_mm)
    )
    metres = (func.abs(Task.x_mm - x_mm) + func.abs(Task.y_mm - y_mm)) / 1000
    return worth - func.coalesce(metres, 0) * METRE_S
