"""Cart: what somebody is about to buy is held for a time, and becomes an order or ends.

    put     a client says what its cart is now; each version has a number, the newest counts
    extend  a little more time, up to an hour and a half in all
    order   the cart's holds become the order's in one posting: nobody takes them in between
    end     given up

Time runs out by itself: the holds end with the cart, whether or not anybody tidies up. What a
line lacks is told (`units_held`), never back-ordered: there is nothing to pay for yet.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from wms.catalog import Sku, skus_by_code
from wms.errors import Conflict, IdReused, NotFound
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.hold import Demand, Instead, Wish, grant, releases
from wms.orders.kits import PARTS_FROM, parts_of_skus
from wms.orders.model import Cart, CartHold, CartLine
from wms.orders.place import (
    LINES_MAX,
    MalformedOrder,
    PlaceOrder,
    UnfitSite,
    UnknownSku,
    place_order,
)
from wms.orders.rules import FIT
from wms.payments.tenders import Tender
from wms.sites import sites_by_code
from wms.stock import availability, ledger, posting, promises

KEPT = timedelta(minutes=20)
KEPT_MAX = timedelta(minutes=90)


class CartEnded(Conflict):
    """The cart has been ordered or given up, or its time has run out.

    Attributes:
        state: "ORDERED" or "ENDED".
    """

    code: ClassVar[str] = "cart_ended"

    def __init__(self, cart_id: UUID, state: str) -> None:
        super().__init__(f"cart {cart_id} is {state}")
        self.state = state


class CartStale(Conflict):
    """A newer version of the cart is known.

    Attributes:
        rev: of the newest.
    """

    code: ClassVar[str] = "cart_stale"

    def __init__(self, cart_id: UUID, rev: int) -> None:
        super().__init__(f"cart {cart_id} is at version {rev}")
        self.rev = rev


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLine:
    """What a cart has on a line."""

    line_no: int
    sku: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PutCart:
    """A cart as a client says it is, all of it. `rev` counts its versions up from 1."""

    id: UUID
    rev: int
    channel: str
    fulfilment: Literal["DELIVERY", "COLLECT"]
    to_site: str | None
    latitude: float
    longitude: float
    lines: tuple[WantedLine, ...]


def put_cart(session: Session, request: PutCart, *, now: datetime) -> bool:
    """Make a cart what the client says; False if it was that already.

    Raises:
        MalformedOrder, UnknownSku, UnfitSite: nothing has been done.
        CartEnded: it has ended; CartStale: a newer version is known.
        IdReused: that version had other lines.
    """
    asked = hashlib.sha256(json.dumps(asdict(request), default=str).encode()).hexdigest()
    to_site_id = _check(session, request)
    skus = skus_by_code(session, {line.sku for line in request.lines})
    for line in request.lines:
        if line.sku not in skus:
            raise UnknownSku(line.line_no, line.sku)
    row = {
        "id": request.id, "rev": 0, "asked": "", "channel": request.channel,
        "fulfilment": request.fulfilment, "to_site_id": to_site_id, "made_at": now,
        "latitude": request.latitude, "longitude": request.longitude, "expires_at": now + KEPT,
    }  # fmt: skip
    session.execute(insert(Cart).values(row).on_conflict_do_nothing())
    cart = _locked(session, request.id)
    if request.rev == cart.rev:
        if asked != cart.asked:
            raise IdReused(request.id)
        return False
    _must_be_open(cart, now)
    if request.rev < cart.rev:
        raise CartStale(cart.id, cart.rev)
    old = _live_holds(session, cart)
    cart.rev, cart.asked, cart.channel = request.rev, asked, request.channel
    cart.fulfilment, cart.to_site_id = request.fulfilment, to_site_id
    cart.latitude, cart.longitude = request.latitude, request.longitude
    cart.expires_at = min(now + KEPT, cart.made_at + KEPT_MAX)
    session.execute(delete(CartLine).where(CartLine.cart_id == cart.id))
    session.execute(delete(CartHold).where(CartHold.cart_id == cart.id))
    session.add_all(
        CartLine(
            cart_id=cart.id,
            line_no=line.line_no,
            sku_id=skus[line.sku].id,
            sku=line.sku,
            units=line.units,
        )
        for line in request.lines
    )
    made = parts_of_skus(session, [sku.id for sku in skus.values()])
    wanted = {
        number: (sku, units)
        for line in request.lines
        for number, sku, units in _goods(line.line_no, skus[line.sku].id, line.units, made)
    }
    wish = Wish(cause=derive(cart.id, "rev", cart.rev), state="HELD", now=now, partly=True)
    for number, reserve in grant(session, _demand(cart), wanted, wish, instead=old):
        session.add(
            CartHold(
                cart_id=cart.id,
                id=reserve.hold_id,
                site_id=reserve.site_id,
                line_no=number,
                units=reserve.units,
            )
        )
    session.flush()
    return True


def extend_cart(session: Session, cart_id: UUID, command_id: UUID, *, now: datetime) -> datetime:
    """Keep a cart longer; until when.

    Raises:
        NotFound: there is no such cart.
        CartEnded: it has ended.
    """
    cart = _locked(session, cart_id)
    _must_be_open(cart, now)
    until = min(now + KEPT, cart.made_at + KEPT_MAX)
    if until <= cart.expires_at:
        return cart.expires_at
    lines = [
        promises.Extend(
            command_id=CommandId(derive(command_id, str(each.hold_id))),
            site_id=SiteId(each.site_id),
            hold_id=HoldId(each.hold_id),
            expires_at=until,
        )
        for each in _live_holds(session, cart)
    ]
    answers = promises.extend(session, lines, now=now) if lines else []
    # asked again, the holds end when they did the first time, and so does the cart
    cart.expires_at = min((each.expires_at for each in answers), default=until)
    return cart.expires_at


def order_cart(
    session: Session,
    cart_id: UUID,
    request: PlaceOrder,
    *,
    now: datetime,
    tenders: Sequence[Tender] = (),
) -> bool:
    """Order what is in a cart: its holds become the order's. False if that was done before.

    Raises:
        NotFound: there is no such cart.
        CartEnded: it has ended, or another order was made of it.
        ...: as for `place_order`.
    """
    cart = _locked(session, cart_id)
    if cart.order_id == request.id:
        return place_order(session, request, now=now, tenders=tenders)
    _must_be_open(cart, now)
    live = _live_holds(session, cart)
    is_new = place_order(session, request, now=now, tenders=tenders, instead=live)
    if not is_new:
        ledger.advance(session, releases(live, now))
    cart.state, cart.order_id = "ORDERED", request.id
    return is_new


def end_cart(session: Session, cart_id: UUID, *, now: datetime) -> None:
    """Give a cart up. Repeating changes nothing.

    Raises:
        NotFound: there is no such cart.
    """
    cart = _locked(session, cart_id)
    if cart.state != "OPEN":
        return
    ledger.advance(session, releases(_live_holds(session, cart), now))
    cart.state = "ENDED"


def end_overdue(session: Session, *, now: datetime, limit: int = 500) -> int:
    """Tidy up: say of carts whose time has run out that they have ended; their holds have."""
    query = select(Cart).where(Cart.state == "OPEN", Cart.expires_at <= now)
    carts = session.scalars(
        query.order_by(Cart.expires_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    for cart in carts:
        cart.state = "ENDED"
    return len(carts)


def held_by_line(session: Session, cart: Cart, *, now: datetime) -> dict[int, int]:
    """How many units of each line are held for the cart now."""
    held: dict[int, int] = defaultdict(int)
    if cart.state != "OPEN" or cart.expires_at <= now:
        return held
    for row in session.scalars(select(CartHold).where(CartHold.cart_id == cart.id)):
        held[row.line_no] += row.units
    lines = session.scalars(select(CartLine).where(CartLine.cart_id == cart.id)).all()
    made = parts_of_skus(session, [line.sku_id for line in lines])
    for line in lines:
        parts = _goods(line.line_no, line.sku_id, 1, made)
        held[line.line_no] = min(held[number] // each for number, _, each in parts)
    return held


def _goods(
    line_no: int, sku: UUID, units: int, made: Mapping[UUID, Sequence[tuple[Sku, int]]]
) -> list[tuple[int, UUID, int]]:
    """What a line is held as: number, SKU and units; a kit as its parts, numbered apart."""
    if sku not in made:
        return [(line_no, sku, units)]
    first = PARTS_FROM + line_no * LINES_MAX
    return [(first + no, part.id, each * units) for no, (part, each) in enumerate(made[sku])]


def _check(session: Session, request: PutCart) -> UUID | None:
    seen: set[int] = set()
    for line in request.lines:
        if line.line_no in seen:
            raise MalformedOrder("line_no_repeated", line.line_no)
        seen.add(line.line_no)
    if (request.to_site is None) != (request.fulfilment == "DELIVERY"):
        raise MalformedOrder("to_site_missing" if request.to_site is None else "to_site_unwanted")
    if request.to_site is None:
        return None
    site = sites_by_code(session, [request.to_site]).get(request.to_site)
    if site is None or site.kind not in FIT[request.fulfilment]:
        raise UnfitSite("to_site", request.to_site, "unknown" if site is None else "not_fit")
    return site.id


def _locked(session: Session, cart_id: UUID) -> Cart:
    query = select(Cart).where(Cart.id == cart_id).with_for_update()
    cart = session.scalars(query, execution_options={"populate_existing": True}).first()
    if cart is None:
        raise NotFound(f"cart {cart_id}")
    return cart


def _must_be_open(cart: Cart, now: datetime) -> None:
    if cart.state != "OPEN":
        raise CartEnded(cart.id, cart.state)
    if cart.expires_at <= now:
        raise CartEnded(cart.id, "ENDED")


def _live_holds(session: Session, cart: Cart) -> list[Instead]:
    """The cart's holds that have not ended, with their balances locked so that none does now."""
    rows = session.scalars(select(CartHold).where(CartHold.cart_id == cart.id)).all()
    if not rows:
        return []
    known = availability.holds_by_id(session, [HoldId(row.id) for row in rows])
    skus = {id_: hold.sku_id for id_, hold in known.items()}
    mine = [
        Instead(site_id=row.site_id, hold_id=row.id, sku_id=skus[HoldId(row.id)], units=row.units)
        for row in sorted(rows, key=lambda row: (row.site_id, row.id))
    ]
    posting.lock(session, releases(mine, cart.made_at), ())
    found = availability.holds_by_id(session, [HoldId(each.hold_id) for each in mine])
    alive = {id_ for id_, hold in found.items() if hold.state == "HELD"}
    return [each for each in mine if each.hold_id in alive]


def _demand(cart: Cart) -> Demand:
    return Demand(
        id=cart.id,
        kind="CART",
        fulfilment=cart.fulfilment,
        channel=cart.channel,
        split="ANY",
        to_site_id=cart.to_site_id,
        from_site_id=None,
        latitude=cart.latitude,
        longitude=cart.longitude,
        expires_at=cart.expires_at,
    )
