"""Contacts, each with a key of its own."""

from alembic import op

from wms.migrations import run_sql

revision = "0009_contacts"
down_revision = "0008_promises"
branch_labels = None
depends_on = None

CONTACTS = """
CREATE TABLE contact (
  id UUID NOT NULL,
  channel TEXT NOT NULL,
  notify TEXT NOT NULL,
  time_zone TEXT DEFAULT '' NOT NULL,
  master TEXT,
  wrapped_key BYTEA,
  sealed BYTEA,
  first BYTEA,
  by_email BYTEA,
  by_phone BYTEA,
  by_last4 BYTEA,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  keep_until TIMESTAMP WITH TIME ZONE NOT NULL,
  erase_at_close TEXT,
  erased_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_contact PRIMARY KEY (id),
  CONSTRAINT ck_contact_notify CHECK (notify IN ('EMAIL', 'LINE', 'SMS', 'NONE')),
  -- erased is erased: no key, nothing that it sealed, nothing to find a person by
  CONSTRAINT ck_contact_erased CHECK ((erased_at IS NULL) = (wrapped_key IS NOT NULL)
    AND (erased_at IS NULL) = (sealed IS NOT NULL) AND (erased_at IS NULL) = (first IS NOT NULL)
    AND (erased_at IS NULL OR by_email IS NULL AND by_phone IS NULL AND by_last4 IS NULL))
);
CREATE INDEX ix_contact_by_email ON contact (by_email) WHERE by_email IS NOT NULL;
CREATE INDEX ix_contact_by_phone ON contact (by_phone) WHERE by_phone IS NOT NULL;
CREATE INDEX ix_contact_by_last4 ON contact (by_last4) WHERE by_last4 IS NOT NULL;
CREATE INDEX ix_contact_keep_until ON contact (keep_until) WHERE erased_at IS NULL;
CREATE INDEX ix_contact_master ON contact (master) WHERE erased_at IS NULL;

CREATE TABLE contact_retention (
  channel TEXT NOT NULL,
  keep_days BIGINT NOT NULL,
  CONSTRAINT pk_contact_retention PRIMARY KEY (channel),
  CONSTRAINT ck_contact_retention_keep_days CHECK (keep_days >= 1)
);

CREATE TABLE contact_erasure (
  contact_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  by TEXT NOT NULL,
  reason TEXT NOT NULL,
  destroyed TEXT NOT NULL,
  digest TEXT NOT NULL,
  CONSTRAINT pk_contact_erasure PRIMARY KEY (contact_id)
);
REVOKE UPDATE, DELETE, TRUNCATE ON contact_erasure FROM soko_app;
REVOKE DELETE, TRUNCATE ON contact FROM soko_app;
"""


def upgrade() -> None:
    run_sql(op.get_bind(), CONTACTS)
