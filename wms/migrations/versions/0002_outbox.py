"""The outbox and its consumers."""

from alembic import op

from wms.migrations import run_sql

revision = "0002_outbox"
down_revision = "0001_masters"
branch_labels = None
depends_on = None

OUTBOX = """
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY,
  topic text NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  body jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  position bigint,
  CONSTRAINT pk_outbox PRIMARY KEY (id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX ix_outbox_new ON outbox (id) WHERE position IS NULL;
CREATE INDEX ix_outbox_position ON outbox (position) WHERE position IS NOT NULL;

CREATE TABLE outbox_consumer (
  name text NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_outbox_consumer PRIMARY KEY (name)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), OUTBOX)
