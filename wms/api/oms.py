"""For order systems: orders, shipments, returns.

Everything is made by PUT with an id of the caller's: the same again gives the same answer (200
instead of 201), another body under the same id is 422 `id_reused`.
"""

from http import HTTPStatus
from uuid import UUID

from fastapi import APIRouter, Response

from wms.api.dependencies import Now, Svc
from wms.api.orders_read import order_out, return_out, shipments_out
from wms.api.shapes import (
    OrderIn,
    OrderOut,
    ReturnIn,
    ReturnOut,
    ShipmentOut,
)
from wms.orders.cancel import cancel_order
from wms.orders.place import place_order
from wms.returns.accept import announce_return

router = APIRouter(prefix="/oms/v1", tags=["oms"])
CREATED = HTTPStatus.CREATED


@router.put("/orders/{order_id}", status_code=CREATED, responses={200: {"model": OrderOut}})
def put_order(
    order_id: UUID, body: OrderIn, response: Response, services: Svc, now: Now
) -> OrderOut:
    """Take an order: every line is held where it can be, or back-ordered."""
    request = body.request(order_id)
    is_new = services.database.run(lambda s: place_order(s, request, now=now))
    if not is_new:
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: order_out(s, order_id))


@router.get("/orders/{order_id}")
def get_order(order_id: UUID, services: Svc) -> OrderOut:
    """An order as it stands."""
    return services.database.run(lambda s: order_out(s, order_id))


@router.post("/orders/{order_id}/cancellation")
def post_cancellation(order_id: UUID, services: Svc, now: Now) -> OrderOut:
    """Take an order back, while the floor is not at work on it."""
    services.database.run(lambda s: cancel_order(s, order_id, now=now))
    return services.database.run(lambda s: order_out(s, order_id))


@router.put("/returns/{return_id}", status_code=CREATED, responses={200: {"model": ReturnOut}})
def put_return(
    return_id: UUID, body: ReturnIn, response: Response, services: Svc, now: Now
) -> ReturnOut:
    """Announce goods that come back."""
    request = body.request(return_id)
    floor = services.floor
    if not services.database.run(lambda s: announce_return(s, floor, request, now=now)):
        response.status_code = HTTPStatus.OK
    return services.database.run(lambda s: return_out(s, return_id))


@router.get("/shipments")
def get_shipments(services: Svc, order_id: UUID) -> list[ShipmentOut]:
    """The parcels of an order."""
    return services.database.run(lambda s: shipments_out(s, order_id))
