"""For shops: carts, reservations (click & reserve), waiting lists.

A shop's server calls; what it shows to customers is its own. A cart is put whole, with a version
number that the client counts up: the newest counts, whatever order they come in.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.contact_shapes import ContactIn
from wms.api.dependencies import Now, Svc
from wms.api.orders_read import order_out, site_codes
from wms.api.shapes import (
    CommandIn,
    Latitude,
    LineNo,
    Longitude,
    OrderIn,
    OrderOut,
    Shape,
    ShipToIn,
    Text,
    Units,
)
from wms.contacts.keep import save_contact
from wms.errors import NotFound
from wms.ids import derive
from wms.orders import cart, reserve, waitlist
from wms.orders.change import once
from wms.orders.model import Cart, CartLine, Wait
from wms.orders.place import PlaceOrder, UnfitSite, place_order
from wms.sites import sites_by_code

router = APIRouter(prefix="/shop/v1", tags=["shop"])
CREATED = HTTPStatus.CREATED


# ----------------------------------------------------------------------------------- shapes
class CartLineIn(Shape):
    """What a cart has on a line."""

    line_no: LineNo
    sku: Text = Field(examples=["TV-55"])
    units: Units


class CartIn(Shape):
    """A cart, all of it; `latitude` and `longitude` are where it would go."""

    rev: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
    channel: Text
    fulfilment: Literal["DELIVERY", "COLLECT"] = "DELIVERY"
    to_site: Text | None = None
    latitude: Latitude
    longitude: Longitude
    lines: Annotated[list[CartLineIn], Field(max_length=200)]


class CartLineOut(BaseModel):
    """How many units of a line are wanted, and how many are held now."""

    line_no: int
    sku: str
    units: int
    units_held: int


class CartOut(BaseModel):
    """A cart as it stands; ENDED also when its time has run out."""

    id: UUID
    rev: int
    state: Literal["OPEN", "ORDERED", "ENDED"]
    expires_at: datetime
    order_id: UUID | None
    lines: list[CartLineOut]


class CheckoutIn(Shape):
    """The order that a cart, or an offer, becomes: as an order system would send it."""

    order_id: UUID
    order: OrderIn


class ReservationLineIn(Shape):
    """What is to be kept."""

    line_no: LineNo
    sku: Text
    units: Units


class ReservationIn(Shape):
    """What a store is to keep for somebody, unpaid (取置き)."""

    number: Text
    channel: Text
    placed_at: AwareDatetime
    customer: Text | None = None
    site: Text
    lines: Annotated[list[ReservationLineIn], Field(max_length=200)]
    language: Literal["ja", "en"] = "ja"
    expires_at: AwareDatetime | None = None
    contact: ContactIn | None = None


class WaitIn(Shape):
    """Somebody wants units that a store has not."""

    id: UUID
    site: Text
    sku: Text
    units: Annotated[int, Field(strict=True, ge=1, le=10)] = 1
    channel: Text
    customer: Text | None = None
    language: Literal["ja", "en"] = "ja"
    contact: ContactIn | None = None


class WaitOut(BaseModel):
    """Where somebody is on a waiting list; `ahead` is how many are before them."""

    id: UUID
    site: str
    sku: str
    units: int
    state: Literal["WAITING", "OFFERED", "TAKEN", "LAPSED", "CANCELLED"]
    ahead: int
    offered_until: datetime | None
    order_id: UUID | None


# ------------------------------------------------------------------------------------ carts
@router.put("/carts/{cart_id}", status_code=CREATED, responses={200: {"model": CartOut}})
def put_cart(cart_id: UUID, body: CartIn, response: Response, services: Svc, now: Now) -> CartOut:
    """Say what a cart is now: its units are held for twenty minutes from here."""
    request = cart.PutCart(
        id=cart_id,
        rev=body.rev,
        channel=body.channel,
        fulfilment=body.fulfilment,
        to_site=body.to_site,
        latitude=body.latitude,
        longitude=body.longitude,
        lines=tuple(cart.WantedLine(**line.model_dump()) for line in body.lines),
    )
    if not services.database.run(lambda s: cart.put_cart(s, request, now=now)):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: _cart_out(s, cart_id, now))


@router.get("/carts/{cart_id}")
def get_cart(cart_id: UUID, services: Svc, now: Now) -> CartOut:
    """A cart as it stands."""
    return services.database.run(lambda s: _cart_out(s, cart_id, now))


@router.post("/carts/{cart_id}/extension")
def post_extension(cart_id: UUID, body: CommandIn, services: Svc, now: Now) -> CartOut:
    """Keep a cart longer, up to an hour and a half in all."""
    services.database.run(lambda s: cart.extend_cart(s, cart_id, body.command_id, now=now))
    return services.database.run(lambda s: _cart_out(s, cart_id, now))


@router.post("/carts/{cart_id}/order", status_code=CREATED, responses={200: {"model": OrderOut}})
def post_order(
    cart_id: UUID, body: CheckoutIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """Order what is in a cart; what it holds becomes the order's, and nobody else's in between."""

    def work(session: Session) -> bool:
        request = body.order.request(body.order_id)
        tenders = body.order.paid_with()
        is_new = cart.order_cart(session, cart_id, request, now=now, tenders=tenders)
        _keep_contact(session, services, body.order, request, now)
        return is_new

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: order_out(s, body.order_id, for_shop=True))


@router.delete("/carts/{cart_id}")
def delete_cart(cart_id: UUID, services: Svc, now: Now) -> CartOut:
    """Give a cart up."""
    services.database.run(lambda s: cart.end_cart(s, cart_id, now=now))
    return services.database.run(lambda s: _cart_out(s, cart_id, now))


# ----------------------------------------------------------------------------- reservations
@router.put("/reservations/{order_id}", status_code=CREATED, responses={200: {"model": OrderOut}})
def put_reservation(
    order_id: UUID, body: ReservationIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """Let a store keep goods for somebody, unpaid; two days if nothing else is said."""

    def work(session: Session) -> bool:
        order = _reservation(session, body)
        request = order.request(order_id)
        is_new = place_order(session, request, now=now)
        _keep_contact(session, services, order, request, now)
        return is_new

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: order_out(s, order_id, for_shop=True))


@router.get("/reservations/{order_id}")
def get_reservation(order_id: UUID, services: Svc) -> OrderOut:
    """A reservation as it stands."""
    return services.database.run(lambda s: order_out(s, order_id, for_shop=True))


@router.post("/reservations/{order_id}/extension")
def post_reservation_extension(
    order_id: UUID, body: CommandIn, services: Svc, now: Now
) -> OrderOut:
    """Keep it a day longer, once."""

    def work(session: Session) -> None:
        if once(session, order_id, body.command_id, "extension", "", now=now):
            reserve.extend_reservation(session, order_id, now=now)

    services.database.run(work)
    return services.database.run(lambda s: order_out(s, order_id, for_shop=True))


# ----------------------------------------------------------------------------- waiting list
@router.post("/waitlist", status_code=CREATED, responses={200: {"model": WaitOut}})
def post_wait(body: WaitIn, response: Response, services: Svc, now: Now) -> WaitOut:
    """Wait for units that a store has not; who came first is offered them first."""
    request = waitlist.JoinList(**body.model_dump(exclude={"contact"}))

    def work(session: Session) -> bool:
        is_new = waitlist.join(session, request, now=now)
        if body.contact is not None:
            save_contact(
                session, services.contacts_keys, derive(body.id, "contact"),
                body.contact.contact(), channel=body.channel, now=now,
            )  # fmt: skip
        return is_new

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: _wait_out(s, body.id))


@router.get("/waitlist/{wait_id}")
def get_wait(wait_id: UUID, services: Svc) -> WaitOut:
    """Where somebody is on a waiting list."""
    return services.database.run(lambda s: _wait_out(s, wait_id))


@router.post("/waitlist/{wait_id}/order", status_code=CREATED, responses={200: {"model": OrderOut}})
def post_offer(
    wait_id: UUID, body: CheckoutIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """Take what is offered: it becomes this order's."""

    def work(session: Session) -> bool:
        request = body.order.request(body.order_id)
        tenders = body.order.paid_with()
        is_new = waitlist.take(session, wait_id, request, now=now, tenders=tenders)
        _keep_contact(session, services, body.order, request, now)
        return is_new

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: order_out(s, body.order_id, for_shop=True))


@router.delete("/waitlist/{wait_id}")
def delete_wait(wait_id: UUID, services: Svc, now: Now) -> WaitOut:
    """Wait no longer; what was offered is free again."""
    services.database.run(lambda s: waitlist.leave(s, wait_id, now=now))
    return services.database.run(lambda s: _wait_out(s, wait_id))


# ---------------------------------------------------------------------------------- helpers
def _reservation(session: Session, body: ReservationIn) -> OrderIn:
    """A reservation as an order: it goes to where the store is."""
    site = sites_by_code(session, [body.site]).get(body.site)
    if site is None:
        raise UnfitSite("to_site", body.site, "unknown")
    ship_to = ShipToIn(
        prefecture=site.prefecture or "-",
        postal_code="-",
        latitude=site.latitude,
        longitude=site.longitude,
    )
    return OrderIn(
        number=body.number,
        channel=body.channel,
        placed_at=body.placed_at,
        customer=body.customer,
        ship_to=ship_to,
        lines=[line.model_dump() for line in body.lines],  # type: ignore[misc]
        fulfilment="RESERVE",
        to_site=body.site,
        language=body.language,
        expires_at=body.expires_at,
        contact=body.contact,
    )


def _keep_contact(
    session: Session, services: Svc, order: OrderIn, request: PlaceOrder, now: Now
) -> None:
    if order.contact is not None and request.contact_id is not None:
        save_contact(
            session, services.contacts_keys, request.contact_id, order.contact.contact(),
            channel=order.channel, now=now,
        )  # fmt: skip


def _cart_out(session: Session, cart_id: UUID, now: datetime) -> CartOut:
    found = session.get(Cart, cart_id)
    if found is None:
        raise NotFound(f"cart {cart_id}")
    held = cart.held_by_line(session, found, now=now)
    lines = session.scalars(
        select(CartLine).where(CartLine.cart_id == cart_id).order_by(CartLine.line_no)
    )
    is_over = found.state == "OPEN" and found.expires_at <= now
    return CartOut(
        id=found.id,
        rev=found.rev,
        state="ENDED" if is_over else found.state,  # type: ignore[arg-type]
        expires_at=found.expires_at,
        order_id=found.order_id,
        lines=[
            CartLineOut(
                line_no=line.line_no,
                sku=line.sku,
                units=line.units,
                units_held=held.get(line.line_no, 0),
            )
            for line in lines
        ],
    )


def _wait_out(session: Session, wait_id: UUID) -> WaitOut:
    wait: Wait = waitlist.find(session, wait_id)
    return WaitOut(
        id=wait.id,
        site=site_codes(session)[wait.site_id],
        sku=wait.sku,
        units=wait.units,
        state=wait.state,  # type: ignore[arg-type]
        ahead=waitlist.ahead(session, wait) if wait.state == "WAITING" else 0,
        offered_until=wait.offered_until,
        order_id=wait.order_id,
    )
