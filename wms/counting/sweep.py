"""Sweep: tags of a zone, read by a device in hand or by a reader that stands there.

Reads that a reader sends become scans of the packet that somebody has in hand, each tag once; so
the sweep is undone, handed over and finished as any other work. What is expected is shown only
when it is over, unless the site's policy says otherwise: who sees a target finds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.counting.model import CountLine, CountRound, StockCount
from wms.counting.policy import read_policy
from wms.counting.rounds import places_of
from wms.errors import Conflict, NotFound
from wms.ids import SiteId, derive
from wms.stock.at_places import books_at
from wms.work.model import Task
from wms.work.packet import Event, Packet, scans
from wms.work.tasks import Actor, packet_of, take_events


class SweepNotBegun(Conflict):
    """Nobody is sweeping: somebody begins it on a handheld, then the tags count."""

    code: ClassVar[str] = "sweep_not_begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """How far a sweep is."""

    read: int
    expected: int | None
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


def read_tags(
    session: Session,
    site: SiteId,
    count_id: UUID,
    epcs: Sequence[str],
    actor: Actor,
    *,
    now: datetime,
) -> int:
    """Count tags for the sweep; how many had not been read before.

    Raises:
        NotFound: there is no such sweep.
        SweepNotBegun: nobody has it in hand.
    """
    del actor
    task, packet = _task(session, site, count_id)
    if task.state != "LEASED" or packet.step != "items" or task.device is None:
        raise SweepNotBegun(str(count_id))
    seen = set(scans(packet, "items"))
    new = [epc for epc in dict.fromkeys(epcs) if epc not in seen]
    events = [
        Event(
            id=derive(task.id, "tag", epc), packet=task.id, rev=packet.rev, step="items",
            type="scan", value=epc, at=now, seq=number, device=task.device,
        )
        for number, epc in enumerate(new)
    ]  # fmt: skip
    who = Actor(device=task.device, operator=task.operator or "")
    take_events(session, events, who, {}, {}, now=now)
    return len(new)


def sweep_so_far(session: Session, site: SiteId, count_id: UUID) -> SoFar:
    """What has been read; when it is over (or the policy shows it) what is expected.

    Raises:
        NotFound: there is no such sweep.
    """
    task, packet = _task(session, site, count_id)
    count = session.get_one(StockCount, (site, count_id))
    read = len(scans(packet, "items"))
    over = task.state == "DONE"
    if not over and not read_policy(session, site).live_sweep:
        return SoFar(read=read, expected=None)
    if not over:
        books = books_at(session, site, places_of(session, count))
        return SoFar(read=read, expected=sum(row.units for row in books.rows))
    lines = session.scalars(
        select(CountLine)
        .where(CountLine.site_id == site, CountLine.count_id == count_id)
        .where(CountLine.round_no == count.rounds)
    ).all()
    return SoFar(
        read=read,
        expected=sum(line.book_hi for line in lines),
        missing=sorted(serial for line in lines for serial in line.missing),
        unexpected=sorted(
            [serial for line in lines for serial in line.unexpected]
            + [line.code for line in lines if line.code]
        ),
    )


def _task(session: Session, site: SiteId, count_id: UUID) -> tuple[Task, Packet]:
    count = session.get(StockCount, (site, count_id))
    if count is None or count.kind != "SWEEP":
        raise NotFound(f"sweep {count_id}")
    this = session.get_one(CountRound, (site, count_id, count.rounds))
    query = select(Task).where(Task.site_id == site, Task.id == this.task_id).with_for_update()
    task = session.scalars(query, execution_options={"populate_existing": True}).one()
    return task, packet_of(task)
