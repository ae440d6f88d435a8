"""Tariffs, invoices and their lines."""

from alembic import op

from wms.migrations import run_sql

revision = "0024_billing"
down_revision = "0023_masters"
branch_labels = None
depends_on = None

BILLING = """
CREATE TABLE tariff (
  owner_id UUID NOT NULL,
  version BIGINT NOT NULL,
  valid_from DATE NOT NULL,
  body JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_tariff PRIMARY KEY (owner_id, version),
  CONSTRAINT ck_tariff_version CHECK (version > 0),
  CONSTRAINT fk_tariff_owner_id FOREIGN KEY(owner_id) REFERENCES owner (id)
);
CREATE TABLE issuer (
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  registration TEXT NOT NULL,
  address TEXT DEFAULT '' NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_issuer PRIMARY KEY (code)
);
CREATE TABLE invoice (
  id UUID NOT NULL,
  owner_id UUID NOT NULL,
  month DATE NOT NULL,
  kind TEXT NOT NULL,
  state TEXT DEFAULT 'DRAFT' NOT NULL,
  number TEXT NOT NULL,
  corrects TEXT DEFAULT '' NOT NULL,
  currency TEXT DEFAULT 'JPY' NOT NULL,
  issued_on DATE,
  parties JSONB DEFAULT '{}' NOT NULL,
  taxes JSONB DEFAULT '[]' NOT NULL,
  net_minor BIGINT DEFAULT '0' NOT NULL,
  tax_minor BIGINT DEFAULT '0' NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  final_at TIMESTAMP WITH TIME ZONE,
  final_by TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_invoice PRIMARY KEY (id),
  CONSTRAINT ck_invoice_kind CHECK (kind IN ('INVOICE', 'CORRECTION')),
  CONSTRAINT ck_invoice_state CHECK (state IN ('DRAFT', 'FINAL')),
  CONSTRAINT ck_invoice_final CHECK ((state = 'FINAL') = (final_at IS NOT NULL))
);
CREATE INDEX ix_invoice_listed ON invoice (month, id);
CREATE INDEX ix_invoice_owner_id ON invoice (owner_id, month);
CREATE TABLE invoice_line (
  invoice_id UUID NOT NULL,
  no BIGINT NOT NULL,
  site TEXT NOT NULL,
  code TEXT NOT NULL,
  kind TEXT NOT NULL,
  per TEXT NOT NULL,
  version BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  rate TEXT NOT NULL,
  tax_percent BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL,
  CONSTRAINT pk_invoice_line PRIMARY KEY (invoice_id, no),
  CONSTRAINT fk_invoice_line_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id)
);
CREATE TABLE invoice_movement (
  invoice_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  no BIGINT NOT NULL,
  site_id UUID,
  movement_id BIGINT NOT NULL,
  quantity BIGINT NOT NULL,
  charge_minor BIGINT NOT NULL,
  CONSTRAINT pk_invoice_movement PRIMARY KEY (invoice_id, line_no, no),
  CONSTRAINT fk_invoice_movement_invoice_id_line_no
    FOREIGN KEY(invoice_id, line_no) REFERENCES invoice_line (invoice_id, no)
);
CREATE TABLE billing_act (
  id UUID NOT NULL,
  asked TEXT NOT NULL,
  invoice_id UUID,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_billing_act PRIMARY KEY (id)
);

-- What has been sent to an owner is never changed: a correction is an invoice of its own.
CREATE FUNCTION invoice_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_state text;
BEGIN
  IF TG_TABLE_NAME = 'invoice' THEN
    v_state := OLD.state;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT i.state INTO v_state FROM invoice i WHERE i.id = NEW.invoice_id;
  ELSE
    SELECT i.state INTO v_state FROM invoice i WHERE i.id = OLD.invoice_id;
  END IF;
  IF v_state = 'FINAL' THEN
    RAISE EXCEPTION 'a final invoice is never changed; correct it by another'
      USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER is_final BEFORE UPDATE OR DELETE ON invoice
  FOR EACH ROW EXECUTE FUNCTION invoice_is_final();
CREATE TRIGGER is_final BEFORE INSERT OR UPDATE OR DELETE ON invoice_line
  FOR EACH ROW EXECUTE FUNCTION invoice_is_final();
CREATE TRIGGER is_final BEFORE INSERT OR UPDATE OR DELETE ON invoice_movement
  FOR EACH ROW EXECUTE FUNCTION invoice_is_final();
"""


def upgrade() -> None:
    run_sql(op.get_bind(), BILLING)
