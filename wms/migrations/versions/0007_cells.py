"""Sagas: holds over several cells, all or none. Each is written in the home of its id."""

from alembic import op

from wms.migrations import run_sql

revision = "0007_cells"
down_revision = "0006_proof"
branch_labels = None
depends_on = None

CELLS = """
CREATE TABLE saga (
  id uuid NOT NULL,
  state text NOT NULL DEFAULT 'PENDING',
  asked uuid NOT NULL,
  lines jsonb NOT NULL,
  deadline timestamptz NOT NULL,
  fence bigint NOT NULL DEFAULT 1,
  lease_until timestamptz NOT NULL,
  why text NOT NULL DEFAULT '',
  free jsonb NOT NULL DEFAULT '{}',
  made_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_saga PRIMARY KEY (id),
  CONSTRAINT ck_saga_state CHECK (state IN ('PENDING', 'SETTLED', 'VOIDING', 'VOIDED'))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX ix_saga_open ON saga (lease_until) WHERE state IN ('PENDING', 'VOIDING');

-- The one table of what a saga may become. The rest of an answer that was given is never changed.
CREATE FUNCTION saga_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (old.state, new.state) NOT IN (VALUES
    ('PENDING', 'PENDING'),   -- another coordinator takes over
    ('PENDING', 'SETTLED'),
    ('PENDING', 'VOIDING'),
    ('VOIDING', 'VOIDING'),   -- likewise
    ('VOIDING', 'VOIDED'))
    OR (old.id, old.asked, old.lines, old.deadline)
      IS DISTINCT FROM (new.id, new.asked, new.lines, new.deadline)
    OR old.state <> 'PENDING' AND (old.why, old.free) IS DISTINCT FROM (new.why, new.free)
  THEN
    RAISE EXCEPTION 'saga %: % cannot become %', old.id, old.state, new.state
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER goes_on BEFORE UPDATE ON saga FOR EACH ROW EXECUTE FUNCTION saga_goes_on();
REVOKE DELETE, TRUNCATE ON saga FROM soko_app;

-- PostgreSQL lets everybody execute a new function. Not those that act as their owner: whoever may
-- write stock by them has been named (GRANT EXECUTE), and a test keeps it so.
DO $$
DECLARE
  v_function regprocedure;
BEGIN
  FOR v_function IN
    SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef
  LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
  END LOOP;
END $$;
"""


def upgrade() -> None:
    run_sql(op.get_bind(), CELLS)
