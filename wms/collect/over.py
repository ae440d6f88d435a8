"""Over: what nobody has fetched in time is cancelled, paid back, and goes back to the floor.

At the end of `keep_until` the order's lines are cancelled as "not_collected". Their goods still lie
in the bag; when a person has put them back they count as cancelled, and the money goes back. What
was only reserved ends with its reservation (wms.orders), and is put back the same way.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.collect.goods import WrongCollectionState, goods_of, lock_collection, tell
from wms.collect.model import Collection
from wms.collect.open import look_at
from wms.ids import SiteId
from wms.orders.cancel import cancel_lines

NOT_COLLECTED = "not_collected"


def overdue(session: Session, *, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Site and id of bags that have lain for long enough."""
    query = select(Collection.site_id, Collection.id).where(
        Collection.state == "READY", Collection.keep_until <= now
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
    assert collection.keep_until is not None
    if not early and now < collection.keep_until:
        return
    units: dict[int, int] = defaultdict(int)
    for each in goods_of(session, order, site).here:
        units[each.line_no] += each.units
    collection.reason = NOT_COLLECTED
    cancel_lines(session, order.id, units, reason=NOT_COLLECTED, now=now)
    tell(session, order, collection, "CollectReturned", now, reason=NOT_COLLECTED)
    look_at(session, order.id, now=now)
