"""Accounts and their rights, sessions, the audit log, second persons; the fence between tenants."""

from alembic import op

from wms.migrations import posting, run_sql

revision = "0027_identity"
down_revision = "0026_planner"
branch_labels = None
depends_on = None

IDENTITY = """
CREATE TABLE account (
  id uuid NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  issuer text NOT NULL DEFAULT '',
  subject text NOT NULL DEFAULT '',
  password_hash text NOT NULL DEFAULT '',
  active boolean NOT NULL DEFAULT true,
  made_at timestamptz NOT NULL,
  CONSTRAINT pk_account PRIMARY KEY (id),
  CONSTRAINT uq_account_code UNIQUE (code),
  CONSTRAINT ck_account_way_in CHECK ((issuer = '') = (subject = ''))
);
CREATE UNIQUE INDEX uq_account_subject ON account (issuer, subject) WHERE subject <> '';

CREATE TABLE account_right (
  account_id uuid NOT NULL,
  role text NOT NULL,
  sites text[] NOT NULL,
  owners text[] NOT NULL,
  CONSTRAINT pk_account_right PRIMARY KEY (account_id, role),
  CONSTRAINT fk_account_right_account_id FOREIGN KEY (account_id) REFERENCES account (id)
);

CREATE TABLE account_session (
  id uuid NOT NULL,
  token_hash bytea NOT NULL,
  account_id uuid NOT NULL,
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT pk_account_session PRIMARY KEY (id),
  CONSTRAINT uq_account_session_token_hash UNIQUE (token_hash),
  CONSTRAINT fk_account_session_account_id FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX ix_account_session_account_id ON account_session (account_id, began_at);

CREATE TABLE account_try (
  code_hash bytea NOT NULL,
  failed bigint NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_account_try PRIMARY KEY (code_hash)
);

CREATE TABLE one_time (
  hash bytea NOT NULL,
  purpose text NOT NULL,
  facts jsonb NOT NULL DEFAULT '{}',
  until_at timestamptz NOT NULL,
  CONSTRAINT pk_one_time PRIMARY KEY (hash),
  CONSTRAINT ck_one_time_purpose CHECK (purpose IN ('SET_UP', 'SIGN_IN'))
);

CREATE TABLE second_person (
  id uuid NOT NULL,
  what text NOT NULL,
  facts jsonb NOT NULL,
  digest bytea NOT NULL,
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'WAITING',
  decided_by text,
  decided_at timestamptz,
  CONSTRAINT pk_second_person PRIMARY KEY (id),
  CONSTRAINT ck_second_person_state CHECK (state IN ('WAITING', 'APPROVED', 'REJECTED')),
  CONSTRAINT ck_second_person_two CHECK (decided_by <> asked_by),
  CONSTRAINT ck_second_person_decided CHECK ((state = 'WAITING') = (decided_by IS NULL))
);
CREATE INDEX ix_second_person_waiting ON second_person (until_at) WHERE state = 'WAITING';

-- '*' is all; what is not named is not allowed
ALTER TABLE api_key
  ADD COLUMN sites text[] NOT NULL DEFAULT '{*}',
  ADD COLUMN owners text[] NOT NULL DEFAULT '{*}',
  ADD COLUMN per_minute bigint NOT NULL DEFAULT 0;
ALTER TABLE customer_order ADD COLUMN owner_id uuid NOT NULL
  DEFAULT '00000000-0000-7000-8000-000000000001';
"""


def upgrade() -> None:
    for script in (IDENTITY, posting("audit.sql"), posting("fence.sql")):
        run_sql(op.get_bind(), script)
