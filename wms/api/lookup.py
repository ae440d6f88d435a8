"""What a scanned code means: parcel, tote, place, SKU or order; how it stands, what begins with it.

A code is looked for at the site of who scans it first: places of two sites may have one code.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from wms.api.flows import STARTERS
from wms.api.orders_read import order_out, site_codes
from wms.catalog import Sku, find_by_barcode
from wms.collect.code import PREFIX, mark_of
from wms.collect.model import Collection
from wms.errors import NotFound
from wms.ids import SiteId, SkuId
from wms.inbound.model import Asn
from wms.orders.model import Order
from wms.outbound.model import Parcel
from wms.outbound.packing_tables import Manifest
from wms.returns.bench import find_return
from wms.sites import Location, site_id
from wms.stock.availability import free_units, stock_view
from wms.stock.shown import Lies, last_moves, lies
from wms.stock.units import find_units
from wms.work.begin import begun_by
from wms.work.packet import code_of

Found = dict[str, Any] | None

# work that begins with a scan of such a thing; whether it can, its starter says
BEGINS: dict[str, tuple[str, ...]] = {
    "asn": ("inbound",),
    "tote": ("putaway", "move"),
    "location": ("count", "move"),
    "sku": ("inbound",),
    "return": ("return",),
    "route": ("ship",),
}
OF_A_SKU = ("sellable", "reserved", "allocated", "picked", "packed", "return_received", "unknown")


def look_up(session: Session, code: str, site: str | None = None) -> dict[str, Any]:
    """The first thing that has that code, and the kinds of work that begin with it.

    Raises:
        NotFound: nothing has.
    """
    plain = code_of(code)
    ways: tuple[Callable[[Session, str, str | None], Found], ...] = (
        _collection,
        _parcel,
        _place,
        _tote,
        _return,
        _sku,
        _order,
        _delivery,
        _route,
    )
    if "\x00" not in plain:
        for way in ways:
            if (found := way(session, plain, site)) is not None:
                return found | {"begins": _begins(session, found["kind"], plain, site)}
    raise NotFound(f"nothing has the code {code}")


def _begins(session: Session, kind: str, code: str, site: str | None) -> list[str]:
    usual = [each for each in BEGINS.get(kind, ()) if each in STARTERS]
    waiting = begun_by(session, site_id(site), code) if site else {}
    return [*waiting, *(each for each in usual if each not in waiting)]


def _collection(session: Session, code: str, _site: str | None) -> Found:
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


def _parcel(session: Session, code: str, _site: str | None) -> Found:
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


def _place(session: Session, code: str, site: str | None) -> Found:
    here = Location.site_id == site_id(site or "")
    query = select(Location).where(Location.code == code).order_by(here.desc(), Location.site_id)
    place = session.scalars(query.limit(1)).first()
    if place is None:
        return None
    return {
        "kind": "location",
        "code": place.code,
        "status": place.kind,
        "site": site_codes(session)[place.site_id],
        "zone": place.zone,
        "stock": _blind(lies(session, place.site_id, place=place.id)),
    }


def _tote(session: Session, code: str, site: str | None) -> Found:
    sites = sorted(site_codes(session).items(), key=lambda each: each[1] != site)
    for id_, name in sites:
        if unit := find_units(session, SiteId(id_), [code]).get(code):
            return {
                "kind": "tote",
                "code": unit.code,
                "status": unit.kind,
                "site": name,
                "location": unit.location_code,
                "stock": _lines(lies(session, id_, unit=unit.code)),
            }
    return None


def _blind(lying: Sequence[Lies]) -> list[str]:
    """What, not how many: who counts a place scans it first."""
    return list(dict.fromkeys(each.sku for each in lying))


def _lines(lying: Sequence[Lies]) -> list[dict[str, Any]]:
    return [{"sku": each.sku, "lot": each.lot or None, "units": each.units} for each in lying]


def _return(session: Session, code: str, _site: str | None) -> Found:
    back = find_return(session, code)
    if back is None:
        return None
    at = site_codes(session).get(back.site_id) if back.site_id else None
    return {"kind": "return", "code": back.number, "status": back.state, "site": at}


def _route(session: Session, code: str, site: str | None) -> Found:
    """A carrier that takes parcels from here now; "DOOR/CARRIER" at a door."""
    _door, _, carrier = code.rpartition("/")
    query = select(Manifest.number).where(
        Manifest.site_id == site_id(site or ""),
        Manifest.carrier == carrier,
        Manifest.closed_at.is_(None),
    )
    number = session.scalar(query)
    return None if number is None else {"kind": "route", "code": code, "number": number}


def _sku(session: Session, code: str, site: str | None) -> Found:
    scanned = find_by_barcode(session, code)
    if scanned is None:
        return None
    sku = scanned.sku
    codes = site_codes(session)
    free = free_units(session, {SkuId(sku.id)})
    found: dict[str, Any] = {
        "kind": "sku",
        "code": sku.code,
        "name_en": sku.name_en,
        "name_ja": sku.name_ja,
        "units": scanned.units,
        "free": {codes[at]: units for (at, _), units in free.items()},
    }
    return found if site is None else found | _here(session, sku, site)


def _here(session: Session, sku: Sku, site: str) -> dict[str, Any]:
    """How goods stand at a site, and what moved there last."""
    view = stock_view(session, [sku.code], [site])
    states = {name: view.totals[name] for name in OF_A_SKU if view.totals.get(name)}
    moves = [
        {"at": each.at.isoformat(), "units": each.units, "from": each.from_place,
         "to": each.to_place}
        for each in last_moves(session, site_id(site), sku.id)
    ]  # fmt: skip
    return {"states": states, "moves": moves}


def _delivery(session: Session, code: str, _site: str | None) -> Found:
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


def _order(session: Session, code: str, _site: str | None) -> Found:
    query = select(Order.id).where(Order.number == code).order_by(Order.recorded_at.desc())
    order_id = session.scalars(query.limit(1)).first()
    if order_id is None:
        return None
    order = order_out(session, order_id)
    return {"kind": "order", "code": order.number, "status": order.status, "id": str(order.id)}
