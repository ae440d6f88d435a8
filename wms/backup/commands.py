"""`soko backup` and `soko restore`."""

import json
import signal
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from wms.settings import Settings

Folder = Annotated[
    Path, typer.Argument(envvar="SOKO_BACKUP_DIR", help="Where copies and log are kept.")
]

backup = typer.Typer(help="Copies of the database, and its log: take, follow, try.",
                     no_args_is_help=True)  # fmt: skip


@backup.command()
def take(
    folder: Folder = Path("var/backup"),
    *,
    keep: Annotated[int, typer.Option(min=0, help="How many copies stay; 0: all.")] = 0,
) -> None:
    """A copy of all data, proven whole."""
    from wms.backup.archive import Archive

    made = Archive(folder).take(Settings().database_url, keep=keep)
    typer.echo(f"{made.path}: {made.bytes / 1e6:.0f} MB, good for every second from"
               f" {made.ready_at:%Y-%m-%dT%H:%M:%SZ} on that the log has")  # fmt: skip


@backup.command()
def follow(folder: Folder = Path("var/backup")) -> None:
    """Stream the log of changes into the folder, until stopped."""
    from edge.process import Keeper
    from wms.backup.archive import Archive

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Archive(folder).follower(Settings().database_url) as child, Keeper(child):
        typer.echo(f"following into {folder}")
        stop.wait()


@backup.command("list")
def list_(folder: Folder = Path("var/backup")) -> None:
    """The copies that there are."""
    from wms.backup.archive import Archive

    for base in Archive(folder).bases():
        typer.echo(f"{base.ready_at:%Y-%m-%dT%H:%M:%SZ}  {base.bytes / 1e6:8.0f} MB  {base.path}")


@backup.command()
def drill(
    folder: Folder = Path("var/backup"),
    *,
    scratch: Annotated[Path | None, typer.Option(help="Where there is room to try.")] = None,
) -> None:
    """Bring the newest back beside what runs, prove it, and say in JSON how well that went."""
    from wms.backup.archive import Archive
    from wms.backup.drill import drill as try_it

    settings = Settings()
    found = try_it(
        Archive(folder), settings.database_url, key=settings.seal_key_file, scratch=scratch
    )
    typer.echo(json.dumps(asdict(found) | {"good": found.is_good}, default=str))
    raise typer.Exit(0 if found.is_good else 1)


def restore(
    folder: Folder = Path("var/backup"),
    *,
    to: Annotated[Path, typer.Option(help="A folder that is not there yet: for `soko db run`.")],
    at: Annotated[str | None, typer.Option(help="2026-11-27T09:00:00+09:00; the latest.")] = None,
) -> None:
    """Bring the database back as it was at a second; what is there is never written over."""
    from wms.backup.archive import Archive
    from wms.backup.restore import restore as bring_back

    when = None if at is None else datetime.fromisoformat(at)
    if when is not None and when.tzinfo is None:
        raise typer.BadParameter(f"{at} of which time zone? Say 2026-11-27T09:00:00+09:00")
    done = bring_back(Archive(folder), to, at=when)
    typer.echo(f"the copy of {done.base.ready_at}, and its log to {done.last_commit_at},"
               f" in {done.seconds:.1f} s")  # fmt: skip
    typer.echo(f"next: SOKO_DATABASE_DIR={to} soko db run, then soko verify")
