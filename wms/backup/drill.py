"""Drill: a backup that nobody brought back is a hope. This one is brought back and proven.

    copy (if there is none) -> wait for the log -> restore elsewhere -> `soko verify` -> compare

What is compared: the last seal of the books before the drill is there with the same hash, so that
every movement under it is there, unchanged (Z2 proves that); and the movements are as many as
before the drill or more, never more than after it. The drill changes nothing of the server but one
mark in its log.
"""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import psycopg
from sqlalchemy import make_url, text

from wms.backup.archive import Archive, BackupFailed
from wms.backup.restore import restore
from wms.books import LAWS
from wms.database import Database
from wms.postgres import EmbeddedPostgres
from wms.stock import seal
from wms.stock.prove import prove

FOLLOWED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """What a drill found. Seconds; `lost_s` is between now and the last commit brought back."""

    movements: int
    clean: bool
    seal_is_there: bool
    restored_to: datetime | None
    lost_s: float
    copy_bytes: int
    restore_s: float
    prove_s: float

    @property
    def is_good(self) -> bool:
        """Whether that backup would do."""
        return self.clean and self.seal_is_there


def drill(archive: Archive, url: str, *, key: Path, scratch: Path | None = None) -> Drilled:
    """Bring the newest back beside what runs, in a folder that is deleted afterwards.

    Raises:
        BackupFailed: it cannot be brought back, or has less or more than there was.
    """
    if not archive.bases():
        archive.take(url)
    live = Database(url, pool_size=1, role=None)
    with closing(live):
        before = live.run(lambda s: (seal.last(s), s.execute(text(_COUNT)).scalar_one()))
        known, least = before
        asked_at = mark(url)
        await_log(url)
        most = live.run(lambda s: s.execute(text(_COUNT)).scalar_one())
    with TemporaryDirectory(prefix="soko-drill-", dir=scratch) as place:
        Path(place).chmod(0o755)
        done = restore(archive, Path(place) / "postgres")
        started_s = monotonic()
        with EmbeddedPostgres(Path(place) / "postgres") as server:
            back = Database(server.url, pool_size=2)
            with closing(back):
                report = prove(back, LAWS, key=key, full=True)
                found = back.run(lambda s: {each.number: each.hash for each in seal.chain(s)})
                movements = int(back.run(lambda s: s.execute(text(_COUNT)).scalar_one()))
        prove_s = monotonic() - started_s
    if not least <= movements <= most:
        raise BackupFailed(f"{movements} movements came back, of {least} to {most}")
    last = done.last_commit_at
    return Drilled(
        movements=movements,
        clean=report.clean,
        seal_is_there=known is None or found.get(known.number) == known.hash,
        restored_to=last,
        lost_s=max(0.0, (asked_at - last).total_seconds()) if last else 0.0,
        copy_bytes=done.base.bytes,
        restore_s=round(done.seconds, 2),
        prove_s=round(prove_s, 2),
    )


def mark(url: str) -> datetime:
    """A commit that is the newest, and its time: a log goes to a second only by a later commit."""
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        row = connection.execute(
            "SELECT now(), pg_logical_emit_message(true, 'soko', 'drill')"
        ).fetchone()
    assert row is not None
    at: datetime = row[0]
    return at


def await_log(url: str) -> None:
    """Wait until who follows the log has had what is in it now; without a follower go on.

    Raises:
        BackupFailed: there is one, and it is too far behind.
    """
    behind = (
        "SELECT count(*) FILTER (WHERE flush_lsn < %s::pg_lsn OR flush_lsn IS NULL)"
        " FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"
    )
    until = monotonic() + FOLLOWED_WITHIN_S
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        here = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
        assert here is not None
        while connection.execute(behind, [here[0]]).fetchone() != (0,):
            if monotonic() > until:
                raise BackupFailed(f"the follower has had nothing for {FOLLOWED_WITHIN_S:g} s")
            connection.execute("SELECT pg_sleep(0.05)")


def _plain(url: str) -> str:
    address = make_url(url).set(drivername="postgresql")
    return address.render_as_string(hide_password=False)


_COUNT = "SELECT count(*) FROM movement"
