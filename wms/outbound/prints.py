"""Prints: what is drawn of what a print job names.

{"kind": "LABEL", "title": …, …}     a label as it was said (wms.printing.labels)
{"kind": "PARCEL", "id": …}          the label of a parcel, with who it is for
{"kind": "SLIP", "id": …}            the slip that goes into it (納品書)
{"kind": "MANIFEST", "id": …}        what a carrier takes on a day
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.contacts.keys import Keys
from wms.errors import NotFound, Unavailable, WmsError
from wms.orders.kits import OrderKit
from wms.orders.model import Allocation, Order, OrderLine
from wms.outbound.booking import party
from wms.outbound.manifests import manifest_paper
from wms.outbound.model import Parcel, ParcelLine
from wms.ports import Booking, Party
from wms.printing.codes import Code
from wms.printing.drawing import Drawing
from wms.printing.labels import LabelSpec, label
from wms.printing.papers import SLIP_MM, Column, Paper, paper
from wms.shipping.bookings import carrier_of
from wms.shipping.labels import parcel_label
from wms.shipping.tables import card_in_force, carrier_facts
from wms.sites import Site

T = TypeVar("T")
ANONYMOUS = frozenset({"LABEL", "MANIFEST"})  # what may be kept: it says nobody's name
COLUMNS = (Column(head="品名", share=6), Column(head="品番", share=3),
           Column(head="数量", share=2, right=True))  # fmt: skip


class Unprintable(Exception):  # noqa: N818 - reads as a situation
    """A job cannot be drawn, now or later."""


def rendered(render: Callable[[], T]) -> T:
    """What that makes.

    Raises:
        Unprintable: it cannot be made, and not because something is away for a while.
    """
    try:
        return render()
    except (DBAPIError, Unavailable):
        raise
    except Exception as error:
        own = isinstance(error, ValueError | WmsError)  # of others nobody knows whom they name
        raise Unprintable(f"{type(error).__name__}{f': {error}' if own else ''}"[:200]) from error


def drawings_of(
    session: Session, keys: Keys | None, site: UUID, what: Mapping[str, Any]
) -> list[Drawing]:
    """The pages of one label or paper; none of a parcel that is no more."""
    if what["kind"] == "LABEL":
        return [label(spec_of(what))]
    id_ = UUID(what["id"])
    if what["kind"] == "MANIFEST":
        return paper(manifest_paper(session, site, id_))
    parcel = session.get(Parcel, (site, id_))
    if parcel is None:
        return []
    if what["kind"] == "SLIP":
        return paper(slip(session, parcel))
    return [parcel_drawing(session, keys, parcel)]


def spec_of(what: Mapping[str, Any]) -> LabelSpec:
    """A label as a job keeps it."""
    fields = {
        name: what[name]
        for name in ("title", "digits", "arrow", "width_mm", "height_mm")
        if name in what
    }
    return LabelSpec(
        kind=what["label"],
        lines=tuple(what.get("lines", ())),
        codes=tuple(Code(each["symbology"], each["text"]) for each in what.get("codes", ())),
        **fields,
    )


def parcel_drawing(session: Session, keys: Keys | None, parcel: Parcel) -> Drawing:
    """The label of a parcel, with its people if they are known."""
    order = session.get_one(Order, parcel.order_id)
    card = card_in_force(session)
    known = card.all_services.get(parcel.service)
    person = None if keys is None else party(session, keys, order.contact_id)
    if parcel.to_site_id is not None:
        place = session.get_one(Site, parcel.to_site_id)
        person = Party(name=f"{place.code} {place.name_ja}", prefecture=place.prefecture)
    booking = Booking(
        parcel_id=parcel.id,
        sscc=parcel.sscc,
        service=parcel.service,
        weight_g=parcel.weight_g,
        postal_code="" if parcel.to_site_id is not None else order.postal_code,
        prefecture=order.prefecture,
        number=order.number,
        sender=carrier_facts(session, carrier_of(card, parcel.service)).sender,
        recipient=person,
        deliver_on=order.delivery_on,
        slot=order.slot,
        leave_at=order.leave_at,
        cool=known is not None and known.cool,
    )
    name = "" if known is None else known.name_ja
    return parcel_label(booking, service_name=name, tracking=parcel.tracking or "")


def slip(session: Session, parcel: Parcel) -> Paper:
    """What lies in a parcel, for who opens it."""
    order = session.get_one(Order, parcel.order_id)
    rows = session.execute(
        select(Sku.name_ja, Sku.code, ParcelLine.units, OrderLine.kit_no)
        .join(
            Allocation,
            (Allocation.site_id == ParcelLine.site_id)
            & (Allocation.id == ParcelLine.allocation_id),
        )
        .join(Sku, Sku.id == Allocation.sku_id)
        .join(
            OrderLine,
            (OrderLine.order_id == Allocation.order_id) & (OrderLine.line_no == Allocation.line_no),
        )
        .where(ParcelLine.site_id == parcel.site_id, ParcelLine.parcel_id == parcel.id)
        .order_by(
            func.coalesce(OrderLine.kit_no, OrderLine.line_no), Allocation.line_no, Allocation.id
        )
    ).all()
    return Paper(
        title="納品書",
        facts=(f"ご注文番号 {order.number}", f"お荷物 {parcel.sscc}"),
        columns=COLUMNS,
        rows=tuple(
            _with_kits(session, order, ((name, code, n, kit) for name, code, n, kit in rows))
        ),
        foot=("ご利用ありがとうございました。",),
        code=order.number,
        size_mm=SLIP_MM,
    )


def _with_kits(
    session: Session, order: Order, rows: Iterable[tuple[str, str, int, int | None]]
) -> Iterator[tuple[str, str, str]]:
    """The rows of a slip: before the parts of a kit that lie here stands what was ordered."""
    names = {
        kit.line_no: (name, kit.sku)
        for kit, name in session.execute(
            select(OrderKit, Sku.name_ja)
            .join(Sku, Sku.id == OrderKit.sku_id)
            .where(OrderKit.order_id == order.id)
        )
    }
    last = None
    for name, code, units, kit in rows:
        if kit is not None and kit != last:
            yield (*names[kit], "")
        last = kit
        yield f"{'・' if kit else ''}{name}", code, f"{units:,}"


def labels_pdf_of(session: Session, keys: Keys | None, parcels: Sequence[Parcel]) -> list[Drawing]:
    """The labels of these parcels.

    Raises:
        NotFound: there are none.
    """
    if not parcels:
        raise NotFound("no parcels")
    return [parcel_drawing(session, keys, parcel) for parcel in parcels]
