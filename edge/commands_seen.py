"""Which commands have been begun: no machine is made to do the same twice.

A command that moves something (let a carton go, divert it, print, cancel) has an id. The edge
writes the id down, durably, *before* it tells the device:

    first_time(id)  True   -> tell the device
                    False  -> it was begun before; whether it was done is asked of the device,
                              never tried again blindly

So whatever is doubled on the network, said again by a core that forgot, or cut off by a kill
between writing and telling, a device is told at most once. An id is remembered until its command
would be too late anyway, and `KEPT` more; the core repeats nothing that is older.

Laws:
    at most once   `first_time` says True once for an id, over any number of restarts
    durable        it says so after fsync
    bounded        ids past their time are forgotten; the file does not grow with the years

Usable from several threads. One commit takes what the disk takes (milliseconds): from an event
loop, `await asyncio.to_thread(executed.first_time, ...)`.
"""

import threading
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from typing_extensions import override

from edge.kept import Kept, connect, own

KEPT = timedelta(days=7)
SWEEP_EVERY = 1_000  # new ids between two looks for old ones

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (command BLOB PRIMARY KEY, until_s REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_until ON seen (until_s);
"""


class Executed(Kept):
    """The ids of commands that were begun, in a file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            InUse: another process has it open.
        """
        self._owner = own(path)
        self._lock = threading.Lock()
        self._db = connect(path)
        self._db.executescript(_SCHEMA)
        self._new = 0

    @override
    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._owner.close()

    def __len__(self) -> int:
        """How many ids are remembered."""
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM seen").fetchone()
        return int(count)

    def first_time(
        self, command: UUID, now: datetime, *, expires_at: datetime | None = None
    ) -> bool:
        """Whether this command may be told now; from then on it may not.

        It is remembered for `KEPT` after `now`, or after `expires_at` if that is later.
        """
        until = max(now, expires_at or now) + KEPT
        with self._lock:
            if self._new % SWEEP_EVERY == 0:
                self._db.execute("DELETE FROM seen WHERE until_s < ?", (now.timestamp(),))
            added = self._db.execute(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)", (command.bytes, until.timestamp())
            ).rowcount
            self._new += added
        return added == 1
