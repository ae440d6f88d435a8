"""What a customer sees of an order, read from where it stands. Nothing is kept.

Whoever has the token sees it, so it holds no address, no full name, and no code before it is of
use. Another address is not theirs to choose here: a link may have been passed on.
"""

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.api.track_shapes import (
    BrandOut,
    Deed,
    EtaOut,
    GoodOut,
    MovedOut,
    PickupOut,
    PointOut,
    ReturnStateOut,
    StepCode,
    StepOut,
    TrackingOut,
    TrackParcelOut,
)
from wms.catalog import Sku
from wms.collect.code import pickup_code, qr_payload
from wms.collect.model import Collection
from wms.contacts.keep import read_contact
from wms.contacts.keys import Keys
from wms.errors import NotFound
from wms.notices.brand import Brand
from wms.orders.change import possible
from wms.orders.kits import OrderKit, kits_of
from wms.orders.model import Allocation, Decision, Order, OrderChange, OrderLine
from wms.orders.promise import promises_of
from wms.orders.rules import distance_km
from wms.outbound.model import Parcel
from wms.returns.entitled import units_left, window_end
from wms.returns.model import Return
from wms.returns.policy import read_policy
from wms.shipping.tables import card_in_force
from wms.sites import Site

TOKEN_MAX = 64
POINTS_MAX = 50
AT_A_POINT = frozenset({"COLLECT", "RESERVE"})
WORKED_ON = ("ALLOCATED", "PINNED", "PICKED", "PACKED", "SHIPPED", "DELIVERED")


def order_of(session: Session, token: str, *, lock: bool = False) -> Order:
    """The order with that token.

    Raises:
        NotFound: the same words for every token that opens nothing.
    """
    order = None
    if 0 < len(token) <= TOKEN_MAX and "\0" not in token:
        query = select(Order).where(Order.token == token)
        order = session.scalars(query.with_for_update() if lock else query).first()
    if order is None or order.kind == "TRANSFER":
        raise NotFound("there is no such order")
    return order


def tracking_out(
    session: Session, keys: Keys, brand: Brand, order: Order, *, now: datetime
) -> TrackingOut:
    """All of it."""
    lines = list(
        session.scalars(
            select(OrderLine)
            .where(OrderLine.order_id == order.id, OrderLine.sku_id.is_not(None))
            .order_by(OrderLine.line_no)
        )
    )
    parcels = list(
        session.scalars(
            select(Parcel).where(Parcel.order_id == order.id).order_by(Parcel.made_at, Parcel.sscc)
        )
    )
    collection = session.scalars(
        select(Collection)
        .where(Collection.order_id == order.id, Collection.site_id == order.to_site_id)
        .limit(1)
    ).first()
    steps = _steps(session, order, lines, parcels, collection)
    contact = read_contact(session, keys, order.contact_id)
    left = _returnable(session, order, now)
    allowed = _allowed(session, order, lines, left)
    return TrackingOut(
        number=order.number,
        brand=BrandOut(name=brand.name, colour=brand.colour, logo=brand.logo_url or None),
        language="en" if order.language == "en" else "ja",
        time_zone=brand.zone,
        first_name=(contact.given_name or None) if contact else None,
        status=_status(order, lines, steps),
        steps=steps,
        eta=_eta(order, brand),
        promise_moved=_moved(session, order),
        parcels=[] if order.fulfilment in AT_A_POINT else _parcels(session, order, parcels),
        pickup=_pickup(session, order, collection),
        lines=_goods(session, lines, left),
        allowed=allowed,
        slots=slots(session) if allowed.get("slot", "") is None else [],
        points=_points(session, order) if allowed.get("collection_point", "") is None else [],
        returns=_returns(session, order),
    )


def _steps(
    session: Session,
    order: Order,
    lines: Sequence[OrderLine],
    parcels: Sequence[Parcel],
    collection: Collection | None,
) -> list[StepOut]:
    """The way from the order to its customer; a step that was taken has its time."""
    placed = StepOut(code="PLACED", at=order.placed_at)
    if _is_cancelled(order, lines):
        asked = session.scalar(
            select(func.max(OrderChange.at)).where(OrderChange.order_id == order.id)
        )
        ended = collection.ended_at if collection else None
        return [placed, StepOut(code="CANCELLED", at=ended or asked or order.recorded_at)]
    preparing = StepOut(code="PREPARING", at=_begun(session, order, parcels, collection))
    if order.fulfilment in AT_A_POINT:
        ready = collection.ready_at if collection else None
        given = collection is not None and collection.state == "HANDED_OVER"
        collected = collection.ended_at if collection and given else None
        rest = [StepOut(code="READY", at=ready), StepOut(code="COLLECTED", at=collected)]
    else:
        left = [parcel.shipped_at for parcel in parcels if parcel.shipped_at]
        come = [parcel.delivered_at for parcel in parcels if parcel.delivered_at]
        all_come = order.closed and bool(parcels) and len(come) == len(parcels)
        rest = [
            StepOut(code="SHIPPED", at=min(left, default=order.shipped_at)),
            StepOut(code="DELIVERED", at=max(come) if all_come else None),
        ]
    return [placed, preparing, *rest]


def _begun(
    session: Session, order: Order, parcels: Sequence[Parcel], collection: Collection | None
) -> datetime | None:
    """When somebody began with it, as far as is known."""
    working = select(Allocation.id).where(
        Allocation.order_id == order.id, Allocation.state.in_(WORKED_ON)
    )
    if session.scalars(working.limit(1)).first() is None:
        return None
    decided = session.scalar(
        select(func.max(Decision.decided_at)).where(Decision.order_id == order.id)
    )
    made = collection.made_at if collection else None
    packed = min((parcel.made_at for parcel in parcels), default=None)
    return decided or made or packed or order.recorded_at


def _is_cancelled(order: Order, lines: Sequence[OrderLine]) -> bool:
    return order.closed and order.shipped_at is None and bool(lines)


def _status(order: Order, lines: Sequence[OrderLine], steps: Sequence[StepOut]) -> StepCode:
    reached = [step.code for step in steps if step.at is not None]
    waits = not order.closed and any(line.units_waiting for line in lines)
    return "WAITING" if waits and reached[-1] == "PLACED" else reached[-1]


def _eta(order: Order, brand: Brand) -> EtaOut | None:
    by = order.promised_by
    if order.delivery_on is not None:  # a day that the customer has chosen; noon is on that day
        noon = datetime.combine(order.delivery_on, time(12), tzinfo=ZoneInfo(brand.zone))
        return EtaOut.model_validate({"from": None, "by": noon, "slot": order.slot})
    if by is None and not order.slot:
        return None
    return EtaOut.model_validate({"from": order.promised_from, "by": by, "slot": order.slot})


def _moved(session: Session, order: Order) -> MovedOut | None:
    said = promises_of(session, order.id)
    if len(said) < 2 or said[0].promised_by is None:  # noqa: PLR2004 - the first, and another
        return None
    if said[-1].promised_by == said[0].promised_by:
        return None
    return MovedOut(was=said[0].promised_by, reason=said[-1].reason)


def _parcels(session: Session, order: Order, parcels: Sequence[Parcel]) -> list[TrackParcelOut]:
    named = card_in_force(session).all_services
    out = []
    for parcel in parcels:
        service = named.get(parcel.service)
        shown = parcel.service
        if service is not None:
            shown = service.name_en if order.language == "en" else service.name_ja
        out.append(
            TrackParcelOut(
                number=parcel.tracking,
                carrier=shown,
                status="DELIVERED" if parcel.delivered_at
                else "SHIPPED" if parcel.shipped_at else "PREPARING",
                shipped_at=parcel.shipped_at,
                delivered_at=parcel.delivered_at,
            )
        )  # fmt: skip
    return out


def _pickup(session: Session, order: Order, collection: Collection | None) -> PickupOut | None:
    site = session.get(Site, order.to_site_id) if order.to_site_id else None
    if site is None or order.fulfilment not in AT_A_POINT:
        return None
    ready = collection is not None and collection.state == "READY" and not order.closed
    return PickupOut(
        **_point(site).model_dump(),
        state=collection.state if collection else "WAITING",
        code=pickup_code(order.token) if ready else None,
        qr=qr_payload(order.token) if ready else None,
        keep_until=(collection.keep_until if collection else None) or order.expires_at,
    )


def _point(site: Site) -> PointOut:
    return PointOut(
        site=site.code,
        name_en=site.name_en,
        name_ja=site.name_ja or site.name_en,
        prefecture=site.prefecture,
        latitude=site.latitude,
        longitude=site.longitude,
    )


def _points(session: Session, order: Order) -> list[PointOut]:
    """Other places to collect it, near the present one first."""
    sites = session.scalars(select(Site).where(Site.kind.in_(("STORE", "LOCKER")))).all()
    here = next((site for site in sites if site.id == order.to_site_id), None)
    others = [site for site in sites if site.id != order.to_site_id]
    if here is not None:
        at = (here.latitude, here.longitude)
        others.sort(key=lambda s: (distance_km(at, (s.latitude, s.longitude)), s.code))
    return [_point(site) for site in others[:POINTS_MAX]]


def slots(session: Session) -> list[str]:
    """The hours of a day that carriers know."""
    services = card_in_force(session).all_services.values()
    return sorted({slot for each in services for slot in each.slots})


def _goods(session: Session, lines: Sequence[OrderLine], left: dict[int, int]) -> list[GoodOut]:
    kits = kits_of(session, {line.order_id for line in lines})
    of_order = [of for order in kits.values() for of in order.values()]
    ids = {line.sku_id for line in lines} | {of.kit.sku_id for of in of_order}
    skus = {sku.id: sku for sku in session.scalars(select(Sku).where(Sku.id.in_(ids)))}
    rows: list[tuple[OrderLine | OrderKit, int, int]] = [
        (line, line.units - line.units_cancelled, left.get(line.line_no, 0))
        for line in lines
        if line.kit_no is None
    ] + [
        (
            of.kit,
            of.kit.units - of.kits({p.line_no: p.units_cancelled for p in of.parts}, some=True),
            of.kits(left),
        )
        for of in of_order
    ]
    goods = []
    for line, units, returnable in sorted(rows, key=lambda row: row[0].line_no):
        sku = skus.get(line.sku_id) if line.sku_id else None
        english = sku.name_en if sku else line.sku
        goods.append(
            GoodOut(
                line_no=line.line_no,
                sku=line.sku,
                name_en=english,
                name_ja=(sku.name_ja if sku else "") or english,
                units=units,
                returnable=returnable,
            )
        )
    return goods


def _returnable(session: Session, order: Order, now: datetime) -> dict[int, int]:
    until = window_end(session, order, read_policy(session))
    if until is not None and now > until:
        return {}
    return {line: units for line, units in units_left(session, order).items() if units > 0}


def _allowed(
    session: Session, order: Order, lines: Sequence[OrderLine], left: dict[int, int]
) -> dict[Deed, str | None]:
    """What makes sense for this order at all, and whether it is still possible."""
    may = possible(session, order)
    allowed: dict[Deed, str | None] = {}
    if order.fulfilment == "DELIVERY":
        allowed["slot"] = may["slot"]
    if order.fulfilment == "COLLECT":
        allowed["collection_point"] = may["collection_point"]
    allowed["cancel"] = may["cancel"]
    if _is_cancelled(order, lines):
        return dict.fromkeys(allowed, "closed")
    if order.fulfilment != "RESERVE":
        waits = "not_delivered" if order.fulfilment == "DELIVERY" else "not_collected"
        allowed["return"] = None if left else ("closed" if _all_back(session, order) else waits)
    return allowed


def _all_back(session: Session, order: Order) -> bool:
    """Whether all has been delivered, so that what cannot come back now never will."""
    delivered = select(Allocation.id).where(
        Allocation.order_id == order.id, Allocation.state == "DELIVERED"
    )
    return order.closed and session.scalars(delivered.limit(1)).first() is not None


def _returns(session: Session, order: Order) -> list[ReturnStateOut]:
    query = select(Return).where(Return.order_id == order.id).order_by(Return.recorded_at)
    return [
        ReturnStateOut(
            id=back.id,
            number=back.number,
            state=back.state,
            tracking=back.tracking,
            qr=f"SOKO-R-{back.id}",
        )
        for back in session.scalars(query)
    ]
