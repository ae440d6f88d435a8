"""Tenders and refunds."""

from alembic import op

from wms.migrations import run_sql

revision = "0010_payments"
down_revision = "0009_contacts"
branch_labels = None
depends_on = None

PAYMENTS = """
"""


def upgrade() -> None:
    if PAYMENTS.strip():
        run_sql(op.get_bind(), PAYMENTS)
