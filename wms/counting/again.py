"""Again: a place is counted anew while what was found there before still waits.

    waiting     what was found and not posted: for a supervisor (REVIEW), or for goods that are just
                being moved (ACCEPTED)
    outdated    the later count has found it too, in the same books: it alone is posted
    anew        a sweep of a zone and a count of a place in it have missed the same goods: what one
                of them posts the other did not see in the books, so that is counted once more

Law: one missing unit is taken off the books once, however many counts have missed it. So counts
end one after the other at a place, and those that wait are locked before the books are looked at:
either they were posted before, and the books have it, or they never will be as they are.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from wms.counting.make import next_round
from wms.counting.model import CountAdjustment, CountLine, StockCount
from wms.ids import derive
from wms.outbound.model import ExceptionRow
from wms.sites import Location

COUNTED_AGAIN = "counted_again"
WAITS = ("REVIEW", "ACCEPTED")


def waiting_with(session: Session, count: StockCount, places: Sequence[UUID]) -> list[StockCount]:
    """The other counts of this place, or of its SKU there, that wait to be posted; locked.

    So are the places, and whatever else waits that has to do with them.
    """
    rows = select(Location.id).where(Location.site_id == count.site_id, Location.id.in_(places))
    session.execute(rows.order_by(Location.id).with_for_update(key_share=True))
    return [each for each in _locked(session, count) if _repeats(count, each)]


def _repeats(count: StockCount, before: StockCount) -> bool:
    """Whether what a count looks at is all that the one before has looked at."""
    if count.location_id is None or before.location_id != count.location_id:
        return False
    return count.sku_id in {None, before.sku_id}


def _locked(
    session: Session, count: StockCount, *which: ColumnElement[bool]
) -> Sequence[StockCount]:
    """Other counts that wait and have a place in common with this one; locked."""
    zone = count.zone
    if count.location_id is not None:
        place = session.get_one(Location, (count.site_id, count.location_id))
        zone = place.zone if place.counter == "sellable" else ""
    swept = and_(StockCount.kind == "SWEEP", StockCount.zone == zone, StockCount.zone != "")
    if count.location_id is not None:
        shared = or_(StockCount.location_id == count.location_id, swept)
    else:
        inside = select(Location.id).where(
            Location.site_id == count.site_id, Location.zone == zone, Location.counter == "sellable"
        )
        shared = or_(StockCount.location_id.in_(inside), swept)
    query = (
        select(StockCount)
        .where(StockCount.site_id == count.site_id, StockCount.id != count.id)
        .where(StockCount.state.in_(WAITS), shared, *which)
        .order_by(StockCount.id)
    )
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()


def count_anew(session: Session, count: StockCount, *, now: datetime) -> None:
    """A count was posted: what waits and differs in the same goods is counted once more."""
    posted = (
        select(CountAdjustment.sku_id)
        .where(CountAdjustment.site_id == count.site_id, CountAdjustment.count_id == count.id)
        .distinct()
    )
    differs = (
        select(CountLine.no)
        .where(CountLine.site_id == StockCount.site_id, CountLine.count_id == StockCount.id)
        .where(CountLine.round_no == StockCount.rounds, CountLine.difference != 0)
        .where(CountLine.sku_id.in_(posted))
        .exists()
    )
    for each in _locked(session, count, differs):
        if _repeats(count, each):
            continue  # that is over as soon as this one has ended
        each.approved_by = ""
        next_round(session, each, now=now)
        seen(session, each)


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
