"""Kits over HTTP: what they are made of, and orders to put some together for stock."""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictInt
from sqlalchemy.orm import Session

from wms.api.dependencies import Now, Svc
from wms.api.orders_read import site_codes
from wms.api.shapes import Shape, Text
from wms.orders.kits import free_kits
from wms.waves import kit_parts, kits
from wms.waves.kit_parts import Part

router = APIRouter(prefix="/console/v1", tags=["console"])
Some = Annotated[StrictInt, Field(ge=1, le=10_000)]


class PartIn(Shape):
    """So many units of a SKU go into one kit."""

    sku: Text
    units: Some


class KitIn(Shape):
    """What a kit is made of; nothing: it is none any more.

    `made`: put together for STOCK, or promised, sent and returned as its parts when it is ORDERed.
    """

    made: Literal["STOCK", "ORDER"] = "STOCK"
    parts: Annotated[tuple[PartIn, ...], Field(max_length=50)]


class KitOut(BaseModel):
    """A kit and its parts."""

    kit: str
    made: Literal["STOCK", "ORDER"]
    parts: list[PartIn]


class KitsAtOut(BaseModel):
    """How many kits are free at a site."""

    site: str
    kits: int


class KitFreeOut(BaseModel):
    """How many kits may be promised, by site."""

    kit: str
    sites: list[KitsAtOut]


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
    parts, made = services.database.run(
        lambda s: (kit_parts.parts_of(s, kit), kit_parts.made_of(s, kit))
    )
    return KitOut(
        kit=kit, made=made, parts=[PartIn(sku=part.sku, units=part.units) for part in parts]
    )


@router.get("/kits/{kit}/free")
def get_free(kit: Text, services: Svc, now: Now, channel: Text = "web") -> KitFreeOut:
    """How many kits a channel may be promised by site: whole ones, of what is free of their parts.

    Of a kit that is put together for stock: those that there are.
    """

    def work(session: Session) -> list[KitsAtOut]:
        sku = kit_parts.known_sku(session, kit)
        free = free_kits(session, sku, channel, now=now)
        codes = site_codes(session)
        return [KitsAtOut(site=codes[site], kits=n) for site, n in free.items()]

    sites = services.database.run(work)
    return KitFreeOut(kit=kit, sites=sorted(sites, key=lambda at: at.site))


@router.put("/kits/{kit}")
def put_kit(kit: Text, body: KitIn, services: Svc) -> KitOut:
    """Say what a kit is made of."""
    parts = [Part(sku=part.sku, units=part.units) for part in body.parts]
    services.database.run(lambda s: kit_parts.save_kit(s, kit, parts, made=body.made))
    return KitOut(kit=kit, made=body.made, parts=list(body.parts))


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
