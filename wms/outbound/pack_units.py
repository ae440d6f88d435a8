"""Units that were packed, and those that were not: one posting for all of an order at a site.

A packet counts goods by parcel; an allocation may lie in several. What was counted less than wanted
is missing (its units are nowhere now, and wanted again) or damaged (they are set aside, and wanted
again). An allocation is then parted: a part for each parcel to another site, one for what is not.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wms.ids import HoldId, LocationId, SiteId, SkuId, derive
from wms.orders.cancel import count_cancelled
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.again import want_again
from wms.outbound.model import Parcel, ParcelLine
from wms.outbound.parcels import advances
from wms.outbound.tell import report
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet
from wms.work.tasks import Actor
from wms.work.wanted import Wish, want_count

Ended = Literal["SHORT", "RELEASED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What is not there of one allocation, or of its part, in one parcel."""

    part: UUID
    parcel: int  # its number
    missing: int
    damaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Units of an allocation that were not packed."""

    allocation: Allocation
    units: int
    damaged: bool


def counted_of(task: Task, packet: Packet) -> list[Counted]:
    """What a packet says is not there; the last of those that want the same goes short."""
    broken = {each.step for each in packet.reported if each.code == "damaged"}
    found = []
    for step, facts in task.plan.get("items", {}).items():
        wanted = sum(units for _, units in facts["of"])
        missing = max(0, wanted - packet.counts.get(step, 0))
        for part, units in reversed(facts["of"]):
            less = min(missing, units)
            missing -= less
            if less:
                found.append(
                    Counted(
                        part=UUID(part),
                        parcel=int(step.partition(".")[0]),
                        missing=less,
                        damaged=step in broken,
                    )
                )
    return found


def missing_of(
    task: Task, counted: Sequence[Counted], allocations: Sequence[Allocation]
) -> list[Missing]:
    """The same by allocation."""
    units: dict[UUID, int] = defaultdict(int)
    broken: set[UUID] = set()
    for each in counted:
        whole = _whole_of(task, each.part)
        units[whole] += each.missing
        broken |= {whole} if each.damaged else set()
    return [
        Missing(allocation=each, units=units[each.id], damaged=each.id in broken)
        for each in allocations
        if each.id in units
    ]


def _whole_of(task: Task, part: UUID) -> UUID:
    for whole, parts in task.plan.get("parts", {}).items():
        if str(part) in {id_ for id_, _ in parts}:
            return UUID(whole)
    return part


def pack_units(
    session: Session,
    task: Task,
    allocations: Sequence[Allocation],
    counted: Sequence[Counted],
    actor: Actor,
    at: datetime,
) -> list[Allocation]:
    """Post what was packed and what was not; the allocations that lie in parcels now."""
    _lessen(session, task, counted)
    less: dict[UUID, int] = defaultdict(int)
    for one in counted:
        less[one.part] += one.missing
    short = {each.allocation.id: each for each in missing_of(task, counted, allocations)}
    steps: list[ledger.Advance] = []
    packed: list[Allocation] = []
    for each in allocations:
        ids = task.plan.get("parts", {}).get(str(each.id)) or [[str(each.id), each.units]]
        parts = [(UUID(id_), units - less[UUID(id_)]) for id_, units in ids]
        parts = [(id_, units) for id_, units in parts if units]
        if parts and parts[0][0] != each.id:  # the first part is not there: the next takes its name
            mine = (ParcelLine.site_id == task.site_id, ParcelLine.allocation_id == parts[0][0])
            session.execute(update(ParcelLine).where(*mine).values(allocation_id=each.id))
        made, rows = _post(task, each, parts, short.get(each.id), actor, at)
        steps += made
        packed += [row for row in rows if row.state == "PACKED"]
        session.add_all(rows)
    ledger.advance(session, steps)
    session.flush()
    _cancel_empty(session, task)
    return packed


def _cancel_empty(session: Session, task: Task) -> None:
    """A parcel without goods is none."""
    full = select(ParcelLine.parcel_id).where(ParcelLine.site_id == task.site_id)
    ids = [UUID(each) for each in task.plan["parcels"]]
    mine = (Parcel.site_id == task.site_id, Parcel.id.in_(ids))
    empty = select(Parcel).where(*mine, Parcel.id.not_in(full.where(ParcelLine.parcel_id.in_(ids))))
    for parcel in session.scalars(empty.order_by(Parcel.id).with_for_update()):
        parcel.state = "CANCELLED"


def _lessen(session: Session, task: Task, counted: Sequence[Counted]) -> None:
    """Take what is not there out of its parcel."""
    for each in counted:
        mine = (
            ParcelLine.site_id == task.site_id,
            ParcelLine.parcel_id == UUID(task.plan["parcels"][each.parcel - 1]),
            ParcelLine.allocation_id == each.part,
        )
        left = session.scalar(select(ParcelLine.units).where(*mine)) or 0
        if left > each.missing:
            change = update(ParcelLine).where(*mine)
            session.execute(change.values(units=ParcelLine.units - each.missing))
        else:
            session.execute(delete(ParcelLine).where(*mine))


def _post(
    task: Task,
    each: Allocation,
    parts: Sequence[tuple[UUID, int]],
    short: Missing | None,
    actor: Actor,
    at: datetime,
) -> tuple[list[ledger.Advance], list[Allocation]]:
    """One posting after the other: each part takes its units, the rest goes on under the next id.

    The first part goes on under the allocation's own id, so whatever names it names what is there.
    """
    ended: Ended = "RELEASED" if short is not None and short.damaged else "SHORT"
    chain: list[tuple[UUID, int, ledger.HoldState]] = [(id_, n, "PACKED") for id_, n in parts]
    if short is not None:
        chain.append((derive(each.id, "not packed"), short.units, ended))
    steps, rows = [], []
    for number, (id_, units, state) in enumerate(chain):
        row = each if number == 0 else _part(each, id_)
        row.state, row.units = state, units
        (step,) = advances(task, [row], state, actor, at)
        if rest := chain[number + 1 :]:
            rest_id = HoldId(rest[0][0])
            step = replace(step, units=units, rest_hold_id=rest_id, rest_state="SAME")
        steps.append(step)
        rows.append(row)
    return steps, rows


def _part(whole: Allocation, part_id: UUID) -> Allocation:
    return Allocation(
        site_id=whole.site_id,
        id=part_id,
        order_id=whole.order_id,
        line_no=whole.line_no,
        sku_id=whole.sku_id,
        ordered_at=whole.ordered_at,
        to_pack=True,
        cancelling=whole.cancelling,
    )


def want_missing(
    session: Session, task: Task, order: Order, short: Sequence[Missing], *, now: datetime
) -> None:
    """Tell of what was not packed, have its place counted, and want it again somewhere else."""
    wanted: dict[int, int] = defaultdict(int)
    unwanted: dict[int, int] = defaultdict(int)
    for each in short:
        line = each.allocation.line_no
        (unwanted if each.allocation.cancelling else wanted)[line] += each.units
        _tell(session, task, each, now)
    if wanted:
        want_again(
            session, order, wanted, cause=derive(task.id, "not packed"), reason="short_pack",
            now=now,
        )  # fmt: skip
    if unwanted:
        lines: Mapping[OrderLine, int] = {
            session.get_one(OrderLine, (order.id, line)): n for line, n in unwanted.items()
        }
        count_cancelled(session, order, lines, reason="customer", now=now)


def _tell(session: Session, task: Task, each: Missing, now: datetime) -> None:
    allocation = each.allocation
    report(
        session,
        task.site_id,
        derive(allocation.id, "not packed"),
        code="pack.damaged" if each.damaged else "pack.missing",
        source=f"task {task.kind}",
        facts={
            "order": str(allocation.order_id),
            "line": allocation.line_no,
            "missing": each.units,
        },
        at=now,
        priority=3,
    )
    if allocation.location_id is not None and not each.damaged:
        wish = Wish(
            site_id=SiteId(task.site_id),
            location_id=LocationId(allocation.location_id),
            why="SHORT",
            cause=task.id,
            sku_id=SkuId(allocation.sku_id),
        )
        want_count(session, wish, now=now)
