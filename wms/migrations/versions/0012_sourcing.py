"""Policies, shadow decisions, exclusions, capacity."""

from alembic import op

from wms.migrations import run_sql

revision = "0012_sourcing"
down_revision = "0011_shipping"
branch_labels = None
depends_on = None

SOURCING = """
"""


def upgrade() -> None:
    if SOURCING.strip():
        run_sql(op.get_bind(), SOURCING)
