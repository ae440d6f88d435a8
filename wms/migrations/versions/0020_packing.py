"""Cartons, benches and their scales, print jobs, manifests, loads at doors."""

from alembic import op

from wms.migrations import run_sql

revision = "0020_packing"
down_revision = "0019_waves"
branch_labels = None
depends_on = None

PACKING = """
ALTER TABLE parcel ADD COLUMN carton TEXT DEFAULT '' NOT NULL;
ALTER TABLE parcel ADD COLUMN weighed_g BIGINT;
ALTER TABLE parcel ADD COLUMN manifest_id UUID;
CREATE INDEX ix_parcel_manifest_id ON parcel (manifest_id) WHERE manifest_id IS NOT NULL;

CREATE TABLE pick_station (
  site_id UUID NOT NULL,
  name TEXT NOT NULL,
  slots BIGINT NOT NULL,
  CONSTRAINT pk_pick_station PRIMARY KEY (site_id, name),
  CONSTRAINT ck_pick_station_slots CHECK (slots BETWEEN 0 AND 100)
);

CREATE TABLE station_slot (
  site_id UUID NOT NULL,
  station TEXT NOT NULL,
  slot TEXT NOT NULL,
  order_id UUID NOT NULL,
  tote TEXT NOT NULL,
  since TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_station_slot PRIMARY KEY (site_id, station, slot),
  CONSTRAINT uq_station_slot_site_id_order_id UNIQUE (site_id, order_id)
);

CREATE TABLE pack_rule (
  site_id UUID NOT NULL,
  code TEXT NOT NULL,
  position BIGINT NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  picture TEXT NOT NULL,
  scan TEXT NOT NULL,
  "each" TEXT NOT NULL,
  which JSONB NOT NULL,
  CONSTRAINT pk_pack_rule PRIMARY KEY (site_id, code),
  CONSTRAINT ck_pack_rule_kind CHECK (kind IN ('NOSHI', 'WRAP', 'CARD', 'FLYER')),
  CONSTRAINT ck_pack_rule_each CHECK ("each" IN ('PARCEL', 'ORDER'))
);

CREATE TABLE carton (
  site_id UUID NOT NULL,
  code TEXT NOT NULL,
  length_mm BIGINT NOT NULL,
  width_mm BIGINT NOT NULL,
  height_mm BIGINT NOT NULL,
  tare_g BIGINT NOT NULL,
  max_g BIGINT NOT NULL,
  cost_minor BIGINT NOT NULL,
  stock BIGINT,
  CONSTRAINT pk_carton PRIMARY KEY (site_id, code),
  CONSTRAINT ck_carton_size CHECK (length_mm > 0 AND width_mm > 0 AND height_mm > 0
    AND tare_g >= 0 AND max_g > 0 AND cost_minor >= 0 AND stock >= 0)
);

CREATE TABLE pack_station (
  site_id UUID NOT NULL,
  name TEXT NOT NULL,
  weigh TEXT DEFAULT 'TYPED' NOT NULL,
  scale TEXT DEFAULT '' NOT NULL,
  printer TEXT DEFAULT '' NOT NULL,
  devices JSONB DEFAULT '[]' NOT NULL,
  CONSTRAINT pk_pack_station PRIMARY KEY (site_id, name),
  CONSTRAINT ck_pack_station_weigh CHECK (weigh IN ('SCALE', 'TYPED', 'NONE'))
);

CREATE TABLE scale_weight (
  site_id UUID NOT NULL,
  scale TEXT NOT NULL,
  grams BIGINT NOT NULL,
  stable BOOLEAN NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_scale_weight PRIMARY KEY (site_id, scale)
);

CREATE TABLE printer (
  site_id UUID NOT NULL,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  port BIGINT DEFAULT '9100' NOT NULL,
  dpi BIGINT DEFAULT '203' NOT NULL,
  state TEXT DEFAULT 'NEW' NOT NULL,
  problem TEXT DEFAULT '' NOT NULL,
  due_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_printer PRIMARY KEY (site_id, name),
  CONSTRAINT ck_printer_state CHECK (state IN ('NEW', 'UP', 'DOWN')),
  CONSTRAINT ck_printer_address CHECK (port BETWEEN 1 AND 65535 AND dpi > 0)
);

CREATE TABLE print_job (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  printer TEXT DEFAULT '' NOT NULL,
  state TEXT DEFAULT 'WANTED' NOT NULL,
  total BIGINT NOT NULL,
  sent BIGINT DEFAULT '0' NOT NULL,
  done BIGINT DEFAULT '0' NOT NULL,
  labels JSONB NOT NULL,
  document BYTEA,
  problem TEXT DEFAULT '' NOT NULL,
  made_by TEXT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_print_job PRIMARY KEY (site_id, id),
  CONSTRAINT ck_print_job_state CHECK (state IN ('WANTED', 'DONE', 'CANCELLED', 'FAILED')),
  CONSTRAINT ck_print_job_counts CHECK (0 <= done AND done <= sent AND sent <= total)
);
CREATE INDEX ix_print_job_wanted ON print_job (made_at) WHERE state = 'WANTED';

CREATE TABLE manifest (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  carrier TEXT NOT NULL,
  ship_on DATE NOT NULL,
  number BIGINT NOT NULL,
  made_at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  closed_by TEXT DEFAULT '' NOT NULL,
  CONSTRAINT pk_manifest PRIMARY KEY (site_id, id),
  CONSTRAINT uq_manifest_site_id_carrier_ship_on_number
    UNIQUE (site_id, carrier, ship_on, number),
  CONSTRAINT ck_manifest_closed CHECK ((closed_at IS NULL) = (closed_by = ''))
);
CREATE UNIQUE INDEX ix_manifest_open ON manifest (site_id, carrier) WHERE closed_at IS NULL;

CREATE TABLE dock_load (
  site_id UUID NOT NULL,
  id UUID NOT NULL,
  door TEXT NOT NULL,
  route TEXT NOT NULL,
  manifest_id UUID,
  parcels JSONB NOT NULL,
  seen JSONB DEFAULT '[]' NOT NULL,
  seal TEXT DEFAULT '' NOT NULL,
  opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
  closed_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_dock_load PRIMARY KEY (site_id, id)
);
CREATE UNIQUE INDEX ix_dock_load_open ON dock_load (site_id, door) WHERE closed_at IS NULL;
"""


def upgrade() -> None:
    run_sql(op.get_bind(), PACKING)
