"""What each kind of work came to in the last hour, in twelve slots of five minutes; what waits.

Work is the lines that people finish at the handheld, by the kind of task (one without lines counts
as one), and `ship`, parcels that have left. The plan to hold it against stands in the site file:
`[[targets]] area = "pick", per_hour = 120`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

SLOTS, SLOT_S = 12, 300
_DONE = text("""
SELECT kind, floor(extract(epoch FROM done_at - :since) / :slot)::int AS slot,
       sum(greatest(lines, 1))
  FROM task WHERE site_id = :site AND state = 'DONE' AND done_at > :since AND done_at <= :now
 GROUP BY 1, 2
UNION ALL
SELECT 'ship', floor(extract(epoch FROM shipped_at - :since) / :slot)::int, count(*)
  FROM parcel WHERE site_id = :site AND shipped_at > :since AND shipped_at <= :now GROUP BY 2
""")
_OPEN = text(
    "SELECT kind, sum(greatest(lines, 1)) FROM task WHERE site_id = :site"
    " AND state NOT IN ('DONE', 'CANCELLED') GROUP BY kind"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfWork:
    """One kind of work: finished by slot, the oldest first, and how much is open."""

    kind: str
    done: list[int]
    open: int


def last_hour(session: Session, site_id: UUID, *, now: datetime) -> list[KindOfWork]:
    """Every kind that was finished in the last hour or is open, by name."""
    since = now - timedelta(seconds=SLOTS * SLOT_S)
    done: dict[str, list[int]] = defaultdict(lambda: [0] * SLOTS)
    asked = {"site": site_id, "since": since, "now": now, "slot": SLOT_S}
    for kind, slot, count in session.execute(_DONE, asked):
        done[kind][min(slot, SLOTS - 1)] += int(count)
    waits = {kind: int(count) for kind, count in session.execute(_OPEN, {"site": site_id})}
    return [
        KindOfWork(kind=kind, done=done[kind], open=waits.get(kind, 0))
        for kind in sorted({*done, *waits})
    ]
