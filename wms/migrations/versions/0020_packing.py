"""Cartons, print jobs, manifests, weights."""

from alembic import op

from wms.migrations import run_sql

revision = "0020_packing"
down_revision = "0019_waves"
branch_labels = None
depends_on = None

PACKING = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PACKING)
