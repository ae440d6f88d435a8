"""Release channels and waves, with what was forecast and what happened; kits and services."""

from alembic import op

from wms.migrations import run_sql

revision = "0019_waves"
down_revision = "0018_inbound"
branch_labels = None
depends_on = None

WAVES = """
-- How often it was pinned: the ids of what comes of it are other ones each time. And whether it was
-- picked for several orders together, and has to be sorted before it can be packed.
ALTER TABLE allocation ADD COLUMN releases bigint NOT NULL DEFAULT 0;
ALTER TABLE allocation ADD COLUMN to_sort boolean NOT NULL DEFAULT false;

CREATE INDEX ix_allocation_to_sort ON allocation (site_id) WHERE to_sort;

-- The bays behind which one can walk across from aisle to aisle, with blanks between them.
ALTER TABLE site ADD COLUMN cross_bays text NOT NULL DEFAULT '';

CREATE TABLE release_channel (
  site_id uuid NOT NULL,
  code text NOT NULL,
  position bigint NOT NULL DEFAULT 0,
  which jsonb NOT NULL DEFAULT '{}',
  wip_lines_max bigint NOT NULL,
  style jsonb NOT NULL DEFAULT '{}',
  binding jsonb NOT NULL DEFAULT '{}',
  active boolean NOT NULL DEFAULT true,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_release_channel PRIMARY KEY (site_id, code),
  CONSTRAINT ck_release_channel_wip CHECK (wip_lines_max >= 0)
);

CREATE TABLE wave (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'PLANNED',
  asked text NOT NULL,
  template jsonb NOT NULL,
  forecast jsonb,
  lines bigint NOT NULL DEFAULT 0,
  made_at timestamptz NOT NULL,
  simulated_at timestamptz,
  released_at timestamptz,
  ended_at timestamptz,
  CONSTRAINT pk_wave PRIMARY KEY (site_id, id),
  CONSTRAINT ck_wave_state
    CHECK (state IN ('PLANNED', 'SIMULATED', 'RELEASED', 'DONE', 'CANCELLED'))
);
CREATE INDEX ix_wave_id ON wave (id);
CREATE INDEX ix_wave_open ON wave (site_id, made_at)
  WHERE state IN ('PLANNED', 'SIMULATED', 'RELEASED');

CREATE TABLE pick_line (
  site_id uuid NOT NULL,
  allocation_id uuid NOT NULL,
  channel text NOT NULL DEFAULT '',
  wave_id uuid,
  style jsonb NOT NULL DEFAULT '{}',
  tote text NOT NULL DEFAULT '',
  slot text NOT NULL DEFAULT '',
  released_at timestamptz NOT NULL,
  CONSTRAINT pk_pick_line PRIMARY KEY (site_id, allocation_id)
);
CREATE INDEX ix_pick_line_wave_id ON pick_line (site_id, wave_id) WHERE wave_id IS NOT NULL;

CREATE TABLE wave_act (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  what text NOT NULL,
  said jsonb NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT pk_wave_act PRIMARY KEY (site_id, id)
);

-- Kits that are ordered are sent as their parts, which are lines of their own.
ALTER TABLE order_line ADD COLUMN kit_no bigint;
ALTER TABLE order_line ADD COLUMN kit_units bigint NOT NULL DEFAULT 0;
ALTER TABLE order_line ADD CONSTRAINT ck_order_line_kit_units
  CHECK (kit_no IS NULL OR kit_units > 0);

CREATE TABLE order_kit (
  order_id uuid NOT NULL,
  line_no bigint NOT NULL,
  sku_id uuid NOT NULL,
  sku text NOT NULL,
  units bigint NOT NULL,
  price_minor bigint NOT NULL,
  gift text NOT NULL,
  CONSTRAINT pk_order_kit PRIMARY KEY (order_id, line_no),
  CONSTRAINT fk_order_kit_order_id FOREIGN KEY (order_id) REFERENCES customer_order (id)
);

CREATE TABLE kit (
  sku_id uuid NOT NULL,
  made text NOT NULL,
  CONSTRAINT pk_kit PRIMARY KEY (sku_id),
  CONSTRAINT ck_kit_made CHECK (made IN ('STOCK', 'ORDER')),
  CONSTRAINT fk_kit_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id)
);

CREATE TABLE kit_component (
  kit_sku_id uuid NOT NULL,
  sku_id uuid NOT NULL,
  units bigint NOT NULL,
  CONSTRAINT pk_kit_component PRIMARY KEY (kit_sku_id, sku_id),
  CONSTRAINT ck_kit_component_units CHECK (units > 0 AND sku_id <> kit_sku_id),
  CONSTRAINT fk_kit_component_kit_sku_id FOREIGN KEY (kit_sku_id) REFERENCES sku (id),
  CONSTRAINT fk_kit_component_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id)
);

CREATE TABLE kit_order (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  sku_id uuid NOT NULL,
  units bigint NOT NULL,
  made bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'OPEN',
  asked text NOT NULL,
  made_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT pk_kit_order PRIMARY KEY (site_id, id),
  CONSTRAINT ck_kit_order_state CHECK (state IN ('OPEN', 'DONE', 'CANCELLED')),
  CONSTRAINT ck_kit_order_units CHECK (units > 0 AND made BETWEEN 0 AND units)
);
"""


def upgrade() -> None:
    run_sql(op.get_bind(), WAVES)
