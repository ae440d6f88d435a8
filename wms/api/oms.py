"""For order systems: orders and their changes, shipments.

Everything is made by PUT with an id of the caller's: the same again gives the same answer (200
instead of 201), another body under the same id is 422 `id_reused`. What changes an order is a
POST with a `command_id` of the caller's, and has its effect once; when it is no longer possible
the answer is 409 with the reason.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Services, Svc
from wms.api.orders_read import order_out, orders_page, shipments_out
from wms.api.shapes import (
    AddressIn,
    CancelIn,
    CollectionPointIn,
    CommandIn,
    LinesIn,
    OrderIn,
    OrderOut,
    OrdersOut,
    ShipmentOut,
    SlotIn,
    Text,
)
from wms.contacts.keep import save_contact
from wms.ids import derive
from wms.orders import change
from wms.orders.place import PlaceLine, ShipTo, place_order

router = APIRouter(prefix="/oms/v1", tags=["oms"])
CREATED = HTTPStatus.CREATED


@router.put("/orders/{order_id}", status_code=CREATED, responses={200: {"model": OrderOut}})
def put_order(
    order_id: UUID, body: OrderIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """Take an order: every line is held where it can be, or waits, or ends as back-ordered."""
    request = body.request(order_id)

    def work(session: Session) -> bool:
        is_new = place_order(session, request, now=now, tenders=body.paid_with())
        if body.contact is not None:
            assert request.contact_id is not None
            save_contact(
                session, services.contacts_keys, request.contact_id, body.contact.contact(),
                channel=body.channel, now=now,
            )  # fmt: skip
        return is_new

    if not services.database.run(work):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: order_out(s, order_id))


@router.get("/orders")
def get_orders(
    services: Svc,
    after: Annotated[Text | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> OrdersOut:
    """All orders, the first recorded first, a page at a time."""
    return services.database.run(lambda s: orders_page(s, after, limit))


@router.get("/orders/{order_id}")
def get_order(order_id: UUID, services: Svc) -> OrderOut:
    """An order as it stands."""
    return services.database.run(lambda s: order_out(s, order_id))


@router.post("/orders/{order_id}/cancellation")
def post_cancellation(
    order_id: UUID, services: Svc, now: Now, body: CancelIn | None = None
) -> OrderOut:
    """Take an order back, or units of its lines; what hands are at goes back to a shelf first."""
    if body is None:
        services.database.run(lambda s: change.cancel_order(s, order_id, now=now))
        return services.database.run(lambda s: order_out(s, order_id))
    units = {int(line_no): units for line_no, units in body.lines.items()}

    def work(session: Session) -> None:
        if units:
            change.cancel_lines(session, order_id, units, now=now, reason=body.reason)
        else:
            change.cancel_order(session, order_id, now=now, reason=body.reason)

    return _once(services, order_id, body, work, now)


@router.post("/orders/{order_id}/address")
def post_address(order_id: UUID, body: AddressIn, services: Svc, now: Now) -> OrderOut:
    """Send it somewhere else, until its parcel has a label."""

    def work(session: Session) -> None:
        contact_id = None if body.contact is None else derive(body.command_id, "contact")
        ship_to = ShipTo(**body.ship_to.model_dump())
        change.change_address(session, order_id, ship_to, contact_id=contact_id, now=now)
        if body.contact is not None:
            assert contact_id is not None
            save_contact(
                session, services.contacts_keys, contact_id, body.contact.contact(),
                channel=order_out(session, order_id).channel, now=now,
            )  # fmt: skip

    return _once(services, order_id, body, work, now)


@router.post("/orders/{order_id}/slot")
def post_slot(order_id: UUID, body: SlotIn, services: Svc, now: Now) -> OrderOut:
    """Deliver it at another time, or leave it somewhere, until its parcel has a label."""

    def work(session: Session) -> None:
        change.change_slot(
            session, order_id, delivery_on=body.delivery_on, slot=body.slot,
            leave_at=body.leave_at, now=now,
        )  # fmt: skip

    return _once(services, order_id, body, work, now)


@router.post("/orders/{order_id}/collection-point")
def post_collection_point(
    order_id: UUID, body: CollectionPointIn, services: Svc, now: Now
) -> OrderOut:
    """Collect it somewhere else, until somebody is at work on it."""

    def work(session: Session) -> None:
        change.change_collection_point(session, order_id, body.to_site, now=now)

    return _once(services, order_id, body, work, now)


@router.post("/orders/{order_id}/lines")
def post_lines(order_id: UUID, body: LinesIn, services: Svc, now: Now) -> OrderOut:
    """Want more or fewer units, or lines more, until a part is packed."""

    def work(session: Session) -> None:
        units = {int(line_no): units for line_no, units in body.lines.items()}
        added = [PlaceLine(**line.model_dump()) for line in body.added]
        change.change_lines(session, order_id, units, added=added, now=now)

    return _once(services, order_id, body, work, now)


def _once(
    services: Services,
    order_id: UUID,
    body: CommandIn,
    work: Callable[[Session], None],
    now: Now,
) -> OrderOut:
    """Do what was asked for, once under its id; the order as it stands then."""
    kind, asked = type(body).__name__, body.model_dump_json()

    def run(session: Session) -> None:
        if change.once(session, order_id, body.command_id, kind, asked, now=now):
            work(session)

    services.database.run(run)
    return services.database.run(lambda s: order_out(s, order_id))


@router.get("/shipments")
def get_shipments(services: Svc, order_id: UUID) -> list[ShipmentOut]:
    """The parcels of an order."""
    return services.database.run(lambda s: shipments_out(s, order_id))
