"""Return requests, grades, dispositions, exchanges."""

from alembic import op

from wms.migrations import run_sql

revision = "0015_returns"
down_revision = "0014_collect"
branch_labels = None
depends_on = None

RETURNS = """
"""


def upgrade() -> None:
    if RETURNS.strip():
        run_sql(op.get_bind(), RETURNS)
