"""Cancel: an order, or some of its units, are taken back, at any stage at which that can be.

    waiting, held, allocated, pinned     given up at once
    being picked, picked, at a store     wanted back: the allocation is `cancelling`, its goods go
                                         back to a shelf, and then it counts as cancelled
    packed for a carrier, on a lane,     too late: it leaves by itself
    shipped

Nothing is given up or wanted back if a part cannot be. Money goes back when the units count as
cancelled: once, whoever asks how often.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.errors import Conflict, NotFound, Rejected
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order, lock_order
from wms.orders.hold import open_lines, set_sourced
from wms.orders.kits import in_parts, kits_of
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.orders.refunds import give_back
from wms.stock import ledger

# what is least work to take back comes first
EASE = ("HELD", "ALLOCATED", "PINNED", "PICKED", "PACKED")


class TooLateToCancel(Conflict):
    """Some of it cannot be stopped any more.

    Attributes:
        order_id: the order.
        reason: "packed", "shipped", "on_its_way", "closed", or "in_work" (units of what is being
            picked, where all of it could be taken back).
    """

    code: ClassVar[str] = "too_late_to_cancel"

    def __init__(self, order_id: UUID, reason: str) -> None:
        super().__init__(f"order {order_id}: {reason}")
        self.order_id = order_id
        self.reason = reason


class NoSuchUnits(Rejected):
    """A line has not so many units that could be cancelled, or there is no such line.

    Attributes:
        line_no: the line.
    """

    code: ClassVar[str] = "no_such_units"

    def __init__(self, line_no: int) -> None:
        super().__init__(f"line {line_no} has not so many units")
        self.line_no = line_no


@dataclass(slots=True)
class _Plan:
    """What is given up of each line, and how."""

    now: dict[OrderLine, int] = field(default_factory=dict)  # cancelled at once
    release: list[tuple[Allocation, int]] = field(default_factory=list)
    want_back: list[Allocation] = field(default_factory=list)


def cancel_order(
    session: Session, order_id: UUID, *, now: datetime, reason: str = "customer"
) -> None:
    """Cancel all lines that have not ended. Repeating changes nothing.

    Raises:
        NotFound: there is no such order.
        TooLateToCancel: some of it has left or leaves by itself; nothing is cancelled.
    """
    order = locked(session, order_id)
    lines = open_lines(session, order_id)
    if not lines:
        if order.shipped_at is not None:
            raise TooLateToCancel(order_id, "shipped")
        return
    _cancel(session, order, dict.fromkeys(lines), reason=reason, now=now)


def cancel_lines(
    session: Session,
    order_id: UUID,
    units: Mapping[int, int],
    *,
    now: datetime,
    reason: str = "customer",
) -> None:
    """Cancel so many units of these lines.

    Raises:
        NotFound: there is no such order.
        NoSuchUnits: a line has not so many units that are still to come.
        TooLateToCancel: some cannot be stopped any more; nothing is cancelled.
    """
    order = locked(session, order_id)
    kits = kits_of(session, [order_id]).get(order_id, {})
    lines = {line.line_no: line for line in open_lines(session, order_id)}
    if part := next((no for no in units if no in lines and lines[no].kit_no is not None), None):
        raise NoSuchUnits(part)  # a kit goes whole
    units = in_parts(kits, units)
    for line_no, wanted in units.items():
        if line_no not in lines or not 1 <= wanted <= lines[line_no].units:
            raise NoSuchUnits(line_no)
    wish = {lines[line_no]: wanted for line_no, wanted in sorted(units.items())}
    _cancel(session, order, wish, reason=reason, now=now)


def give_up(
    session: Session, order: Order, lines: Sequence[OrderLine], *, now: datetime
) -> dict[OrderLine, int]:
    """Let go of all that is held for these lines, which nobody is at; the units that they want.

    The order is locked, and what becomes of the lines is for the caller to say.
    """
    numbers = {line.line_no for line in lines}
    session.flush()
    mine = [each for each in live_allocations(session, order.id) if each.line_no in numbers]
    if mine:
        ledger.advance(session, [_release(session, each, each.units, now) for each in mine])
    session.flush()
    return {line: line.units for line in lines}


def keep_whole(session: Session, order: Order, *, now: datetime) -> list[int]:
    """Units of a kit's part have ended: so have its other parts, for as many kits.

    Returns:
        the lines of kits that leave all the same, because too much has been done for them.
    """
    left: list[int] = []
    for number, of in kits_of(session, [order.id]).get(order.id, {}).items():
        ended = {part.line_no: part.units_short + part.units_cancelled for part in of.parts}
        broken = of.kits(ended, some=True)
        wish: dict[OrderLine, int | None] = {
            part: broken * part.kit_units - ended[part.line_no]
            for part in of.parts
            if broken * part.kit_units > ended[part.line_no]
        }
        if not wish:
            continue
        try:
            with session.begin_nested():
                _cancel(session, order, wish, reason="kit_incomplete", now=now)
        except (TooLateToCancel, NoSuchUnits):  # some of it is wanted back already, or has left
            left.append(number)
    return left


def taken_back(
    session: Session, allocations: Iterable[Allocation], *, reason: str, now: datetime
) -> None:
    """Goods that were picked or packed are back: their holds have been released in the ledger.

    Their units count as cancelled, and their money goes back.
    """
    by_order: dict[UUID, list[Allocation]] = {}
    for allocation in allocations:
        by_order.setdefault(allocation.order_id, []).append(allocation)
    for order_id in sorted(by_order):
        order = lock_order(session, order_id)
        ended: dict[OrderLine, int] = {}
        for allocation in by_order[order_id]:
            allocation.state, allocation.cancelling = "RELEASED", False
            line = session.get_one(OrderLine, (order_id, allocation.line_no))
            ended[line] = ended.get(line, 0) + allocation.units
        count_cancelled(session, order, ended, reason=reason, now=now)


def count_cancelled(
    session: Session, order: Order, ended: Mapping[OrderLine, int], *, reason: str, now: datetime
) -> None:
    """These units, on whose way nothing is any more, were cancelled."""
    for line, units in ended.items():
        line.units_cancelled += units
    session.flush()
    give_back(session, order, ended, reason=reason, now=now)
    goods = session.scalars(
        select(OrderLine).where(OrderLine.order_id == order.id, OrderLine.sku_id.is_not(None))
    ).all()
    body = {"id": str(order.id), "number": order.number, "reason": reason}
    if all(line.units_cancelled == line.units for line in goods):
        outbox.record(
            session, topic="order", key=order.id, type="OrderCancelled", body=body, now=now
        )
    else:
        body |= {"lines": sorted(line.line_no for line in ended), "backordered": []}  # type: ignore[dict-item]
        outbox.record(session, topic="order", key=order.id, type="OrderChanged", body=body, now=now)
    set_sourced(session, order)
    close_order(session, order, at=now)


def locked(session: Session, order_id: UUID) -> Order:
    """The order, locked.

    Raises:
        NotFound: there is none.
    """
    if session.get(Order, order_id) is None:
        raise NotFound(f"order {order_id}")
    return lock_order(session, order_id)


def live_allocations(session: Session, order_id: UUID) -> Sequence[Allocation]:
    """What stands for an order now, locked, in the order that everybody uses."""
    query = select(Allocation).where(
        Allocation.order_id == order_id,
        Allocation.state.not_in(ENDED),
        Allocation.onward_id.is_(None),
    )
    return session.scalars(
        query.order_by(Allocation.site_id, Allocation.id).with_for_update(),
        execution_options={"populate_existing": True},
    ).all()


def too_late(order: Order, allocation: Allocation) -> str | None:
    """Why this can no longer be stopped; None if it can."""
    if allocation.state in {"SHIPPED", "DELIVERED"}:
        is_gone = order.fulfilment == "DELIVERY" or allocation.state == "DELIVERED"
        return "shipped" if is_gone else "on_its_way"
    if allocation.state == "PACKED" and allocation.site_id != order.to_site_id:
        return "packed"
    return None


def in_work(allocation: Allocation) -> bool:
    """Whether hands are at it: it cannot just be given up, its goods must be put back."""
    is_pinned = allocation.state == "PINNED" and allocation.task_id is not None
    return is_pinned or allocation.state in {"PICKED", "PACKED"}


def _cancel(
    session: Session,
    order: Order,
    wish: Mapping[OrderLine, int | None],
    *,
    reason: str,
    now: datetime,
) -> None:
    """Take back units of lines; None: all that are not yet."""
    live = live_allocations(session, order.id)
    plan = _Plan()
    for line, units in wish.items():
        mine = [each for each in live if each.line_no == line.line_no and not each.cancelling]
        _plan(plan, order, line, mine, units)
    ledger.advance(session, [_release(session, each, units, now) for each, units in plan.release])
    for allocation in plan.want_back:
        allocation.cancelling = True
    session.flush()
    if plan.want_back:
        _say_wanted_back(session, order, plan.want_back, reason, now)
    if plan.now:
        count_cancelled(session, order, plan.now, reason=reason, now=now)


def _plan(
    plan: _Plan, order: Order, line: OrderLine, mine: Sequence[Allocation], units: int | None
) -> None:
    """Which of a line's units go: those that wait first, then the least work first."""
    there = line.units_waiting + sum(each.units for each in mine)
    left = there if units is None else units
    if left > there:
        raise NoSuchUnits(line.line_no)
    given_up = min(left, line.units_waiting)
    line.units_waiting -= given_up
    left -= given_up
    ranked = sorted(mine, key=lambda each: (_ease(order, each), each.site_id, each.id))
    for allocation in ranked:
        if not left:
            break
        if why := too_late(order, allocation):
            raise TooLateToCancel(order.id, why)
        take = min(left, allocation.units)
        left -= take
        if not in_work(allocation):
            plan.release.append((allocation, take))
            given_up += take
        elif take == allocation.units:
            plan.want_back.append(allocation)
        else:
            raise TooLateToCancel(order.id, "in_work")
    if given_up:
        plan.now[line] = given_up


def _ease(order: Order, allocation: Allocation) -> tuple[bool, bool, bool, int]:
    late = too_late(order, allocation) is not None
    rank = EASE.index(allocation.state) if allocation.state in EASE else len(EASE)
    return late, in_work(allocation), allocation.supply_id is None, rank


def _release(session: Session, allocation: Allocation, units: int, now: datetime) -> ledger.Advance:
    """Give up some units of an allocation, or all; the rest stays where it was."""
    rest = allocation.units - units
    rest_id = HoldId(derive(allocation.id, "kept", rest))
    if rest:
        kept = Allocation(
            **{
                column: getattr(allocation, column)
                for column in Allocation.__table__.columns.keys()  # noqa: SIM118 - no mapping
            }
            | {"id": rest_id, "units": rest}
        )
        session.add(kept)
    allocation.units, allocation.state = units, "RELEASED"
    return ledger.Advance(
        command_id=CommandId(derive(allocation.id, "cancel")),
        site_id=SiteId(allocation.site_id),
        hold_id=HoldId(allocation.id),
        to="RELEASED",
        units=units if rest else None,
        rest_hold_id=rest_id if rest else None,
        rest_state="SAME",
        actor="rule:cancel",
        occurred_at=now,
    )


def _say_wanted_back(
    session: Session, order: Order, wanted: Sequence[Allocation], reason: str, now: datetime
) -> None:
    body = {
        "id": str(order.id),
        "number": order.number,
        "reason": reason,
        "lines": sorted({each.line_no for each in wanted}),
    }
    outbox.record(session, topic="order", key=order.id, type="CancelWanted", body=body, now=now)
