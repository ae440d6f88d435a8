"""One PostgreSQL a run, shared by all workers; each has a database copied from a template.

The first worker to come starts the server (tests/server.py) and migrates the template; the server
stops when the last has gone.
SOKO_TEST_DATABASE_URL names another server, which must let us create databases.
"""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

# By day the loops run as they are: a fresh clone would wait for the compiler in every process.
# `make nightly` runs them compiled. It is read at import, here and by every child.
os.environ.setdefault("SOKO_COMPILED", "0")
# What is started hundreds of times is compiled once, also where Python is told to keep nothing.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis
import psycopg
import pytest
from sqlalchemy import Engine, QueuePool, create_engine, event, make_url

from wms.database import Database
from wms.migrations import upgrade

hypothesis.settings.register_profile(
    "soko",
    max_examples=100,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile("nightly", parent=hypothesis.settings.get_profile("soko"),
                                     max_examples=5000)  # fmt: skip
hypothesis.settings.load_profile(os.environ.get("SOKO_HYPOTHESIS", "soko"))

ROOT = Path(__file__).parent.parent
DAY = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)  # Black Friday

# Connections that a test left open are closed; not those of the worker's pool that rest.
CLOSE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND NOT (state = 'idle' AND pid = ANY (%s))
"""
# Deleting the few rows of a test is far quicker than copying a database. Triggers (foreign keys,
# the movements' guard) sleep meanwhile.
EMPTY = """
DO $$
DECLARE
  v_table text;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR v_table IN SELECT c.oid::regclass FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND pg_relation_size(c.oid) > 0
      AND c.relname NOT IN ('alembic_version', 'hold_transition', 'owner')
  LOOP
    EXECUTE 'DELETE FROM ' || v_table;
  END LOOP;
  DELETE FROM owner WHERE code <> 'HOUSE';
END $$
"""


class Server(NamedTuple):
    """A server with a migrated template database; databases are named with `prefix`."""

    url: str
    template: str
    prefix: str


def pytest_itemcollected(item: pytest.Item) -> None:
    """What runs by night may take five minutes, unless it says how long."""
    if item.get_closest_marker("nightly") and not item.get_closest_marker("timeout"):
        item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def now() -> datetime:
    """The time of every test."""
    return DAY


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may come to, as pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="soko-test-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this run."""
    if outside := os.environ.get("SOKO_TEST_DATABASE_URL"):
        prefix = f"soko_test_{secrets.token_hex(3)}"
        server = _with_template(Server(outside, f"{prefix}_template", prefix))
        yield server
        _drop(server, server.template)
        return
    base = tmp_path_factory.getbasetemp()
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (run / "users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        with _locked(run / "lock"):
            known = run / "server.json"
            if not known.exists():
                server = _with_template(Server(_start(run), "soko_template", "t"))
                known.write_text(json.dumps(server))
        yield Server(*json.loads(known.read_text()))


def _start(run: Path) -> str:
    """Start tests/server.py, which outlives us as long as other workers need it."""
    with (run / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server", str(run)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None
    with process.stdout as answers:
        url = answers.readline().strip()
    process.returncode = 0  # it is not ours to wait for
    if not url:
        pytest.fail(f"no PostgreSQL:\n{(run / 'server.log').read_text()}")
    return url


def _with_template(server: Server) -> Server:
    _create(server, server.template, None)
    upgrade(_url(server, server.template))
    return server


@pytest.fixture(scope="session")
def worker_database(server: Server) -> Iterator[str]:
    """This worker's own copy of the template: the URL of a superuser."""
    name = f"{server.prefix}_{secrets.token_hex(6)}"
    _create(server, name, server.template)
    yield _url(server, name)
    _drop(server, name)


@pytest.fixture(scope="session")
def kept() -> set[int]:
    """The processes behind the connections of this worker's pool."""
    return set()


@pytest.fixture(scope="session")
def sweep(worker_database: str, kept: set[int]) -> Iterator[Callable[[], None]]:
    """Empties this worker's database, over one connection: a new one learns the catalogue anew."""
    connection = _connect(worker_database)

    def empty() -> None:
        connection.execute(CLOSE, [[*kept]])
        connection.execute(EMPTY)

    def empty_surely() -> None:
        nonlocal connection
        try:
            empty()
        except psycopg.OperationalError:  # a test has ended it
            connection.close()
            connection = _connect(worker_database)
            empty()

    yield empty_surely
    connection.close()


@pytest.fixture
def database_url(worker_database: str, sweep: Callable[[], None]) -> str:
    """A database with our schema in which nothing is, as after the migrations."""
    sweep()
    return worker_database


@pytest.fixture(scope="session")
def worker_pool(worker_database: str, kept: set[int]) -> Database:
    """This worker's pool: it and its connections remember how statements are compiled."""
    pool = Database(worker_database, pool_size=50, given_clock=True)
    event.listen(pool.engine, "connect", lambda opened, _: kept.add(opened.info.backend_pid))
    return pool


@pytest.fixture
def database(worker_pool: Database, database_url: str) -> Iterator[Database]:
    """A pool on an empty database."""
    assert database_url
    worker_pool.conflicts = 0
    yield worker_pool
    held = worker_pool.engine.pool
    assert isinstance(held, QueuePool)
    if held.checkedout():  # a test that failed has left one in the middle of something
        worker_pool.close()


@pytest.fixture
def superuser(database_url: str) -> Iterator[Engine]:
    """Connections to the same database that no law of ours holds back but those of the schema."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


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
    with _connect(server.url) as connection:
        connection.execute(statement)


def _connect(url: str) -> psycopg.Connection:
    address = make_url(url).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)


def _url(server: Server, name: str) -> str:
    return make_url(server.url).set(database=name).render_as_string(hide_password=False)
