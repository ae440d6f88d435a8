"""Counts and what asks for them."""

from alembic import op

from wms.migrations import run_sql

revision = "0021_counting"
down_revision = "0020_packing"
branch_labels = None
depends_on = None

COUNTING = """
CREATE TABLE count_wanted (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  location_id UUID NOT NULL,
  sku_id UUID,
  why TEXT NOT NULL,
  cause UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  count_id UUID,
  CONSTRAINT pk_count_wanted PRIMARY KEY (site_id, id)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), COUNTING)
