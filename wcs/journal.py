"""The journal: every inbox with its time, written and committed before anything leaves.

    inbox ──> step ──> one transaction: batch (inbox, now, outbox), stream positions,
                       messages for the WMS                          ──> acks, commands, stream

So the state can always be made again: the latest snapshot, and every batch after it once more.
The same file holds what the WMS has yet to take over (it is the storage of that stream) and how
far the incoming streams have been taken in; all of it moves in the same transaction, so nothing
is taken in twice or said twice, wherever a kill strikes. The site file goes in too: a journal
can be replayed anywhere.

Whoever opens the file to write begins a new **term**, and each commit makes sure that the term is
still its own. So a process that hung, and whose journal another one took over (wcs.standby),
commits nothing more, and thus says nothing more, when it goes on.

Laws:
    before      nothing leaves that is not committed (the caller sends after `write`)
    exact       `state()` is the state of the process that was killed, byte for byte
    one owner   a second process that opens the file is refused, unless it takes it over
    one term    what was taken over takes no commit of an earlier term

Inbox, outbox and snapshots are JSON, deflated. Source: SQLite WAL with synchronous=FULL.
"""

import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import IO
from uuid import UUID

from typing_extensions import override

from edge import dead
from edge.dead import DeadLetter
from edge.kept import InUse, Kept, connect, own
from wcs import charges
from wcs.engine import Engine, Incoming, inbox_json
from wcs.messages import from_wcs
from wcs.plant import Plant, read_plant
from wcs.state import Outbox, State, fresh_state, from_json, outbox_json, to_json

SNAPSHOT_EVERY = 1_000  # batches
BATCHES_KEPT = 1_000_000

_SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS site (first INTEGER PRIMARY KEY, file TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS batch (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, inbox BLOB NOT NULL, outbox BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot (batch INTEGER PRIMARY KEY, state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS position (
    stream TEXT, epoch TEXT, seq INTEGER NOT NULL, PRIMARY KEY (stream, epoch));
CREATE TABLE IF NOT EXISTS message (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS epoch (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS term (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
"""
    + dead.SCHEMA
    + charges.SCHEMA
)


class Superseded(Exception):  # noqa: N818 - reads as a situation
    """Another process has taken the journal over: this one leads no more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One step as it was taken."""

    id: int
    at: datetime
    inbox: list[Incoming]
    outbox: bytes  # JSON


class Journal(Kept):
    """The journal of one site, open for writing. It is the Storage of the stream to the WMS."""

    def __init__(
        self, path: Path, site_file: str, *, term: int = 0, takes_over: bool = False
    ) -> None:
        """Open or make the file, and begin a new term: `term`, if it is later than all before.

        With `takes_over` the process that has it open leads no more, whether it knows it or not.

        Raises:
            InUse: another process has it open.
            PlantError: the site file has faults.
        """
        self.plant = read_plant(site_file)
        self._owner = _own(path, takes_over=takes_over)
        self.path = path
        self._lock = Lock()
        self._db = connect(path)
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO epoch VALUES (1, ?)", (_new_epoch(),))
        self._db.execute(
            "INSERT INTO term VALUES (1, max(1, ?)) "
            "ON CONFLICT DO UPDATE SET number = max(number + 1, ?)",
            (term, term),
        )
        self.term = int(self._value("SELECT number FROM term") or 0)
        self._epoch = str(self._value("SELECT name FROM epoch"))
        self._batch = int(self._value("SELECT max(id) FROM batch") or 0)
        self._last = int(
            self._value("SELECT max(seq) FROM sqlite_sequence WHERE name = 'message'") or 0
        )
        first = self._value("SELECT min(seq) FROM message")
        self._acked = self._last if first is None else int(first) - 1
        self._site_file = site_file
        self._warm: tuple[int, State] | None = None
        self._aside: list[DeadLetter] = []
        self._dug_up: list[int] = []

    @override
    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._owner.close()

    # -------------------------------------------------------------------------- state
    def state(self, engine: Engine, now: datetime) -> State:
        """The state as the last committed step left it; a fresh one if there was none."""
        row = self._row("SELECT batch, state FROM snapshot ORDER BY batch DESC LIMIT 1")
        if row is None:
            state = fresh_state(engine.plant, now)
            self._remember_site(state)
            return state
        after, state = self._warm or (row[0], from_json(zlib.decompress(row[1])))
        self._warm = None  # whoever gets it goes on with it
        known = self._value("SELECT file FROM site ORDER BY first DESC LIMIT 1")
        then = engine if known == self._site_file else Engine(read_plant(str(known)))
        for batch in batches_after(self._db, after):
            then.step(state, batch.inbox, batch.at)
        if then is not engine:
            self._remember_site(state)
        return state

    def begin_with(self, state: State, batch: int) -> None:
        """Somebody has made the state up to that batch already: `state` begins with it."""
        self._warm = (batch, state)

    def write(
        self,
        now: datetime,
        inbox: Sequence[Incoming],
        outbox: Outbox,
        positions: Mapping[tuple[str, str], int],
        state: State,
    ) -> None:
        """Commit a step: when it returns, what the step said may leave.

        Raises:
            Superseded: another process leads; nothing of this step has been.
        """
        bodies = [from_wcs.dump_json(message) for message in outbox.to_wms]
        with self._lock:
            self._begin()
            self._batch += 1
            rows = [(self._last + n, body) for n, body in enumerate(bodies, 1)]
            self._db.execute(
                "INSERT INTO batch VALUES (?, ?, ?, ?)",
                (
                    self._batch,
                    now.isoformat(),
                    zlib.compress(inbox_json.dump_json(list(inbox)), 1),
                    zlib.compress(outbox_json(outbox), 1),
                ),
            )
            self._db.executemany(
                "INSERT INTO position VALUES (?, ?, ?) "
                "ON CONFLICT (stream, epoch) DO UPDATE SET seq = excluded.seq",
                [(*key, seq) for key, seq in positions.items()],
            )
            self._db.execute("DELETE FROM message WHERE seq <= ?", (self._acked,))
            self._db.executemany("INSERT INTO message VALUES (?, ?)", rows)
            charges.note(self._db, outbox.to_wms)
            dead.bury(self._db, self._aside)
            dead.dig_up(self._db, self._dug_up)
            if self._batch % SNAPSHOT_EVERY == 0:
                self._write_snapshot(state)
            self._db.execute("COMMIT")
            self._last += len(rows)
            self._aside, self._dug_up = [], []

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        term = self._value("SELECT number FROM term")
        if term != self.term:
            self._db.execute("ROLLBACK")
            raise Superseded(f"{self.path} is led by term {term}, and this was {self.term}")

    def _remember_site(self, state: State) -> None:
        with self._lock:
            self._begin()
            self._db.execute(
                "INSERT OR REPLACE INTO site VALUES (?, ?)", (self._batch + 1, self._site_file)
            )
            self._write_snapshot(state)
            self._db.execute("COMMIT")

    def _write_snapshot(self, state: State) -> None:
        body = zlib.compress(to_json(state), 1)
        self._db.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?)", (self._batch, body))
        keep_from = self._value(
            "SELECT max(batch) FROM snapshot WHERE batch <= ?", self._batch - BATCHES_KEPT
        )
        if keep_from is not None:
            self._db.execute("DELETE FROM batch WHERE id <= ?", (keep_from,))
            self._db.execute("DELETE FROM snapshot WHERE batch < ?", (keep_from,))

    def positions(self, stream: str) -> dict[str, int]:
        """How far each epoch of an incoming stream has been taken in."""
        query = "SELECT epoch, seq FROM position WHERE stream = ?"
        return dict(self._db.execute(query, (stream,)).fetchall())

    # -------------------------------------------------------------------------- dead letters
    def sort_letters(self, aside: Sequence[DeadLetter], dug_up: Sequence[int]) -> None:
        """Set messages aside and take letters out: with the next step, in its transaction."""
        self._aside += aside
        self._dug_up += dug_up

    def letters_again(self) -> tuple[list[DeadLetter], int]:
        """The letters that people want tried again, and how many there are in all."""
        with self._lock:
            count = int(self._value("SELECT count(*) FROM dead") or 0)
            return dead.letters(self._db, again=True) if count else [], count

    # -------------------------------------------------------------------------- the stream out
    @property
    def epoch(self) -> str:
        """The name of this journal's numbering of messages to the WMS."""
        return self._epoch

    @property
    def last(self) -> int:
        """The number of the last committed message to the WMS."""
        return self._last

    @property
    def acked(self) -> int:
        """The number of the last message that the WMS has taken over."""
        return self._acked

    def read(self, numbers: range) -> list[bytes]:
        """The bodies of those messages."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM message WHERE seq >= ? AND seq < ? ORDER BY seq",
                (numbers.start, numbers.stop),
            ).fetchall()
        return [body for (body,) in rows]

    def delete_through(self, seq: int) -> None:
        """Forget messages; on disk with the next step."""
        self._acked = max(self._acked, min(seq, self._last))

    def start_over(self) -> None:
        """Begin a new epoch: what is left is numbered from 1 again."""
        with self._lock:
            left = self._last - self._acked
            self._begin()
            self._db.execute("DELETE FROM message WHERE seq <= ?", (self._acked,))
            self._db.execute("UPDATE message SET seq = -seq")  # by way of numbers nobody has
            self._db.execute("UPDATE message SET seq = -seq - ?", (self._acked,))
            self._db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'message'", (left,))
            self._epoch = _new_epoch()
            self._db.execute("UPDATE epoch SET name = ?", (self._epoch,))
            self._db.execute("COMMIT")
            self._last, self._acked = left, 0

    def _row(self, query: str, *values: int) -> tuple[int, bytes] | None:
        row: tuple[int, bytes] | None = self._db.execute(query, values).fetchone()
        return row

    def _value(self, query: str, *values: int) -> str | int | None:
        row: tuple[str | int | None] | None = self._db.execute(query, values).fetchone()
        return row[0] if row else None


@dataclass(frozen=True, slots=True)
class Recording:
    """A journal as it lies there, for reading: where it begins, and every step since."""

    plants: Sequence[tuple[int, Plant]]  # from which batch on, in order
    state: State
    after: int
    path: Path

    def batches(self) -> Iterator[Batch]:
        """Every step after the state, in order."""
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as db:
            yield from batches_after(db, self.after)
        db.close()


def open_recording(path: Path) -> Recording:
    """A journal from its first snapshot on. It may belong to a running WCS.

    Raises:
        FileNotFoundError: there is no such file, or nothing in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no journal {path}")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        row = db.execute("SELECT batch, state FROM snapshot ORDER BY batch LIMIT 1").fetchone()
        files = db.execute("SELECT first, file FROM site ORDER BY first").fetchall()
    db.close()
    if row is None:
        raise FileNotFoundError(f"nothing is in the journal {path}")
    return Recording(
        plants=[(first, read_plant(file)) for first, file in files],
        state=from_json(zlib.decompress(row[1])),
        after=row[0],
        path=path,
    )


def batches_after(db: sqlite3.Connection, after: int) -> Iterator[Batch]:
    """The steps of a journal after that one, in order."""
    query = "SELECT id, at, inbox, outbox FROM batch WHERE id > ? ORDER BY id"
    for number, at, inbox, outbox in db.execute(query, (after,)):
        yield Batch(
            id=number,
            at=datetime.fromisoformat(at),
            inbox=inbox_json.validate_json(zlib.decompress(inbox)),
            outbox=zlib.decompress(outbox),
        )


def _own(path: Path, *, takes_over: bool) -> IO[str]:
    """The lock beside a journal. Who takes over puts a lock of its own in the place of the old."""
    lock = path.with_suffix(".lock")
    file = own(path, path.with_suffix(f".lock-{os.getpid()}") if takes_over else lock)
    if takes_over:
        Path(file.name).replace(lock)
    if not os.path.samestat(os.fstat(file.fileno()), lock.stat()):  # replaced since we opened it
        file.close()
        raise InUse(path)
    return file


def is_owned(path: Path) -> bool:
    """Whether a process has the journal open to write."""
    try:
        _own(path, takes_over=False).close()
    except InUse:
        return True
    return False


def _new_epoch() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))
