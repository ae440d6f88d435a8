"""The counter: bought online, returned in a store; seen, graded and settled in one go.

The goods are in front of somebody, so nothing is expected first: they are on the store's bench,
go where the rules say, and the refund is wanted, in one transaction. What was asked for online
with a label may be brought instead; what is not there stays with the customer. Two counters that
take the same unit at once are told apart by the lock of the order: the second finds none left.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.errors import Conflict, IdReused, NotFound
from wms.ids import SiteId
from wms.orders.close import lock_order
from wms.orders.kits import kits_of
from wms.orders.model import Order
from wms.returns import exchange, goods, label
from wms.returns.accept import AnnouncedLine, AnnounceReturn, check, insert_return
from wms.returns.bench import lock_return, off_bench, take_in
from wms.returns.entitled import Claim, NotReturnable, check_claims
from wms.returns.exchange import WantedExchange
from wms.returns.goods import Bench, Taken
from wms.returns.model import COMING, Return, ReturnLine
from wms.returns.policy import read_policy
from wms.returns.rules import Reason
from wms.sites import sites_by_code
from wms.work.tasks import Actor


class AlreadyReceived(Conflict):
    """That return has ended: something else came of it.

    Attributes:
        state: what.
    """

    code: ClassVar[str] = "already_received"

    def __init__(self, state: str) -> None:
        super().__init__(f"the return is {state}")
        self.state = state


class AmbiguousOrder(Conflict):
    """Several orders have that number: name it by its id."""

    code: ClassVar[str] = "ambiguous_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLine:
    """Units of an order line that lie on the counter."""

    line_no: int
    units: int
    grade: str
    reason: Reason = "OTHER"
    photo: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterReturn:
    """What somebody brings to a store; `order` is its number, its id, or the customer's token."""

    id: UUID
    site: str
    order: str
    lines: tuple[SeenLine, ...]
    exchange: WantedExchange | None = None


def return_at_counter(
    session: Session, request: CounterReturn, actor: Actor, *, now: datetime
) -> bool:
    """Take goods over a counter; False if that had been done.

    Raises:
        NotFound: there is no such site or order.
        AmbiguousOrder: several orders have that number.
        NotReturnable: no such units may come back.
        ExchangeRefused: what shall replace them is worth too much; nothing was taken.
        AlreadyReceived, IdReused: that return is another, or has ended.
    """
    site = sites_by_code(session, [request.site]).get(request.site)
    if site is None:
        raise NotFound(f"site {request.site}")
    order = lock_order(session, find_order(session, request.order).id)
    bench = Bench(site=SiteId(site.id), actor=str(actor), at=now)
    request = _in_parts(session, order, request)
    back = lock_return(session, request.id)
    if back is None:
        back, found = _new(session, request, order, bench)
        _replace(session, back, order, request, now=now)
        take_in(session, back, found, bench)
        return True
    if back.order_id != order.id:
        raise IdReused(request.id)
    lines = goods.lines_of(session, back.id)
    if back.received_at is not None and _same(back, lines, request, bench):
        return False
    if back.state not in COMING or not off_bench(session, back, now=now):
        raise AlreadyReceived(back.state)
    _replace(session, back, order, request, now=now)
    label.give_up(session, back, now=now)
    take_in(session, back, _found(lines, request), bench)
    return True


def _replace(
    session: Session, back: Return, order: Order, request: CounterReturn, *, now: datetime
) -> None:
    """Have what the customer wants instead held, for no more than what lies here is worth."""
    if request.exchange is None or back.exchange_id is not None:
        return
    seen = {line.line_no: line.units for line in request.lines}
    exchange.place(session, back, order, request.exchange, now=now, seen=seen)


def _in_parts(session: Session, order: Order, request: CounterReturn) -> CounterReturn:
    """A kit that is seen whole is its parts, all as it was graded."""
    kits = kits_of(session, [order.id]).get(order.id, {})
    lines: list[SeenLine] = []
    for line in request.lines:
        if (of := kits.get(line.line_no)) is None:
            lines.append(line)
            continue
        lines += [
            replace(line, line_no=part.line_no, units=line.units * part.kit_units)
            for part in of.parts
        ]
    return replace(request, lines=tuple(lines))


def find_order(session: Session, name: str) -> Order:
    """The order of that number, id or token.

    Raises:
        NotFound: there is none.
        AmbiguousOrder: there are several.
    """
    if not name:
        raise NotFound("order")
    either = or_(Order.number == name, Order.token == name)
    with suppress(ValueError):
        either = Order.id == UUID(name)
    orders = session.scalars(select(Order).where(either).limit(2)).all()
    if not orders:
        raise NotFound(f"order {name}")
    if len(orders) > 1:
        raise AmbiguousOrder(f"several orders are called {name}")
    return orders[0]


def _new(
    session: Session, request: CounterReturn, order: Order, bench: Bench
) -> tuple[Return, dict[ReturnLine, Taken]]:
    policy = read_policy(session)
    claims = [Claim(line_no=line.line_no, units=line.units) for line in request.lines]
    of = check_claims(session, order, claims, policy, in_hand=True, now=bench.at)
    announced = AnnounceReturn(
        id=request.id,
        number=f"{order.number}-R",
        order_id=order.id,
        lines=tuple(
            AnnouncedLine(line_no=line.line_no, sku=of[line.line_no].sku, units=line.units,
                          reason=line.reason)
            for line in request.lines
        ),
        way="COUNTER",
        origin="COUNTER",
        site=request.site,
    )  # fmt: skip
    check(announced)
    insert_return(session, announced, bench.site, policy, now=bench.at)
    back = session.get_one(Return, request.id)
    back.site_id = None  # nothing is expected anywhere
    rows = [
        ReturnLine(
            return_id=request.id,
            line_no=line.line_no,
            sku_id=of[line.line_no].sku_id,
            sku=of[line.line_no].sku,
            units=line.units,
            units_received=0,
            state="OPEN",
            reason=line.reason,
        )
        for line in request.lines
    ]
    session.add_all(rows)
    session.flush()
    return back, _found(rows, request)


def _found(lines: Sequence[ReturnLine], request: CounterReturn) -> dict[ReturnLine, Taken]:
    """What was seen of each line of the return; of what was not seen, nothing.

    Raises:
        NotReturnable: more, or another line, than was asked for.
    """
    seen = {line.line_no: line for line in request.lines}
    known = {line.line_no: line for line in lines}
    for line_no, line in seen.items():
        if line_no not in known:
            raise NotReturnable("no_such_line", line_no)
        if line.units > known[line_no].units:
            raise NotReturnable("too_many_units", line_no, known[line_no].units)
    return {line: _taken(seen, line.line_no) for line in lines}


def _taken(seen: Mapping[int, SeenLine], line_no: int) -> Taken:
    line = seen.get(line_no)
    if line is None:
        return Taken(units=0)
    return Taken(
        units=line.units, grade=line.grade, photo=line.photo, lot=line.lot, serials=line.serials
    )


def _same(back: Return, lines: Sequence[ReturnLine], request: CounterReturn, bench: Bench) -> bool:
    """Whether this is what was done."""
    seen = {line.line_no: (line.units, line.grade) for line in request.lines}
    done = {line.line_no: (line.units_received, line.grade) for line in lines if line.grade}
    instead = back.exchange_id if request.exchange is None else request.exchange.id
    return back.site_id == bench.site and seen == done and instead == back.exchange_id
