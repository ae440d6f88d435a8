"""Demand: what customers have taken from sites day by day, and what they will.

What left a site for customers counts on the day on which it was ordered; a day is 24 hours up to
now. A history begins with the first sale, or four weeks ago. What was sold on a few days only has
its mean of four weeks; of the rest the method is used that was best lately (optimizer.forecast).

What could not be sold because there was none is not known here: demand of a site that was empty is
more than this.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from optimizer.forecast import Forecast, forecast
from wms.orders.model import Allocation, Order

Floats = NDArray[np.float64]
Key = tuple[UUID, UUID]  # site, SKU

WEEKS = timedelta(weeks=12)
SHORTEST_DAYS = 28
SOLD_DAYS_MIN = 8  # on fewer, nothing but a mean can be known
DAY_S = 86_400


def histories(
    session: Session, *, now: datetime, skus: Iterable[UUID] | None = None
) -> dict[Key, Floats]:
    """Units a day by site and SKU, the oldest day first; those with a sale in twelve weeks."""
    ago = func.floor(extract("epoch", now - Allocation.ordered_at) / DAY_S).label("ago")
    query = (
        select(Allocation.site_id, Allocation.sku_id, ago, func.sum(Allocation.units))
        .join(Order, Order.id == Allocation.order_id)
        .where(
            Order.kind != "TRANSFER",
            Allocation.ordered_at > now - WEEKS,
            Allocation.ordered_at <= now,
            Allocation.state.in_(("SHIPPED", "DELIVERED")),
            Allocation.onward_id.is_(None),
        )
        .group_by(Allocation.site_id, Allocation.sku_id, ago)
    )
    if skus is not None:
        query = query.where(Allocation.sku_id.in_(set(skus)))
    sold: dict[Key, dict[int, int]] = defaultdict(dict)
    for site, sku, days, units in session.execute(query):
        sold[site, sku][min(int(days), WEEKS.days - 1)] = int(units)
    return {key: _row(days) for key, days in sold.items()}


def _row(sold: dict[int, int]) -> Floats:
    """Days before today to units, as a row."""
    row = np.zeros(max(SHORTEST_DAYS, max(sold) + 1))
    for ago, units in sold.items():
        row[-1 - ago] = units
    return row


def foreseen(history: Floats, *, days: int, with_library: bool | None = None) -> Forecast:
    """What is to come in these days."""
    is_known = int((history > 0).sum()) >= SOLD_DAYS_MIN
    seen = history if is_known else history[-SHORTEST_DAYS:]
    if is_known:
        return forecast(seen, periods=days, with_library=with_library)
    return Forecast(
        kind="LUMPY" if seen.any() else "NONE", method="mean", mean=np.full(days, seen.mean()),
        variance=float(seen.var()), mase=None, bias=None, errors={},
    )  # fmt: skip


def rates(session: Session, *, now: datetime, days: int) -> dict[Key, float]:
    """Units a day that sites will sell of a SKU, in the mean of these days."""
    found = histories(session, now=now)
    each = {key: foreseen(row, days=days, with_library=False) for key, row in found.items()}
    return defaultdict(float, {key: float(one.mean.mean()) for key, one in each.items()})
