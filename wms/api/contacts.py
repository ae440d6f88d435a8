"""People of orders: found at the counter by what they say, and kept right.

    POST /console/v1/contacts:find           orders of who says a mail address, a telephone, its end
    PUT  /privacy/v1/orders/{id}/contact     another address, another way to be told
    GET  /privacy/v1/orders/{id}/contact     who it is

What a person says stands in bodies, never in addresses: those are written into logs.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.api.contact_shapes import ContactIn, Email, Phone
from wms.api.dependencies import Now, Svc
from wms.api.shapes import Shape, Text
from wms.contacts.contact import Contact
from wms.contacts.keep import change_contact, find_contacts, read_contact
from wms.contacts.keys import Keys
from wms.errors import NotFound, Rejected
from wms.ids import SiteId
from wms.orders.model import Order
from wms.sites import Site, sites_by_code

router = APIRouter(tags=["privacy"])
FOUND_MAX = 20


class TooLittle(Rejected):
    """Too little to find one person by: the end of a number belongs to many.

    Attributes:
        wanted: what else is needed.
    """

    code = "too_little"

    def __init__(self, wanted: str) -> None:
        super().__init__(f"say {wanted}, too")
        self.wanted = wanted


class FindIn(Shape):
    """What somebody says; `last4` only with the site at which they stand."""

    email: Email = Field(default="", examples=["taro@example.jp"])
    phone: Phone = Field(default="", examples=["090-1234-5678"])
    last4: Annotated[str, StringConstraints(strict=True, pattern=r"^([0-9]{4})?$")] = ""
    site: Text | None = None


class FoundContactOut(BaseModel):
    """An order of that person, and the name to ask for."""

    contact_id: UUID
    name: str
    kana: str
    order_id: UUID
    number: str
    fulfilment: str
    site: str | None
    closed: bool


class ContactOut(BaseModel):
    """Who gets an order."""

    id: UUID
    name: str
    kana: str
    email: str
    phone: str
    line_id: str
    postal_code: str
    address_lines: list[str]
    notify: str
    time_zone: str


@router.post("/console/v1/contacts:find")
def find(body: FindIn, services: Svc) -> list[FoundContactOut]:
    """Orders of who says this, the newest first."""
    if not (body.email or body.phone or (body.last4 and body.site)):
        raise TooLittle("site" if body.last4 else "email, phone or last4")
    keys = services.contacts_keys

    def work(session: Session) -> list[FoundContactOut]:
        ids = find_contacts(
            session, keys, email=body.email, phone=body.phone, last4=body.last4, limit=200
        )
        site = None if body.site is None else _site(session, body.site)
        query = (
            select(Order, Site.code)
            .outerjoin(Site, Site.id == Order.to_site_id)
            .where(Order.contact_id.in_(ids))
            .order_by(Order.placed_at.desc(), Order.id)
            .limit(FOUND_MAX)
        )
        if site is not None:
            query = query.where(Order.to_site_id == site)
        found = []
        for order, code in session.execute(query):
            contact = read_contact(session, keys, order.contact_id)
            if contact is not None:
                found.append(_found(order, code, contact))
        return found

    return services.database.run(work)


@router.get("/privacy/v1/orders/{order_id}/contact")
def get_contact(order_id: UUID, services: Svc) -> ContactOut:
    """Who gets an order; 404 when nobody said, or when they have been erased."""
    return services.database.run(lambda s: _out(s, services.contacts_keys, order_id))


@router.put("/privacy/v1/orders/{order_id}/contact")
def put_contact(order_id: UUID, body: ContactIn, services: Svc, now: Now) -> ContactOut:
    """Write to somebody else, or in another way. Where the parcel goes is changed at the order."""
    keys = services.contacts_keys

    def work(session: Session) -> ContactOut:
        contact_id = _contact_id(session, order_id)
        change_contact(session, keys, contact_id, body.contact(), now=now)
        return _out(session, keys, order_id)

    return services.database.run(work)


def _site(session: Session, code: str) -> SiteId:
    site = sites_by_code(session, [code]).get(code)
    if site is None:
        raise NotFound(f"site {code}")
    return SiteId(site.id)


def _contact_id(session: Session, order_id: UUID) -> UUID:
    order = session.get(Order, order_id)
    if order is None or order.contact_id is None:
        raise NotFound(f"contact of order {order_id}")
    return order.contact_id


def _out(session: Session, keys: Keys, order_id: UUID) -> ContactOut:
    contact_id = _contact_id(session, order_id)
    contact = read_contact(session, keys, contact_id)
    if contact is None:
        raise NotFound(f"contact of order {order_id}")
    return ContactOut(
        id=contact_id,
        name=contact.name,
        kana=contact.kana,
        email=contact.email,
        phone=contact.phone,
        line_id=contact.line_id,
        postal_code=contact.postal_code,
        address_lines=list(contact.address_lines),
        notify=contact.notify,
        time_zone=contact.time_zone,
    )


def _found(order: Order, site: str | None, contact: Contact) -> FoundContactOut:
    assert order.contact_id is not None
    return FoundContactOut(
        contact_id=order.contact_id,
        name=contact.name,
        kana=contact.kana,
        order_id=order.id,
        number=order.number,
        fulfilment=order.fulfilment,
        site=site,
        closed=order.closed,
    )
