"""What the simulated world must not forget when its process is killed.

A table of named things, each in a group, as JSON in SQLite. A write is committed when the call
returns; a killed process loses none of them. Rule of the world: write down, then tell.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any


class Memory:
    """Things by group and key."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS thing (kind TEXT, key TEXT, value TEXT,"
            " PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def put(self, kind: str, key: str, value: Any) -> None:
        """Remember a thing, in place of what was remembered by that key."""
        self._database.execute(
            "INSERT OR REPLACE INTO thing VALUES (?, ?, ?)", (kind, key, json.dumps(value))
        )

    def get(self, kind: str, key: str) -> Any:
        """The thing of that key, or None."""
        row = self._database.execute(
            "SELECT value FROM thing WHERE kind = ? AND key = ?", (kind, key)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def all(self, kind: str) -> dict[str, Any]:
        """All things of a group, by key, in the order of their keys."""
        rows = self._database.execute(
            "SELECT key, value FROM thing WHERE kind = ? ORDER BY key", (kind,)
        )
        return {key: json.loads(value) for key, value in rows}

    def forget(self, kind: str, key: str) -> None:
        """No longer remember it; forgetting the unknown is fine."""
        self._database.execute("DELETE FROM thing WHERE kind = ? AND key = ?", (kind, key))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
