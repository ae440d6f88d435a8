"""Open: an order that is collected at a store becomes a collection there, as far as its goods are.

    look_at(order)    goods on their way              WAITING
                      all of it here                  TO_ACCEPT, or ACCEPTED: policy, or a bag that
                                                      has been begun
                      all that is left of it bagged   READY
                      nothing left                    CANCELLED, or RETURNING: a bag lies there

A collection that is being prepared is left alone: whoever has it in hand finds out at the end.
Looking again changes nothing that has not changed. A customer who has chosen another store and
comes back to the first finds the same collection there.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select, union
from sqlalchemy.orm import Session

from wms.collect.code import mark_of, qr_payload
from wms.collect.floor import end_return, lies_about, put_back
from wms.collect.goods import GONE, Goods, collection_id, goods_of
from wms.collect.model import Collection
from wms.collect.policy import policy_of
from wms.collect.ready import is_bagged, make_ready
from wms.orders.close import lock_order
from wms.orders.model import Allocation, Order

BATCH = 200
FINAL = frozenset({"HANDED_OVER", "RETURNED_TO_FLOOR"})
AGAIN = frozenset({"WAITING", "REJECTED", "CANCELLED"})  # all here: the store is asked (again)


def to_look_at(session: Session, *, after: UUID) -> Sequence[UUID]:
    """Orders, by id, of whose collection there may be something new to say."""
    here = and_(Collection.site_id == Order.to_site_id, Collection.order_id == Order.id)
    new = (
        select(Order.id)
        .outerjoin(Collection, here)
        .where(
            Order.to_site_id.is_not(None),
            ~Order.closed,
            Order.fulfilment.in_(("COLLECT", "RESERVE")),
            or_(Collection.id.is_(None), Collection.state.in_(AGAIN)),
        )
    )
    changed = (
        select(Order.id)
        .join(Collection, Collection.order_id == Order.id)
        .where(
            Collection.state.in_(("WAITING", "TO_ACCEPT", "ACCEPTED", "READY")),
            or_(Order.closed, Order.to_site_id != Collection.site_id, ~_lives()),
        )
        .union(select(Collection.order_id).where(Collection.state == "RETURNING"))
    )
    lying = select(Allocation.order_id).where(lies_about())
    orders = union(new, changed, lying).subquery()
    query = select(orders.c[0]).where(orders.c[0] > after).order_by(orders.c[0])
    return session.scalars(query.limit(BATCH)).all()


def _lives() -> ColumnElement[bool]:
    return exists().where(
        Allocation.order_id == Collection.order_id,
        Allocation.site_id == Collection.site_id,
        Allocation.state.not_in(GONE),
        ~Allocation.cancelling,
    )


def look_at(session: Session, order_id: UUID, *, now: datetime) -> None:
    """Bring the collections of an order to where its goods are."""
    order = lock_order(session, order_id)
    query = select(Collection).where(Collection.order_id == order_id)
    fresh = {"populate_existing": True}
    known = session.scalars(
        query.order_by(Collection.site_id).with_for_update(), execution_options=fresh
    ).all()
    for collection in known:
        _look(session, order, collection, now)
    if order.to_site_id is not None and all(c.site_id != order.to_site_id for c in known):
        _open(session, order, order.to_site_id, now)


def _open(session: Session, order: Order, site: UUID, now: datetime) -> None:
    goods = goods_of(session, order, site)
    if order.closed or not _is_settled(order, goods):
        return
    id_ = collection_id(order.id, site)
    collection = Collection(
        site_id=site,
        id=id_,
        order_id=order.id,
        state="WAITING",
        bag=f"BAG-{id_.hex[:12].upper()}",
        qr_mark=mark_of(qr_payload(order.token)),
        made_at=now,
        reason="",
    )
    session.add(collection)
    session.flush()
    _look(session, order, collection, now)


def _is_settled(order: Order, goods: Goods) -> bool:
    """Whether it has been decided where the goods come from."""
    if order.fulfilment == "RESERVE":
        return bool(goods.here)
    return order.sourced and bool(goods.here or goods.away or goods.waiting)


def _look(session: Session, order: Order, collection: Collection, now: datetime) -> None:
    goods = goods_of(session, order, collection.site_id)
    is_over = order.closed or not (goods.here or goods.away or goods.waiting)
    if collection.state in FINAL:
        pass
    elif is_over or order.to_site_id != collection.site_id:
        _end(session, order, collection, now)
    elif collection.state == "PREPARING":
        return
    elif is_bagged(goods):
        if collection.state != "READY":
            make_ready(session, order, collection, now=now)
    elif not goods.is_whole or (order.fulfilment == "COLLECT" and "HELD" in goods.states):
        collection.state, collection.ended_at = "WAITING", None
    elif collection.state in AGAIN or collection.state == "READY":
        _ask(session, collection, now)
    put_back(session, order, collection, now=now)


def _ask(session: Session, collection: Collection, now: datetime) -> None:
    is_begun = collection.shelf_id is not None
    is_auto = policy_of(session, collection.site_id).accept == "AUTO"
    collection.state = "ACCEPTED" if is_begun or is_auto else "TO_ACCEPT"
    collection.asked_at, collection.escalated_at, collection.ended_at = now, None, None
    collection.reason = ""


def _end(session: Session, order: Order, collection: Collection, now: datetime) -> None:
    """Nothing of it is to be collected here any more."""
    if collection.state in {"CANCELLED", "REJECTED", "PREPARING"}:
        return
    if order.fulfilment == "RESERVE" and order.expires_at is not None and order.expires_at <= now:
        collection.reason = collection.reason or "expired"
    collection.reason = collection.reason or "customer"
    if put_back(session, order, collection, now=now):
        collection.state = "RETURNING"
    elif collection.state == "RETURNING":
        end_return(collection, now=now)
    else:
        collection.state, collection.ended_at, collection.shelf_id = "CANCELLED", now, None
