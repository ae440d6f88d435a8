"""Place: an order is taken from a channel, and every line is held where it can be.

The whole order is one transaction and one posting of the ledger. Sent again, it answers as the
first time did; another order under the same id is refused. What is wrong with it is said with
a code, and then nothing has been done.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE_OWNER_ID, Sku, skus_by_code
from wms.errors import IdReused, Rejected
from wms.ids import HoldId, SiteId, SkuId, derive, new_token
from wms.orders.close import close_order
from wms.orders.model import Allocation, Order, OrderLine
from wms.orders.rules import distance_km, spread
from wms.sites import Site, site_id
from wms.stock import availability, promises

Kind: TypeAlias = Literal["CUSTOMER", "EXCHANGE", "TRANSFER"]
Fulfilment: TypeAlias = Literal["DELIVERY", "COLLECT", "RESERVE", "TRANSFER"]
Split: TypeAlias = Literal["ANY", "WHOLE_LINES", "ONE_SITE"]
Backorders: TypeAlias = Literal["END", "WAIT"]

LINES_MAX = 1_000
UNITS_MAX = 2**31 - 1
ATTEMPTS_MAX = 4  # others may take what was free between our look and our hold


class UnknownSku(Rejected):
    """A line names goods that the catalog does not have.

    Attributes:
        line_no: of the first such line.
        sku: what it names.
    """

    code: ClassVar[str] = "unknown_sku"

    def __init__(self, line_no: int, sku: str) -> None:
        super().__init__(f"line {line_no}: there is no SKU {sku}")
        self.line_no = line_no
        self.sku = sku


class MalformedOrder(Rejected):
    """An order that could not be meant: no lines, too many, a line number twice, no units.

    Attributes:
        reason: "no_lines", "too_many_lines", "line_no_repeated" or "units_out_of_range".
        line_no: of the first such line, if it is one's fault.
    """

    code: ClassVar[str] = "malformed_order"

    def __init__(self, reason: str, line_no: int | None = None) -> None:
        super().__init__(reason if line_no is None else f"line {line_no}: {reason}")
        self.reason = reason
        self.line_no = line_no


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipTo:
    """Where it goes, as far as sourcing must know: no name, no street."""

    prefecture: str
    postal_code: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLine:
    """A line as a channel sends it. A service (postage, a discount) is no goods.

    `price_minor` is what one unit was sold for, taxes included; `gift` the code of a wrapping;
    `supply_id` what is still to come and the line waits for (a pre-order).
    """

    line_no: int
    sku: str
    units: int
    service: bool = False
    price_minor: int = 0
    gift: str = ""
    supply_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """An order as a channel sends it; what each field means stands at `wms.orders.model.Order`.

    `to_site` is the code of the site that it is collected at or goes to.
    """

    id: UUID
    number: str
    channel: str
    placed_at: datetime
    customer: str | None
    ship_to: ShipTo
    lines: tuple[PlaceLine, ...]
    kind: Kind = "CUSTOMER"
    fulfilment: Fulfilment = "DELIVERY"
    to_site: str | None = None
    priority: int = 0
    promised_from: datetime | None = None
    promised_by: datetime | None = None
    split: Split = "ANY"
    backorders: Backorders = "END"
    delivery_on: date | None = None
    slot: str = ""
    leave_at: str = ""
    currency: str = "JPY"
    language: Literal["ja", "en"] = "ja"
    contact_id: UUID | None = None
    expires_at: datetime | None = None

    def body_hash(self) -> str:
        """Tells two orders with one id apart."""
        return hashlib.sha256(_AS_JSON.dump_json(self)).hexdigest()


_AS_SENT = (
    "kind", "fulfilment", "priority", "promised_from", "promised_by", "split", "backorders",
    "delivery_on", "slot", "leave_at", "currency", "language", "contact_id", "expires_at",
)  # fmt: skip
_AS_JSON: TypeAdapter[PlaceOrder] = TypeAdapter(PlaceOrder)


def place_order(session: Session, request: PlaceOrder, *, now: datetime) -> bool:
    """Take an order; False if it had been taken before.

    Raises:
        MalformedOrder, UnknownSku: nothing has been done.
        IdReused: another order has that id.
    """
    check(request)
    known = {line.sku for line in request.lines if not line.service}
    skus = skus_by_code(session, known)
    for line in request.lines:
        if not line.service and line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
    if not _insert(session, request, now):
        stored = session.get_one(Order, request.id)
        if stored.body_hash != request.body_hash():
            raise IdReused(request.id)
        return False
    _insert_lines(session, request, skus)
    order = session.get_one(Order, request.id)
    lines = open_lines(session, request.id)
    missing = hold_lines(
        session, order, {line: line.units for line in lines}, cause=order.id, now=now
    )
    for unfilled in missing:
        unfilled.units_short = unfilled.units
    outbox.record(
        session,
        topic="order",
        key=request.id,
        type="OrderPlaced",
        body={"id": str(request.id), "number": request.number},
        now=now,
    )
    order.sourced = len(missing) == len(lines)
    close_order(session, order, at=now)
    return True


def check(request: PlaceOrder) -> None:
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


def open_lines(session: Session, order_id: UUID) -> Sequence[OrderLine]:
    """The lines of an order that have not ended, in order."""
    query = select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.state == "OPEN")
    return session.scalars(query.order_by(OrderLine.line_no)).all()


def hold_lines(
    session: Session,
    order: Order,
    wanted: Mapping[OrderLine, int],
    *,
    cause: UUID,
    now: datetime,
    state: Literal["HELD", "ALLOCATED"] = "HELD",
) -> list[OrderLine]:
    """Hold that many units for each line, whole lines only, near the customer first.

    `cause` is what makes them wanted: the ids of the holds are derived from it.

    Returns:
        the lines that the network cannot fill whole; nothing is held for them.
    """
    open_ = {line: units for line, units in wanted.items() if line.sku_id is not None}
    sites = _nearest_first(session, order)
    for attempt in range(ATTEMPTS_MAX):
        granted = _try_hold(
            session, order, open_, sites, (derive(cause, str(order.id), attempt), state, now)
        )
        open_ = {line: units for line, units in open_.items() if line not in granted[0]}
        if not granted[1]:
            break
    return list(open_)


def _try_hold(
    session: Session,
    order: Order,
    wanted: Mapping[OrderLine, int],
    sites: Sequence[UUID],
    how: tuple[UUID, Literal["HELD", "ALLOCATED"], datetime],
) -> tuple[set[OrderLine], bool]:
    """One attempt: the lines that were granted, and whether any was refused and may try again."""
    attempt, state, now = how
    skus = {SkuId(line.sku_id) for line in wanted if line.sku_id}
    free: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for where, sku, units in availability.free_by_site(session, skus):
        free[sku][where] = units
    asked: list[tuple[OrderLine, promises.Reserve]] = []
    for line, units in wanted.items():
        assert line.sku_id is not None
        group = derive(attempt, line.line_no)
        for site, share in spread(units, sites, free[line.sku_id]).items():
            reserve = promises.Reserve(
                hold_id=HoldId(derive(group, str(site))),
                site_id=SiteId(site),
                owner_id=HOUSE_OWNER_ID,
                sku_id=SkuId(line.sku_id),
                units=share,
                kind="ORDER",
                state=state,
                demand_id=order.id,
                group_id=group,
            )
            asked.append((line, reserve))
    if not asked:
        return set(), False
    answers = promises.reserve(session, [reserve for _, reserve in asked], now=now)
    granted: set[OrderLine] = set()
    for (line, reserve), answer in zip(asked, answers, strict=True):
        if answer.granted:
            granted.add(line)
            session.add(allocation_of(order, line, reserve))
    return granted, len(granted) < len({line for line, _ in asked})


def allocation_of(order: Order, line: OrderLine, reserve: promises.Reserve) -> Allocation:
    """The row that stands for a granted hold."""
    return Allocation(
        site_id=reserve.site_id,
        id=reserve.hold_id,
        order_id=order.id,
        line_no=line.line_no,
        sku_id=reserve.sku_id,
        units=reserve.units,
        state=reserve.state,
        ordered_at=order.placed_at,
    )


def _nearest_first(session: Session, order: Order) -> list[UUID]:
    home = (order.latitude, order.longitude)
    sites = session.scalars(select(Site).where(Site.kind.in_(("DC", "FC", "STORE")))).all()
    return [
        site.id
        for site in sorted(
            sites, key=lambda site: (distance_km(home, (site.latitude, site.longitude)), site.code)
        )
    ]


def _insert(session: Session, request: PlaceOrder, now: datetime) -> bool:
    row = {
        "id": request.id,
        "number": request.number,
        "channel": request.channel,
        "customer": request.customer,
        "prefecture": request.ship_to.prefecture,
        "postal_code": request.ship_to.postal_code,
        "latitude": request.ship_to.latitude,
        "longitude": request.ship_to.longitude,
        "placed_at": request.placed_at,
        "recorded_at": now,
        "body_hash": request.body_hash(),
        "sourced": False,
        "closed": False,
        "to_site_id": None if request.to_site is None else site_id(request.to_site),
        "token": new_token(),
        **{name: getattr(request, name) for name in _AS_SENT},
    }
    statement = insert(Order).values(row).on_conflict_do_nothing().returning(Order.id)
    return session.scalar(statement) is not None


def _insert_lines(session: Session, request: PlaceOrder, skus: Mapping[str, Sku]) -> None:
    session.add_all(
        OrderLine(
            order_id=request.id,
            line_no=line.line_no,
            sku_id=None if line.service else skus[line.sku].id,
            sku=line.sku,
            units=line.units,
            state="SERVICE" if line.service else "OPEN",
            units_short=0,
            price_minor=line.price_minor,
            gift=line.gift,
            supply_id=line.supply_id,
        )
        for line in request.lines
    )
    session.flush()
