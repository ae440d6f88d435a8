"""What customers are told."""

from alembic import op

from wms.migrations import run_sql

revision = "0016_notices"
down_revision = "0015_returns"
branch_labels = None
depends_on = None

NOTICES = """
"""


def upgrade() -> None:
    if NOTICES.strip():
        run_sql(op.get_bind(), NOTICES)
