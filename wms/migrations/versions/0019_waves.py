"""Release channels and waves, with what was forecast and what happened."""

from alembic import op

from wms.migrations import run_sql

revision = "0019_waves"
down_revision = "0018_inbound"
branch_labels = None
depends_on = None

WAVES = """
"""


def upgrade() -> None:
    run_sql(op.get_bind(), WAVES)
