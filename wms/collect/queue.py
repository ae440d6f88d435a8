"""The queue of a store: what its people have to do for orders, what is promised first on top.

    COLLECT, RESERVE   a collection that has not ended
    SHIP               a delivery that the store sends

`late_in_s` is how long there is until the promise; below zero it is late. A line says where its
goods stand: the place that they would be taken from, or lie in.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.catalog import Sku
from wms.collect.model import ENDED, Collection, ShipRequest
from wms.collect.policy import Policy, policy_of
from wms.errors import NotFound
from wms.ids import SiteId, SkuId
from wms.orders.model import Allocation, Order
from wms.sites import Location
from wms.stock.availability import pickable

ITEMS_MAX = 500
_STAGES = (("PACKED", "PACKED"), ("PICKED", "PACKING"), ("PINNED", "PICKING"))
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """Units of a line that are here or expected here, and where they stand."""

    line_no: int
    sku: str
    name_en: str
    name_ja: str
    units: int
    place: str | None
    state: str
    image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to do."""

    id: UUID
    kind: str
    number: str
    order_id: UUID
    state: str
    promised_by: datetime | None
    late_in_s: int | None
    lines: tuple[QueueLine, ...]
    answer_by: datetime | None = None
    bag: str | None = None
    shelf: str | None = None
    ready_at: datetime | None = None
    keep_until: datetime | None = None
    ended_at: datetime | None = None
    packet_id: UUID | None = None
    reason: str = ""
    till_reference: str = ""


def queue_of(session: Session, site: SiteId, *, now: datetime) -> list[Item]:
    """All that a store has to do, what is promised first on top."""
    query = (
        select(Collection, Order)
        .join(Order, Order.id == Collection.order_id)
        .where(Collection.site_id == site, Collection.state.not_in(ENDED))
        .limit(ITEMS_MAX)
    )
    policy = policy_of(session, site)
    items = [_collected(each, order, policy, now) for each, order in session.execute(query).all()]
    items += _ships(session, site, policy, now)
    items.sort(key=lambda item: (item.promised_by or _LATEST, item.number))
    lines = _lines(session, site, [item.order_id for item in items], now)
    slots = _codes(session, site)
    return [_with(item, lines, slots) for item in items]


def collection_item(session: Session, site: SiteId, id_: UUID, *, now: datetime) -> Item:
    """A collection as it stands, whether it has ended or not.

    Raises:
        NotFound: that site has no such collection.
    """
    collection = session.get(Collection, (site, id_))
    if collection is None:
        raise NotFound(f"collection {id_}")
    order = session.get_one(Order, collection.order_id)
    item = _collected(collection, order, policy_of(session, site), now)
    return _with(item, _lines(session, site, [order.id], now), _codes(session, site))


def _with(item: Item, lines: dict[UUID, list[QueueLine]], slots: dict[UUID, str]) -> Item:
    shelf = slots.get(UUID(item.shelf)) if item.shelf else None
    return replace(item, lines=tuple(lines[item.order_id]), shelf=shelf)


def _codes(session: Session, site: UUID) -> dict[UUID, str]:
    query = select(Location.id, Location.code).where(
        Location.site_id == site, Location.kind.in_(("PICKUP_SHELF", "LOCKER_CELL"))
    )
    return {row.id: row.code for row in session.execute(query)}


def _late_in_s(order: Order, now: datetime) -> int | None:
    return None if order.promised_by is None else int((order.promised_by - now).total_seconds())


def _collected(each: Collection, order: Order, policy: Policy, now: datetime) -> Item:
    is_asked = each.state == "TO_ACCEPT" and each.asked_at is not None
    return Item(
        id=each.id,
        kind=order.fulfilment,
        number=order.number,
        order_id=order.id,
        state=each.state,
        promised_by=order.promised_by,
        late_in_s=_late_in_s(order, now),
        lines=(),
        answer_by=each.asked_at + policy.answer_within if is_asked and each.asked_at else None,
        bag=each.bag,
        shelf=str(each.shelf_id) if each.shelf_id else None,
        ready_at=each.ready_at,
        keep_until=order.expires_at if order.fulfilment == "RESERVE" else each.keep_until,
        ended_at=each.ended_at,
        packet_id=each.task_id,
        reason=each.reason,
        till_reference=each.till_reference,
    )


def _ships(session: Session, site: SiteId, policy: Policy, now: datetime) -> list[Item]:
    query = (
        select(Order, Allocation.state)
        .join(Allocation, Allocation.order_id == Order.id)
        .where(
            Allocation.site_id == site,
            Allocation.state.in_(("ALLOCATED", "PINNED", "PICKED", "PACKED")),
            Order.to_site_id.is_(None) | (Order.to_site_id != site),
        )
        .limit(ITEMS_MAX)
    )
    states: dict[UUID, set[str]] = defaultdict(set)
    orders: dict[UUID, Order] = {}
    for order, state in session.execute(query):
        orders[order.id] = order
        states[order.id].add(state)
    asked = select(ShipRequest).where(ShipRequest.site_id == site, ShipRequest.id.in_(orders))
    requests = {each.id: each for each in session.scalars(asked)}
    items = []
    for id_, order in orders.items():
        request = requests.get(id_)
        is_asked = policy.accept_ship == "BY_HAND" and (
            request is None or request.state == "TO_ACCEPT"
        )
        stage = next((name for state, name in _STAGES if states[id_] == {state}), "PICKING")
        if "ALLOCATED" in states[id_]:
            stage = "TO_ACCEPT" if is_asked else "ACCEPTED"
        item = Item(
            id=id_,
            kind="SHIP",
            number=order.number,
            order_id=id_,
            state=stage,
            promised_by=order.promised_by,
            late_in_s=_late_in_s(order, now),
            lines=(),
            answer_by=request.asked_at + policy.answer_within if request and is_asked else None,
        )
        items.append(item)
    return items


def _lines(
    session: Session, site: SiteId, orders: Sequence[UUID], now: datetime
) -> dict[UUID, list[QueueLine]]:
    """What of these orders is here, or goes on its way here."""
    query = (
        select(Allocation, Sku)
        .join(Sku, Sku.id == Allocation.sku_id)
        .where(
            Allocation.order_id.in_(orders),
            Allocation.state.not_in(("RELEASED", "EXPIRED", "SHORT", "SWAPPED")),
            Allocation.onward_id.is_(None),
        )
        .order_by(Allocation.line_no, Allocation.site_id != site, Allocation.id)
    )
    rows = session.execute(query).all()
    here = {SkuId(each.sku_id) for each, _ in rows if each.site_id == site}
    best: dict[UUID, tuple[int, str]] = {}
    for place in pickable(session, site, here, now=now) if here else ():
        best[place.sku_id] = max(best.get(place.sku_id, (0, "")), (place.units, place.location))
    wanted = {each.location_id for each, _ in rows if each.location_id and each.site_id == site}
    named = select(Location.id, Location.code).where(
        Location.site_id == site, Location.id.in_(wanted)
    )
    codes = {row.id: row.code for row in session.execute(named)}
    lines: dict[UUID, list[QueueLine]] = defaultdict(list)
    for each, sku in rows:
        is_here = each.site_id == site
        place_code = codes.get(each.location_id) if each.location_id else None
        if place_code is None and is_here and sku.id in best:
            place_code = best[sku.id][1]
        line = QueueLine(
            line_no=each.line_no,
            sku=sku.code,
            name_en=sku.name_en,
            name_ja=sku.name_ja,
            units=each.units,
            place=place_code if is_here else None,
            state=each.state if is_here else "ON_ITS_WAY",
        )
        lines[each.order_id].append(line)
    return lines
