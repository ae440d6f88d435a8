"""What a scanned code means: parcel, tote, place, SKU or order, and how it stands."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.api.orders_read import order_out, site_codes
from wms.catalog import find_by_barcode
from wms.collect.code import PREFIX, mark_of
from wms.collect.model import Collection
from wms.errors import NotFound
from wms.ids import SiteId, SkuId
from wms.inbound.model import Asn
from wms.orders.model import Order
from wms.outbound.model import Parcel
from wms.sites import Location
from wms.stock.availability import free_units
from wms.stock.units import find_units
from wms.work.packet import code_of

Found = dict[str, Any] | None


def look_up(session: Session, code: str) -> dict[str, Any]:
    """The first thing that has that code.

    Raises:
        NotFound: nothing has.
    """
    plain = code_of(code)
    ways: tuple[Callable[[Session, str], Found], ...] = (
        _collection,
        _parcel,
        _place,
        _tote,
        _sku,
        _order,
        _delivery,
    )
    if "\x00" not in plain:
        for way in ways:
            if (found := way(session, plain)) is not None:
                return found
    raise NotFound(f"nothing has the code {code}")


def _collection(session: Session, code: str) -> Found:
    """By the QR of its customer, or the label of its bag."""
    by = Collection.qr_mark == mark_of(code) if code.startswith(PREFIX) else Collection.bag == code
    row = session.execute(
        select(Collection, Order.number)
        .join(Order, Order.id == Collection.order_id)
        .where(by)
        .order_by(Collection.made_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    collection, number = row
    slot = session.get(Location, (collection.site_id, collection.shelf_id))
    return {
        "kind": "collection",
        "code": collection.bag,
        "status": collection.state,
        "id": str(collection.id),
        "site": site_codes(session)[collection.site_id],
        "order": number,
        "location": slot.code if slot else None,
    }


def _parcel(session: Session, code: str) -> Found:
    row = session.execute(
        select(Parcel, Order.number)
        .join(Order, Order.id == Parcel.order_id)
        .where((Parcel.sscc == code) | (Parcel.tracking == code))
    ).first()
    if row is None:
        return None
    parcel, number = row
    return {
        "kind": "parcel",
        "code": parcel.sscc,
        "status": parcel.state,
        "site": site_codes(session)[parcel.site_id],
        "order": number,
        "service": parcel.service,
        "lane": parcel.lane,
        "tracking": parcel.tracking,
        "weight_g": parcel.weight_g,
        "reads": parcel.reads,
        "recirculations": parcel.recirculations,
        "passages_out": parcel.passages_out,
    }


def _place(session: Session, code: str) -> Found:
    query = select(Location).where(Location.code == code).order_by(Location.site_id).limit(1)
    place = session.scalars(query).first()
    if place is None:
        return None
    return {
        "kind": "location",
        "code": place.code,
        "status": place.kind,
        "site": site_codes(session)[place.site_id],
        "zone": place.zone,
    }


def _tote(session: Session, code: str) -> Found:
    for site_id, site in site_codes(session).items():
        if unit := find_units(session, SiteId(site_id), [code]).get(code):
            return {
                "kind": "tote",
                "code": unit.code,
                "status": unit.kind,
                "site": site,
                "location": unit.location_code,
            }
    return None


def _sku(session: Session, code: str) -> Found:
    scanned = find_by_barcode(session, code)
    if scanned is None:
        return None
    sku = scanned.sku
    codes = site_codes(session)
    free = free_units(session, {SkuId(sku.id)})
    return {
        "kind": "sku",
        "code": sku.code,
        "status": "ACTIVE",
        "name_en": sku.name_en,
        "name_ja": sku.name_ja,
        "units": scanned.units,
        "free": {codes[site]: units for (site, _), units in free.items()},
    }


def _delivery(session: Session, code: str) -> Found:
    """By its number or purchase order; the one announced last."""
    query = select(Asn).where(or_(Asn.number == code, Asn.purchase_order == code))
    asn = session.scalars(query.order_by(Asn.id.desc()).limit(1)).first()
    if asn is None:
        return None
    return {
        "kind": "asn",
        "code": asn.number,
        "status": asn.state,
        "supplier": asn.supplier,
        "site": site_codes(session)[asn.site_id],
    }


def _order(session: Session, code: str) -> Found:
    query = select(Order.id).where(Order.number == code).order_by(Order.recorded_at.desc())
    order_id = session.scalars(query.limit(1)).first()
    if order_id is None:
        return None
    order = order_out(session, order_id)
    return {"kind": "order", "code": order.number, "status": order.status, "id": str(order.id)}
