"""Three PostgreSQL, started once, each a cell; kill -9 one of them and it comes back by itself."""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from sqlalchemy import make_url

from tests.cells.coordinator import Coordinators
from tests.cells.network import SITES, Network, a_network
from tests.conftest import EMPTY
from wms.cells import Cells
from wms.database import Database
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres
from wms.stock.saga import Sagas

NAMES = ("east", "north", "west")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first to come starts three servers, on a machine that may have other things to do."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(180))


class Clusters(NamedTuple):
    """The servers by name."""

    servers: dict[str, EmbeddedPostgres]

    def urls(self) -> dict[str, str]:
        return {name: server.url for name, server in self.servers.items()}

    def kill(self, name: str) -> None:
        """kill -9; its keeper starts it again."""
        pid = self.servers[name].pid
        assert pid
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    folder = Path(tempfile.mkdtemp(prefix="soko-cells-"))
    folder.chmod(0o777)
    servers = {name: EmbeddedPostgres(folder / name, keep=True) for name in NAMES}
    with ThreadPoolExecutor(len(NAMES)) as threads:
        try:
            list(threads.map(EmbeddedPostgres.start, servers.values()))
            for server in servers.values():  # Alembic has globals: no threads
                _spare_the_disk(server.url)
                upgrade(server.url)
            yield Clusters(servers)
        finally:
            list(threads.map(EmbeddedPostgres.stop, servers.values()))
            shutil.rmtree(folder, ignore_errors=True)


def _spare_the_disk(url: str) -> None:
    """kill -9 of a server loses nothing that it has written, synced or not; only a power cut does.

    What is acknowledged is still written first: that is synchronous_commit, and stays on.
    """
    with _connect(url) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


def _connect(url: str) -> psycopg.Connection:
    address = make_url(url).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)


@pytest.fixture(scope="session")
def coordinators(clusters: Clusters) -> Iterator[Coordinators]:
    with Coordinators(clusters.urls()) as coordinators:
        yield coordinators


@pytest.fixture
def empty(clusters: Clusters) -> Clusters:
    """The same with nothing in them."""
    for url in clusters.urls().values():
        with _connect(url) as connection:
            connection.execute(EMPTY)
    return clusters


def open_all(urls: dict[str, str], *, given_clock: bool, pool: int = 20) -> Cells:
    """Cells over those servers. With `given_clock` time is what the test says it is."""
    databases = {
        name: Database(url, pool_size=pool, given_clock=given_clock) for name, url in urls.items()
    }
    return Cells(databases, sites=SITES)


@pytest.fixture
def cells(empty: Clusters) -> Iterator[Cells]:
    """Three cells that go by the test's time."""
    cells = open_all(empty.urls(), given_clock=True)
    yield cells
    cells.close()


@pytest.fixture
def real_cells(empty: Clusters) -> Iterator[Cells]:
    """Three cells that go by their own databases' time."""
    cells = open_all(empty.urls(), given_clock=False)
    yield cells
    cells.close()


@pytest.fixture
def network(cells: Cells) -> Network:
    """Five units of each of two SKUs at a site of every cell."""
    return a_network(cells, skus=2, units=5, sites=("TYO1", "OSA1", "CTS1"))


@pytest.fixture
def sagas(cells: Cells) -> Sagas:
    """A coordinator."""
    return Sagas(cells, deadline=timedelta(seconds=10), lease=timedelta(seconds=3))


@pytest.fixture
def file(empty: Clusters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that names the three cells; one has its address in a file of its own."""
    secret = tmp_path / "west"
    lines = ['default = "east"']
    for name, url in empty.urls().items():
        sites = [code for code, cell in SITES.items() if cell == name]
        where = f'url = "{url}"'
        if name == "west":
            secret.write_text(url.replace("+psycopg", "") + "\n")
            where = f'url_file = "{secret}"'
        lines += [f"[cells.{name}]", where, f"sites = {json.dumps(sites)}"]
    file = tmp_path / "cells.toml"
    file.write_text("\n".join(lines))
    monkeypatch.setenv("SOKO_CELLS", str(file))
    monkeypatch.setenv("SOKO_STATE_DIR", str(tmp_path))
    return file
