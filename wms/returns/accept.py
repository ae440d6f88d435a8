"""Accept: a return is asked for; if it may come, it is expected.

One that names an order brings back units of its lines (`line_no` is the order's): no more than
the customer has had and not yet given back, within the time that the policy allows. One that
names none comes from an anonymous customer who bought long ago: it is received and graded, and no
money is owed for it.

    BENCH     comes as it comes: somebody at the hub has it on the list at once
    PARCEL    gets a label of ours (wms.returns.label), and is on the list when it arrives
    COUNTER   will be brought to a store
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE_OWNER_ID, owner_of, skus_by_code
from wms.errors import IdReused, NotFound
from wms.ids import SiteId
from wms.orders.close import lock_order
from wms.orders.kits import kits_of
from wms.orders.model import Order, OrderLine
from wms.orders.place import LINES_MAX, UNITS_MAX, MalformedOrder, UnknownSku
from wms.outbound.floor import Floor
from wms.returns import exchange, goods, label
from wms.returns.bench import to_bench
from wms.returns.entitled import Claim, NotReturnable, check_claims
from wms.returns.exchange import WantedExchange
from wms.returns.model import Return, ReturnLine
from wms.returns.policy import read_policy
from wms.returns.rules import Policy, Reason
from wms.sites import sites_by_code

Way: TypeAlias = Literal["BENCH", "PARCEL", "COUNTER"]
Origin: TypeAlias = Literal["CHANNEL", "CUSTOMER", "COUNTER", "CARRIER"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedLine:
    """A line as a channel sends it."""

    line_no: int
    sku: str
    units: int
    service: bool = False
    reason: Reason = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceReturn:
    """A return as a channel sends it; `site` is where it is to go, the hub if nobody says."""

    id: UUID
    number: str
    order_id: UUID | None
    lines: tuple[AnnouncedLine, ...]
    way: Way = "BENCH"
    origin: Origin = "CHANNEL"
    site: str | None = None
    exchange: WantedExchange | None = None

    def body_hash(self) -> str:
        """Tells two returns with one id apart."""
        return hashlib.sha256(_AS_JSON.dump_json(self)).hexdigest()


_AS_JSON: TypeAdapter[AnnounceReturn] = TypeAdapter(AnnounceReturn)


def announce_return(
    session: Session, floor: Floor, request: AnnounceReturn, *, now: datetime
) -> bool:
    """Take a return; False if it had been taken before.

    Raises:
        MalformedOrder, UnknownSku: nothing has been done.
        NotFound: it names an order or a site that does not exist.
        NotReturnable: the order has no such units that may come back.
        ExchangeRefused: it may, but nothing is sent out before it is here.
        IdReused: another return has that id.
    """
    check(request)
    named, request = request, in_its_parts(session, request)
    skus = _skus(session, request)
    order = _order(session, request)
    policy = read_policy(session)
    if not insert_return(session, named, _site(session, floor, request), policy, now=now):
        return False
    back = session.get_one(Return, request.id)
    if order is not None:
        claims = [
            Claim(line_no=line.line_no, units=line.units, sku=line.sku)
            for line in request.lines
            if not line.service
        ]
        check_claims(session, order, claims, policy, in_hand=False, now=now)
    lines = _insert_lines(session, request, skus)
    if lines:
        goods.expect(session, back, lines, now)
    back.closed = not lines
    if lines and request.way == "BENCH":
        to_bench(session, back, lines, now=now)
    if lines and request.way == "PARCEL" and order is not None:
        label.wish(session, floor, back, order, lines, now=now)
    if order is not None:
        _tell(session, back, order, now)
        if request.exchange is not None:
            exchange.place(session, back, order, request.exchange, now=now)
    return True


def insert_return(
    session: Session, request: AnnounceReturn, site: SiteId, policy: Policy, *, now: datetime
) -> bool:
    """Make the row of a return; False if it is there.

    Raises:
        IdReused: another return has that id.
    """
    ends = None if request.order_id is None else now + timedelta(days=policy.arrive_days)
    row = {"id": request.id, "number": request.number, "order_id": request.order_id,
           "body_hash": request.body_hash(), "recorded_at": now, "closed": False,
           "state": "REQUESTED", "way": request.way, "origin": request.origin, "site_id": site,
           "expires_at": ends}  # fmt: skip
    statement = insert(Return).values(row).on_conflict_do_nothing().returning(Return.id)
    if session.scalar(statement) is not None:
        return True
    if session.get_one(Return, request.id).body_hash != request.body_hash():
        raise IdReused(request.id)
    return False


def check(request: AnnounceReturn) -> None:
    """Whether it can be meant.

    Raises:
        MalformedOrder: it cannot.
    """
    if not request.lines:
        raise MalformedOrder("no_lines")
    if len(request.lines) > LINES_MAX:
        raise MalformedOrder("too_many_lines")
    seen: set[int] = set()
    for line in request.lines:
        if line.line_no in seen:
            raise MalformedOrder("line_no_repeated", line.line_no)
        seen.add(line.line_no)
        if not 1 <= line.units <= UNITS_MAX:
            raise MalformedOrder("units_out_of_range", line.line_no)
    if request.order_id is None and (request.way != "BENCH" or request.exchange is not None):
        raise MalformedOrder("no_order")


def in_its_parts(session: Session, request: AnnounceReturn) -> AnnounceReturn:
    """The return as rows can say it: a kit comes back as its parts, a part of one never alone.

    Raises:
        NotReturnable: a line names another SKU than the kit, or a part of one.
    """
    kits = {} if request.order_id is None else kits_of(session, [request.order_id])
    of_order = kits.get(request.order_id, {}) if request.order_id is not None else {}
    parts = {part.line_no for of in of_order.values() for part in of.parts}
    lines: list[AnnouncedLine] = []
    for line in request.lines:
        if (of := of_order.get(line.line_no)) is None:
            if line.line_no in parts:
                raise NotReturnable("no_such_line", line.line_no)
            lines.append(line)
            continue
        if line.sku != of.kit.sku:
            raise NotReturnable("other_goods", line.line_no)
        lines += [
            replace(line, line_no=part.line_no, sku=part.sku, units=line.units * part.kit_units)
            for part in of.parts
        ]
    return replace(request, lines=tuple(lines))


def _skus(session: Session, request: AnnounceReturn) -> dict[str, UUID]:
    """The ids of the goods, by code."""
    owner = HOUSE_OWNER_ID
    if request.order_id is not None:
        of = select(OrderLine.sku_id).where(
            OrderLine.order_id == request.order_id, OrderLine.sku_id.is_not(None)
        )
        sold = session.scalar(of.limit(1))
        owner = owner if sold is None else owner_of(session, sold)
    codes = {line.sku for line in request.lines if not line.service}
    skus = skus_by_code(session, codes, owner)
    for line in request.lines:
        if not line.service and line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
    return {code: sku.id for code, sku in skus.items()}


def _order(session: Session, request: AnnounceReturn) -> Order | None:
    """The order that it names, locked."""
    if request.order_id is None:
        return None
    if session.get(Order, request.order_id) is None:
        raise NotFound(f"order {request.order_id}")
    return lock_order(session, request.order_id)


def _site(session: Session, floor: Floor, request: AnnounceReturn) -> SiteId:
    if request.site is None:
        return floor.hub
    site = sites_by_code(session, [request.site]).get(request.site)
    if site is None:
        raise NotFound(f"site {request.site}")
    return SiteId(site.id)


def _insert_lines(
    session: Session, request: AnnounceReturn, skus: Mapping[str, UUID]
) -> list[ReturnLine]:
    """Make the rows of the lines; those that are goods."""
    lines = [
        ReturnLine(
            return_id=request.id,
            line_no=line.line_no,
            sku_id=None if line.service else skus[line.sku],
            sku=line.sku,
            units=line.units,
            units_received=0,
            state="SERVICE" if line.service else "OPEN",
            reason=line.reason,
        )
        for line in request.lines
    ]
    session.add_all(lines)
    session.flush()
    return [line for line in lines if line.sku_id is not None]


def _tell(session: Session, back: Return, order: Order, now: datetime) -> None:
    body = {"id": str(back.id), "number": back.number, "order": str(order.id), "way": back.way}
    outbox.record(session, topic="order", key=order.id, type="ReturnRequested", body=body, now=now)
