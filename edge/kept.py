"""Files that outlive a kill and belong to one process at a time.

    connect(path)   a SQLite file whose commits survive kill -9 and a power cut
    own(path)       the lock beside it: whoever has it may write; it ends with the process
    Kept            what is open until the end of a `with`

Source: SQLite WAL with synchronous=FULL; flock(2).
"""

import fcntl
import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class InUse(Exception):  # noqa: N818 - reads as a situation
    """Another process has this file open to write."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process")


def connect(path: Path) -> sqlite3.Connection:
    """A SQLite file whose commits survive kill -9 and a power cut."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def own(path: Path, lock: Path | None = None) -> IO[str]:
    """The lock of a file (`lock`, or beside it), until it is closed or its process is gone.

    Raises:
        InUse: another process has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = (lock or path.with_suffix(".lock")).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise InUse(path) from error
    return file


class Kept(ABC):
    """Something that is open until the end of a `with`, or until `close`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close it; what is in it stays."""
