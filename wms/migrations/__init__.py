"""The schema, step by step, and the one way to bring a database up to date.

    upgrade(url)     what `soko db upgrade` and the tests do

One change a file in `versions`. A change is one that the code before it can live with: columns
are added with defaults, checks are added NOT VALID and validated later, and what nobody uses any
more goes one release after; tests/architecture/test_migrations.py has the list. Each step is a
transaction; one that cannot have the lock of a table soon lets those pass who wait behind it, and
tries again. Alembic is configured here; there is no alembic.ini.

The functions that post stock are SQL files in `posting`, executed by the version that brings
them. A released file is never edited: a new version replaces the function.
"""

import os
import random
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

FOLDER = Path(__file__).parent
LOCK_TIMEOUT_MS = 250  # so long everybody may wait behind a step
LOCK_TRIES = 200
_LOCK_NOT_AVAILABLE = "55P03"


def upgrade(url: str, *, also: Path | None = None) -> None:
    """Bring the database at that address up to the newest version, `also` a folder's with more.

    Raises:
        OperationalError: for minutes a step did not get the lock of a table.
    """
    config = _config(url)
    if also is not None:
        config.set_main_option("version_locations", f"{FOLDER / 'versions'}{os.pathsep}{also}")
    for tried in range(1, LOCK_TRIES + 1):
        try:
            command.upgrade(config, "heads")
        except OperationalError as error:
            busy = getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
            if not busy or tried == LOCK_TRIES:
                raise
        else:
            return
        time.sleep(random.uniform(0.5, 1.5) * min(1.0, 0.1 * tried))  # noqa: S311 - jitter


def create(url: str, *, fresh: bool = False) -> None:
    """Make the database at that address if there is none; `fresh`: delete the one there is."""
    address = make_url(url)
    assert address.database
    engine = create_engine(
        address.set(database="postgres"),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 5},
    )
    name = engine.dialect.identifier_preparer.quote(address.database)
    try:
        with engine.connect() as connection:
            if fresh:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            known = text("SELECT 1 FROM pg_database WHERE datname = :name")
            if connection.scalar(known, {"name": address.database}) is None:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
    finally:
        engine.dispose()


def head_revisions() -> set[str]:
    """The newest version of this code."""
    return set(ScriptDirectory.from_config(_config("")).get_heads())


def current_revisions(url: str) -> set[str]:
    """The version of the database at that address; empty for an empty database."""
    engine = create_engine(url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            return set(MigrationContext.configure(connection).get_current_heads())
    finally:
        engine.dispose()


def run_sql(connection: Connection, sql: str) -> None:
    """Execute a whole script as it stands: several statements, and % and : mean themselves."""
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(sql)


def posting(name: str) -> str:
    """The text of one of the SQL files."""
    return (FOLDER / "posting" / name).read_text(encoding="utf-8")


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config
