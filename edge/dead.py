"""Dead letters: messages that arrived and could not be understood, set aside for people.

A receiver that met one it does not know (a newer version's type, a field out of range) must not
hold up all that follow, and must not lose it either. So it writes the message into this table, in
the transaction that says how far its stream was taken, and goes on. People look at the list, mend
what was wrong (mostly: upgrade), and have a letter tried again; it is then taken out in the
transaction that takes it in. A letter is about one message: the key says which.

The table lies in the receiver's own file (for site control: its journal). It is bounded: at most
`LETTERS_MAX`, none older than `KEPT`; the oldest go first, which is logged and counted. A sender
that says nothing else than nonsense fills no disk.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog

log = structlog.get_logger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS dead (
    id INTEGER PRIMARY KEY, stream TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    at TEXT NOT NULL, problem TEXT NOT NULL, body BLOB NOT NULL, again INTEGER NOT NULL DEFAULT 0,
    UNIQUE (stream, epoch, seq));
"""
PROBLEM_MAX = 1_000  # characters
LETTERS_MAX = 10_000
KEPT = timedelta(days=90)  # before the latest


class DeadLetter(NamedTuple):
    """A message that was set aside; `id` is 0 until it is written."""

    id: int
    stream: str  # who sent it: "edge", "wms"
    epoch: str
    seq: int
    at: datetime
    problem: str
    body: Mapping[str, Any]


def bury(db: sqlite3.Connection, letters: Sequence[DeadLetter]) -> None:
    """Write letters down, in the transaction of the caller; one that lies there gets the news."""
    db.executemany(
        "INSERT INTO dead (stream, epoch, seq, at, problem, body) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (stream, epoch, seq) DO UPDATE SET problem = excluded.problem, again = 0",
        [
            (
                letter.stream,
                letter.epoch,
                letter.seq,
                letter.at.isoformat(),
                letter.problem[:PROBLEM_MAX],
                json.dumps(letter.body).encode(),
            )
            for letter in letters
        ],
    )
    if letters:
        _let_go(db, max(letter.at for letter in letters))


def _let_go(db: sqlite3.Connection, now: datetime) -> None:
    count = db.execute(
        "DELETE FROM dead WHERE at < ? OR id <= (SELECT id FROM dead ORDER BY id DESC"
        " LIMIT 1 OFFSET ?)",
        ((now - KEPT).isoformat(), LETTERS_MAX),
    ).rowcount
    if count:
        log.error("dead.let_go", letters=count, kept_days=KEPT.days, kept_most=LETTERS_MAX)


def dig_up(db: sqlite3.Connection, ids: Sequence[int]) -> None:
    """Take letters out, in the transaction of the caller."""
    db.executemany("DELETE FROM dead WHERE id = ?", [(each,) for each in ids])


def letters(db: sqlite3.Connection, *, again: bool = False) -> list[DeadLetter]:
    """All letters in order, or those that are to be tried again."""
    query = "SELECT * FROM dead WHERE again >= ? ORDER BY id"
    return [
        DeadLetter(
            number, stream, epoch, seq, datetime.fromisoformat(at), problem, json.loads(body)
        )
        for number, stream, epoch, seq, at, problem, body, _ in db.execute(query, (int(again),))
    ]


def ask_again(path: Path, ids: Sequence[int] | None) -> int:
    """Have the letters of a file tried again (None: all) by who owns it; how many are there.

    It may be running: it looks for such letters every second.
    """
    with _open(path) as db:
        if ids is None:
            count = db.execute("UPDATE dead SET again = 1").rowcount
        else:
            marks = [(each,) for each in ids]
            count = db.executemany("UPDATE dead SET again = 1 WHERE id = ?", marks).rowcount
        db.commit()
    db.close()
    return count


def read_letters(path: Path) -> list[DeadLetter]:
    """The letters in a file, which may belong to a running process.

    Raises:
        FileNotFoundError: there is no such file, or no letters are kept in it.
    """
    with _open(path) as db:
        found = letters(db)
    db.close()
    return found


def _open(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    db = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'dead'").fetchone() is None:
        db.close()
        raise FileNotFoundError(f"no dead letters are kept in {path}")
    return db
