"""Alembic's entry: a transaction for each step, and one migrator at a time.

The migrator's lock is on a connection of its own, so that a step may leave its transaction for
what cannot be in one (`with op.get_context().autocommit_block()`: CREATE INDEX CONCURRENTLY,
VALIDATE). A step that waits for a table makes everybody wait who comes after it; so it gives up
soon, and `upgrade` tries it again.
"""

from alembic import context
from sqlalchemy import create_engine, text

from wms.migrations import LOCK_TIMEOUT_MS

_MIGRATOR = 5_066_549_580_791_808  # an advisory lock of our own


def _run() -> None:
    url = context.config.attributes["url"]
    guards = create_engine(url, isolation_level="AUTOCOMMIT")
    hurried = f"-c lock_timeout={LOCK_TIMEOUT_MS}"
    engine = create_engine(url, connect_args={"options": hurried})
    try:
        with guards.connect() as guard, engine.connect() as connection:
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATOR})
            context.configure(connection=connection, transaction_per_migration=True)
            with context.begin_transaction():
                context.run_migrations()
    finally:
        engine.dispose()
        guards.dispose()


_run()
