"""Carts, promises and their history, waiting lists."""

from alembic import op

from wms.migrations import run_sql

revision = "0008_promises"
down_revision = "0007_cells"
branch_labels = None
depends_on = None

PROMISES = """
"""


def upgrade() -> None:
    if PROMISES.strip():
        run_sql(op.get_bind(), PROMISES)
