"""Load: parcels leave their site: for the hub, for another site of ours, or with the carrier.

    load      to the hub, where sorter and gate are: the order counts as shipped when the gate has
              seen the parcel; or to another site, on the lane between the two (wms.transfers)
    handoff   to the carrier, at a site that hands its parcels over itself: shipped with that

The goods leave the site's books here.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wms.ids import derive
from wms.orders.close import close_order, lock_order
from wms.orders.model import Allocation
from wms.outbound.floor import Floor
from wms.outbound.manifests import join_manifest
from wms.outbound.model import Parcel, ParcelLine
from wms.outbound.parcels import advances, expect_parcel, parcels_of
from wms.outbound.ship import forward, ship_parcels
from wms.outbound.steps import scan_parcel
from wms.outbound.tell import report
from wms.outbound.ways import Way, lane_place
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor, NewTask, add_task

KINDS: dict[Way, str] = {"HUB": "load", "SITE": "load", "CARRIER": "handoff"}


def make_load(
    session: Session,
    task: Task,
    allocations: Sequence[UUID],
    parcels: Sequence[Parcel],
    way: Way,
    now: datetime,
) -> None:  # fmt: skip
    """Make the task that follows packing, for the parcels of that PACK task."""
    add_load(session, task, derive(task.id, "load"), allocations, parcels, now, kind=KINDS[way])


def add_load(  # noqa: PLR0913 - a task has that many facts
    session: Session,
    before: Task,
    task_id: UUID,
    allocations: Sequence[UUID],
    parcels: Sequence[Parcel],
    now: datetime,
    *,
    kind: str | None = None,
) -> None:
    """A task to load these parcels, or hand them off, for the order of the task before."""
    kind = kind or before.kind
    steps = tuple(
        scan_parcel(f"{number}.scan", f"{kind}.scan_parcel", parcel.sscc, allow=("missing", "undo"))
        for number, parcel in enumerate(parcels, start=1)
    )
    new = NewTask(
        id=task_id,
        site_id=before.site_id,
        kind=kind,
        title=before.packet["title"],
        steps=steps,
        plan={
            "order": before.plan["order"],
            "allocations": [str(each) for each in allocations],
            "parcels": [str(parcel.id) for parcel in parcels],
        },
    )
    add_task(session, new, now=now)


def finish_load(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished LOAD packet."""
    order = lock_order(session, UUID(task.plan["order"]))
    at = max((event.at for event in packet.history), default=now)
    parcels, leaving = _leaving(session, task, packet, now)
    to_site = next((parcel.to_site_id for parcel in parcels if parcel.to_site_id), None)
    place = None if to_site is None else lane_place(session, task.site_id, to_site)
    ledger.advance(session, advances(task, leaving, "SHIPPED", actor, at, place=place))
    for parcel in parcels:
        if to_site is None:
            forward(parcel, "LINE_HAUL")
            expect_parcel(session, floor, parcel)
            join_manifest(session, parcel, floor.hub, now=now)
        else:
            forward(parcel, "SHIPPED")
            parcel.shipped_at = parcel.shipped_at or at
    if to_site is not None:
        for each in leaving:
            each.state = "SHIPPED"
        close_order(session, order, at=at)


def finish_handoff(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished HANDOFF packet: the carrier has the parcels."""
    lock_order(session, UUID(task.plan["order"]))
    at = max((event.at for event in packet.history), default=now)
    parcels, leaving = _leaving(session, task, packet, now)
    ledger.advance(session, advances(task, leaving, "SHIPPED", actor, at))
    ship_parcels(session, floor, parcels, at=at, now=now)


def _leaving(
    session: Session, task: Task, packet: Packet, now: datetime
) -> tuple[list[Parcel], list[Allocation]]:
    """The parcels that were there, and the goods that leave with them.

    What was not found stays, and is asked for again; so do parcels with goods that nobody wants
    any more. The carrier may have been seen to have some of it before.
    """
    missing = {reported.step for reported in packet.reported}
    known = {parcel.sscc: parcel for parcel in parcels_of(session, task)}
    steps = {
        expect.codes[0]: step.id in missing
        for step in packet.steps for expect in step.expect if expect.codes
    }  # fmt: skip
    goods = inside(session, list(known.values()))
    unwanted = {each.id for each in goods.values() if each.cancelling}
    stays = {
        parcel.id
        for sscc, parcel in known.items()
        if steps.get(sscc) or unwanted & set(goods_in(session, parcel))
    }
    behind = {
        allocation
        for parcel in known.values()
        if parcel.id in stays
        for allocation in goods_in(session, parcel)
    }
    leaves = [each for each in goods.values() if each.state == "PACKED" and each.id not in behind]
    later = [p for p in known.values() if p.id in stays and p.state in {"PLANNED", "PACKED"}]
    if later:
        _ask_again(session, task, later, sorted(behind), now)
    gone = [p for p in known.values() if p.id not in stays and p.state != "CANCELLED"]
    return gone, leaves


def _ask_again(
    session: Session, task: Task, later: Sequence[Parcel], allocations: Sequence[UUID],
    now: datetime,
) -> None:  # fmt: skip
    for parcel in later:
        report(
            session, task.site_id, derive(parcel.id, "missing", str(task.id)), code="load.missing",
            source=f"task {task.kind}", facts={"sscc": parcel.sscc, "order": task.plan["order"]},
            at=now,
        )  # fmt: skip
    add_load(session, task, derive(task.id, "again"), allocations, later, now)


def inside(session: Session, parcels: Sequence[Parcel]) -> dict[UUID, Allocation]:
    """The goods in parcels of one site, locked."""
    if not parcels:
        return {}
    site = parcels[0].site_id
    mine = select(ParcelLine.allocation_id).where(
        ParcelLine.site_id == site, ParcelLine.parcel_id.in_([parcel.id for parcel in parcels])
    )
    query = select(Allocation).where(Allocation.site_id == site, Allocation.id.in_(mine))
    rows = session.scalars(
        query.order_by(Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    )
    return {each.id: each for each in rows}


def goods_in(session: Session, parcel: Parcel) -> Sequence[UUID]:
    """The allocations that are in a parcel."""
    query = select(ParcelLine.allocation_id).where(
        ParcelLine.site_id == parcel.site_id, ParcelLine.parcel_id == parcel.id
    )
    return session.scalars(query).all()


def empty_parcels(
    session: Session, site: UUID, allocations: Sequence[UUID], *, now: datetime
) -> None:
    """Take these goods out of their parcels; a parcel without any is none, and not to be loaded."""
    mine = (ParcelLine.site_id == site, ParcelLine.allocation_id.in_(allocations))
    ids = set(session.scalars(select(ParcelLine.parcel_id).where(*mine)))
    session.execute(delete(ParcelLine).where(*mine))
    full = set(
        session.scalars(
            select(ParcelLine.parcel_id).where(
                ParcelLine.site_id == site, ParcelLine.parcel_id.in_(ids)
            )
        )
    )
    empty = select(Parcel).where(Parcel.site_id == site, Parcel.id.in_(ids - full))
    for parcel in session.scalars(empty.order_by(Parcel.id).with_for_update()):
        parcel.state = "CANCELLED"
        drop_from_load(session, parcel, now)


def drop_from_load(session: Session, parcel: Parcel, now: datetime) -> None:
    """Make the task that loads it anew without it, unless somebody is at it."""
    query = select(Task).where(
        Task.site_id == parcel.site_id,
        Task.kind.in_(KINDS.values()),
        Task.state == "OPEN",
        Task.fence == 0,
        Task.plan.contains({"parcels": [str(parcel.id)]}),
    )
    for task in session.scalars(query.order_by(Task.id).with_for_update()).all():
        known = parcels_of(session, task)
        others = [each for each in known if each.id != parcel.id and each.state != "CANCELLED"]
        session.delete(task)
        session.flush()
        if others:
            ids = [UUID(each) for each in task.plan["allocations"]]
            add_load(session, task, derive(task.id, "less"), ids, others, now)
