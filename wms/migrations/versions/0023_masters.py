"""Imports: what was in a file, and what became of it."""

from alembic import op

from wms.migrations import run_sql

revision = "0023_masters"
down_revision = "0022_people"
branch_labels = None
depends_on = None

MASTERS = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), MASTERS)
