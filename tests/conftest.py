"""One PostgreSQL a run, shared by all workers; a fresh database a test, copied from a template.

The first worker to come starts the server and migrates the template; the last to go stops it.
SOKO_TEST_DATABASE_URL names another server, which must let us create databases.
"""

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import psycopg
import pytest
from sqlalchemy import make_url

from wms.database import Database
from wms.migrations import upgrade
from wms.postgres import EmbeddedPostgres

hypothesis.settings.register_profile(
    "soko",
    max_examples=100,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile("nightly", parent=hypothesis.settings.get_profile("soko"),
                                     max_examples=5000)  # fmt: skip
hypothesis.settings.load_profile(os.environ.get("SOKO_HYPOTHESIS", "soko"))

TEMPLATE = "soko_template"
DAY = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)  # Black Friday


class Server(NamedTuple):
    """A server with a migrated template database; databases are named with `prefix`."""

    url: str
    template: str
    prefix: str


@pytest.fixture
def now() -> datetime:
    """The time of every test."""
    return DAY


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this run."""
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with _locked(run / "postgres.lock"):
        if outside := os.environ.get("SOKO_TEST_DATABASE_URL"):
            yield from _outside(outside)
            return
    yield from _embedded(run)


def _outside(url: str) -> Iterator[Server]:
    prefix = f"soko_test_{secrets.token_hex(3)}"
    server = Server(url, f"{prefix}_template", prefix)
    _create(server, server.template, None)
    upgrade(_url(server, server.template))
    yield server
    _drop(server, server.template)


def _embedded(run: Path) -> Iterator[Server]:
    """Workers count themselves in a file; whoever starts the server stays until the others left."""
    state = run / "postgres.json"
    users = run / "postgres.users"
    with _locked(run / "postgres.lock"):
        if state.exists():
            server = Server(*json.loads(state.read_text()))
            owner = None
            shared = users.open("a")
            fcntl.flock(shared, fcntl.LOCK_SH)
        else:
            folder = Path(tempfile.mkdtemp(prefix="soko-tests-"))
            folder.chmod(0o755)
            owner = EmbeddedPostgres(folder, fast=True)
            owner.start()
            server = Server(owner.url, TEMPLATE, "t")
            _create(server, TEMPLATE, None)
            upgrade(_url(server, TEMPLATE))
            state.write_text(json.dumps(server))
            shared = users.open("a")
    try:
        yield server
    finally:
        if owner is not None:
            fcntl.flock(shared, fcntl.LOCK_EX)  # until the last of the others has let go
            owner.stop()
            state.unlink()
            shutil.rmtree(folder, ignore_errors=True)
        shared.close()


@pytest.fixture
def database_url(server: Server) -> Iterator[str]:
    """An empty database with our schema, for this test alone."""
    name = f"{server.prefix}_{secrets.token_hex(6)}"
    _create(server, name, server.template)
    yield _url(server, name)
    _drop(server, name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A pool on an empty database."""
    database = Database(database_url, pool_size=50)
    yield database
    database.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _create(server: Server, name: str, template: str | None) -> None:
    copied = f" TEMPLATE {template}" if template else ""
    _execute(server, f"CREATE DATABASE {name}{copied}")


def _drop(server: Server, name: str) -> None:
    _execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _execute(server: Server, statement: Any) -> None:
    address = make_url(server.url).set(drivername="postgresql")
    with psycopg.connect(
        address.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(statement)


def _url(server: Server, name: str) -> str:
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)
