"""Dock: all that waits for a carrier is scanned into its van, counted, and its list closed.

    start_ship     "YAMATO", or "GATE-OUT/YAMATO": what that carrier takes (through that door)
    finish_ship    what was scanned is shipped, the list is closed, what was not there is told of

A parcel of another carrier is none of those that the packet wants, and so a wrong scan. What
was scanned and not seen by the door's gate (wms.outbound.doors) is told of when the van is closed,
if the gate has seen any at all.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.errors import Conflict, NotFound
from wms.ids import SiteId, derive
from wms.orders.close import lock_order
from wms.outbound.doors import open_load
from wms.outbound.floor import Floor
from wms.outbound.load import drop_from_load, goods_in, inside
from wms.outbound.manifests import close_manifest, parcels_on
from wms.outbound.model import Parcel
from wms.outbound.packing_tables import DockLoad, Manifest
from wms.outbound.ship import ship_parcels
from wms.outbound.tell import report
from wms.work.model import Task
from wms.work.packet import Expect, Fact, Packet, Quantity, Say, Step, code_of, scans
from wms.work.tasks import Actor, NewTask, add_task

WAITS = frozenset({"PACKED", "AT_HUB", "INDUCTED", "SORTED"})
PARCELS_MAX = 500


class DoorBusy(Conflict):
    """Something else is loaded at that door.

    Attributes:
        door: which.
    """

    code: ClassVar[str] = "door_busy"

    def __init__(self, door: str) -> None:
        super().__init__(f"another van is loaded at {door}")
        self.door = door


def start_ship(
    session: Session, floor: Floor, site: SiteId, scanned: str, actor: Actor, now: datetime
) -> UUID:
    """The packet that ships what a carrier takes now; found, if it is made already.

    Raises:
        NotFound: that carrier takes nothing from this site now.
        DoorBusy: another van stands at the door.
    """
    del floor, actor
    door, _, route = code_of(scanned).rpartition("/")
    query = select(Manifest).where(
        Manifest.site_id == site, Manifest.carrier == route, Manifest.closed_at.is_(None)
    )
    manifest = session.scalars(query.with_for_update()).first()
    waiting = [] if manifest is None else _waiting(session, manifest.id)
    if manifest is None or not waiting:
        raise NotFound(f"parcels that wait for {route}")
    task_id = derive(manifest.id, "ship")
    known = session.get(Task, (site, task_id), with_for_update=True)
    if known is not None:
        if known.state != "OPEN" or known.fence:
            return task_id
        session.delete(known)  # nobody has begun: what came meanwhile goes too
        session.flush()
    if door:
        _open_door(session, manifest, door, waiting, now)
    plan = {"manifest": str(manifest.id), "door": door, "route": route,
            "parcels": [str(parcel.id) for parcel in waiting]}  # fmt: skip
    new = NewTask(
        id=task_id,
        site_id=site,
        kind="ship",
        title=scanned[:100],
        steps=_steps(route, door, [parcel.sscc for parcel in waiting]),
        plan=plan,
    )
    add_task(session, new, now=now)
    return task_id


def _waiting(session: Session, manifest_id: UUID) -> list[Parcel]:
    on = parcels_on(session, manifest_id)
    return [parcel for parcel in on if parcel.state in WAITS][:PARCELS_MAX]


def _open_door(
    session: Session, manifest: Manifest, door: str, parcels: Sequence[Parcel], now: datetime
) -> None:
    load = open_load(session, manifest.site_id, door)
    if load is not None and load.manifest_id != manifest.id:
        raise DoorBusy(door)
    if load is None:
        load = DockLoad(
            site_id=manifest.site_id,
            id=derive(manifest.id, "door", door),
            door=door,
            route=manifest.carrier,
            manifest_id=manifest.id,
            opened_at=now,
            seen=[],
        )
        session.add(load)
    load.parcels = [str(parcel.id) for parcel in parcels]
    session.flush()


def _steps(route: str, door: str, codes: Sequence[str]) -> tuple[Step, ...]:
    facts = (Fact(label="route", value=route), *((Fact(label="door", value=door),) if door else ()))
    scan = Step(
        id="parcels",
        op="count",
        say=Say(code="ship.scan_parcels", params={"route": route}),
        big=str(len(codes)),
        facts=facts,
        expect=(Expect(kind="sscc", codes=tuple(codes)),),
        qty=Quantity(target=len(codes), max=len(codes), distinct=True),
        allow=("missing", "undo"),
    )
    seal = Step(
        id="seal",
        op="scan",
        say=Say(code="ship.scan_seal"),
        big=door,
        facts=facts,
        expect=(Expect(kind="seal"),),
    )
    close = Step(
        id="close",
        op="choose",
        say=Say(code="ship.close"),
        big=route,
        facts=facts,
        expect=(Expect(kind="choice", codes=("CLOSED",)),),
    )
    return (scan, seal, close) if door else (scan, close)


def finish_ship(
    session: Session, floor: Floor, task: Task, packet: Packet, actor: Actor, now: datetime
) -> None:
    """Carry out a finished SHIP packet."""
    at = max((event.at for event in packet.history), default=now)
    scanned = {code_of(each) for each in scans(packet, "parcels")}
    ids = [UUID(each) for each in task.plan["parcels"]]
    orders = select(Parcel.order_id).where(Parcel.id.in_(ids)).distinct()
    for order_id in sorted(session.scalars(orders)):
        lock_order(session, order_id)
    query = select(Parcel).where(Parcel.id.in_(ids)).order_by(Parcel.site_id, Parcel.id)
    parcels = session.scalars(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).all()
    taken = [parcel for parcel in parcels if parcel.sscc in scanned]
    leaving = [parcel for parcel in taken if not _is_unwanted(session, parcel)]
    for parcel in leaving:
        drop_from_load(session, parcel, now)
    ship_parcels(session, floor, leaving, at=at, now=now)
    session.flush()
    _close_door(session, task, packet, leaving, now)
    behind = [each.sscc for each in parcels if each.sscc not in scanned and each.state in WAITS]
    if behind:
        facts = {"route": task.plan["route"], "missing": len(behind), "sscc": behind[:50]}
        report(
            session, task.site_id, derive(task.id, "missing"), code="ship.missing",
            source=f"task {task.kind}", facts=facts, at=now,
        )  # fmt: skip
    manifest = UUID(task.plan["manifest"])
    close_manifest(session, task.site_id, manifest, by=str(actor), now=now)


def _is_unwanted(session: Session, parcel: Parcel) -> bool:
    """Whether something in it was taken back: it stays, and is unpacked."""
    mine = set(goods_in(session, parcel))
    return any(each.cancelling for each in inside(session, [parcel]).values() if each.id in mine)


def _close_door(
    session: Session, task: Task, packet: Packet, leaving: Sequence[Parcel], now: datetime
) -> None:
    load = open_load(session, task.site_id, task.plan["door"]) if task.plan["door"] else None
    if load is None:
        return
    load.closed_at = now
    load.seal = (scans(packet, "seal") or ("",))[-1][:100]
    unseen = [parcel.sscc for parcel in leaving if str(parcel.id) not in load.seen]
    if load.seen and unseen:
        facts = {"door": load.door, "route": load.route, "sscc": unseen[:50]}
        report(
            session, task.site_id, derive(load.id, "unseen"), code="door.unseen",
            source=load.door, facts=facts, at=now,
        )  # fmt: skip
