"""What proves the books: checkpoints and seals over movements, alarms for the lanes."""

from alembic import op

from wms.migrations import posting, run_sql

revision = "0006_proof"
down_revision = "0005_flows"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(op.get_bind(), posting("proof.sql"))
