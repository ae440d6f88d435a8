"""Again: a place is counted anew while what was found there before still waits.

    waiting     what was found and not posted: for a supervisor (REVIEW), or for goods that are just
                being moved (ACCEPTED)
    outdated    the later count has found it too, in the same books: it alone is posted

Law: one missing unit is taken off the books once, however many counts have missed it. So counts
that wait are locked before the books are looked at: either they were posted before, and the books
have it, or they never will be.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wms.counting.model import StockCount
from wms.ids import derive
from wms.outbound.model import ExceptionRow

COUNTED_AGAIN = "counted_again"


def waiting_with(session: Session, count: StockCount) -> Sequence[StockCount]:
    """The other counts of this place, or of its SKU there, that wait to be posted; locked."""
    query = (
        select(StockCount)
        .where(StockCount.site_id == count.site_id, StockCount.id != count.id)
        .where(StockCount.location_id == count.location_id)
        .where(StockCount.state.in_(("REVIEW", "ACCEPTED")))
    )
    if count.sku_id is not None:
        query = query.where(StockCount.sku_id == count.sku_id)
    found = (
        query.order_by(StockCount.id).with_for_update().execution_options(populate_existing=True)
    )
    return session.scalars(found).all()


def outdate(session: Session, waiting: Iterable[StockCount], *, by: str, now: datetime) -> None:
    """They are over: nothing of them is posted, and nobody need decide."""
    for count in waiting:
        count.state, count.reason = "CANCELLED", COUNTED_AGAIN
        count.ended_at, count.ended_by = now, by
        seen(session, count)


def seen(session: Session, count: StockCount) -> None:
    """Nobody need look at it any more."""
    session.execute(
        update(ExceptionRow)
        .where(ExceptionRow.site_id == count.site_id)
        .where(ExceptionRow.id == derive(count.id, "review"))
        .values(active=False)
    )
