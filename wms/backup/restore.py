"""Restore: a copy of the database and its log, up to a second, as an embedded server's data.

The newest copy before that second is taken. The server reads the log, stops where it was told,
and goes on from there on a time line of its own: what came later stays in the archive, and can
still be had.

Laws: data that are there are never written over; what is restored is never ahead of the second,
and when the log does not reach that far it is refused, not shortened in silence.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import psycopg
from sqlalchemy import make_url

from edge.process import ChildFailed
from wms.backup.archive import Archive, BackupFailed, Base
from wms.postgres import EmbeddedPostgres, PostgresFailed

PROMOTED_WITHIN_S = 6 * 3600.0
_LAST = "last completed transaction"
_TOO_EARLY = "recovery ended before configured recovery target was reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was brought back."""

    base: Base
    last_commit_at: datetime | None  # of the log that was read; None: it had nothing to add
    seconds: float


def restore(archive: Archive, home: Path, *, at: datetime | None = None) -> Restored:
    """Data in `home` as they were at that second; without one, as late as the log reaches.

    Raises:
        BackupFailed: there is no copy from before, the log does not reach so far, or there are
            data in `home` already.
    """
    started_s = monotonic()
    base = choose(archive.bases(), at)

    def fill(data: Path) -> None:
        shutil.copytree(base.path, data, dirs_exist_ok=True)
        for path, name in archive.segments(base.first):
            shutil.copy(path, data / "pg_wal" / name)
        data.joinpath("recovery.signal").touch()
        data.chmod(0o700)

    # what there is of the log lies where the server looks for it when nobody brings it any
    settings = {"restore_command": "false", "recovery_target_action": "promote"}
    if at is not None:
        settings["recovery_target_time"] = at.astimezone(UTC).isoformat()
    server = EmbeddedPostgres(home, settings=settings)
    try:
        server.adopt(fill)
    except PostgresFailed as error:
        raise BackupFailed(str(error)) from error
    try:
        with server:
            last = _recover(server)
    except (ChildFailed, psycopg.OperationalError, BackupFailed) as error:
        shutil.rmtree(server.data)  # half a ledger must not be started by mistake
        if _TOO_EARLY in (said := _log_of(home)):
            raise BackupFailed(f"the log does not reach {at}: {said.splitlines()[0]}") from None
        raise BackupFailed(str(error)) from error
    return Restored(base=base, last_commit_at=last, seconds=monotonic() - started_s)


def choose(bases: list[Base], at: datetime | None) -> Base:
    """The newest copy that was ready before then.

    Raises:
        BackupFailed: there is none.
    """
    before = [base for base in bases if at is None or base.ready_at <= at]
    if not before:
        oldest = f"the oldest is of {bases[0].ready_at}" if bases else "there is none"
        raise BackupFailed(f"no copy from before {at or 'now'}: {oldest}")
    return before[-1]


def _recover(server: EmbeddedPostgres) -> datetime | None:
    """Wait until it has read the log and is a server of its own."""
    address = make_url(server.url).set(drivername="postgresql")
    where = address.render_as_string(hide_password=False)
    reading = "SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp(), pg_sleep(0.05)"
    until = monotonic() + PROMOTED_WITHIN_S
    with psycopg.connect(where, autocommit=True) as known:
        is_reading, last = True, None
        while is_reading:
            if monotonic() > until:
                raise BackupFailed("it still reads the log")
            row = known.execute(reading).fetchone()
            assert row is not None
            is_reading, last, _ = row
    server.renew_password()
    return last


def _log_of(home: Path) -> str:
    """What the server said of how far it came, and of why it ended."""
    log = home / "postgres.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(line for line in lines if _LAST in line or _TOO_EARLY in line)
