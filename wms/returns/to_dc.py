"""To the warehouse: what a store took back and does not sell comes to the hub by van.

    store   the lane to the warehouse -> NETWORK       when somebody at the hub has it in hand
    hub     NETWORK -> a shelf

A job makes a task at the hub for every return that sends something; what is scanned there has
arrived, what is not stays on the lane, and people are told. Goods with lots, serials or weights are
left to a person: the box does not say which they are.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku, owner_of
from wms.ids import CommandId, LocationId, SiteId, SkuId, derive
from wms.outbound.floor import Floor
from wms.outbound.steps import facts_of, item_step, items_of, place_step
from wms.returns import goods
from wms.returns.model import Return, ReturnLine
from wms.returns.people import tell_of_return
from wms.sites import Site, virtual_location
from wms.stock import ledger
from wms.work.model import Task
from wms.work.packet import Packet, Step
from wms.work.tasks import Actor, NewTask, add_task

LOOK_BACK = timedelta(days=60)


def expect_at_hub(session: Session, floor: Floor, *, now: datetime) -> int:
    """Make the tasks of what is on its way to the hub; how many."""
    query = (
        select(ReturnLine.return_id)
        .join(Return, Return.id == ReturnLine.return_id)
        .where(ReturnLine.disposition == "TO_DC", ReturnLine.units_received > 0)
        .where(Return.received_at > now - LOOK_BACK, Return.site_id != floor.hub)
    )
    if session.get(Site, floor.hub) is None:
        return 0
    made = 0
    for return_id in session.scalars(query.distinct().order_by(ReturnLine.return_id)):
        task_id = derive(return_id, "to_dc")
        if session.get(Task, (floor.hub, task_id)) is not None:
            continue
        back = session.get_one(Return, return_id)
        lines = _lines(session, return_id)
        if lines:
            _add(session, floor, task_id, back, lines, now)
            made += 1
    return made


def finish_to_dc(session: Session, task: Task, packet: Packet, actor: Actor, now: datetime) -> None:
    """Carry out what was scanned at the hub."""
    return_id = UUID(task.plan["to_dc"])
    back = session.get_one(Return, return_id)
    assert back.site_id is not None
    store, hub = SiteId(back.site_id), SiteId(task.site_id)
    moves, missing = [], {}
    for line in _lines(session, return_id):
        units = packet.counts.get(f"{line.line_no}.item", 0)
        if units < line.units_received:
            missing[line.sku] = line.units_received - units
        if not units:
            continue
        shelf = UUID(task.plan["shelves"][str(line.line_no)])
        ways = (
            (store, virtual_location(store, "LANE_STORE_DC"), virtual_location(store, "NETWORK")),
            (hub, virtual_location(hub, "NETWORK"), LocationId(shelf)),
        )
        for site, start, to in ways:
            moves.append(_move(session, line, units, (site, start, to), str(actor), now))
    if moves:
        ledger.move(session, moves)
    if missing:
        tell_of_return(
            session, hub, return_id, code="return.missing", facts={"missing": missing}, at=now
        )


def _lines(session: Session, return_id: UUID) -> Sequence[ReturnLine]:
    query = (
        select(ReturnLine)
        .join(Sku, Sku.id == ReturnLine.sku_id)
        .where(ReturnLine.return_id == return_id, ReturnLine.disposition == "TO_DC")
        .where(ReturnLine.units_received > 0, Sku.tracking == "NONE", ~Sku.catch_weight)
    )
    return session.scalars(query.order_by(ReturnLine.line_no)).all()


def _add(
    session: Session,
    floor: Floor,
    task_id: UUID,
    back: Return,
    lines: Sequence[ReturnLine],
    now: datetime,
) -> None:
    items = items_of(session, [line.sku_id for line in lines if line.sku_id])
    steps: list[Step] = []
    shelves: dict[str, str] = {}
    for line in lines:
        assert line.sku_id is not None
        shelf = goods.shelf_for(session, floor.hub, line.sku_id)
        shelves[str(line.line_no)] = str(shelf.id)
        steps += [
            item_step(f"{line.line_no}.item", items[line.sku_id], line.units_received,
                      say="return.scan_item", facts=facts_of(back.number)),
            place_step(f"{line.line_no}.shelf", shelf.code),
        ]  # fmt: skip
    new = NewTask(
        id=task_id, site_id=floor.hub, kind="return", title=back.number, steps=tuple(steps),
        plan={"to_dc": str(back.id), "shelves": shelves},
    )  # fmt: skip
    add_task(session, new, now=now)


def _move(
    session: Session,
    line: ReturnLine,
    units: int,
    way: tuple[SiteId, LocationId, LocationId],
    actor: str,
    now: datetime,
) -> ledger.Move:
    assert line.sku_id is not None
    site, start, to = way
    return ledger.Move(
        command_id=CommandId(derive(line.return_id, "to_dc", line.line_no, str(site))),
        site_id=site,
        owner_id=owner_of(session, line.sku_id),
        sku_id=SkuId(line.sku_id),
        units=units,
        from_location_id=start,
        to_location_id=to,
        cause_kind="RETURN",
        cause_id=line.return_id,
        actor=actor,
        reason="to_dc",
        occurred_at=now,
    )
