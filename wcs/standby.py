"""The second WCS of a site: follows the journal of the first, and leads when that one falls.

    first    ── batches ──> journal <── reads ── standby: the same steps on a state of its own
      killed                    its lock is free          -> leads at once
      hangs                     no batch for `silent_s`   -> takes the journal over

The state is kept warm: batch after batch goes through an engine here, so that leading begins with
the few steps that are left, however long the snapshot is ago. A WCS that leads writes ten batches
a second whatever happens; one that writes none hangs. Should it go on one day, its term is over
(wcs.journal), and the edge obeys it no more (edge.fence).

The journal lies on one disk that both can write: two processes of a machine, or of two machines
of which a cluster manager gives the disk to one at a time.

Units: seconds, real.
"""

import asyncio
import sqlite3
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge.kept import InUse
from wcs.engine import Engine
from wcs.journal import Journal, batches_after, is_owned
from wcs.plant import read_plant
from wcs.state import State, from_json

LOOK_EVERY_S = 0.2
SILENT_S = 3.0


class Standby:
    """One who follows a journal. `lead` returns when it is to lead.

    Attributes:
        batch: the last batch that its state has; 0 before the first look that found something.
    """

    def __init__(self, path: Path, *, silent_s: float = SILENT_S) -> None:
        self.batch = 0
        self._path, self._silent_s = path, silent_s
        self._state: State | None = None
        self._engine: Engine | None = None
        self._file = ""

    async def lead(self, site_file: str, term: Callable[[], int]) -> Journal:
        """Wait until nobody leads, and open the journal in the term that is then asked for.

        Raises:
            PlantError: the site file has faults.
        """
        read_plant(site_file)  # not only when it is too late
        heard_s = time.monotonic()
        while True:
            if await asyncio.to_thread(self.look):
                heard_s = time.monotonic()
            hangs = time.monotonic() - heard_s >= self._silent_s
            if hangs or not is_owned(self._path):
                try:
                    journal = Journal(self._path, site_file, term=term(), takes_over=hangs)
                except InUse:  # another standby was quicker
                    heard_s = time.monotonic()
                    continue
                if self._state is not None:
                    journal.begin_with(self._state, self.batch)
                return journal
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> bool:
        """Take in what has been written since the last look; whether there was anything."""
        if not self._path.is_file():
            return False
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
                return self._take(db)
        except sqlite3.OperationalError:  # it is being made just now
            return False

    def _take(self, db: sqlite3.Connection) -> bool:
        before = self.batch
        file = db.execute("SELECT file FROM site ORDER BY first DESC LIMIT 1").fetchone()
        if self._state is None or file[0] != self._file:
            row = db.execute("SELECT batch, state FROM snapshot ORDER BY batch DESC LIMIT 1")
            if (found := row.fetchone()) is None:
                return False
            self.batch, self._file = found[0], file[0]
            self._state = from_json(zlib.decompress(found[1]))
            self._engine = Engine(read_plant(self._file))
        assert self._engine is not None
        for batch in batches_after(db, self.batch):
            self._engine.step(self._state, batch.inbox, batch.at)
            self.batch = batch.id
        return self.batch != before
