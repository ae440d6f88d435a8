"""A collection and what it stands for: found, locked, and told about.

Everybody locks the order first, then the collection; goods are the order's allocations there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms import outbox
from wms.collect.model import Collection
from wms.errors import Conflict, NotFound
from wms.ids import SiteId, derive
from wms.orders.close import lock_order
from wms.orders.model import ENDED, Allocation, Order, OrderLine
from wms.sites import Site

GONE = frozenset({*ENDED, "SHIPPED", "DELIVERED"})  # no more at the site


class WrongCollectionState(Conflict):
    """A collection cannot go there from where it is.

    Attributes:
        collection_id: the collection.
        state: where it is.
        act: what was to be done with it.
    """

    code: ClassVar[str] = "wrong_collection_state"

    def __init__(self, collection_id: UUID, *, state: str, act: str) -> None:
        super().__init__(f"collection {collection_id} is {state}: no {act}")
        self.collection_id = collection_id
        self.state = state
        self.act = act


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """What is still on its way of an order, seen from the site where it is collected.

    `here` stands there, `away` elsewhere or on the road; `waiting` units are nowhere yet.
    """

    here: tuple[Allocation, ...]
    away: tuple[Allocation, ...]
    waiting: int

    @property
    def states(self) -> frozenset[str]:
        """The states of what is here."""
        return frozenset(each.state for each in self.here)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is here."""
        return bool(self.here) and not self.away and not self.waiting


def collection_id(order_id: UUID, site: UUID) -> UUID:
    """The id of the collection of that order at that site."""
    return derive(order_id, "collection", str(site))


def lock_collection(session: Session, site: SiteId, id_: UUID) -> tuple[Order, Collection]:
    """A collection and its order, both locked.

    Raises:
        NotFound: that site has no such collection.
    """
    known = session.get(Collection, (site, id_))
    if known is None:
        raise NotFound(f"collection {id_}")
    order = lock_order(session, known.order_id)
    query = (
        select(Collection).where(Collection.site_id == site, Collection.id == id_).with_for_update()
    )
    return order, session.scalars(query, execution_options={"populate_existing": True}).one()


def goods_of(session: Session, order: Order, site: UUID) -> Goods:
    """What is still on its way, locked; the order is locked already."""
    query = (
        select(Allocation)
        .where(
            Allocation.order_id == order.id,
            Allocation.state.not_in(ENDED),
            ~Allocation.cancelling,  # these are on their way back to their shelf
        )
        .order_by(Allocation.site_id, Allocation.line_no, Allocation.id)
        .with_for_update()
    )
    live = session.scalars(query, execution_options={"populate_existing": True}).all()
    here = tuple(each for each in live if each.site_id == site and each.state not in GONE)
    away = tuple(each for each in live if each.site_id != site and each.state != "DELIVERED")
    waits = select(OrderLine.units_waiting).where(
        OrderLine.order_id == order.id, OrderLine.units_waiting > 0
    )
    return Goods(here=here, away=away, waiting=sum(session.scalars(waits)))


def lines_of(session: Session, order_id: UUID, numbers: Sequence[int] = ()) -> list[OrderLine]:
    """Lines of an order that are goods, in order; all, or those named."""
    query = select(OrderLine).where(OrderLine.order_id == order_id, OrderLine.sku_id.is_not(None))
    if numbers:
        query = query.where(OrderLine.line_no.in_(numbers))
    return list(session.scalars(query.order_by(OrderLine.line_no)))


def tell(
    session: Session, order: Order, collection: Collection, kind: str, now: datetime, **facts: Any
) -> None:
    """Record what happened to a collection, as an event of its order."""
    site = session.get_one(Site, collection.site_id)
    body = {"id": str(order.id), "number": order.number, "site": site.code, **facts}
    outbox.record(session, topic="order", key=order.id, type=kind, body=body, now=now)
