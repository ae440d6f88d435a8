"""Kits over HTTP: what they are made of, and orders to put some together for stock."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictInt

from wms.api.dependencies import Now, Svc
from wms.api.shapes import Shape, Text
from wms.waves import kits
from wms.waves.kits import Part

router = APIRouter(prefix="/console/v1", tags=["console"])
Some = Annotated[StrictInt, Field(ge=1, le=10_000)]


class PartIn(Shape):
    """So many units of a SKU go into one kit."""

    sku: Text
    units: Some


class KitIn(Shape):
    """What a kit is made of; nothing: it is none any more."""

    parts: Annotated[tuple[PartIn, ...], Field(max_length=50)]


class KitOut(BaseModel):
    """A kit and its parts."""

    kit: str
    parts: list[PartIn]


class KitOrderIn(Shape):
    """Put so many kits together at that site."""

    site: Text
    kit: Text
    units: Some


class KitOrderOut(BaseModel):
    """An order to put kits together; its packet has the same id."""

    id: UUID
    site: str
    kit: str
    units: int


@router.get("/kits/{kit}")
def get_kit(kit: Text, services: Svc) -> KitOut:
    """What a kit is made of."""
    parts = services.database.run(lambda s: kits.parts_of(s, kit))
    return KitOut(kit=kit, parts=[PartIn(sku=part.sku, units=part.units) for part in parts])


@router.put("/kits/{kit}")
def put_kit(kit: Text, body: KitIn, services: Svc) -> KitOut:
    """Say what a kit is made of."""
    parts = [Part(sku=part.sku, units=part.units) for part in body.parts]
    services.database.run(lambda s: kits.save_kit(s, kit, parts))
    return KitOut(kit=kit, parts=list(body.parts))


@router.put("/kit-orders/{order_id}", responses={201: {"model": KitOrderOut}})
def put_kit_order(
    order_id: UUID, body: KitOrderIn, services: Svc, now: Now, response: Response
) -> KitOrderOut:
    """Have kits put together: their parts are held, a packet says where they are."""
    if services.database.run(
        lambda s: kits.new_order(s, order_id, body.site, body.kit, body.units, now=now)
    ):
        response.status_code = HTTPStatus.CREATED
    return KitOrderOut(id=order_id, site=body.site, kit=body.kit, units=body.units)
