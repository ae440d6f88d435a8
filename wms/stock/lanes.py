"""Lanes: goods that have been on their way for too long are put before people.

    sweep(session, now=now)     raises, raises again and ends alarms; returns how many it raised

How long is too long depends on the lane: `lane_limit` says what differs from the usual days
(lane_days, in posting/proof.sql). What certainly is there for longer is what is there less all
that came since; no unit needs a date of its own. `lane_alarm` has one row a SKU and lane, each
raise is told as the event LaneOverdue, and `soko verify` (I13) names what nobody was told of.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms import outbox

_LATE = text(
    "SELECT * FROM lane_overdue(interval '0', false)"
    " UNION ALL SELECT * FROM lane_overdue(interval '0', true) WHERE :network"
)
_KNOWN = text("SELECT site_id, location_id, sku_id, owner_id, lot, units FROM lane_alarm")
_RAISE = text(
    "INSERT INTO lane_alarm (site_id, location_id, sku_id, owner_id, lot, units, raised_at)"
    " VALUES (:site_id, :location_id, :sku_id, :owner_id, :lot, :units, :now)"
    " ON CONFLICT (site_id, location_id, sku_id, owner_id, lot)"
    " DO UPDATE SET units = excluded.units, raised_at = excluded.raised_at"
)
_END = text(
    "DELETE FROM lane_alarm WHERE site_id = :site_id AND location_id = :location_id"
    " AND sku_id = :sku_id AND owner_id = :owner_id AND lot = :lot"
)
_KEY = ("site_id", "location_id", "sku_id", "owner_id", "lot")


def sweep(session: Session, *, now: datetime, network: bool = True) -> int:
    """Alarms are as the lanes are. Returns how many were raised, or raised for more units.

    `network`: between sites too; a cell that has not all sites cannot tell.
    """
    late = {_key(row): row for row in session.execute(_LATE, {"network": network})}
    known = {_key(row): int(row.units) for row in session.execute(_KNOWN)}
    for key in known.keys() - late.keys():
        session.execute(_END, dict(zip(_KEY, key, strict=True)))
    raised = 0
    for key, row in sorted(late.items()):
        if row.units == known.get(key):
            continue
        facts = dict(zip(_KEY, key, strict=True)) | {"units": row.units}
        session.execute(_RAISE, facts | {"now": now})
        if row.units > known.get(key, 0):
            raised += 1
            body = {name: str(value) for name, value in zip(_KEY, key, strict=True)}
            body |= {"units": row.units, "lane": row.lane, "days": row.days}
            outbox.record(
                session, topic="lane", key=str(row.site_id), type="LaneOverdue", body=body, now=now
            )
    return raised


def _key(row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _KEY)
