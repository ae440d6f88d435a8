"""What was saved comes back: to the second, proven, and never over what is there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from edge.ports import free_port
from tests.builders import a_site, a_sku, stock_of
from wms.backup.archive import Archive, BackupFailed
from wms.backup.drill import await_log, drill, mark
from wms.backup.restore import restore
from wms.database import Database
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock.seal import Sealer
from wms.stock.verify import verify

BOOKS = "SELECT count(*), md5(string_agg(m::text, '|' ORDER BY recorded_at, id)) FROM movement m"


@pytest.fixture
def live(folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(folder / "live", port=free_port(), fast=True) as server:
        upgrade(server.url)
        yield server


def ask(url: str, query: str) -> Any:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(address, autocommit=True)) as connection:
        return connection.execute(query).fetchone()


def a_second_later(url: str) -> datetime:
    """A second of the server's after which nothing happened yet."""
    ask(url, "SELECT pg_sleep(0.01)")
    at: datetime = ask(url, "SELECT clock_timestamp()")[0]
    ask(url, "SELECT pg_sleep(0.01)")
    return at


def test_a_second_that_is_named_is_had_again_exactly(live: EmbeddedPostgres, folder: Path):
    archive = Archive(folder / "backup")
    database = Database(live.url, pool_size=1)
    with closing(database), archive.follower(live.url) as follower, follower:
        site = database.run(a_site)
        sku = database.run(lambda s: a_sku(s, "TEA"))
        database.run(lambda s: stock_of(s, site, sku, 7))
        base = archive.take(live.url)
        moments = []
        for units in range(1, 6):
            database.run(lambda s, n=units: stock_of(s, site, sku, n))  # type: ignore[misc]
            moments.append((a_second_later(live.url), ask(live.url, BOOKS)))
        mark(live.url)
        await_log(live.url)
    at, books = moments[2]
    assert len({known for _, known in moments}) == 5

    done = restore(archive, folder / "again", at=at)

    assert done.last_commit_at is not None
    assert done.last_commit_at <= at
    with EmbeddedPostgres(folder / "again", port=free_port()) as again:
        assert ask(again.url, BOOKS) == books, "with the password that was made for it"
        found = Database(again.url, pool_size=1)
        with closing(found):
            assert found.run(verify).clean
            found.run(lambda s: stock_of(s, site, sku, 1))
    with pytest.raises(BackupFailed, match="data already"):
        restore(archive, folder / "again", at=at)
    with pytest.raises(BackupFailed, match="no copy from before"):
        restore(archive, folder / "other", at=base.ready_at - timedelta(seconds=1))
    with pytest.raises(BackupFailed, match="does not reach"):
        restore(archive, folder / "other", at=at + timedelta(days=1))
    assert not (folder / "other" / "data").exists()


@pytest.mark.nightly
def test_a_drill_finds_the_seal_and_what_nobody_sealed(live: EmbeddedPostgres, folder: Path):
    archive, key = Archive(folder / "backup"), folder / "seal.key"
    database = Database(live.url, pool_size=1)
    sealer = Sealer(key)
    with closing(database), archive.follower(live.url) as follower, follower:
        site = database.run(a_site)
        sku = database.run(lambda s: a_sku(s, "TEA"))
        for units in range(1, 4):
            database.run(lambda s, n=units: stock_of(s, site, sku, n))  # type: ignore[misc]
            made = database.run(sealer.seal)
            assert made is not None
            sealer.remember(made)
            archive.take(live.url, keep=2)
        found = drill(archive, live.url, key=key)

        assert (found.seal_is_there, found.clean, found.movements) == (True, True, 3)
        assert found.lost_s < 5
        assert len(archive.bases()) == 2
        first = archive.bases()[0].first
        assert all(name[8:] >= first[8:] for _, name in archive.segments(""))


def test_a_server_that_is_away_is_said(folder: Path):
    with pytest.raises(BackupFailed, match="pg_basebackup"):
        Archive(folder / "backup").take(f"postgresql://soko@127.0.0.1:{free_port()}/soko")
    assert Archive(folder / "backup").bases() == []
