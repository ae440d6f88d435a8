"""Who is signed in, as of a few seconds ago: every request asks, few need the database.

A session that was ended, locked or revoked by another process is refused at the latest `KEPT_S`
after; by this one, at once.
"""

import threading
import time
from collections import OrderedDict
from datetime import datetime

from wms.database import Database
from wms.people.entry import Known, who

KEPT_S = 3.0
SESSIONS_MAX = 10_000


class People:
    """Sessions by their token. Safe for threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, tuple[float, Known]] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, token: str) -> Known | None:
        """Who it is, if that was asked just now."""
        with self._lock:
            found = self._known.get(token)
        return found[1] if found and time.monotonic() - found[0] < KEPT_S else None

    def ask(self, token: str, *, now: datetime, is_there: bool = True) -> Known:
        """Who it is; `is_there`: it is they who ask, not their device by itself.

        Raises:
            SignInNeeded, SessionLocked, DeviceUnknown: nobody, or not now.
        """
        known = self._database.run(lambda s: who(s, token, now=now, is_there=is_there))
        with self._lock:
            self._known[token] = time.monotonic(), known
            self._known.move_to_end(token)
            while len(self._known) > SESSIONS_MAX:
                self._known.popitem(last=False)
        return known

    def forget(self) -> None:
        """Ask again: somebody has come, gone or been revoked."""
        with self._lock:
            self._known.clear()
