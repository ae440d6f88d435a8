"""The stock tables: balances, holds, quants, movements, handling units; who may write them."""

from alembic import op

from wms.migrations import posting, run_sql

revision = "0003_stock"
down_revision = "0002_outbox"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(op.get_bind(), posting("tables.sql"))
