"""API keys, webhooks and their deliveries."""

from alembic import op

from wms.migrations import run_sql

revision = "0017_access"
down_revision = "0016_notices"
branch_labels = None
depends_on = None

ACCESS = """
"""


def upgrade() -> None:
    if ACCESS.strip():
        run_sql(op.get_bind(), ACCESS)
