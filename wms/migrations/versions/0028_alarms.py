"""Alarms that stay until they are reset, and machines that are out of service."""

from alembic import op

from wms.migrations import run_sql

revision = "0028_alarms"
down_revision = "0027_identity"
branch_labels = None
depends_on = None

ALARMS = """
ALTER TABLE exception_report ADD COLUMN latched BOOLEAN NOT NULL DEFAULT false;

CREATE TABLE alarm_out_of_service (
  site_id UUID NOT NULL,
  source TEXT NOT NULL,
  code TEXT NOT NULL,
  exception_id UUID NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_alarm_out_of_service PRIMARY KEY (site_id, source, code),
  CONSTRAINT ck_alarm_out_of_service_ends CHECK (until > at AND until <= at + interval '31 days'),
  CONSTRAINT ck_alarm_out_of_service_why CHECK (reason <> '')
);
SELECT reach_fence('alarm_out_of_service');
"""


def upgrade() -> None:
    run_sql(op.get_bind(), ALARMS)
