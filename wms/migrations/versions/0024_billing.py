"""Tariffs, invoices and their lines."""

from alembic import op

from wms.migrations import run_sql

revision = "0024_billing"
down_revision = "0023_masters"
branch_labels = None
depends_on = None

BILLING = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), BILLING)
