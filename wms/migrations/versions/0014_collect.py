"""Collections at stores."""

from alembic import op

from wms.migrations import run_sql

revision = "0014_collect"
down_revision = "0013_transfers"
branch_labels = None
depends_on = None

COLLECT = """
"""


def upgrade() -> None:
    if COLLECT.strip():
        run_sql(op.get_bind(), COLLECT)
