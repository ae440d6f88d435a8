"""What planners ask: snapshots, scenarios, runs of them, proposals; the days ahead of a site."""

from alembic import op

from wms.migrations import run_sql

revision = "0026_planner"
down_revision = "0025_epcis"
branch_labels = None
depends_on = None

PLANNER = """
CREATE TABLE plan_snapshot (
  id text NOT NULL,
  name text NOT NULL,
  network jsonb NOT NULL,
  facts jsonb NOT NULL,
  made_at timestamptz NOT NULL,
  made_by text NOT NULL,
  CONSTRAINT pk_plan_snapshot PRIMARY KEY (id)
);

CREATE TABLE plan_scenario (
  id uuid NOT NULL,
  snapshot_id text NOT NULL,
  name text NOT NULL,
  patches jsonb NOT NULL DEFAULT '[]',
  tags text[] NOT NULL DEFAULT '{}',
  baseline boolean NOT NULL DEFAULT false,
  owner text NOT NULL,
  copied_from uuid,
  version bigint NOT NULL DEFAULT 1,
  made_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_plan_scenario PRIMARY KEY (id),
  CONSTRAINT fk_plan_scenario_snapshot_id FOREIGN KEY (snapshot_id) REFERENCES plan_snapshot (id)
);
CREATE UNIQUE INDEX ix_plan_scenario_baseline ON plan_scenario (snapshot_id) WHERE baseline;

CREATE TABLE plan_run (
  id uuid NOT NULL,
  scenario_id uuid NOT NULL,
  snapshot_id text NOT NULL,
  patches jsonb NOT NULL,
  seeds bigint[] NOT NULL,
  iterations bigint NOT NULL,
  state text NOT NULL DEFAULT 'QUEUED',
  stop_wanted boolean NOT NULL DEFAULT false,
  progress jsonb NOT NULL DEFAULT '[]',
  result jsonb,
  failed text NOT NULL DEFAULT '',
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,
  started_at timestamptz,
  ended_at timestamptz,
  seen_at timestamptz,
  CONSTRAINT pk_plan_run PRIMARY KEY (id),
  CONSTRAINT fk_plan_run_scenario_id FOREIGN KEY (scenario_id) REFERENCES plan_scenario (id),
  CONSTRAINT fk_plan_run_snapshot_id FOREIGN KEY (snapshot_id) REFERENCES plan_snapshot (id),
  CONSTRAINT ck_plan_run_state
    CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'STOPPED', 'FAILED'))
);
CREATE INDEX ix_plan_run_scenario_id ON plan_run (scenario_id, asked_at);
CREATE INDEX ix_plan_run_open ON plan_run (asked_at) WHERE state IN ('QUEUED', 'RUNNING');

CREATE TABLE plan_played (
  run_id uuid NOT NULL,
  seed bigint NOT NULL,
  played jsonb,
  failed text NOT NULL DEFAULT '',
  CONSTRAINT pk_plan_played PRIMARY KEY (run_id, seed),
  CONSTRAINT fk_plan_played_run_id FOREIGN KEY (run_id) REFERENCES plan_run (id)
);

CREATE TABLE plan_proposal (
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  base_run_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'PROPOSED',
  reason text NOT NULL,
  changes jsonb NOT NULL,
  by_hand jsonb NOT NULL,
  predicted jsonb NOT NULL,
  active_from timestamptz NOT NULL,
  undo jsonb,
  proposed_at timestamptz NOT NULL,
  proposed_by text NOT NULL,
  decided_at timestamptz,
  decided_by text NOT NULL DEFAULT '',
  activated_at timestamptz,
  rolled_back_at timestamptz,
  rolled_back_by text NOT NULL DEFAULT '',
  failed text NOT NULL DEFAULT '',
  CONSTRAINT pk_plan_proposal PRIMARY KEY (id),
  CONSTRAINT fk_plan_proposal_run_id FOREIGN KEY (run_id) REFERENCES plan_run (id),
  CONSTRAINT fk_plan_proposal_base_run_id FOREIGN KEY (base_run_id) REFERENCES plan_run (id),
  CONSTRAINT ck_plan_proposal_state CHECK (state IN
    ('PROPOSED', 'APPROVED', 'REJECTED', 'ACTIVE', 'FAILED', 'ROLLED_BACK')),
  CONSTRAINT ck_plan_proposal_second CHECK (decided_by <> proposed_by)
);
CREATE INDEX ix_plan_proposal_due ON plan_proposal (active_from) WHERE state = 'APPROVED';

CREATE TABLE plan_question (
  id uuid NOT NULL,
  kind text NOT NULL,
  site_id uuid NOT NULL,
  wish jsonb NOT NULL,
  state text NOT NULL DEFAULT 'QUEUED',
  answer jsonb,
  failed text NOT NULL DEFAULT '',
  asked_at timestamptz NOT NULL,
  asked_by text NOT NULL,
  seen_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT pk_plan_question PRIMARY KEY (id),
  CONSTRAINT fk_plan_question_site_id FOREIGN KEY (site_id) REFERENCES site (id),
  CONSTRAINT ck_plan_question_state CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
  CONSTRAINT ck_plan_question_answer CHECK ((state = 'DONE') = (answer IS NOT NULL))
);
CREATE INDEX ix_plan_question_asked_at ON plan_question (kind, asked_at);
CREATE INDEX ix_plan_question_open ON plan_question (asked_at)
  WHERE state IN ('QUEUED', 'RUNNING');
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PLANNER)
