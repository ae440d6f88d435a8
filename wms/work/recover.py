"""Recovery: what somebody must do with what they hold when their work was in vain.

Events are rejected when the task was cancelled or went to somebody else meanwhile (no network, a
lease that ran out, a supervisor). The scans happened all the same: goods are in somebody's hands
that the books have elsewhere. What they are is computed from the rejected events: the packet as
the device had it, folded with and without them.

    goods taken from a place    put them back there, item by item, place by place
    anything else               a step that says so, with what was scanned: leave it as it was

Whoever has the task now does all of it, so what was taken in vain is always to be put back,
also when the same was picked twice. The packet's id is derived from what was lost: the same
events sent again lead to the same packet. Nothing moves in the books: they never knew of it.
What cannot be put back whole, or not there, makes a count wanted at that place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.ids import LocationId, SiteId, derive
from wms.sites import Site, locations_by_code
from wms.work.actor import Actor
from wms.work.model import Task, WorkEvent
from wms.work.packet import (
    Event,
    EventType,
    Fact,
    Packet,
    Quantity,
    Say,
    Step,
    Trouble,
    new_packet,
    packet_json,
    reduce,
)
from wms.work.pool import RECOVER, packet_of, take
from wms.work.wanted import Wish, want_count

LOST = frozenset({"stale_packet", "packet_cancelled"})
# kinds of work whose items are taken in hand, each from the place that was scanned before
TAKES = {"pick", "collect", "replenish"}
TRIES_MAX = 20
SHOWN_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Units in somebody's hands: the steps of the goods and of the place they came from."""

    item: Step
    place: Step
    units: int


def recover(
    session: Session, task: Task, actor: Actor, rev: int, *, now: datetime
) -> Packet | None:
    """The packet that puts right what that device did in vain under that fence.

    Made, made anew while nobody has begun it, or found; None: there is nothing to put right.
    """
    rows = _rows(session, task)
    of_device = [
        row for row in rows if row.problem and row.rev == rev and row.device == actor.device
    ]
    vain = [row for row in of_device if row.problem and row.problem["code"] in LOST]
    id_, covered, made = _earlier(session, task, actor.device, rev)
    new = [row for row in vain if str(row.id) not in covered]
    if new:
        good = [row for row in rows if not row.problem and _since(task, rev) <= row.fence <= rev]
        packet = packet_of(task)
        before = fold(packet, [*good, *(row for row in vain if str(row.id) in covered)])
        after = fold(packet, [*good, *vain])
        steps = put_back_steps(in_hand(before, after))
        if not covered:
            steps += _hand_over(task, in_hand(fold(packet, []), fold(packet, good)), actor)
        if not steps and task.kind not in TAKES:
            steps = _stop(new)
        if steps:
            if (
                made is not None and made.id == id_
            ):  # not begun: made anew, with what has come since
                session.delete(made)
                session.flush()
            events = [str(row.id) for row in new]
            plan: Mapping[str, str | list[str]] = {"of": str(task.id), "events": events}
            made = _task(session, task, id_, steps, plan, now)
    if made is None or (made.state == "LEASED" and made.device != actor.device):
        return None
    made.fence += made.state != "LEASED"
    return take(session, made, session.get_one(Site, made.site_id).code, actor, now=now)


def give_back(session: Session, task: Task, *, now: datetime) -> UUID | None:
    """Work is taken from somebody: have them put back what they took. The id of that task."""
    rows = _rows(session, task)
    good = [row for row in rows if not row.problem and _since(task, task.fence) <= row.fence]
    packet = packet_of(task)
    steps = put_back_steps(in_hand(fold(packet, []), fold(packet, good)))
    if not steps or task.device is None:
        return None
    id_ = derive(task.id, RECOVER, "back", task.fence)
    made = _task(session, task, id_, steps, {"of": str(task.id), "events": []}, now)
    made.state, made.fence = "LEASED", 1
    made.device, made.operator = task.device, task.operator
    made.lease_until, made.leased_at, made.lease_s = task.lease_until, now, task.lease_s
    session.flush()
    return id_


def fold(packet: Packet, rows: Iterable[WorkEvent]) -> Packet:
    """The packet as it is after these events and no others."""
    fresh = replace(
        packet,
        rev=0,
        step=packet.steps[0].id,
        progress=replace(packet.progress, done=0),
        counts={},
        choices={},
        reported=(),
        later=(),
        history=(),
    )
    for row in rows:
        after = reduce(replace(fresh, step=row.step), _event(row))
        fresh = after if isinstance(after, Packet) else fresh
    return fresh


def in_hand(before: Packet, after: Packet) -> list[Taken]:
    """What was taken between the two, of kinds of work that take."""
    taken: list[Taken] = []
    if after.kind not in TAKES:
        return taken
    place: Step | None = None
    for step in after.steps:
        kinds = {expect.kind for expect in step.expect}
        if "location" in kinds or ("tote" in kinds and place is None):  # later ones are put into
            place = step
        units = after.counts.get(step.id, 0) - before.counts.get(step.id, 0)
        if "item" in kinds and step.qty and place is not None and units > 0:
            taken.append(Taken(item=step, place=place, units=units))
    return taken


def put_back_steps(taken: Sequence[Taken]) -> list[Step]:
    """Item by item, place by place."""
    steps: list[Step] = []
    places = dict.fromkeys(each.place.big for each in taken)
    for number, place in enumerate(places, start=1):
        here = [each for each in taken if each.place.big == place]
        for at, each in enumerate(here, start=1):
            steps.append(
                Step(
                    id=f"{number}.{at}.item",
                    op="count",
                    say=Say(code="recover.scan_item", params={"units": each.units}),
                    big=str(each.units),
                    facts=each.item.facts,
                    expect=each.item.expect,
                    qty=Quantity(
                        target=each.units,
                        max=each.units,
                        by="scan" if each.item.qty is None else each.item.qty.by,
                    ),
                    allow=("short", "damaged", "supervisor", "undo"),
                )
            )
        steps.append(
            Step(
                id=f"{number}.place",
                op="scan",
                say=Say(code="recover.scan_place"),
                big=place,
                expect=here[0].place.expect,
                allow=("supervisor", "undo"),
            )
        )
    return steps


def finish_recover(
    session: Session, floor: object, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished RECOVER packet: have counted what was not put back whole."""
    del floor, actor
    places = [step for step in packet.steps if step.id.endswith(".place")]
    found = locations_by_code(session, SiteId(task.site_id), [step.big for step in places])
    for place in places:
        prefix = place.id.removesuffix("place")
        items = [
            step for step in packet.steps if step.id.startswith(prefix) and step.qty is not None
        ]
        whole = all(packet.counts.get(step.id) == step.qty.target for step in items if step.qty)
        if whole or place.big not in found:
            continue
        wish = Wish(
            site_id=SiteId(task.site_id),
            location_id=LocationId(found[place.big].id),
            why="SHORT",
            cause=task.id,
        )
        want_count(session, wish, now=now)


def _rows(session: Session, task: Task) -> list[WorkEvent]:
    """The task's events: those taken in the order of their taking, the others in their own."""
    rows = session.scalars(select(WorkEvent).where(WorkEvent.task_id == task.id)).all()
    taken = sorted((row for row in rows if not row.problem), key=lambda row: row.no)
    return taken + sorted((row for row in rows if row.problem), key=lambda row: (row.seq, row.no))


def _since(task: Task, rev: int) -> int:
    """The fence from which on the packet was begun anew, as somebody with that fence knew it."""
    return max((fence for fence in task.plan.get("anew", ()) if fence <= rev), default=0)


def _earlier(
    session: Session, task: Task, device: str, rev: int
) -> tuple[UUID, set[str], Task | None]:
    """The id of the next one, which events earlier ones are for, and the one not done yet.

    One that somebody has begun stays as it is; what comes later is for the next.
    """
    ids = [derive(task.id, RECOVER, device, rev, number) for number in range(TRIES_MAX)]
    here = (Task.site_id == task.site_id, Task.id.in_(ids))
    found = {made.id: made for made in session.scalars(select(Task).where(*here))}
    covered: set[str] = set()
    undone: Task | None = None
    for id_ in ids:
        made = found.get(id_)
        if made is None:
            return id_, covered, undone
        if made.state in {"OPEN", "LEASED"} and not made.packet["history"]:
            return id_, covered, made
        covered |= set(made.plan["events"])
        undone = made if made.state in {"OPEN", "LEASED"} else None
    return ids[-1], covered, undone


def _hand_over(task: Task, taken: Sequence[Taken], actor: Actor) -> list[Step]:
    """What was taken in good time is to go on with whoever has the task now."""
    units = sum(each.units for each in taken)
    if not units or task.device == actor.device or task.state not in {"LEASED", "DONE"}:
        return []
    return [
        Step(
            id="hand_over",
            op="confirm",
            say=Say(code="recover.hand_over", params={"units": units}),
            big=str(units),
            facts=(Fact(label="operator", value=task.operator or ""),),
        )
    ]


def _stop(rows: Sequence[WorkEvent]) -> list[Step]:
    """Work that takes nothing in hand: say that it was in vain."""
    values = [str(row.value) for row in rows if row.type in {"scan", "qty"}]
    if not values:
        return []
    return [
        Step(
            id="stop",
            op="confirm",
            say=Say(code="recover.stop"),
            big=str(len(values)),
            facts=tuple(Fact(label="scanned", value=value) for value in values[-SHOWN_MAX:]),
        )
    ]


def _task(
    session: Session,
    of: Task,
    id_: UUID,
    steps: list[Step],
    plan: Mapping[str, str | list[str]],
    now: datetime,
) -> Task:
    title = str(of.packet["title"])
    packet = new_packet(id_, RECOVER, title, tuple(steps), now)
    made = Task(
        site_id=of.site_id,
        id=id_,
        kind=RECOVER,
        state="OPEN",
        station=None,
        priority=0,
        fence=0,
        packet=packet_json.dump_python(packet, mode="json"),
        plan=dict(plan),
        made_at=now,
        zone=of.zone,
        x_mm=of.x_mm,
        y_mm=of.y_mm,
        equipment=[],
        lease_s=0,
        units=0,
        lines=0,
        standard_ms=0,
        why="",
    )
    session.add(made)
    session.flush()
    return made


def _event(row: WorkEvent) -> Event:
    value = Trouble(**row.value) if isinstance(row.value, dict) else row.value
    return Event(
        id=row.id,
        packet=row.task_id,
        rev=0,
        step=row.step,
        type=cast("EventType", row.type),
        value=value,
        at=row.at,
        seq=row.seq,
        device=row.device,
    )
