"""Operators and devices, evidence, labour, what is done about exceptions."""

from alembic import op

from wms.migrations import run_sql

revision = "0022_people"
down_revision = "0021_counting"
branch_labels = None
depends_on = None

PEOPLE = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PEOPLE)
