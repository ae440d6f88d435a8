"""Transfers, replenishment policies and proposals."""

from alembic import op

from wms.migrations import run_sql

revision = "0013_transfers"
down_revision = "0012_sourcing"
branch_labels = None
depends_on = None

TRANSFERS = """
"""


def upgrade() -> None:
    if TRANSFERS.strip():
        run_sql(op.get_bind(), TRANSFERS)
