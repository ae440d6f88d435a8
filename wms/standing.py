"""How things stand in the database: what waits, for how long, and whether its log is kept.

    Standing(database).job()     asked again and again by the worker
    Standing(...).figures()      what was found last: nobody who reads figures waits for a database

Every question goes by an index that has only what waits, so that it costs the same on the
busiest day. Seconds are by the database's clock.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from wms.database import Database
from wms.job import Job
from wms.observe import Found

LOOK_S = 15.0

# what waits -> how many, since when
_WAITING = {
    "orders": "SELECT count(*), min(recorded_at) FROM customer_order"
    " WHERE NOT sourced AND NOT closed",
    "allocations": "SELECT count(*), min(ordered_at) FROM allocation WHERE state = 'ALLOCATED'",
    "tasks": "SELECT count(*), NULL::timestamptz FROM task WHERE state IN ('OPEN', 'LEASED')",
    "deliveries": "SELECT count(*), min(due_at) FROM webhook_delivery WHERE state = 'DUE'"
    " AND due_at < clock_timestamp()",
    "events": "SELECT count(*), min(at) FROM outbox WHERE position IS NULL",
    "expiries": "SELECT count(*), min(expires_at) FROM hold WHERE state = 'HELD'"
    " AND expires_at < clock_timestamp()",
}
_AGES = """
SELECT found.*, extract(epoch FROM clock_timestamp() - found.since)::float8 AS age_s
FROM ({0}) AS found (units, since)
"""
_FOLLOWERS = """
SELECT active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8
FROM pg_replication_slots WHERE slot_name = 'soko_backup'
"""


class Standing:
    """What was found when it was last looked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: Found = []

    def job(self) -> Job:
        """Looks."""
        return Job(name="look", run=self.look, idle_s=LOOK_S)

    def look(self) -> int:
        """Ask everything; nothing is left to be done at once."""
        self._found = self._database.run(lambda s: list(_ask(s)))
        return 0

    def figures(self) -> Found:
        """The last answers."""
        return self._found


def _ask(session: Session) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for what, question in _WAITING.items():
        row = session.execute(text(_AGES.format(question))).one()
        yield "soko_waiting", {"what": what}, float(row.units)
        yield "soko_oldest_seconds", {"what": what}, max(0.0, row.age_s or 0.0)
    size = "SELECT pg_database_size(current_database())"
    yield "soko_database_bytes", {}, float(session.execute(text(size)).scalar_one())
    for is_active, lag_bytes in session.execute(text(_FOLLOWERS)):
        yield "soko_following", {}, float(is_active)
        yield "soko_follow_lag_bytes", {}, lag_bytes or 0.0
