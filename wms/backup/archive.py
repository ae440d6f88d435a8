"""The folder of copies and log, and PostgreSQL's own tools that fill it (wms.backup).

Laws: a copy has its name when it is whole and its manifest was proven, never before; no piece of
log goes that a copy needs which stays; the server keeps what the follower has not had (a slot),
but no more than KEPT_FOR_FOLLOWER_MB, so that a follower that died cannot fill its disk.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from edge.process import Child
from wms.errors import Unavailable
from wms.postgres import PostgresFailed, programs

SLOT = "soko_backup"
KEPT_FOR_FOLLOWER_MB = 4096
_NAME = "%Y%m%dT%H%M%S.%fZ"
_SEGMENT = re.compile(r"[0-9A-F]{24}(\.partial)?|[0-9A-F]{8}\.history")
_START = re.compile(r"START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)")


class BackupFailed(Unavailable):
    """A copy could not be made or brought back; the text says why."""

    code = "backup_failed"


@dataclass(frozen=True, slots=True)
class Base:
    """A copy of all data."""

    path: Path
    ready_at: datetime  # by the server's clock; every second after it can be had
    first: str  # the piece of log that it begins with

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())


class Archive:
    """A folder with copies of one database server and its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.wal = self.folder / "wal"

    def bases(self) -> list[Base]:
        """The copies, oldest first."""
        found = []
        for path in sorted((self.folder / "base").glob("*Z")):
            label = _START.search((path / "backup_label").read_text(encoding="utf-8"))
            assert label is not None, f"{path} is no copy of a server"
            at = datetime.strptime(path.name, _NAME).replace(tzinfo=UTC)
            found.append(Base(path, at, label[1]))
        return found

    def segments(self, first: str) -> Iterator[tuple[Path, str]]:
        """Pieces of log from that one on, each with the name that the server wants it to have."""
        if not self.wal.exists():
            return
        whole = {path.name for path in self.wal.iterdir()}
        for path in sorted(self.wal.iterdir()):
            name = path.name.removesuffix(".partial")
            if not _SEGMENT.fullmatch(path.name) or (name != path.name and name in whole):
                continue
            # the first eight digits count timelines; the order within them is the rest's
            if name.endswith(".history") or name[8:] >= first[8:]:
                yield path, name

    def take(self, url: str, *, keep: int = 0) -> Base:
        """Copy the server's data; keep only so many copies, all with 0.

        Raises:
            BackupFailed: the server is away, does not let us, or the copy is not whole.
        """
        fresh = self.folder / "base" / "new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _secret(url) as (where, environment):
            _run(
                ["pg_basebackup", "--pgdata", str(fresh), "--wal-method=stream", "--no-password",
                 "--checkpoint=fast", "--label=soko", "--dbname", where],
                environment,
            )  # fmt: skip
        _run(["pg_verifybackup", "--quiet", str(fresh)], {})
        with _asking(url) as connection:
            row = connection.execute("SELECT now()").fetchone()
        assert row is not None
        fresh.rename(fresh.with_name(row[0].astimezone(UTC).strftime(_NAME)))
        self.forget(keep)
        return self.bases()[-1]

    def forget(self, keep: int) -> None:
        """Keep the newest so many copies and the log that they need; 0: keep all."""
        if keep <= 0:
            return
        for old in self.bases()[:-keep]:
            shutil.rmtree(old.path)
        needed = {path for path, _ in self.segments(self.bases()[0].first)}
        for path in list(self.wal.iterdir()) if self.wal.exists() else ():
            if _SEGMENT.fullmatch(path.name) and path not in needed:
                path.unlink()

    @contextmanager
    def follower(self, url: str) -> Iterator[Child]:
        """A child that streams the log into the folder, started anew by a keeper (edge.process).

        Raises:
            BackupFailed: the server is away, or does not let us.
        """
        self.wal.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_slot(url)
        with _secret(url) as (where, environment):
            yield Child(
                (_program("pg_receivewal"), "--directory", str(self.wal), "--slot", SLOT,
                 "--synchronous", "--no-password", "--no-loop", "--dbname", where),
                name="follow",
                folder=self.folder,
                env=environment,
            )  # fmt: skip


def _make_slot(url: str) -> None:
    """The server is to keep what we have not had, within reason."""
    with _asking(url) as connection:
        query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s"
        if connection.execute(query, [SLOT]).fetchone() is None:
            connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
        row = connection.execute("SHOW max_slot_wal_keep_size").fetchone()
        if row == ("-1",):
            size = sql.Literal(f"{KEPT_FOR_FOLLOWER_MB}MB")
            order = sql.SQL("ALTER SYSTEM SET max_slot_wal_keep_size = {}").format(size)
            connection.execute(order)
            connection.execute("SELECT pg_reload_conf()")


@contextmanager
def _asking(url: str) -> Iterator[psycopg.Connection]:
    """A connection.

    Raises:
        BackupFailed: the server is away.
    """
    try:
        connection = psycopg.connect(_plain(url), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise BackupFailed(str(error).strip()) from error
    with closing(connection):
        yield connection


@contextmanager
def _secret(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The address without its password, and the password where other users cannot read it."""
    address = make_url(url)
    password = address.password
    where = _plain(address.set(password=None) if password else address)
    yield where, {"PGPASSWORD": str(password)} if password else {}


def _plain(url: str | URL) -> str:
    address = make_url(url).set(drivername="postgresql")
    return address.render_as_string(hide_password=False)


def _run(words: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own tools
        [_program(words[0]), *words[1:]],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BackupFailed(f"{words[0]}: {(done.stderr or done.stdout).strip()}")


def _program(name: str) -> str:
    try:
        return str(programs() / name)
    except PostgresFailed:
        found = shutil.which(name)
    if found is None:
        raise BackupFailed(f"there is no {name}: install postgresql-client")
    return found
