"""Answers say how far they are, and are taken over once."""

from alembic import op

from wms.migrations import run_sql

revision = "0031_take_over"
down_revision = "0030_wave_chosen"
branch_labels = None
depends_on = None

TAKE_OVER = """
ALTER TABLE plan_question
  ADD COLUMN stop_wanted BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN progress JSONB NOT NULL DEFAULT '[]',
  ADD COLUMN took JSONB,
  ADD COLUMN taken_at TIMESTAMP WITH TIME ZONE,
  ADD COLUMN taken_by TEXT NOT NULL DEFAULT '',
  ADD CONSTRAINT ck_plan_question_taken CHECK (
    (took IS NULL) = (taken_at IS NULL) AND (taken_at IS NULL OR state = 'DONE')
  ) NOT VALID;
ALTER TABLE plan_question VALIDATE CONSTRAINT ck_plan_question_taken;
"""


def upgrade() -> None:
    run_sql(op.get_bind(), TAKE_OVER)
