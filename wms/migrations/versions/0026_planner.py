"""What planners ask: snapshots, scenarios, runs of them, and what is to be as one of them says."""

from alembic import op

from wms.migrations import run_sql

revision = "0026_planner"
down_revision = "0025_epcis"
branch_labels = None
depends_on = None

PLANNER = ""


def upgrade() -> None:
    if PLANNER:
        run_sql(op.get_bind(), PLANNER)
