"""Bookings with carriers, what they say of parcels, rules and rates that were saved, calendars."""

from alembic import op

from wms.migrations import run_sql

revision = "0011_shipping"
down_revision = "0010_payments"
branch_labels = None
depends_on = None

SHIPPING = """
CREATE TABLE booking (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  order_id UUID,
  contact_id UUID,
  number TEXT DEFAULT '' NOT NULL,
  sscc TEXT NOT NULL,
  reference TEXT NOT NULL,
  direction TEXT DEFAULT 'OUT' NOT NULL,
  carrier TEXT NOT NULL,
  service TEXT NOT NULL,
  weight_g BIGINT NOT NULL,
  cool BOOLEAN DEFAULT 'false' NOT NULL,
  postal_code TEXT DEFAULT '' NOT NULL,
  prefecture TEXT DEFAULT '' NOT NULL,
  ship_on DATE,
  deliver_on DATE,
  slot TEXT DEFAULT '' NOT NULL,
  leave_at TEXT DEFAULT '' NOT NULL,
  cod_minor BIGINT DEFAULT '0' NOT NULL,
  currency TEXT DEFAULT 'JPY' NOT NULL,
  state TEXT DEFAULT 'WANTED' NOT NULL,
  attempts BIGINT DEFAULT '0' NOT NULL,
  wanted_at TIMESTAMP WITH TIME ZONE NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  booked_at TIMESTAMP WITH TIME ZONE,
  problem TEXT DEFAULT '' NOT NULL,
  estimate_minor BIGINT,
  cost_minor BIGINT,
  tracking TEXT,
  label_pdf BYTEA,
  file_id UUID,
  status TEXT DEFAULT '' NOT NULL,
  status_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_booking PRIMARY KEY (site_id, id),
  CONSTRAINT ck_booking_direction CHECK (direction IN ('OUT', 'RETURN')),
  CONSTRAINT ck_booking_state CHECK (state IN ('WANTED', 'BOOKED', 'REFUSED', 'CANCELLING',
    'CANCELLED')),
  CONSTRAINT ck_booking_tracking CHECK ((state = 'BOOKED') <= (tracking IS NOT NULL))
);
CREATE INDEX ix_booking_due ON booking (carrier, due_at) WHERE state IN ('WANTED', 'CANCELLING');
CREATE INDEX ix_booking_file_id ON booking (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX ix_booking_reference ON booking (reference);
CREATE INDEX ix_booking_sscc ON booking (sscc);

CREATE TABLE parcel_event (
  site_id UUID NOT NULL,
  parcel_id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  status TEXT NOT NULL,
  CONSTRAINT pk_parcel_event PRIMARY KEY (site_id, parcel_id, at, status)
);

CREATE TABLE carrier (
  code TEXT NOT NULL,
  mode TEXT DEFAULT 'API' NOT NULL,
  facts JSONB DEFAULT '{}' NOT NULL,
  CONSTRAINT pk_carrier PRIMARY KEY (code),
  CONSTRAINT ck_carrier_mode CHECK (mode IN ('API', 'FILE'))
);

CREATE TABLE carrier_health (
  carrier TEXT NOT NULL,
  failures BIGINT DEFAULT '0' NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  down_since TIMESTAMP WITH TIME ZONE,
  problem TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_carrier_health PRIMARY KEY (carrier)
);

CREATE TABLE carrier_file (
  id UUID NOT NULL,
  carrier TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  parcels BIGINT NOT NULL,
  CONSTRAINT pk_carrier_file PRIMARY KEY (id)
);

CREATE TABLE shipping_table (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  saved_by TEXT DEFAULT '' NOT NULL,
  body JSONB NOT NULL,
  CONSTRAINT pk_shipping_table PRIMARY KEY (name, version)
);

CREATE TABLE site_calendar (
  site_id UUID NOT NULL,
  body JSONB NOT NULL,
  saved_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_site_calendar PRIMARY KEY (site_id),
  CONSTRAINT fk_site_calendar_site_id FOREIGN KEY(site_id) REFERENCES site (id)
);
"""


def upgrade() -> None:
    if SHIPPING.strip():
        run_sql(op.get_bind(), SHIPPING)
