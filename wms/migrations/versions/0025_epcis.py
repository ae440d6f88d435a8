"""Events in the words of EPCIS: ours, and those that partners send."""

from alembic import op

from wms.migrations import run_sql

revision = "0025_epcis"
down_revision = "0024_billing"
branch_labels = None
depends_on = None

EPCIS = """
CREATE TABLE epcis_event (
  id TEXT NOT NULL,
  hash TEXT NOT NULL,
  type TEXT NOT NULL,
  action TEXT DEFAULT '' NOT NULL,
  event_time TIMESTAMP WITH TIME ZONE NOT NULL,
  record_time TIMESTAMP WITH TIME ZONE NOT NULL,
  biz_step TEXT DEFAULT '' NOT NULL,
  disposition TEXT DEFAULT '' NOT NULL,
  read_point TEXT DEFAULT '' NOT NULL,
  biz_location TEXT DEFAULT '' NOT NULL,
  parent TEXT DEFAULT '' NOT NULL,
  epcs TEXT[] DEFAULT '{}' NOT NULL,
  inside TEXT[] DEFAULT '{}' NOT NULL,
  classes TEXT[] DEFAULT '{}' NOT NULL,
  papers TEXT[] DEFAULT '{}' NOT NULL,
  capture_id UUID,
  body JSONB NOT NULL,
  CONSTRAINT pk_epcis_event PRIMARY KEY (id)
);
CREATE INDEX ix_epcis_event_recorded ON epcis_event (record_time, id);
CREATE INDEX ix_epcis_event_event_time ON epcis_event (event_time, id);
CREATE INDEX ix_epcis_event_biz_step ON epcis_event (biz_step, record_time);
CREATE INDEX ix_epcis_event_epcs ON epcis_event USING gin (epcs);
CREATE INDEX ix_epcis_event_classes ON epcis_event USING gin (classes);
CREATE INDEX ix_epcis_event_papers ON epcis_event USING gin (papers);
CREATE TABLE epcis_capture (
  id UUID NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE NOT NULL,
  behaviour TEXT NOT NULL,
  success BOOLEAN NOT NULL,
  taken BIGINT NOT NULL,
  known BIGINT NOT NULL,
  errors JSONB NOT NULL,
  CONSTRAINT pk_epcis_capture PRIMARY KEY (id),
  CONSTRAINT ck_epcis_capture_behaviour CHECK (behaviour IN ('ROLLBACK', 'PROCEED'))
);
CREATE TABLE epcis_told (
  one BIGINT NOT NULL,
  xid BIGINT NOT NULL,
  movement_id BIGINT NOT NULL,
  CONSTRAINT pk_epcis_told PRIMARY KEY (one),
  CONSTRAINT ck_epcis_told_one CHECK (one = 1)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), EPCIS)
