"""The bench: a box is opened, counted, graded and put away, step by step on a handheld.

RETURN task    scan the goods, say the grade, take a photo, scan the shelf (bench_steps)

What is on the task is what was announced; what is not in the box is told as short. Where the
goods really go the disposition rules say (wms.returns.rules).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import NotFound
from wms.ids import SiteId, derive
from wms.orders.close import lock_order
from wms.outbound.floor import Floor
from wms.returns import goods
from wms.returns.bench_steps import bench_steps, taken_of, wrong_lines
from wms.returns.goods import Bench, Taken
from wms.returns.model import COMING, Return, ReturnLine
from wms.returns.people import UNEXPECTED, tell_of_return
from wms.returns.policy import read_policy
from wms.returns.settle import settle
from wms.returns.to_dc import finish_to_dc
from wms.work.model import Task
from wms.work.packet import Packet, code_of
from wms.work.tasks import Actor, NewTask, add_task


def to_bench(session: Session, back: Return, lines: Sequence[ReturnLine], *, now: datetime) -> None:
    """Let somebody at the site open the box, once."""
    assert back.site_id is not None
    task_id = derive(back.id, "return")
    if session.get(Task, (back.site_id, task_id)) is not None:
        return
    steps, shelves = bench_steps(session, back, lines)
    new = NewTask(
        id=task_id,
        site_id=back.site_id,
        kind="return",
        title=back.number,
        steps=steps,
        plan={"return": str(back.id), "shelves": shelves},
    )
    add_task(session, new, now=now)


def find_return(session: Session, scanned: str) -> Return | None:
    """The return with that number, or whose parcel has that label; the one asked for last."""
    code = code_of(scanned)
    by = or_(Return.number == code, Return.sscc == code, Return.tracking == code)
    query = select(Return).where(by).order_by(Return.recorded_at.desc(), Return.id)
    return session.scalars(query.limit(1)).first()


def start_return(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """The task that opens the box which was scanned.

    Raises:
        NotFound: no such return waits at this site's bench.
    """
    del floor, actor, now
    back = find_return(session, scanned)
    task_id = None if back is None else derive(back.id, "return")
    if task_id is None or session.get(Task, (site, task_id)) is None:
        raise NotFound(f"a return {scanned} at the bench")
    return task_id


def off_bench(session: Session, back: Return, *, now: datetime) -> bool:
    """Take the task back, if it stands; False: somebody is at work on it."""
    if back.site_id is None:
        return True
    task_id = derive(back.id, "return")
    query = select(Task).where(Task.site_id == back.site_id, Task.id == task_id).with_for_update()
    task = session.scalars(query, execution_options={"populate_existing": True}).first()
    if task is None or task.state == "DONE":
        return True
    if task.state == "LEASED" and task.lease_until is not None and task.lease_until >= now:
        return False
    task.state, task.done_at = "DONE", now
    return True


def finish_return(
    session: Session, _floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished RETURN packet."""
    if "to_dc" in task.plan:
        finish_to_dc(session, task, packet, actor, now)
        return
    back = lock_return(session, UUID(task.plan["return"]))
    assert back is not None
    if back.state not in COMING:  # taken back while a device was away
        tell_of_return(session, task.site_id, back.id, code=UNEXPECTED, facts={}, at=now)
        return
    found = {
        line: taken_of(packet, line, UUID(task.plan["shelves"][str(line.line_no)]))
        for line in goods.lines_of(session, back.id)
    }
    take_in(session, back, found, Bench(site=SiteId(task.site_id), actor=str(actor), at=now))
    if wrong := wrong_lines(packet):
        facts = {"order": str(back.order_id), "lines": wrong}
        tell_of_return(session, task.site_id, back.id, code="return.wrong_item", facts=facts,
                       at=now)  # fmt: skip


def lock_return(session: Session, return_id: UUID) -> Return | None:
    """A return, locked, after its order: so nobody else counts units of that order meanwhile."""
    back = session.get(Return, return_id)
    if back is None:
        return None
    if back.order_id is not None:
        lock_order(session, back.order_id)
    query = select(Return).where(Return.id == return_id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def take_in(session: Session, back: Return, found: dict[ReturnLine, Taken], bench: Bench) -> None:
    """Receive, grade, dispose and settle, in one go."""
    policy = read_policy(session)
    goods.receive(session, back, found, bench)
    for line, taken in found.items():
        line.units_received, line.state = taken.units, "RETURNED"
        line.grade = taken.grade if taken.units else None
        line.photo = taken.photo
    back.site_id, back.received_at = bench.site, bench.at
    goods.put_away(session, back, found, policy, bench)
    settle(session, back, found, policy, now=bench.at)
    _tell(session, back, found, bench)


def _tell(session: Session, back: Return, found: dict[ReturnLine, Taken], bench: Bench) -> None:
    body = {
        "id": str(back.id),
        "number": back.number,
        "order": None if back.order_id is None else str(back.order_id),
        "lines": [
            {
                "line_no": line.line_no,
                "units": line.units_received,
                "grade": line.grade,
                "disposition": line.disposition,
            }
            for line in found
        ],
    }
    outbox.record(
        session, topic="order", key=back.id, type="ReturnReceived", body=body, now=bench.at
    )
    missing = {line.sku: line.units - taken.units for line, taken in found.items()
               if taken.units < line.units}  # fmt: skip
    if missing and back.order_id is not None:
        facts = {"order": str(back.order_id), "missing": missing}
        tell_of_return(
            session, bench.site, back.id, code="return.missing", facts=facts, at=bench.at
        )
