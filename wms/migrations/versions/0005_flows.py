"""Orders, tasks, parcels, returns, streams to and from the WCS."""

from alembic import op

from wms.migrations import run_sql

revision = "0005_flows"
down_revision = "0004_posting"
branch_labels = None
depends_on = None

FLOWS = """
CREATE SEQUENCE sscc_serial;
CREATE TABLE customer_order (
  id UUID NOT NULL,
  number TEXT NOT NULL,
  channel TEXT NOT NULL,
  customer TEXT,
  prefecture TEXT NOT NULL,
  postal_code TEXT NOT NULL,
  latitude DOUBLE PRECISION NOT NULL,
  longitude DOUBLE PRECISION NOT NULL,
  placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  body_hash TEXT NOT NULL,
  sourced BOOLEAN NOT NULL,
  closed BOOLEAN NOT NULL,
  shipped_at TIMESTAMP WITH TIME ZONE,
  kind TEXT DEFAULT 'CUSTOMER' NOT NULL,
  fulfilment TEXT DEFAULT 'DELIVERY' NOT NULL,
  to_site_id UUID,
  priority BIGINT DEFAULT '0' NOT NULL,
  promised_from TIMESTAMP WITH TIME ZONE,
  promised_by TIMESTAMP WITH TIME ZONE,
  split TEXT DEFAULT 'ANY' NOT NULL,
  backorders TEXT DEFAULT 'END' NOT NULL,
  delivery_on DATE,
  slot TEXT DEFAULT '' NOT NULL,
  leave_at TEXT DEFAULT '' NOT NULL,
  currency TEXT DEFAULT 'JPY' NOT NULL,
  language TEXT DEFAULT 'ja' NOT NULL,
  contact_id UUID,
  expires_at TIMESTAMP WITH TIME ZONE,
  token TEXT DEFAULT '' NOT NULL,
  from_site_id UUID,
  reminded_at TIMESTAMP WITH TIME ZONE,
  extended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_customer_order PRIMARY KEY (id),
  CONSTRAINT ck_customer_order_kind CHECK (kind IN ('CUSTOMER', 'EXCHANGE', 'TRANSFER')),
  CONSTRAINT ck_customer_order_fulfilment CHECK (fulfilment IN ('DELIVERY', 'COLLECT', 'RESERVE',
    'TRANSFER')),
  CONSTRAINT ck_customer_order_split CHECK (split IN ('ANY', 'WHOLE_LINES', 'ONE_SITE')),
  CONSTRAINT ck_customer_order_backorders CHECK (backorders IN ('END', 'WAIT')),
  CONSTRAINT ck_customer_order_to_site CHECK ((fulfilment = 'DELIVERY') = (to_site_id IS NULL))
);
CREATE INDEX ix_customer_order_token ON customer_order (token);
CREATE INDEX ix_customer_order_to_site_id ON customer_order (to_site_id, placed_at)
  WHERE to_site_id IS NOT NULL;
CREATE INDEX ix_customer_order_expires_at ON customer_order (expires_at)
  WHERE expires_at IS NOT NULL AND NOT closed;
CREATE INDEX ix_customer_order_recorded_at ON customer_order (recorded_at);
CREATE INDEX ix_customer_order_unsourced ON customer_order (placed_at) WHERE NOT sourced;

CREATE TABLE order_line (
  order_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  sku_id UUID,
  sku TEXT NOT NULL,
  units BIGINT NOT NULL,
  units_short BIGINT NOT NULL,
  state TEXT NOT NULL,
  units_cancelled BIGINT DEFAULT '0' NOT NULL,
  units_waiting BIGINT DEFAULT '0' NOT NULL,
  price_minor BIGINT DEFAULT '0' NOT NULL,
  gift TEXT DEFAULT '' NOT NULL,
  supply_id UUID,
  CONSTRAINT pk_order_line PRIMARY KEY (order_id, line_no),
  CONSTRAINT ck_order_line_state CHECK (state IN ('OPEN', 'SHIPPED', 'BACKORDERED', 'CANCELLED',
    'RETURNED', 'SERVICE')),
  CONSTRAINT ck_order_line_units CHECK (units_short >= 0 AND units_cancelled >= 0
    AND units_waiting >= 0 AND units_short + units_cancelled + units_waiting <= units),
  CONSTRAINT fk_order_line_order_id FOREIGN KEY(order_id) REFERENCES customer_order (id)
);
CREATE INDEX ix_order_line_waiting ON order_line (sku_id, order_id) WHERE units_waiting > 0;

CREATE TABLE allocation (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  order_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  sku_id UUID NOT NULL,
  units BIGINT NOT NULL,
  state TEXT NOT NULL,
  ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  location_id UUID,
  tote TEXT,
  by_robot BOOLEAN NOT NULL,
  task_id UUID,
  to_pack BOOLEAN NOT NULL,
  onward_id UUID,
  supply_id UUID,
  cancelling BOOLEAN DEFAULT 'false' NOT NULL,
  CONSTRAINT pk_allocation PRIMARY KEY (site_id, id),
  CONSTRAINT ck_allocation_state CHECK (state IN ('HELD', 'ALLOCATED', 'PINNED', 'PICKED',
    'PACKED', 'SHIPPED', 'DELIVERED', 'SHORT', 'RELEASED', 'EXPIRED', 'SWAPPED'))
);
CREATE INDEX ix_allocation_order_id_line_no ON allocation (order_id, line_no);
CREATE INDEX ix_allocation_to_release ON allocation (site_id, ordered_at) WHERE state = 'ALLOCATED';
CREATE INDEX ix_allocation_on_supply ON allocation (site_id, supply_id)
  WHERE state = 'HELD' AND supply_id IS NOT NULL;
CREATE INDEX ix_allocation_cancelling ON allocation (site_id) WHERE cancelling;

CREATE TABLE decision (
  id UUID NOT NULL,
  order_id UUID NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
  status TEXT NOT NULL,
  objective DOUBLE PRECISION NOT NULL,
  bound DOUBLE PRECISION,
  gap DOUBLE PRECISION,
  runtime_s DOUBLE PRECISION NOT NULL,
  seed BIGINT NOT NULL,
  inputs_hash TEXT NOT NULL,
  candidates JSONB NOT NULL,
  chosen JSONB NOT NULL,
  runner_up JSONB,
  CONSTRAINT pk_decision PRIMARY KEY (order_id, id)
);

CREATE TABLE task (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  state TEXT DEFAULT 'OPEN' NOT NULL,
  station TEXT,
  priority BIGINT DEFAULT '0' NOT NULL,
  fence BIGINT DEFAULT '0' NOT NULL,
  device TEXT,
  operator TEXT,
  lease_until TIMESTAMP WITH TIME ZONE,
  packet JSONB NOT NULL,
  plan JSONB NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_task PRIMARY KEY (site_id, id),
  CONSTRAINT ck_task_state CHECK (state IN ('OPEN', 'LEASED', 'DONE'))
);
CREATE INDEX ix_task_id ON task (id);
CREATE INDEX ix_task_pool ON task (site_id, kind, priority, made_at) WHERE state <> 'DONE';

CREATE TABLE work_event (
  id UUID NOT NULL,
  task_id UUID NOT NULL,
  device TEXT NOT NULL,
  operator TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  problem JSONB,
  rev BIGINT DEFAULT '0' NOT NULL,
  fence BIGINT DEFAULT '0' NOT NULL,
  no BIGINT GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT pk_work_event PRIMARY KEY (id)
);
CREATE INDEX ix_work_event_task_id ON work_event (task_id);

CREATE TABLE presentation (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  tote TEXT NOT NULL,
  home TEXT NOT NULL,
  station TEXT NOT NULL,
  state TEXT NOT NULL,
  transport_id UUID NOT NULL,
  attempt BIGINT DEFAULT '0' NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_presentation PRIMARY KEY (site_id, id),
  CONSTRAINT ck_presentation_state CHECK (state IN ('COMING', 'PRESENT', 'RETURNING', 'HOME',
    'FAILED'))
);
CREATE UNIQUE INDEX ix_presentation_open ON presentation (site_id, tote) WHERE state IN
  ('COMING', 'PRESENT', 'RETURNING');
CREATE INDEX ix_presentation_transport_id ON presentation (transport_id);

CREATE TABLE transport (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  presentation_id UUID NOT NULL,
  leg TEXT NOT NULL,
  state TEXT NOT NULL,
  metres DOUBLE PRECISION DEFAULT '0' NOT NULL,
  robot TEXT,
  reason TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_transport PRIMARY KEY (site_id, id)
);

CREATE TABLE parcel (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  order_id UUID NOT NULL,
  sscc TEXT NOT NULL,
  epc_hex TEXT NOT NULL,
  service TEXT NOT NULL,
  lane TEXT NOT NULL,
  weight_g BIGINT NOT NULL,
  state TEXT NOT NULL,
  tracking TEXT,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  shipped_at TIMESTAMP WITH TIME ZONE,
  delivered_at TIMESTAMP WITH TIME ZONE,
  reads BIGINT DEFAULT '0' NOT NULL,
  recirculations BIGINT DEFAULT '0' NOT NULL,
  sorts BIGINT DEFAULT '0' NOT NULL,
  passages_in BIGINT DEFAULT '0' NOT NULL,
  passages_out BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_parcel PRIMARY KEY (site_id, id),
  CONSTRAINT ck_parcel_state CHECK (state IN ('PLANNED', 'PACKED', 'LINE_HAUL', 'AT_HUB',
    'INDUCTED', 'SORTED', 'SHIPPED', 'DELIVERED')),
  CONSTRAINT uq_parcel_site_id_sscc UNIQUE (site_id, sscc)
);
CREATE INDEX ix_parcel_epc_hex ON parcel (epc_hex);
CREATE INDEX ix_parcel_order_id ON parcel (order_id);
CREATE INDEX ix_parcel_sscc ON parcel (sscc);
CREATE INDEX ix_parcel_tracking ON parcel (tracking);
CREATE INDEX ix_parcel_unbooked ON parcel (made_at) WHERE tracking IS NULL;

CREATE TABLE parcel_line (
  site_id UUID NOT NULL,
  parcel_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  units BIGINT NOT NULL,
  CONSTRAINT pk_parcel_line PRIMARY KEY (site_id, parcel_id, allocation_id)
);
CREATE INDEX ix_parcel_line_allocation_id ON parcel_line (site_id, allocation_id);

CREATE TABLE exception_report (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  code TEXT NOT NULL,
  source TEXT NOT NULL,
  priority BIGINT NOT NULL,
  active BOOLEAN NOT NULL,
  facts JSONB NOT NULL,
  CONSTRAINT pk_exception_report PRIMARY KEY (site_id, id)
);

CREATE TABLE site_counter (
  site_id UUID NOT NULL,
  name TEXT NOT NULL,
  value BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_site_counter PRIMARY KEY (site_id, name)
);

CREATE TABLE stream_out (
  id BIGSERIAL NOT NULL,
  site TEXT NOT NULL,
  seq BIGINT,
  body TEXT NOT NULL,
  CONSTRAINT pk_stream_out PRIMARY KEY (id)
);
CREATE INDEX ix_stream_out_new ON stream_out (site, id) WHERE seq IS NULL;
CREATE INDEX ix_stream_out_seq ON stream_out (site, seq) WHERE seq IS NOT NULL;

CREATE TABLE stream_sender (
  site TEXT NOT NULL,
  epoch TEXT NOT NULL,
  last BIGINT DEFAULT '0' NOT NULL,
  acked BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_stream_sender PRIMARY KEY (site)
);

CREATE TABLE partner_cursor (
  name TEXT NOT NULL,
  cursor BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_partner_cursor PRIMARY KEY (name)
);

CREATE TABLE customer_return (
  id UUID NOT NULL,
  number TEXT NOT NULL,
  order_id UUID,
  body_hash TEXT NOT NULL,
  recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed BOOLEAN NOT NULL,
  CONSTRAINT pk_customer_return PRIMARY KEY (id),
  CONSTRAINT fk_customer_return_order_id FOREIGN KEY(order_id) REFERENCES customer_order (id)
);

CREATE TABLE return_line (
  return_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  sku_id UUID,
  sku TEXT NOT NULL,
  units BIGINT NOT NULL,
  units_received BIGINT NOT NULL,
  grade TEXT,
  state TEXT NOT NULL,
  CONSTRAINT pk_return_line PRIMARY KEY (return_id, line_no),
  CONSTRAINT ck_return_line_state CHECK (state IN ('OPEN', 'RETURNED', 'SERVICE')),
  CONSTRAINT fk_return_line_return_id FOREIGN KEY(return_id) REFERENCES customer_return (id)
);

CREATE TABLE inbox_position (
  site TEXT NOT NULL,
  epoch TEXT NOT NULL,
  seq BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_inbox_position PRIMARY KEY (site, epoch)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), FLOWS)
