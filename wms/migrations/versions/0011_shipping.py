"""Services, rates, rules, calendars, labels."""

from alembic import op

from wms.migrations import run_sql

revision = "0011_shipping"
down_revision = "0010_payments"
branch_labels = None
depends_on = None

SHIPPING = """
"""


def upgrade() -> None:
    if SHIPPING.strip():
        run_sql(op.get_bind(), SHIPPING)
