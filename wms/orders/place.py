"""Place: an order is taken from a channel, and every line is held where it can be.

The whole order is one transaction and one posting of the ledger. Sent again, it answers as the
first time did; another order under the same id is refused. What is wrong with it is said with
a code, and then nothing has been done.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms import outbox
from wms.catalog import HOUSE, owner_id, skus_by_code
from wms.errors import IdReused, Rejected
from wms.ids import new_token
from wms.orders.backorder import wait_or_end
from wms.orders.cancel import give_up
from wms.orders.close import close_order, lock_order
from wms.orders.hold import (
    Instead,
    Wish,
    allocation_of,
    hold_lines,
    hold_units,
    open_lines,
    set_sourced,
)
from wms.orders.hold_supply import hold_supply
from wms.orders.kits import PlaceLine, broken, order_lines
from wms.orders.model import Order
from wms.orders.promise import PLACED, set_promise
from wms.orders.refunds import give_back_late
from wms.orders.rules import FIT, HELD_AT
from wms.payments.tenders import Tender, record_tenders
from wms.sites import site_id, sites_by_code

Kind: TypeAlias = Literal["CUSTOMER", "EXCHANGE", "TRANSFER"]
Fulfilment: TypeAlias = Literal["DELIVERY", "COLLECT", "RESERVE", "TRANSFER"]
Split: TypeAlias = Literal["ANY", "WHOLE_LINES", "ONE_SITE"]
Backorders: TypeAlias = Literal["END", "WAIT"]

LINES_MAX = 1_000
UNITS_MAX = 2**31 - 1
RESERVED_FOR = timedelta(days=2)  # click & reserve, unless the shop says for how long
RESERVED_FOR_MAX = timedelta(days=14)

__all__ = ["PlaceLine", "PlaceOrder", "allocation_of", "hold_lines", "open_lines", "place_order"]


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
    """An order that could not be meant: no lines, too many, a line number twice, no units ...

    Attributes:
        reason: "no_lines", "too_many_lines", "line_no_repeated", "units_out_of_range";
            "to_site_missing", "to_site_unwanted", "from_site_unwanted"; "promise_backwards";
            "expiry_unwanted", "expiry_out_of_range", "reserve_cannot_wait",
            "reserve_has_no_supply".
        line_no: of the first such line, if it is one's fault.
    """

    code: ClassVar[str] = "malformed_order"

    def __init__(self, reason: str, line_no: int | None = None) -> None:
        super().__init__(reason if line_no is None else f"line {line_no}: {reason}")
        self.reason = reason
        self.line_no = line_no


class UnfitSite(Rejected):
    """An order names a site that it cannot go to, or come from.

    Attributes:
        where: "to_site" or "from_site".
        site: the code that it names.
        reason: "unknown" or "not_fit".
    """

    code: ClassVar[str] = "unfit_site"

    def __init__(self, where: str, site: str, reason: str) -> None:
        super().__init__(f"{where} {site}: {reason}")
        self.where = where
        self.site = site
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipTo:
    """Where it goes, as far as sourcing must know: no name, no street."""

    prefecture: str
    postal_code: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """An order as a channel sends it; what each field means stands at `wms.orders.model.Order`.

    `to_site` is the code of the site that it is collected at or goes to, `from_site` of the only
    one that it may come from, `owner` (荷主) of whose goods its lines are.
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
    from_site: str | None = None
    owner: str = HOUSE

    def body_hash(self) -> str:
        """Tells two orders with one id apart."""
        return hashlib.sha256(_AS_JSON.dump_json(self)).hexdigest()


_AS_SENT = (
    "kind", "fulfilment", "priority", "promised_from", "split", "backorders", "delivery_on", "slot",
    "leave_at", "currency", "language", "contact_id",
)  # fmt: skip
_AS_JSON: TypeAdapter[PlaceOrder] = TypeAdapter(PlaceOrder)


def place_order(
    session: Session,
    request: PlaceOrder,
    *,
    now: datetime,
    tenders: Sequence[Tender] = (),
    instead: Sequence[Instead] = (),
) -> bool:
    """Take an order; False if it had been taken before.

    `tenders` is what it was paid with: sent again, more may have been captured. `instead` are
    holds that become the order's: those of a cart.

    Raises:
        MalformedOrder, UnknownSku, UnfitSite, UnfitSupply: nothing has been done.
        IdReused: another order has that id.
    """
    check(request)
    known = {line.sku for line in request.lines if not line.service}
    skus = skus_by_code(session, known, owner_id(request.owner))
    for line in request.lines:
        if not line.service and line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
    _fit_sites(session, request)
    if not _insert(session, request, now):
        stored = session.get_one(Order, request.id)
        if stored.body_hash != request.body_hash():
            raise IdReused(request.id)
        if record_tenders(session, request.id, tenders, now=now):
            give_back_late(session, lock_order(session, request.id), now=now)
        return False
    order_lines(session, request.id, request.lines, skus)
    order = session.get_one(Order, request.id)
    if tenders:
        record_tenders(session, request.id, tenders, now=now)
    outbox.record(
        session,
        topic="order",
        key=request.id,
        type="OrderPlaced",
        body={"id": str(request.id), "number": request.number},
        now=now,
    )
    if request.promised_by is not None or request.promised_from is not None:
        set_promise(
            session, order, by=request.promised_by, since=request.promised_from, reason=PLACED,
            now=now,
        )  # fmt: skip
    if not _hold(session, order, request, instead, now):
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
    if reason := _contradiction(request):
        raise MalformedOrder(reason)


def _contradiction(request: PlaceOrder) -> str | None:
    """What of it cannot go together; None if all can."""
    reserved = request.fulfilment == "RESERVE"
    since, by, expires = request.promised_from, request.promised_by, request.expires_at
    latest = request.placed_at + RESERVED_FOR_MAX
    faults = {
        "to_site_unwanted": request.fulfilment == "DELIVERY" and request.to_site is not None,
        "to_site_missing": request.fulfilment != "DELIVERY" and request.to_site is None,
        "from_site_unwanted": request.fulfilment != "TRANSFER" and request.from_site is not None,
        "promise_backwards": since is not None and by is not None and since > by,
        "expiry_unwanted": not reserved and expires is not None,
        "expiry_out_of_range": expires is not None and not request.placed_at < expires <= latest,
        "reserve_cannot_wait": reserved and request.backorders == "WAIT",
        "reserve_has_no_supply": reserved and any(line.supply_id for line in request.lines),
    }
    return next((reason for reason, is_so in faults.items() if is_so), None)


def _fit_sites(session: Session, request: PlaceOrder) -> None:
    """Whether it goes to, and comes from, sites that such an order can.

    Raises:
        UnfitSite: it does not.
    """
    if request.to_site is None:
        return
    asked = {"to_site": request.to_site, "from_site": request.from_site}
    known = sites_by_code(session, [code for code in asked.values() if code is not None])
    for where, code in asked.items():
        if code is None:
            continue
        fit = FIT[request.fulfilment] if where == "to_site" else HELD_AT
        if code not in known:
            raise UnfitSite(where, code, "unknown")
        if known[code].kind not in fit:
            raise UnfitSite(where, code, "not_fit")


def _hold(
    session: Session, order: Order, request: PlaceOrder, instead: Sequence[Instead], now: datetime
) -> bool:
    """Hold all lines; what cannot be had waits or ends. Whether all of them were held."""
    lines = open_lines(session, order.id)
    from_stock = {line: line.units for line in lines if line.supply_id is None}
    wish = Wish(cause=order.id, state="HELD", now=now, partly=request.backorders == "WAIT")
    missing = hold_units(session, order, from_stock, wish, instead=instead)
    if not wish.partly:
        missing |= give_up(session, order, broken(session, order, missing), now=now)
    if len(from_stock) < len(lines):
        missing |= hold_supply(session, order, set(lines) - set(from_stock), now=now)
    for line, units in missing.items():
        wait_or_end(session, order, line, units, now=now)
    if request.fulfilment == "DELIVERY" and len(missing) < len(from_stock):
        order.sourced = False  # as it was: something of it is held, and may be elsewhere
    else:
        set_sourced(session, order)
    return bool(lines) and not missing


def _insert(session: Session, request: PlaceOrder, now: datetime) -> bool:
    row = {
        "id": request.id,
        "owner_id": owner_id(request.owner),
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
        "from_site_id": None if request.from_site is None else site_id(request.from_site),
        "expires_at": _expiry(request, now),
        "token": new_token(),
        **{name: getattr(request, name) for name in _AS_SENT},
    }
    statement = insert(Order).values(row).on_conflict_do_nothing().returning(Order.id)
    return session.scalar(statement) is not None


def _expiry(request: PlaceOrder, now: datetime) -> datetime | None:
    """Until when it is kept, if it is a reservation."""
    if request.fulfilment != "RESERVE":
        return None
    if request.expires_at is None:
        return now + RESERVED_FOR
    return request.expires_at
