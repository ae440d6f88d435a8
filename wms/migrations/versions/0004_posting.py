"""The functions that post stock."""

from alembic import op

from wms.migrations import posting, run_sql

revision = "0004_posting"
down_revision = "0003_stock"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in (
        "apply.sql",
        "judge.sql",
        "lots.sql",
        "reserve.sql",
        "advance.sql",
        "move.sql",
        "units.sql",
        "promise.sql",
        "swap.sql",
    ):
        run_sql(op.get_bind(), posting(name))
    run_sql(op.get_bind(), posting("rights.sql"))
