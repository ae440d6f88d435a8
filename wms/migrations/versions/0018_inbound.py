"""Announced deliveries, dock appointments, receipts, inspections, putaway rules."""

from alembic import op

from wms.migrations import run_sql

revision = "0018_inbound"
down_revision = "0017_access"
branch_labels = None
depends_on = None

INBOUND = """
CREATE TABLE inbound_act (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  what TEXT NOT NULL,
  said JSONB NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_inbound_act PRIMARY KEY (site_id, id)
);

CREATE TABLE inspection_switch (
  site_id uuid NOT NULL,
  supplier text NOT NULL,
  sku_id uuid NOT NULL,
  good_run bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  tight bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_inspection_switch PRIMARY KEY (site_id, supplier, sku_id)
);

CREATE TABLE putaway (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  cause uuid NOT NULL,
  receipt_id uuid,
  unit_code text NOT NULL DEFAULT '',
  owner_id uuid NOT NULL,
  sku_id uuid,
  lot text NOT NULL DEFAULT '',
  serials jsonb NOT NULL DEFAULT '[]',
  units bigint NOT NULL,
  weight_g bigint NOT NULL DEFAULT 0,
  from_location_id uuid NOT NULL,
  to_location_id uuid,
  second_location_id uuid,
  refused jsonb NOT NULL DEFAULT '[]',
  verdict jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'OPEN',
  task_id uuid,
  transport_id uuid,
  done_units bigint NOT NULL DEFAULT 0,
  before bigint NOT NULL DEFAULT 0,
  limit_units bigint,
  made_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text NOT NULL DEFAULT '',
  CONSTRAINT pk_putaway PRIMARY KEY (site_id, id),
  CONSTRAINT ck_putaway_state CHECK (state IN ('OPEN', 'MOVING', 'DONE', 'CANCELLED')),
  CONSTRAINT ck_putaway_units CHECK (units > 0 AND done_units BETWEEN 0 AND units),
  CONSTRAINT ck_putaway_limit CHECK (before + done_units <= limit_units),
  CONSTRAINT ck_putaway_goods CHECK (unit_code <> '' OR sku_id IS NOT NULL)
);
CREATE INDEX ix_putaway_open ON putaway (site_id, to_location_id)
    WHERE state IN ('OPEN', 'MOVING');
CREATE INDEX ix_putaway_task_id ON putaway (site_id, task_id);
CREATE INDEX ix_putaway_transport_id ON putaway (transport_id);

CREATE TABLE asn (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'ASN',
  number text NOT NULL,
  supplier text NOT NULL,
  owner_id uuid NOT NULL,
  purchase_order text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'EXPECTED',
  eta_p50 timestamptz NOT NULL,
  eta_p90 timestamptz NOT NULL,
  body_hash text NOT NULL,
  made_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  arrived_at timestamptz,
  ended_at timestamptz,
  ended_by text NOT NULL DEFAULT '',
  packets bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_asn PRIMARY KEY (site_id, id),
  CONSTRAINT ck_asn_kind CHECK (kind IN ('ASN', 'BLIND')),
  CONSTRAINT ck_asn_state CHECK (state IN ('EXPECTED', 'ARRIVED', 'CLOSED', 'CANCELLED')),
  CONSTRAINT ck_asn_eta CHECK (eta_p50 <= eta_p90),
  CONSTRAINT ck_asn_ended CHECK ((state IN ('CLOSED', 'CANCELLED')) = (ended_at IS NOT NULL)),
  CONSTRAINT fk_asn_site_id FOREIGN KEY (site_id) REFERENCES site (id),
  CONSTRAINT fk_asn_owner_id FOREIGN KEY (owner_id) REFERENCES owner (id)
);
CREATE INDEX ix_asn_eta ON asn (site_id, eta_p50, id);
CREATE INDEX ix_asn_id ON asn (id);
CREATE UNIQUE INDEX ix_asn_number ON asn (site_id, supplier, number)
    WHERE state IN ('EXPECTED', 'ARRIVED');

CREATE TABLE dock_door (
  site_id uuid NOT NULL,
  code text NOT NULL,
  opens time NOT NULL DEFAULT '00:00',
  closes time NOT NULL DEFAULT '23:59',
  active boolean NOT NULL DEFAULT true,
  CONSTRAINT pk_dock_door PRIMARY KEY (site_id, code),
  CONSTRAINT fk_dock_door_site_id FOREIGN KEY (site_id) REFERENCES site (id)
);

CREATE TABLE inbound_policy (
  site_id uuid NOT NULL,
  supplier text NOT NULL,
  sku_id uuid NOT NULL,
  over_percent bigint NOT NULL DEFAULT 0,
  over_units bigint NOT NULL DEFAULT 0,
  under_percent bigint NOT NULL DEFAULT 0,
  "over" text NOT NULL DEFAULT 'HOLD',
  unlisted text NOT NULL DEFAULT 'HOLD',
  labels text NOT NULL DEFAULT 'NONE',
  shelf_days_min bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_inbound_policy PRIMARY KEY (site_id, supplier, sku_id),
  CONSTRAINT ck_inbound_policy_over CHECK (over IN ('HOLD', 'REFUSE')),
  CONSTRAINT ck_inbound_policy_unlisted CHECK (unlisted IN ('HOLD', 'REFUSE', 'TAKE')),
  CONSTRAINT ck_inbound_policy_labels CHECK (labels IN ('NONE', 'ASK', 'PRINT')),
  CONSTRAINT ck_inbound_policy_figures CHECK (over_percent >= 0 AND over_units >= 0
    AND under_percent >= 0 AND shelf_days_min >= 0),
  CONSTRAINT fk_inbound_policy_site_id FOREIGN KEY (site_id) REFERENCES site (id)
);

CREATE TABLE inspection_plan (
  site_id uuid NOT NULL,
  supplier text NOT NULL,
  sku_id uuid NOT NULL,
  sample_units bigint NOT NULL,
  of_units bigint NOT NULL,
  accept bigint NOT NULL DEFAULT 0,
  skip_after bigint NOT NULL DEFAULT 0,
  skip_every bigint NOT NULL DEFAULT 1,
  tighten bigint NOT NULL DEFAULT 0,
  active boolean NOT NULL DEFAULT true,
  CONSTRAINT pk_inspection_plan PRIMARY KEY (site_id, supplier, sku_id),
  CONSTRAINT ck_inspection_plan_figures CHECK (sample_units > 0 AND of_units >= sample_units
    AND accept >= 0 AND skip_after >= 0 AND skip_every >= 1 AND tighten >= 0),
  CONSTRAINT fk_inspection_plan_site_id FOREIGN KEY (site_id) REFERENCES site (id)
);

CREATE TABLE putaway_table (
  site_id uuid NOT NULL,
  version bigint NOT NULL,
  rules jsonb NOT NULL,
  made_at timestamptz NOT NULL,
  made_by text NOT NULL,
  CONSTRAINT pk_putaway_table PRIMARY KEY (site_id, version),
  CONSTRAINT fk_putaway_table_site_id FOREIGN KEY (site_id) REFERENCES site (id)
);

CREATE TABLE appointment (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  door text NOT NULL,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  asn_id uuid,
  carrier text NOT NULL DEFAULT '',
  vehicle text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'PLANNED',
  late boolean NOT NULL DEFAULT false,
  body_hash text NOT NULL,
  made_at timestamptz NOT NULL,
  checked_in_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT pk_appointment PRIMARY KEY (site_id, id),
  CONSTRAINT fk_appointment_site_id_door FOREIGN KEY (site_id, door)
    REFERENCES dock_door (site_id, code),
  CONSTRAINT ck_appointment_state
    CHECK (state IN ('PLANNED', 'CHECKED_IN', 'DONE', 'NO_SHOW', 'CANCELLED')),
  CONSTRAINT ck_appointment_times CHECK (starts_at < ends_at)
);
CREATE INDEX ix_appointment_asn_id ON appointment (site_id, asn_id);
CREATE INDEX ix_appointment_starts_at ON appointment (site_id, starts_at);

CREATE TABLE asn_line (
  site_id uuid NOT NULL,
  asn_id uuid NOT NULL,
  line_no bigint NOT NULL,
  sku_id uuid NOT NULL,
  units bigint NOT NULL,
  lot text NOT NULL DEFAULT '',
  expires_on date,
  level text NOT NULL DEFAULT 'EACH',
  received bigint NOT NULL DEFAULT 0,
  damaged bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0,
  landed bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_asn_line PRIMARY KEY (site_id, asn_id, line_no),
  CONSTRAINT fk_asn_line_site_id_asn_id FOREIGN KEY (site_id, asn_id)
    REFERENCES asn (site_id, id),
  CONSTRAINT ck_asn_line_level CHECK (level IN ('EACH', 'INNER', 'CASE', 'PALLET')),
  CONSTRAINT ck_asn_line_units CHECK (units >= 0 AND received >= 0 AND damaged >= 0
    AND held >= 0 AND landed >= 0 AND landed <= received),
  CONSTRAINT fk_asn_line_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id)
);

CREATE TABLE asn_unit (
  site_id uuid NOT NULL,
  code text NOT NULL,
  asn_id uuid NOT NULL,
  kind text NOT NULL DEFAULT 'PALLET',
  content jsonb NOT NULL,
  state text NOT NULL DEFAULT 'EXPECTED',
  received_at timestamptz,
  received_by text NOT NULL DEFAULT '',
  CONSTRAINT pk_asn_unit PRIMARY KEY (site_id, code, asn_id),
  CONSTRAINT fk_asn_unit_site_id_asn_id FOREIGN KEY (site_id, asn_id)
    REFERENCES asn (site_id, id),
  CONSTRAINT ck_asn_unit_state CHECK (state IN ('EXPECTED', 'RECEIVED', 'CANCELLED')),
  CONSTRAINT ck_asn_unit_kind CHECK (kind IN ('CARTON', 'PALLET', 'TOTE', 'CAGE'))
);
CREATE INDEX ix_asn_unit_asn_id ON asn_unit (site_id, asn_id);

CREATE TABLE receipt (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  asn_id uuid NOT NULL,
  line_no bigint NOT NULL DEFAULT 0,
  sku_id uuid NOT NULL,
  units bigint NOT NULL,
  outcome text NOT NULL,
  why text NOT NULL DEFAULT '',
  lot text NOT NULL DEFAULT '',
  expires_on date,
  serials jsonb NOT NULL DEFAULT '[]',
  weight_g bigint,
  unit_code text NOT NULL DEFAULT '',
  location_id uuid NOT NULL,
  photo text NOT NULL DEFAULT '',
  actor text NOT NULL,
  at timestamptz NOT NULL,
  landed bigint NOT NULL DEFAULT 0,
  reversed_at timestamptz,
  reversed_by text NOT NULL DEFAULT '',
  CONSTRAINT pk_receipt PRIMARY KEY (site_id, id),
  CONSTRAINT fk_receipt_site_id_asn_id FOREIGN KEY (site_id, asn_id) REFERENCES asn (site_id, id),
  CONSTRAINT ck_receipt_outcome CHECK (outcome IN ('GOOD', 'DAMAGED', 'HELD')),
  CONSTRAINT ck_receipt_units CHECK (units > 0 AND landed >= 0 AND landed <= units),
  CONSTRAINT fk_receipt_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id)
);
CREATE INDEX ix_receipt_asn_id ON receipt (site_id, asn_id, at);
CREATE INDEX ix_receipt_unit_code ON receipt (site_id, unit_code);

CREATE TABLE dock_slot (
  site_id uuid NOT NULL,
  door text NOT NULL,
  slot_at timestamptz NOT NULL,
  appointment_id uuid NOT NULL,
  CONSTRAINT pk_dock_slot PRIMARY KEY (site_id, door, slot_at),
  CONSTRAINT fk_dock_slot_site_id_appointment_id FOREIGN KEY (site_id, appointment_id)
    REFERENCES appointment (site_id, id)
);
CREATE INDEX ix_dock_slot_appointment_id ON dock_slot (site_id, appointment_id);

CREATE TABLE inspection (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  receipt_id uuid NOT NULL,
  supplier text NOT NULL,
  sku_id uuid NOT NULL,
  units bigint NOT NULL,
  sample bigint NOT NULL,
  accept bigint NOT NULL,
  mode text NOT NULL,
  bad bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'OPEN',
  photo text NOT NULL DEFAULT '',
  made_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text NOT NULL DEFAULT '',
  CONSTRAINT pk_inspection PRIMARY KEY (site_id, id),
  CONSTRAINT fk_inspection_site_id_receipt_id FOREIGN KEY (site_id, receipt_id)
    REFERENCES receipt (site_id, id),
  CONSTRAINT ck_inspection_state CHECK (state IN ('OPEN', 'PASSED', 'FAILED', 'CANCELLED')),
  CONSTRAINT ck_inspection_units CHECK (sample > 0 AND sample <= units AND bad BETWEEN 0
    AND sample),
  CONSTRAINT ck_inspection_ended CHECK ((state = 'OPEN') = (ended_at IS NULL))
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), INBOUND)
