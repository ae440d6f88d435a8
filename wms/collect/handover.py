"""Hand-over: the customer shows the code or its QR, and has the goods; once.

    right    PACKED -> DELIVERED, the order closes, CollectHandedOver
    wrong    nothing but a row of who tried when; five in a quarter of an hour, and even the right
             code opens nothing until that is over
    again    refused: it has been handed over, and when

Goods that were only reserved are paid at the till: its reference takes the place of a tender.
A try is stored whatever comes of it, so what is wrong is an answer here, not an error: whoever
calls commits, and then says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wms.collect.code import opens
from wms.collect.floor import put_back
from wms.collect.goods import WrongCollectionState, goods_of, lock_collection, tell
from wms.collect.model import Collection, CollectionTry
from wms.errors import Conflict, Rejected, WmsError
from wms.ids import CommandId, HoldId, SiteId, derive
from wms.orders.close import close_order
from wms.orders.model import Order
from wms.stock import ledger
from wms.work.tasks import Actor

TRIES_MAX = 5
TRIES_WITHIN = timedelta(minutes=15)


class WrongCode(Rejected):
    """That is not the code of this collection.

    Attributes:
        collection_id: the collection.
        tries_left: how many wrong ones more it takes.
    """

    code: ClassVar[str] = "wrong_pickup_code"

    def __init__(self, collection_id: UUID, *, tries_left: int) -> None:
        super().__init__(f"not the code of collection {collection_id}")
        self.collection_id = collection_id
        self.tries_left = tries_left


class TooManyTries(Conflict):
    """Too many wrong codes were shown: nothing opens it for a while.

    Attributes:
        collection_id: the collection.
        until: when to try again.
    """

    code: ClassVar[str] = "too_many_tries"

    def __init__(self, collection_id: UUID, *, until: datetime) -> None:
        super().__init__(f"collection {collection_id}: no code is taken until {until.isoformat()}")
        self.collection_id = collection_id
        self.until = until


class AlreadyHandedOver(Conflict):
    """Somebody has fetched it already.

    Attributes:
        collection_id: the collection.
        at: when it was.
    """

    code: ClassVar[str] = "already_handed_over"

    def __init__(self, collection_id: UUID, *, at: datetime) -> None:
        super().__init__(f"collection {collection_id} was handed over at {at.isoformat()}")
        self.collection_id = collection_id
        self.at = at


class TillReferenceMissing(Rejected):
    """It has not been paid: take the money, and name the receipt.

    Attributes:
        collection_id: the collection.
    """

    code: ClassVar[str] = "till_reference_missing"

    def __init__(self, collection_id: UUID) -> None:
        super().__init__(f"collection {collection_id} is paid at the till: its receipt is missing")
        self.collection_id = collection_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown at the counter. The same `command_id` again is the same act."""

    command_id: CommandId
    code: str
    till_reference: str = ""


def hand_over(
    session: Session, site: SiteId, id_: UUID, shown: Shown, *, actor: Actor, now: datetime
) -> WmsError | None:
    """Hand it over, or say what is wrong: WrongCode, TooManyTries. Commit in either case.

    Raises:
        NotFound: no such collection here.
        AlreadyHandedOver, WrongCollectionState, TillReferenceMissing: nothing was tried.
    """
    order, collection = lock_collection(session, site, id_)
    known = session.get(CollectionTry, (site, shown.command_id))
    if known is not None and known.collection_id == id_:
        return (
            None if known.is_right else WrongCode(id_, tries_left=_left(session, collection, now))
        )
    _check(order, collection, shown)
    if (until := _shut_until(session, collection, now)) is not None:
        return TooManyTries(id_, until=until)
    is_right = opens(order.token, shown.code)
    session.add(
        CollectionTry(
            site_id=site,
            id=shown.command_id,
            collection_id=id_,
            at=now,
            actor=str(actor),
            is_right=is_right,
        )
    )
    session.flush()
    if not is_right:
        return WrongCode(id_, tries_left=_left(session, collection, now))
    _deliver(session, order, collection, str(actor), now)
    collection.till_reference = shown.till_reference
    return None


def _check(order: Order, collection: Collection, shown: Shown) -> None:
    if collection.state == "HANDED_OVER":
        assert collection.ended_at is not None
        raise AlreadyHandedOver(collection.id, at=collection.ended_at)
    if collection.state != "READY":
        raise WrongCollectionState(collection.id, state=collection.state, act="hand-over")
    if order.fulfilment == "RESERVE" and not shown.till_reference:
        raise TillReferenceMissing(collection.id)


def _deliver(
    session: Session, order: Order, collection: Collection, actor: str, now: datetime
) -> None:
    goods = goods_of(session, order, collection.site_id).here
    assert goods
    ledger.advance(
        session,
        [
            ledger.Advance(
                command_id=CommandId(derive(each.id, "hand over")),
                site_id=SiteId(each.site_id),
                hold_id=HoldId(each.id),
                to="DELIVERED",
                actor=actor,
                occurred_at=now,
            )
            for each in goods
        ],
    )
    for each in goods:
        each.state = "DELIVERED"
    put_back(session, order, collection, now=now)  # what is no more wanted stays behind
    collection.state, collection.ended_at, collection.shelf_id = "HANDED_OVER", now, None
    tell(session, order, collection, "CollectHandedOver", now, at=now.isoformat())
    close_order(session, order, at=now)


def _wrong(session: Session, collection: Collection, now: datetime) -> tuple[int, datetime | None]:
    """How many wrong codes there were of late, and when the first of them was."""
    query = select(func.count(), func.min(CollectionTry.at)).where(
        CollectionTry.site_id == collection.site_id,
        CollectionTry.collection_id == collection.id,
        CollectionTry.at > now - TRIES_WITHIN,
        ~CollectionTry.is_right,
    )
    count, first = session.execute(query).one()
    return count, first


def _left(session: Session, collection: Collection, now: datetime) -> int:
    return max(0, TRIES_MAX - _wrong(session, collection, now)[0])


def _shut_until(session: Session, collection: Collection, now: datetime) -> datetime | None:
    count, first = _wrong(session, collection, now)
    return first + TRIES_WITHIN if count >= TRIES_MAX and first is not None else None
