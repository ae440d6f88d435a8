"""Hold supply: a pre-order holds what is still to come, and gets it when it has come.

    hold_supply   lines are promised units of a supply, first come first served
    landed        allocations whose supply has come, in part or whole, or comes no more
    follow        one order follows what became of its holds: what came is its stock now and is
                  sourced, the rest waits on; what comes no more is looked for elsewhere

The ledger turns holds on supply into holds on stock by itself when the supply is received
(wms.stock.incoming), and may part them; here the order's allocations are made the same.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import owner_of
from wms.errors import Rejected
from wms.ids import CommandId, HoldId, SiteId, SkuId, derive
from wms.orders.backorder import wait_or_end
from wms.orders.close import close_order, lock_order
from wms.orders.hold import Wish, allocation_of, demand_of, hold_units, set_sourced
from wms.orders.model import Allocation, Order, OrderLine
from wms.orders.promise import set_promise, time_taken
from wms.sites import Site
from wms.stock import ledger, promises

_SUPPLIES = text(
    "SELECT site_id, id, sku_id, owner_id, segment FROM supply"
    " WHERE site_id = ANY(cast(:sites AS uuid[])) AND id = ANY(cast(:ids AS uuid[]))"
)
# `part` are the rests of a hold that was parted when some of its supply came
_LANDED = text(
    "SELECT DISTINCT a.order_id FROM allocation a"
    " JOIN hold h ON h.site_id = a.site_id AND h.id = a.id"
    " WHERE a.state = 'HELD' AND a.supply_id IS NOT NULL"
    " AND (h.supply_id IS NULL OR h.state <> 'HELD' OR h.units <> a.units)"
    " ORDER BY a.order_id LIMIT :limit"
)
_HOLDS = text(
    "WITH RECURSIVE part AS ("
    " SELECT h.* FROM hold h WHERE h.site_id = :site AND h.id = :id"
    " UNION ALL SELECT h.* FROM part p JOIN hold h ON h.demand_id = :order"
    " AND h.site_id = p.site_id AND h.parent_id = p.id"
    " WHERE NOT EXISTS (SELECT 1 FROM allocation x WHERE x.site_id = h.site_id AND x.id = h.id))"
    " SELECT id, units, state, supply_id FROM part"
)
LANDED_MAX = 200


class UnfitSupply(Rejected):
    """A line wants to wait for a supply that there is not, or of other goods.

    Attributes:
        line_no: the line.
        supply_id: what it names.
    """

    code: ClassVar[str] = "unfit_supply"

    def __init__(self, line_no: int, supply_id: UUID) -> None:
        super().__init__(f"line {line_no}: supply {supply_id} is none of these goods")
        self.line_no = line_no
        self.supply_id = supply_id


@dataclass(slots=True)
class _Followed:
    """What became of an order's pre-orders."""

    came: set[int]
    failed: dict[OrderLine, int]


def hold_supply(
    session: Session, order: Order, lines: Collection[OrderLine], *, now: datetime
) -> dict[OrderLine, int]:
    """Hold for each line units of its supply; what of it cannot be had, by line.

    Raises:
        UnfitSupply: there is no such supply of these goods.
    """
    sites = session.scalars(select(Site.id)).all()
    wanted = sorted(lines, key=lambda line: line.line_no)
    facts = {"sites": list(sites), "ids": [line.supply_id for line in wanted]}
    found = {row.id: row for row in session.execute(_SUPPLIES, facts)}
    asked = [(line, _reserve(session, order, line, found)) for line in wanted]
    answers = promises.reserve(session, [reserve for _, reserve in asked], now=now)
    missing: dict[OrderLine, int] = {}
    for (line, reserve), answer in zip(asked, answers, strict=True):
        if answer.granted:
            session.add(allocation_of(order, line, reserve))
        else:
            missing[line] = line.units
    return missing


def landed(session: Session) -> Sequence[UUID]:
    """The orders that have to follow what became of their holds on supply."""
    return [row.order_id for row in session.execute(_LANDED, {"limit": LANDED_MAX})]


def follow(session: Session, order_id: UUID, *, now: datetime) -> int:
    """Make an order's allocations what its holds have become; how many changed."""
    order = lock_order(session, order_id)
    query = select(Allocation).where(
        Allocation.order_id == order_id,
        Allocation.state == "HELD",
        Allocation.supply_id.is_not(None),
    )
    mine = session.scalars(
        query.order_by(Allocation.site_id, Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    followed = _Followed(came=set(), failed={})
    count = sum(_follow(session, order, each, followed, now) for each in mine)
    if not count:
        return 0
    session.flush()
    _look_elsewhere(session, order, followed.failed, now)
    set_sourced(session, order)
    for reason, lines in (
        ("supply_landed", followed.came),
        ("supply_failed", {line.line_no for line in followed.failed}),
    ):
        if lines:
            _say(session, order, reason, lines, now)
    close_order(session, order, at=now)
    return count


def _reserve(
    session: Session, order: Order, line: OrderLine, found: dict[UUID, Any]
) -> promises.Reserve:
    assert line.supply_id is not None
    assert line.sku_id is not None
    supply, owner = found.get(line.supply_id), owner_of(session, line.sku_id)
    fits = supply is not None and (supply.sku_id, supply.owner_id, supply.segment) == (
        line.sku_id,
        owner,
        "A",
    )
    if supply is None or not fits:
        raise UnfitSupply(line.line_no, line.supply_id)
    return promises.Reserve(
        hold_id=HoldId(derive(order.id, "supply", line.line_no)),
        site_id=SiteId(supply.site_id),
        owner_id=owner,
        sku_id=SkuId(line.sku_id),
        units=line.units,
        kind=demand_of(order).kind,
        demand_id=order.id,
        channel=order.channel,
        supply_id=line.supply_id,
    )


def _follow(
    session: Session, order: Order, allocation: Allocation, followed: _Followed, now: datetime
) -> int:
    """One allocation becomes what its hold, and the rests of that, are."""
    facts = {"site": allocation.site_id, "id": allocation.id, "order": order.id}
    holds = session.execute(_HOLDS, facts).all()
    if len(holds) == 1 and (holds[0].state, holds[0].supply_id) == ("HELD", allocation.supply_id):
        return 0
    line = session.get_one(OrderLine, (order.id, allocation.line_no))
    supply_id = allocation.supply_id
    for hold in holds:
        row = allocation
        if hold.id != allocation.id:
            row = _part_of(allocation, hold.id)
            session.add(row)
        row.units, row.state, row.supply_id = hold.units, hold.state, hold.supply_id
        if hold.state == "HELD" and hold.supply_id is None:
            followed.came.add(line.line_no)
            if order.fulfilment == "COLLECT" and row.site_id == order.to_site_id:
                _allocate(session, row, now)
        elif hold.state != "HELD":
            row.supply_id = supply_id
            followed.failed[line] = followed.failed.get(line, 0) + hold.units
    return 1


def _part_of(allocation: Allocation, hold_id: UUID) -> Allocation:
    return Allocation(
        site_id=allocation.site_id,
        id=hold_id,
        order_id=allocation.order_id,
        line_no=allocation.line_no,
        sku_id=allocation.sku_id,
        ordered_at=allocation.ordered_at,
    )


def _allocate(session: Session, allocation: Allocation, now: datetime) -> None:
    step = ledger.Advance(
        command_id=CommandId(derive(allocation.id, "landed")),
        site_id=SiteId(allocation.site_id),
        hold_id=HoldId(allocation.id),
        to="ALLOCATED",
        actor="rule:landed",
        occurred_at=now,
    )
    ledger.advance(session, [step])
    allocation.state = "ALLOCATED"


def _look_elsewhere(
    session: Session, order: Order, failed: dict[OrderLine, int], now: datetime
) -> None:
    if not failed:
        return
    cause = derive(order.id, "supply failed", now.isoformat())
    missing = hold_units(session, order, failed, Wish(cause=cause, state="HELD", now=now))
    for line, units in missing.items():
        wait_or_end(session, order, line, units, now=now)
    took = time_taken(session, order)
    if took is not None and not missing:
        set_promise(session, order, by=now + took, reason="supply_failed", now=now)


def _say(
    session: Session, order: Order, reason: str, lines: Collection[int], now: datetime
) -> None:
    query = select(OrderLine.line_no).where(
        OrderLine.order_id == order.id, OrderLine.units_waiting > 0
    )
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": reason,
        "lines": sorted(lines),
        "backordered": sorted(session.scalars(query)),
    }
    outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
