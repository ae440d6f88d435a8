"""Alembic's entry: one transaction for all steps, and one migrator at a time."""

from alembic import context
from sqlalchemy import create_engine, text

from wms.migrations import LOCK_TIMEOUT_MS

_MIGRATOR = 5_066_549_580_791_808  # an advisory lock of our own


def _run() -> None:
    engine = create_engine(context.config.attributes["url"])
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATOR})
            connection.execute(
                text("SELECT set_config('lock_timeout', :ms, true)"), {"ms": str(LOCK_TIMEOUT_MS)}
            )
            context.configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()


_run()
