"""Return requests, grades, dispositions, exchanges."""

from alembic import op

from wms.migrations import run_sql

revision = "0015_returns"
down_revision = "0014_collect"
branch_labels = None
depends_on = None

RETURNS = """
ALTER TABLE customer_return
  ADD COLUMN state TEXT DEFAULT 'REQUESTED' NOT NULL,
  ADD COLUMN way TEXT DEFAULT 'BENCH' NOT NULL,
  ADD COLUMN origin TEXT DEFAULT 'CHANNEL' NOT NULL,
  ADD COLUMN site_id UUID,
  ADD COLUMN sscc TEXT,
  ADD COLUMN service TEXT,
  ADD COLUMN tracking TEXT,
  ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN arrived_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN received_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN settled_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN refund_minor BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN exchange_id UUID,
  ADD COLUMN exchange_minor BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN exchange_due_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN overdue_at TIMESTAMP WITH TIME ZONE,
  ADD CONSTRAINT ck_customer_return_state CHECK (state IN ('REQUESTED', 'LABELLED', 'IN_TRANSIT',
    'RECEIVED', 'GRADED', 'DISPOSED', 'REFUNDED', 'EXCHANGED', 'REJECTED', 'EXPIRED',
    'CANCELLED')),
  ADD CONSTRAINT ck_customer_return_way CHECK (way IN ('BENCH', 'PARCEL', 'COUNTER')),
  ADD CONSTRAINT ck_customer_return_origin
    CHECK (origin IN ('CHANNEL', 'CUSTOMER', 'COUNTER', 'CARRIER'));
CREATE INDEX ix_customer_return_order_id ON customer_return (order_id);
CREATE INDEX ix_customer_return_sscc ON customer_return (sscc) WHERE sscc IS NOT NULL;
CREATE INDEX ix_customer_return_exchange_id ON customer_return (exchange_id)
  WHERE exchange_id IS NOT NULL;
CREATE INDEX ix_customer_return_unlabelled ON customer_return (recorded_at)
  WHERE state = 'REQUESTED' AND way = 'PARCEL';
CREATE INDEX ix_customer_return_coming ON customer_return (expires_at)
  WHERE state IN ('REQUESTED', 'LABELLED', 'IN_TRANSIT');

ALTER TABLE return_line
  ADD COLUMN reason TEXT DEFAULT 'OTHER' NOT NULL,
  ADD COLUMN photo TEXT DEFAULT '' NOT NULL,
  ADD COLUMN disposition TEXT,
  ADD COLUMN refund_minor BIGINT DEFAULT '0' NOT NULL,
  ADD CONSTRAINT ck_return_line_received CHECK (units_received BETWEEN 0 AND units);

CREATE TABLE return_policy (
  name TEXT NOT NULL,
  body JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_return_policy PRIMARY KEY (name)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), RETURNS)
