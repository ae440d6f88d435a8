"""How the alarms of some hours went: how many for each operator, in floods, of whom, since when.

    a flood      more than ten in ten minutes, wherever the ten minutes begin
    chattering   the same trouble of the same machine three times within a minute
    stale        stands for more than a day
    an operator  one of those who share what comes; the site file says how many (`[alarms]`)

What the standard would have beside it: 6 an hour and operator, no flood in 99 of 100 spans of ten
minutes, nobody chattering, 5 stale at most; of all alarms 5 % urgent, 15 % high, 80 % low.
Source: ISA-18.2 / IEC 62682, clause 16 (monitoring and assessment).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wms.control.model import AlarmEvent
from wms.control.rules import FLOOD, FLOOD_WITHIN
from wms.outbound.model import ExceptionRow

CHATTERS, A_MINUTE = 3, timedelta(minutes=1)
A_DAY = timedelta(hours=24)
WORST = 10


def figures(
    session: Session, site_id: UUID, since: datetime, now: datetime, operators: int = 1
) -> dict[str, Any]:
    """What came from then to now. Shares are of one; `per_hour` is of all operators together."""
    query = (
        select(AlarmEvent.at, AlarmEvent.source, AlarmEvent.code, AlarmEvent.priority)
        .where(AlarmEvent.site_id == site_id, AlarmEvent.what == "RAISED")
        .where(AlarmEvent.at > since, AlarmEvent.at <= now)
        .order_by(AlarmEvent.at)
    )
    raised = session.execute(query).all()
    hours = max((now - since).total_seconds() / 3600, 1e-9)
    spans = Counter(int((row.at - since).total_seconds()) // 600 for row in raised)
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for row in raised:
        times[row.source, row.code].append(row.at)
    actors = sorted(times, key=lambda actor: (-len(times[actor]), actor))[:WORST]
    old = (
        select(ExceptionRow.source, ExceptionRow.code)
        .where(ExceptionRow.site_id == site_id, ExceptionRow.active, ExceptionRow.at < now - A_DAY)
        .order_by(ExceptionRow.source, ExceptionRow.code)
    )
    stale = [f"{source} {code}" for source, code in session.execute(old)]
    return {
        "raised": len(raised),
        "operators": operators,
        "per_hour": round(len(raised) / hours, 2),
        "per_hour_operator": round(len(raised) / hours / operators, 2),
        "by_priority": {str(n): sum(row.priority == n for row in raised) for n in (1, 2, 3)},
        "flood_share": round(
            sum(count > FLOOD for count in spans.values()) / max(1.0, hours * 6), 4
        ),
        "peak": most_within((row.at for row in raised), FLOOD_WITHIN),
        "bad_actors": [
            {"source": source, "code": code, "times": len(times[source, code])}
            for source, code in actors
        ],
        "chattering": sorted(
            f"{source} {code}"
            for (source, code), at in times.items()
            if most_within(at, A_MINUTE) >= CHATTERS
        ),
        "stale": len(stale),
        "stale_ones": stale[:WORST],
    }


def most_within(times: Iterable[datetime], span: timedelta) -> int:
    """The most of them that lie within that long, wherever it begins; they are in order."""
    at: Sequence[datetime] = list(times)
    most = start = 0
    for end, one in enumerate(at):
        while one - at[start] > span:
            start += 1
        most = max(most, end - start + 1)
    return most
