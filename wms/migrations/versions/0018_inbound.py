"""Announced deliveries, dock appointments, receipts, inspections, putaway rules."""

from alembic import op

from wms.migrations import run_sql

revision = "0018_inbound"
down_revision = "0017_access"
branch_labels = None
depends_on = None

INBOUND = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), INBOUND)
