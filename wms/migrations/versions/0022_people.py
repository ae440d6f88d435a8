"""Operators and devices, evidence, labour, what is done about exceptions."""

from alembic import op

from wms.migrations import run_sql

revision = "0022_people"
down_revision = "0021_counting"
branch_labels = None
depends_on = None

PEOPLE = """
ALTER TABLE task
  ADD COLUMN due_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN zone TEXT DEFAULT '' NOT NULL,
  ADD COLUMN x_mm BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN y_mm BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN equipment TEXT[] DEFAULT '{}' NOT NULL,
  ADD COLUMN for_operator TEXT,
  ADD COLUMN leased_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN lease_s BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN why TEXT DEFAULT '' NOT NULL,
  ADD COLUMN units BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN lines BIGINT DEFAULT '0' NOT NULL,
  ADD COLUMN standard_ms BIGINT DEFAULT '0' NOT NULL,
  DROP CONSTRAINT ck_task_state,
  ADD CONSTRAINT ck_task_state
    CHECK (state IN ('OPEN', 'LEASED', 'BLOCKED', 'DONE', 'CANCELLED')) NOT VALID,
  ADD CONSTRAINT ck_task_leased CHECK (state <> 'LEASED'
    OR (device IS NOT NULL AND operator IS NOT NULL AND lease_until IS NOT NULL)) NOT VALID;
ALTER TABLE task VALIDATE CONSTRAINT ck_task_state, VALIDATE CONSTRAINT ck_task_leased;
CREATE INDEX ix_task_leased ON task (site_id, device) WHERE state = 'LEASED';
CREATE INDEX ix_task_done ON task (site_id, done_at) WHERE state = 'DONE';

ALTER TABLE work_event
  ADD COLUMN site_id UUID,
  ADD COLUMN step TEXT DEFAULT '' NOT NULL,
  ADD COLUMN type TEXT DEFAULT '' NOT NULL,
  ADD COLUMN value JSONB,
  ADD COLUMN seq BIGINT DEFAULT '0' NOT NULL;
CREATE INDEX ix_work_event_at ON work_event (site_id, at);

CREATE TABLE work_place (
  site_id UUID NOT NULL,
  worker TEXT NOT NULL,
  x_mm BIGINT NOT NULL,
  y_mm BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_work_place PRIMARY KEY (site_id, worker)
);

CREATE TABLE work_rule (
  site_id UUID NOT NULL,
  kind TEXT NOT NULL,
  lease_s BIGINT NOT NULL,
  priority BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_work_rule PRIMARY KEY (site_id, kind),
  CONSTRAINT ck_work_rule_lease CHECK (lease_s > 0)
);

CREATE TABLE work_standard (
  site_id UUID NOT NULL,
  kind TEXT NOT NULL,
  op TEXT NOT NULL,
  step_ms BIGINT NOT NULL,
  unit_ms BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_work_standard PRIMARY KEY (site_id, kind, op),
  CONSTRAINT ck_work_standard_time CHECK (step_ms >= 0 AND unit_ms >= 0)
);

CREATE TABLE evidence (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  mime TEXT NOT NULL,
  sha256 BYTEA NOT NULL,
  content BYTEA NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  device TEXT NOT NULL,
  operator TEXT NOT NULL,
  cause UUID,
  CONSTRAINT pk_evidence PRIMARY KEY (site_id, id),
  CONSTRAINT ck_evidence_mime CHECK (mime IN ('image/jpeg', 'image/png', 'image/webp')),
  CONSTRAINT ck_evidence_size CHECK (octet_length(content) BETWEEN 1 AND 2097152)
);
CREATE INDEX ix_evidence_id ON evidence (id);
CREATE INDEX ix_evidence_cause ON evidence (site_id, cause);

ALTER TABLE exception_report
  ADD COLUMN state TEXT DEFAULT 'OPEN' NOT NULL,
  ADD COLUMN owner TEXT DEFAULT '' NOT NULL,
  ADD COLUMN act TEXT DEFAULT '' NOT NULL,
  ADD COLUMN solved_at TIMESTAMP WITH TIME ZONE,
  ADD CONSTRAINT ck_exception_report_state CHECK (state IN ('OPEN', 'TAKEN', 'SOLVED'))
    NOT VALID;
ALTER TABLE exception_report VALIDATE CONSTRAINT ck_exception_report_state;
CREATE TABLE exception_act (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  exception_id UUID NOT NULL,
  act TEXT NOT NULL,
  by TEXT NOT NULL,
  note TEXT DEFAULT '' NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_exception_act PRIMARY KEY (site_id, id)
);
CREATE INDEX ix_exception_act_exception_id ON exception_act (site_id, exception_id, at);

CREATE TABLE alarm_shelf (
  site_id UUID NOT NULL,
  source TEXT NOT NULL,
  code TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_alarm_shelf PRIMARY KEY (site_id, source, code)
);
CREATE TABLE alarm_event (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  exception_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  what TEXT NOT NULL,
  code TEXT NOT NULL,
  source TEXT NOT NULL,
  priority BIGINT NOT NULL,
  CONSTRAINT pk_alarm_event PRIMARY KEY (site_id, id),
  CONSTRAINT ck_alarm_event_what CHECK (what IN ('RAISED', 'ENDED'))
);
CREATE INDEX ix_alarm_event_at ON alarm_event (site_id, at);
CREATE TABLE site_minute (
  site_id UUID NOT NULL,
  minute TIMESTAMP WITH TIME ZONE NOT NULL,
  body BYTEA NOT NULL,
  CONSTRAINT pk_site_minute PRIMARY KEY (site_id, minute)
);
CREATE TABLE machine_hour (
  site_id UUID NOT NULL,
  hour TIMESTAMP WITH TIME ZONE NOT NULL,
  machine TEXT NOT NULL,
  state TEXT NOT NULL,
  lasted_ms BIGINT DEFAULT '0' NOT NULL,
  times BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_machine_hour PRIMARY KEY (site_id, hour, machine, state)
);

CREATE TABLE operator (
  id UUID NOT NULL,
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  badge_hash BYTEA NOT NULL,
  pin_hash TEXT NOT NULL,
  languages TEXT[] DEFAULT '{ja}' NOT NULL,
  kinds TEXT[] DEFAULT '{}' NOT NULL,
  zones TEXT[] DEFAULT '{}' NOT NULL,
  equipment TEXT[] DEFAULT '{}' NOT NULL,
  supervisor BOOLEAN DEFAULT 'false' NOT NULL,
  active BOOLEAN DEFAULT 'true' NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_operator PRIMARY KEY (id),
  CONSTRAINT uq_operator_code UNIQUE (code),
  CONSTRAINT uq_operator_badge_hash UNIQUE (badge_hash)
);

CREATE TABLE device (
  id UUID NOT NULL,
  name TEXT NOT NULL,
  site_id UUID NOT NULL,
  zone TEXT DEFAULT '' NOT NULL,
  station TEXT DEFAULT '' NOT NULL,
  printer TEXT DEFAULT '' NOT NULL,
  equipment TEXT[] DEFAULT '{}' NOT NULL,
  pairing_hash BYTEA,
  pairing_until TIMESTAMP WITH TIME ZONE,
  token_hash BYTEA,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  paired_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  last_seen_at TIMESTAMP WITH TIME ZONE,
  battery BIGINT,
  firmware TEXT DEFAULT '' NOT NULL,
  queued BIGINT DEFAULT 0 NOT NULL,
  CONSTRAINT pk_device PRIMARY KEY (id),
  CONSTRAINT uq_device_name UNIQUE (name),
  CONSTRAINT uq_device_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_device_pairing_hash ON device (pairing_hash) WHERE pairing_hash IS NOT NULL;

CREATE TABLE sign_in (
  id UUID NOT NULL,
  token_hash BYTEA NOT NULL,
  operator_id UUID NOT NULL,
  device_id UUID NOT NULL,
  began_at TIMESTAMP WITH TIME ZONE NOT NULL,
  pin_at TIMESTAMP WITH TIME ZONE NOT NULL,
  seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
  away_at TIMESTAMP WITH TIME ZONE,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_sign_in PRIMARY KEY (id),
  CONSTRAINT uq_sign_in_token_hash UNIQUE (token_hash),
  CONSTRAINT fk_sign_in_operator_id FOREIGN KEY (operator_id) REFERENCES operator (id),
  CONSTRAINT fk_sign_in_device_id FOREIGN KEY (device_id) REFERENCES device (id)
);
CREATE INDEX ix_sign_in_device_id ON sign_in (device_id, began_at);
CREATE INDEX ix_sign_in_operator_id ON sign_in (operator_id, began_at);

CREATE TABLE sign_in_try (
  device_id UUID NOT NULL,
  badge_hash BYTEA NOT NULL,
  failed BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_sign_in_try PRIMARY KEY (device_id, badge_hash)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PEOPLE)
