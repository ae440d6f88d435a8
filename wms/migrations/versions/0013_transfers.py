"""Parcels to sites of ours, transfers and their arrivals, replenishment policies, proposals."""

from alembic import op

from wms.migrations import run_sql

revision = "0013_transfers"
down_revision = "0012_sourcing"
branch_labels = None
depends_on = None

TRANSFERS = """
ALTER TABLE site ADD COLUMN dispatch TEXT DEFAULT 'HUB' NOT NULL;
ALTER TABLE site ADD CONSTRAINT ck_site_dispatch CHECK (dispatch IN ('HUB', 'CARRIER'));

ALTER TABLE parcel ADD COLUMN to_site_id UUID;
ALTER TABLE parcel DROP CONSTRAINT ck_parcel_state;
ALTER TABLE parcel ADD CONSTRAINT ck_parcel_state CHECK (state IN ('PLANNED', 'PACKED',
  'LINE_HAUL', 'AT_HUB', 'INDUCTED', 'SORTED', 'SHIPPED', 'DELIVERED', 'LOST', 'CANCELLED'));
CREATE INDEX ix_parcel_to_site_id ON parcel (to_site_id, state) WHERE to_site_id IS NOT NULL;

CREATE TABLE transfer (
  order_id UUID NOT NULL,
  from_site_id UUID NOT NULL,
  to_site_id UUID NOT NULL,
  why TEXT NOT NULL,
  proposal_id UUID,
  body_hash TEXT NOT NULL,
  eta_p50 TIMESTAMP WITH TIME ZONE NOT NULL,
  eta_p90 TIMESTAMP WITH TIME ZONE NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  announced JSONB DEFAULT '{}' NOT NULL,
  settled BOOLEAN DEFAULT 'false' NOT NULL,
  CONSTRAINT pk_transfer PRIMARY KEY (order_id),
  CONSTRAINT ck_transfer_sites CHECK (from_site_id <> to_site_id)
);
CREATE INDEX ix_transfer_to_site_id ON transfer (to_site_id, made_at);
CREATE INDEX ix_transfer_unsettled ON transfer (made_at) WHERE NOT settled;

CREATE TABLE arrival (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  from_site_id UUID NOT NULL,
  order_id UUID NOT NULL,
  sscc TEXT NOT NULL,
  state TEXT NOT NULL,
  task_id UUID NOT NULL,
  shipped_at TIMESTAMP WITH TIME ZONE NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE NOT NULL,
  overdue BOOLEAN DEFAULT 'false' NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  ended_by TEXT DEFAULT '' NOT NULL,
  reason TEXT DEFAULT '' NOT NULL,
  found_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_arrival PRIMARY KEY (site_id, id),
  CONSTRAINT ck_arrival_state CHECK (state IN ('EXPECTED', 'ARRIVED', 'LOST')),
  CONSTRAINT ck_arrival_ended CHECK ((state = 'EXPECTED') = (ended_at IS NULL))
);
CREATE INDEX ix_arrival_order_id ON arrival (order_id);
CREATE INDEX ix_arrival_expected ON arrival (site_id, due_at) WHERE state = 'EXPECTED';

CREATE TABLE arrival_line (
  site_id UUID NOT NULL,
  arrival_id UUID NOT NULL,
  allocation_id UUID NOT NULL,
  line_no BIGINT NOT NULL,
  sku_id UUID NOT NULL,
  units BIGINT NOT NULL,
  received BIGINT DEFAULT '0' NOT NULL,
  damaged BIGINT DEFAULT '0' NOT NULL,
  short BIGINT DEFAULT '0' NOT NULL,
  surplus BIGINT DEFAULT '0' NOT NULL,
  CONSTRAINT pk_arrival_line PRIMARY KEY (site_id, arrival_id, allocation_id),
  CONSTRAINT fk_arrival_line_site_id_arrival_id
    FOREIGN KEY (site_id, arrival_id) REFERENCES arrival (site_id, id),
  CONSTRAINT ck_arrival_line_units CHECK (units > 0 AND received >= 0 AND damaged >= 0
    AND short >= 0 AND surplus >= 0 AND received + damaged + short <= units)
);
CREATE INDEX ix_arrival_line_allocation_id ON arrival_line (site_id, allocation_id);

CREATE TABLE stock_policy (
  site_id UUID NOT NULL,
  sku_id UUID NOT NULL,
  kind TEXT NOT NULL,
  low BIGINT NOT NULL,
  high BIGINT NOT NULL,
  source_site_id UUID NOT NULL,
  pack_units BIGINT DEFAULT '1' NOT NULL,
  auto_units_max BIGINT DEFAULT '0' NOT NULL,
  service_percent BIGINT DEFAULT '0' NOT NULL,
  lead_days BIGINT DEFAULT '2' NOT NULL,
  active BOOLEAN DEFAULT 'true' NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_stock_policy PRIMARY KEY (site_id, sku_id),
  CONSTRAINT fk_stock_policy_site_id FOREIGN KEY (site_id) REFERENCES site (id),
  CONSTRAINT fk_stock_policy_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id),
  CONSTRAINT ck_stock_policy_kind CHECK (kind IN ('MINMAX', 'SS')),
  CONSTRAINT ck_stock_policy_levels CHECK (low >= 0 AND high >= low AND high > 0
    AND pack_units > 0 AND auto_units_max >= 0),
  CONSTRAINT ck_stock_policy_service CHECK (service_percent BETWEEN 0 AND 99
    AND lead_days BETWEEN 0 AND 90),
  CONSTRAINT ck_stock_policy_source CHECK (source_site_id <> site_id)
);

CREATE TABLE pick_face (
  site_id UUID NOT NULL,
  location_id UUID NOT NULL,
  sku_id UUID NOT NULL,
  low BIGINT NOT NULL,
  high BIGINT NOT NULL,
  pack_units BIGINT DEFAULT '1' NOT NULL,
  auto_units_max BIGINT DEFAULT '0' NOT NULL,
  active BOOLEAN DEFAULT 'true' NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_pick_face PRIMARY KEY (site_id, location_id, sku_id),
  CONSTRAINT fk_pick_face_site_id_location_id
    FOREIGN KEY (site_id, location_id) REFERENCES location (site_id, id),
  CONSTRAINT fk_pick_face_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id),
  CONSTRAINT ck_pick_face_levels CHECK (low >= 0 AND high >= low AND high > 0
    AND pack_units > 0 AND auto_units_max >= 0)
);

CREATE TABLE proposal (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  sku_id UUID NOT NULL,
  units BIGINT NOT NULL,
  from_site_id UUID NOT NULL,
  from_location_id UUID,
  to_location_id UUID,
  facts JSONB NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_at TIMESTAMP WITH TIME ZONE,
  decided_by TEXT DEFAULT '' NOT NULL,
  command_id UUID,
  reason TEXT DEFAULT '' NOT NULL,
  cause_id UUID,
  CONSTRAINT pk_proposal PRIMARY KEY (site_id, id),
  CONSTRAINT ck_proposal_kind CHECK (kind IN ('REPLENISH', 'PICK_FACE', 'BALANCE')),
  CONSTRAINT ck_proposal_state CHECK (state IN ('OPEN', 'APPROVED', 'REJECTED', 'WITHDRAWN',
    'DONE')),
  CONSTRAINT ck_proposal_units CHECK (units > 0),
  CONSTRAINT ck_proposal_decided CHECK ((state = 'OPEN') = (decided_at IS NULL)),
  CONSTRAINT ck_proposal_face CHECK ((kind = 'PICK_FACE') = (to_location_id IS NOT NULL))
);
CREATE UNIQUE INDEX ix_proposal_open ON proposal (site_id, sku_id, kind, from_site_id,
  to_location_id) NULLS NOT DISTINCT WHERE state = 'OPEN';
CREATE INDEX ix_proposal_state ON proposal (state, made_at);
CREATE INDEX ix_proposal_id ON proposal (id);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), TRANSFERS)
