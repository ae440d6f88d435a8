"""Imports: what was in a file, and what became of it."""

from alembic import op

from wms.migrations import run_sql

revision = "0023_masters"
down_revision = "0022_people"
branch_labels = None
depends_on = None

MASTERS = """
CREATE TABLE master_import (
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  file_name TEXT NOT NULL,
  sha256 BYTEA NOT NULL,
  content BYTEA,
  wanted TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'WAITING',
  rows BIGINT NOT NULL DEFAULT 0,
  done BIGINT NOT NULL DEFAULT 0,
  rows_new BIGINT NOT NULL DEFAULT 0,
  rows_changed BIGINT NOT NULL DEFAULT 0,
  rows_unchanged BIGINT NOT NULL DEFAULT 0,
  rows_gone BIGINT NOT NULL DEFAULT 0,
  faults_found BIGINT NOT NULL DEFAULT 0,
  faults JSONB NOT NULL DEFAULT '[]',
  changes JSONB NOT NULL DEFAULT '[]',
  made_by TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_master_import PRIMARY KEY (id),
  CONSTRAINT ck_master_import_wanted CHECK (wanted IN ('CHECK', 'APPLY')),
  CONSTRAINT ck_master_import_state
    CHECK (state IN ('WAITING', 'FAULTY', 'CHECKED', 'APPLIED')),
  CONSTRAINT ck_master_import_file CHECK (content IS NOT NULL OR state = 'APPLIED')
);
CREATE INDEX ix_master_import_waiting ON master_import (made_at) WHERE state = 'WAITING';

CREATE TABLE picture (
  id TEXT NOT NULL,
  mime TEXT NOT NULL,
  content BYTEA NOT NULL,
  CONSTRAINT pk_picture PRIMARY KEY (id)
);

-- Which places got labels, and of which epoch: printed again for the same command, they are equal.
CREATE TABLE location_print (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  places JSONB NOT NULL,
  printed_by TEXT NOT NULL,
  printed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_location_print PRIMARY KEY (site_id, id),
  CONSTRAINT fk_location_print_site_id FOREIGN KEY (site_id) REFERENCES site (id)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), MASTERS)
