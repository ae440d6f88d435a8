"""Over: what nobody has fetched in time is cancelled, paid back, and goes back to the floor.

At the end of `keep_until` the order's lines are cancelled as "not_collected". Their goods still lie
in the bag; when a person has put them back they count as cancelled, and the money goes back. What
was only reserved ends with its reservation, which may have been extended, and is put back the same
way.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from wms.collect.goods import WrongCollectionState, goods_of, lock_collection, tell
from wms.collect.model import Collection
from wms.collect.open import look_at
from wms.ids import SiteId
from wms.orders.cancel import cancel_lines
from wms.orders.model import Order

NOT_COLLECTED, EXPIRED = "not_collected", "expired"


def overdue(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Site and id of bags that have lain for long enough."""
    kept = case((Order.fulfilment == "RESERVE", Order.expires_at), else_=Collection.keep_until)
    query = (
        select(Collection.site_id, Collection.id)
        .join(Order, Order.id == Collection.order_id)
        .where(Collection.state == "READY", kept <= now)
    )
    return [(site, id_) for site, id_ in session.execute(query)]


def give_up(
    session: Session, site: SiteId, id_: UUID, *, now: datetime, early: bool = False
) -> None:
    """Nobody has come: the order ends, its goods go back. Repeating changes nothing.

    `early`: staff say so before its time is over.

    Raises:
        NotFound: no such collection here.
        WrongCollectionState: it does not lie ready.
    """
    order, collection = lock_collection(session, site, id_)
    if collection.state in {"RETURNING", "RETURNED_TO_FLOOR", "CANCELLED"}:
        return
    if collection.state != "READY":
        raise WrongCollectionState(id_, state=collection.state, act="return-to-floor")
    reserved = order.fulfilment == "RESERVE"
    kept = order.expires_at if reserved else collection.keep_until
    if not early and (kept is None or now < kept):
        return
    units: dict[int, int] = defaultdict(int)
    for each in goods_of(session, order, site).here:
        units[each.line_no] += each.units
    reason = EXPIRED if reserved else NOT_COLLECTED
    collection.reason = reason
    cancel_lines(session, order.id, units, reason=reason, now=now)
    if reserved:
        tell(session, order, collection, "ReserveExpired", now)
    else:
        tell(session, order, collection, "CollectReturned", now, reason=reason)
    look_at(session, order.id, now=now)
