"""Tenders and refunds."""

from alembic import op

from wms.migrations import run_sql

revision = "0010_payments"
down_revision = "0009_contacts"
branch_labels = None
depends_on = None

PAYMENTS = """
CREATE TABLE tender (
  order_id UUID NOT NULL,
  id UUID NOT NULL,
  no BIGINT NOT NULL,
  kind TEXT NOT NULL,
  payment TEXT NOT NULL,
  expected_minor BIGINT NOT NULL,
  captured_minor BIGINT NOT NULL,
  refunded_minor BIGINT DEFAULT '0' NOT NULL,
  currency TEXT NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  captured_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_tender PRIMARY KEY (order_id, id),
  CONSTRAINT fk_tender_order_id FOREIGN KEY (order_id) REFERENCES customer_order (id),
  CONSTRAINT ck_tender_kind CHECK (kind IN ('CARD', 'KONBINI', 'BANK', 'WALLET', 'POINTS',
    'GIFT_CARD', 'COD')),
  CONSTRAINT ck_tender_refunds CHECK (0 <= refunded_minor AND refunded_minor <= captured_minor),
  CONSTRAINT ck_tender_expected CHECK (expected_minor >= 0)
);

CREATE TABLE refund (
  order_id UUID NOT NULL,
  id UUID NOT NULL,
  tender_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  reason TEXT NOT NULL,
  cause_id UUID NOT NULL,
  state TEXT DEFAULT 'WANTED' NOT NULL,
  attempts BIGINT DEFAULT '0' NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  provider_reference TEXT,
  problem TEXT,
  wanted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_refund PRIMARY KEY (order_id, id),
  CONSTRAINT fk_refund_order_id_tender_id FOREIGN KEY (order_id, tender_id)
    REFERENCES tender (order_id, id),
  CONSTRAINT uq_refund_order_id_cause_id_tender_id UNIQUE (order_id, cause_id, tender_id),
  CONSTRAINT ck_refund_state CHECK (state IN ('WANTED', 'ASKED', 'DONE', 'REFUSED')),
  CONSTRAINT ck_refund_amount CHECK (amount_minor > 0),
  CONSTRAINT ck_refund_done CHECK ((state = 'DONE') = (provider_reference IS NOT NULL))
);
CREATE INDEX ix_refund_id ON refund (id);
CREATE INDEX ix_refund_tender_id ON refund (order_id, tender_id);
CREATE INDEX ix_refund_due ON refund (due_at) WHERE state IN ('WANTED', 'ASKED');
CREATE INDEX ix_refund_refused ON refund (wanted_at) WHERE state = 'REFUSED';

-- What a tender has given back is the sum of its refunds, whoever writes one: the CHECK of the
-- tender then judges every refund, and no other way leads past it.
CREATE FUNCTION refund_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE tender SET refunded_minor = refunded_minor + NEW.amount_minor
   WHERE order_id = NEW.order_id AND id = NEW.tender_id;
  RETURN NULL;
END $$;
CREATE TRIGGER counts AFTER INSERT ON refund FOR EACH ROW EXECUTE FUNCTION refund_counts();

CREATE FUNCTION refund_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%: a refund, once wanted, stands', TG_TABLE_NAME
    USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_refund_stands';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OF order_id, id, tender_id, amount_minor, cause_id ON refund
  FOR EACH ROW EXECUTE FUNCTION refund_stands();
CREATE TRIGGER stays BEFORE DELETE ON refund FOR EACH ROW EXECUTE FUNCTION refund_stands();
CREATE TRIGGER by_refunds_alone BEFORE UPDATE OF refunded_minor ON tender
  FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refund_stands();
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PAYMENTS)
