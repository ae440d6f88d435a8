"""What a finished pick packet says of each allocation: how many, which serials, in which tote."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.orders.model import Allocation, Order
from wms.work.codes import bare, part_of
from wms.work.model import Task
from wms.work.packet import Packet, scans


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """What became of one allocation."""

    allocation: Allocation
    units: int  # taken
    missing: int
    reason: str  # "" when whole
    serials: tuple[str, ...] = ()
    tote: str = ""
    counted: int = 0
    by_serial: bool = False

    @property
    def is_damaged(self) -> bool:
        """Whether what is missing is there, but broken, and it does not matter which of them."""
        return self.reason == "damaged" and not self.by_serial


def picked_of(
    task: Task, packet: Packet, step: str, allocation: Allocation, *, by_serial: bool
) -> Picked:
    """What the packet says of the allocation that this step counts."""
    serials = tuple(
        dict.fromkeys(part_of(scanned, "serial") for scanned in scans(packet, step))
        if by_serial
        else ()
    )
    counted = len(serials) if by_serial else packet.counts.get(step, 0)
    units = min(allocation.units, counted)
    reasons = {each.step: each.code for each in packet.reported if each.code != "supervisor"}
    return Picked(
        allocation=allocation,
        units=units,
        missing=allocation.units - units,
        reason=reasons.get(step, ""),
        serials=serials[:units],
        tote=_tote(task, packet, step.partition(".")[0]),
        counted=counted,
        by_serial=by_serial,
    )


def _tote(task: Task, packet: Packet, number: str) -> str:
    """What was scanned as the tote of that pick."""
    if "totes" not in task.plan:
        return ""
    for step in (f"{number}.newtote", f"{number}.slot"):
        if scanned := scans(packet, step):
            return bare(scanned[-1])
    return ""


def not_empty(packet: Packet) -> list[str]:
    """The steps at which a place that should have been empty was not."""
    return [
        step for step, choice in packet.choices.items() if step.endswith(".zero") and choice == "no"
    ]


def allocation_ids(task: Task) -> dict[str, UUID]:
    """Which allocation each counting step of the task is for."""
    return {step: UUID(id_) for step, id_ in task.plan["picks"].items()}


def lock_for(
    session: Session, site: UUID, ids: Sequence[UUID]
) -> tuple[dict[UUID, Order], dict[UUID, Allocation]]:
    """These allocations and their orders, locked in the order that everybody uses."""
    of = select(Allocation.order_id).where(Allocation.site_id == site, Allocation.id.in_(ids))
    fresh = {"populate_existing": True}
    orders = session.scalars(
        select(Order).where(Order.id.in_(of)).order_by(Order.id).with_for_update(),
        execution_options=fresh,
    ).all()
    allocations = session.scalars(
        select(Allocation)
        .where(Allocation.site_id == site, Allocation.id.in_(ids))
        .order_by(Allocation.id)
        .with_for_update(),
        execution_options=fresh,
    ).all()
    return {order.id: order for order in orders}, {each.id: each for each in allocations}
