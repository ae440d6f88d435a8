"""What customers are told."""

from alembic import op

from wms.migrations import run_sql

revision = "0016_notices"
down_revision = "0015_returns"
branch_labels = None
depends_on = None

NOTICES = """
CREATE TABLE notice (
  order_id UUID NOT NULL,
  id UUID NOT NULL,
  contact_id UUID NOT NULL,
  template TEXT NOT NULL,
  language TEXT NOT NULL,
  facts JSONB NOT NULL,
  state TEXT NOT NULL,
  channel TEXT,
  happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  give_up_at TIMESTAMP WITH TIME ZONE NOT NULL,
  attempts BIGINT DEFAULT '0' NOT NULL,
  problem TEXT,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_notice PRIMARY KEY (order_id, id),
  CONSTRAINT ck_notice_state CHECK (state IN ('WAITING', 'SENT', 'SUPERSEDED', 'UNWANTED', 'DEAD'))
);
CREATE INDEX ix_notice_due ON notice (due_at) WHERE state = 'WAITING';
CREATE INDEX ix_notice_contact_id ON notice (contact_id);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), NOTICES)
