"""The disk of PostgreSQL is full: nobody is told that something was done that was not; then there
is room again, nobody helps, all that was acknowledged is there and it goes on.

On a small disk of memory (tmpfs), which only root may make.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from edge.ports import free_port
from tests.builders import NOW, a_reserve, a_site, a_sku, eventually, stock_of
from wms.database import Database, DatabaseUnavailable
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock import promises
from wms.stock.verify import verify

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]
SIZE_MB, LEFT_MB, LINES = 400, 24, 300


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A disk that is soon full."""
    there = folder / "disk"
    there.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0777", "tmpfs", str(there)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"no disk to fill: {made.stderr.strip()}")
    yield there
    subprocess.run(["umount", "-l", str(there)], check=True)


def test_a_full_disk_loses_nothing_that_was_acknowledged(disk: Path):
    with EmbeddedPostgres(disk / "pg", port=free_port(), keep=True) as postgres:
        upgrade(postgres.url)
        database = Database(postgres.url, pool_size=2)
        site = database.run(a_site)
        sku = database.run(lambda s: a_sku(s, "TEA"))
        database.run(lambda s: stock_of(s, site, sku, 10_000_000))
        ballast = disk / "ballast"
        fill(ballast)
        told: set[object] = set()

        def sell() -> None:
            lines = [a_reserve(site, sku) for _ in range(LINES)]
            answers = database.run(lambda s: promises.reserve(s, lines, now=NOW))
            assert all(answer.granted for answer in answers)
            told.update(line.hold_id for line in lines)

        until = monotonic() + 120
        with pytest.raises((DatabaseUnavailable, DBAPIError)) as full:  # noqa: PT012 - till it is
            while monotonic() < until:
                sell()
        acknowledged = len(told)
        ballast.unlink()

        def goes_on() -> bool:
            with suppress(DatabaseUnavailable, DBAPIError):
                sell()
                return True
            return False

        eventually(goes_on)
        known = database.run(lambda s: set(s.execute(text("SELECT id FROM hold")).scalars()))
        assert told - known == set()
        assert (acknowledged > 0, database.run(verify).clean) == (True, True)
        print(f"{acknowledged} lines until it was full: {str(full.value)[:120]!r}")  # noqa: T201
        database.close()


def fill(ballast: Path) -> None:
    """All but a little."""
    free = shutil.disk_usage(ballast.parent).free
    with ballast.open("wb") as file:
        file.write(bytes(max(0, free - LEFT_MB * 1_000_000)))
