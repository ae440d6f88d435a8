"""API keys; webhooks with what they want, whether they are on, and each attempt to deliver."""

from alembic import op

from wms.migrations import run_sql

revision = "0017_access"
down_revision = "0016_notices"
branch_labels = None
depends_on = None

ACCESS = """
CREATE TABLE api_key (
  id text NOT NULL,
  name text NOT NULL,
  hash bytea NOT NULL,
  scopes text[] NOT NULL,
  made_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT pk_api_key PRIMARY KEY (id)
);

CREATE TABLE webhook (
  id uuid NOT NULL,
  url text NOT NULL,
  secret text NOT NULL,
  secret_before text,
  types text[] NOT NULL DEFAULT '{}',
  off_because text,
  made_at timestamptz NOT NULL,
  CONSTRAINT pk_webhook PRIMARY KEY (id),
  CONSTRAINT ck_webhook_off_because CHECK (off_because IN ('gone', 'asked'))
);

CREATE TABLE webhook_delivery (
  id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL,
  body jsonb NOT NULL,
  state text NOT NULL DEFAULT 'DUE',
  due_at timestamptz NOT NULL,
  attempts bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_webhook_delivery PRIMARY KEY (id),
  CONSTRAINT ck_webhook_delivery_state CHECK (state IN ('DUE', 'DELIVERED', 'FAILED', 'DROPPED')),
  CONSTRAINT fk_webhook_delivery_webhook_id FOREIGN KEY (webhook_id) REFERENCES webhook (id)
);
CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (due_at) WHERE state = 'DUE';
CREATE INDEX ix_webhook_delivery_webhook_id ON webhook_delivery (webhook_id, at);

CREATE TABLE webhook_attempt (
  delivery_id uuid NOT NULL,
  no bigint NOT NULL,
  at timestamptz NOT NULL,
  took_ms bigint NOT NULL,
  status bigint,
  problem text,
  CONSTRAINT pk_webhook_attempt PRIMARY KEY (delivery_id, no),
  CONSTRAINT fk_webhook_attempt_delivery_id FOREIGN KEY (delivery_id)
    REFERENCES webhook_delivery (id)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), ACCESS)
