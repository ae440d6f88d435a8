"""Facts: what a notice says, in the reader's language and hours, read when it is sent.

Every template may ask for every fact; one that there is not is "", and its line is left out.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.collect.code import pickup_code
from wms.contacts.contact import Contact
from wms.notices.brand import Brand
from wms.notices.model import Notice
from wms.notices.templates import Language, texts
from wms.orders.kits import OrderKit
from wms.orders.model import Order, OrderLine
from wms.outbound.model import Parcel
from wms.sites import Site

_DAYS: Mapping[Language, Sequence[str]] = {
    "ja": "月火水木金土日",
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_NO_MINORS = frozenset({"JPY", "KRW", "VND", "CLP"})
LEFT = ("SHIPPED", "DELIVERED")


def facts_of(
    session: Session, notice: Notice, order: Order | None, contact: Contact, brand: Brand
) -> dict[str, str]:
    """What there is to say. Who waits for goods has no order yet."""
    language: Language = "en" if notice.language == "en" else "ja"
    said = notice.facts
    zone = contact.time_zone or brand.zone
    facts = {
        "brand": brand.name,
        "name": contact.name,
        "keep_until": moment(
            _moment(said.get("keep_until") or said.get("until")), zone, language, hour=True
        ),
        "reason": texts().reasons[language].get(str(said.get("reason")), ""),
        "missing": texts().phrases[language]["missing"] if said.get("missing") else "",
        "tracking": str(said.get("tracking") or ""),
        "amount": amount(said.get("amount_minor"), str(said.get("currency", "")), language),
        "tender": texts().tenders[language].get(str(said.get("tender")), ""),
    }
    if order is None:
        return _OF_NO_ORDER | facts | _of_wait(session, said, language)
    return facts | _of_order(session, notice, order, zone, brand)


def _of_order(
    session: Session, notice: Notice, order: Order, zone: str, brand: Brand
) -> dict[str, str]:
    language: Language = "en" if notice.language == "en" else "ja"
    said = notice.facts
    at_store = order.fulfilment in {"COLLECT", "RESERVE"}
    by = _moment(said.get("by"), order.promised_by)
    by_text = moment(by, zone, language, hour=at_store)
    if order.delivery_on is not None and not said.get("by"):
        by_text = day(order.delivery_on, language)  # a day that the customer has chosen
    asked = " ".join(each.text for each in texts().by_name[notice.template].words.values())
    site = None if order.to_site_id is None else session.get(Site, order.to_site_id)
    return {
        "number": order.number,
        "url": brand.track_url(order.token) if order.token else "",
        "items": items(session, order, language) if "{items}" in asked else "",
        "by": by_text,
        "was": moment(_moment(said.get("was")), zone, language, hour=at_store),
        "site": site_name(site, language) if site else "",
        "code": pickup_code(order.token) if order.token and at_store else "",
        "parcels": parcels(session, order) if "{parcels}" in asked else "",
    }


def _of_wait(session: Session, said: Mapping[str, Any], language: Language) -> dict[str, str]:
    sku = session.scalars(select(Sku).where(Sku.code == str(said.get("sku"))).limit(1)).first()
    site = session.scalars(select(Site).where(Site.code == str(said.get("site")))).first()
    name = sku_name(sku, language) or str(said.get("sku", ""))
    return {
        "items": f"・{name} × {said.get('units', 1)}",
        "site": site_name(site, language) if site else "",
    }


_OF_NO_ORDER = dict.fromkeys(("number", "url", "by", "was", "code", "parcels"), "")


def items(session: Session, order: Order, language: Language) -> str:
    """The goods of an order, a line each."""
    rows = [
        row
        for of in (OrderLine, OrderKit)
        for row in session.execute(
            select(of.line_no, of.sku, of.units, Sku)
            .outerjoin(Sku, Sku.id == of.sku_id)
            .where(
                of.order_id == order.id,
                OrderKit.units > 0
                if of is OrderKit
                else OrderLine.sku_id.is_not(None) & OrderLine.kit_no.is_(None),
            )
        )
    ]
    return "\n".join(
        f"・{sku_name(sku, language) or code} × {units}"
        for _, code, units, sku in sorted(rows, key=lambda row: row[0])
    )


def sku_name(sku: Sku | None, language: Language) -> str:
    """What a kind of goods is called."""
    if sku is None:
        return ""
    return (sku.name_ja if language == "ja" else sku.name_en) or sku.name_en


def site_name(site: Site, language: Language) -> str:
    """What a site is called."""
    return (site.name_ja if language == "ja" else site.name_en) or site.name_en


def parcels(session: Session, order: Order) -> str:
    """The parcels of an order that have left, with what to follow them by, a line each."""
    query = (
        select(Parcel)
        .where(Parcel.order_id == order.id, Parcel.state.in_(LEFT))
        .order_by(Parcel.made_at, Parcel.sscc)
    )
    return "\n".join(
        f"・{parcel.service} {parcel.tracking or parcel.sscc}" for parcel in session.scalars(query)
    )


def moment(at: datetime | None, zone: str, language: Language, *, hour: bool) -> str:
    """A moment as one says it there."""
    if at is None:
        return ""
    there = at.astimezone(ZoneInfo(zone))
    clock = f" {there.hour}:{there.minute:02}" if hour else ""
    return f"{day(there.date(), language)}{clock}"


def day(on: date, language: Language) -> str:
    """A day: '1月2日(金)', 'Fri 2 January'."""
    name = _DAYS[language][on.weekday()]
    if language == "ja":
        return f"{on.month}月{on.day}日({name})"
    return f"{name} {on.day} {_MONTHS[on.month - 1]}"


def amount(minor: Any, currency: str, language: Language) -> str:
    """Money as one writes it."""
    if not isinstance(minor, int):
        return ""
    if currency == "JPY":
        return f"{minor:,}円" if language == "ja" else f"¥{minor:,}"
    if currency in _NO_MINORS:
        return f"{currency} {minor:,}"
    return f"{currency} {minor // 100:,}.{minor % 100:02}"


def _moment(said: Any, known: datetime | None = None) -> datetime | None:
    return datetime.fromisoformat(said) if isinstance(said, str) and said else known
