"""Owners, SKUs, barcodes, sites and places; the role that the application acts as."""

from alembic import op

from wms.migrations import run_sql

revision = "0001_masters"
down_revision = None
branch_labels = None
depends_on = None

ROLE = """
DO $$ BEGIN
  CREATE ROLE soko_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT soko_app TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO soko_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO soko_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO soko_app;
"""

MASTERS = """
CREATE TABLE owner (
  id uuid NOT NULL,
  code text NOT NULL,
  name text NOT NULL,
  CONSTRAINT pk_owner PRIMARY KEY (id),
  CONSTRAINT uq_owner_code UNIQUE (code)
);
INSERT INTO owner VALUES ('00000000-0000-7000-8000-000000000001', 'HOUSE', 'House');

CREATE TABLE sku (
  id uuid NOT NULL,
  owner_id uuid NOT NULL,
  code text NOT NULL,
  name_en text NOT NULL,
  name_ja text NOT NULL,
  tracking text NOT NULL DEFAULT 'NONE',
  temperature text NOT NULL DEFAULT 'AMBIENT',
  length_mm bigint NOT NULL DEFAULT 0,
  width_mm bigint NOT NULL DEFAULT 0,
  height_mm bigint NOT NULL DEFAULT 0,
  weight_g bigint NOT NULL DEFAULT 0,
  catch_weight boolean NOT NULL DEFAULT false,
  shelf_life_days bigint,
  dangerous_goods text NOT NULL DEFAULT '',
  upright boolean NOT NULL DEFAULT false,
  fragile boolean NOT NULL DEFAULT false,
  stackable boolean NOT NULL DEFAULT true,
  picture text NOT NULL DEFAULT '',
  saved_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT pk_sku PRIMARY KEY (id),
  CONSTRAINT uq_sku_owner_id_code UNIQUE (owner_id, code),
  CONSTRAINT fk_sku_owner_id FOREIGN KEY (owner_id) REFERENCES owner (id),
  CONSTRAINT ck_sku_tracking CHECK (tracking IN ('NONE', 'LOT', 'SERIAL', 'BOTH')),
  CONSTRAINT ck_sku_temperature CHECK (temperature IN ('AMBIENT', 'COOL', 'FROZEN')),
  CONSTRAINT ck_sku_size CHECK (least(length_mm, width_mm, height_mm, weight_g) >= 0)
);

CREATE TABLE barcode (
  owner_id uuid NOT NULL,
  gtin text NOT NULL,
  sku_id uuid NOT NULL,
  units bigint NOT NULL DEFAULT 1,
  CONSTRAINT pk_barcode PRIMARY KEY (owner_id, gtin),
  CONSTRAINT fk_barcode_owner_id FOREIGN KEY (owner_id) REFERENCES owner (id),
  CONSTRAINT fk_barcode_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id),
  CONSTRAINT ck_barcode_units CHECK (units > 0)
);
CREATE INDEX ix_barcode_sku_id ON barcode (sku_id);

CREATE TABLE pack (
  sku_id uuid NOT NULL,
  level text NOT NULL,
  units bigint NOT NULL,
  length_mm bigint NOT NULL DEFAULT 0,
  width_mm bigint NOT NULL DEFAULT 0,
  height_mm bigint NOT NULL DEFAULT 0,
  weight_g bigint NOT NULL DEFAULT 0,
  CONSTRAINT pk_pack PRIMARY KEY (sku_id, level),
  CONSTRAINT fk_pack_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id),
  CONSTRAINT ck_pack_level CHECK (level IN ('EACH', 'INNER', 'CASE', 'PALLET')),
  CONSTRAINT ck_pack_units CHECK (units > 0)
);

-- A lot is the same at every site: when it was made, until when it may be sold, if at all.
CREATE TABLE lot (
  sku_id uuid NOT NULL,
  code text NOT NULL,
  expires_on date,
  made_on date,
  origin text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'OK',
  CONSTRAINT pk_lot PRIMARY KEY (sku_id, code),
  CONSTRAINT fk_lot_sku_id FOREIGN KEY (sku_id) REFERENCES sku (id),
  CONSTRAINT ck_lot_status CHECK (status IN ('OK', 'BLOCKED'))
);
CREATE INDEX ix_lot_expires_on ON lot (expires_on);

CREATE TABLE site (
  id uuid NOT NULL,
  code text NOT NULL,
  kind text NOT NULL,
  name_en text NOT NULL,
  name_ja text NOT NULL,
  time_zone text NOT NULL DEFAULT 'Asia/Tokyo',
  prefecture text NOT NULL DEFAULT '',
  latitude double precision NOT NULL DEFAULT 0,
  longitude double precision NOT NULL DEFAULT 0,
  units_per_day bigint NOT NULL DEFAULT 1000000,
  CONSTRAINT pk_site PRIMARY KEY (id),
  CONSTRAINT uq_site_code UNIQUE (code),
  CONSTRAINT ck_site_kind CHECK (kind IN ('DC', 'FC', 'STORE', 'LOCKER', 'CARRIER'))
);

-- Which counter of the balance the goods at a place are part of. One truth; see wms/sites.py.
CREATE FUNCTION location_counter(p_kind text, p_lane text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE sql RETURN CASE
  WHEN p_kind IN ('SUPPLIER', 'CUSTOMER', 'ADJUST', 'NETWORK') THEN 'outside'
  WHEN p_kind = 'DOCK_IN' THEN 'received'
  WHEN p_kind = 'EXPECTED_RETURN' THEN 'return_requested'
  WHEN p_kind IN ('QUALITY', 'QUARANTINE') THEN 'quarantine'
  WHEN p_kind = 'RETURNS_BENCH' THEN 'return_received'
  WHEN p_kind = 'REFURBISH' THEN 'damaged'
  WHEN p_kind = 'SCRAP' THEN 'none'
  WHEN p_kind = 'LOST' THEN 'lost'
  WHEN p_kind = 'UNKNOWN' THEN 'unknown'
  WHEN p_kind IN ('RESERVE', 'PICK_FACE', 'BACKROOM', 'SALES_FLOOR') THEN 'sellable'
  WHEN p_kind IN ('TOTE', 'CART', 'PUT_WALL') THEN 'picked'
  WHEN p_kind IN ('PACK', 'DOCK_OUT', 'PICKUP_SHELF', 'LOCKER_CELL') THEN 'packed'
  WHEN p_kind = 'LANE' THEN CASE
    WHEN p_lane = 'FROM_SUPPLIER' THEN 'expected'
    WHEN p_lane = 'FROM_CUSTOMER' THEN 'return_in_transit'
    WHEN p_lane IN ('TO_CUSTOMER', 'TO_STORE', 'TO_LOCKER', 'STORE_TO_DC', 'DC_TO_DC')
      THEN lower(p_lane)
  END
END;

CREATE TABLE location (
  site_id uuid NOT NULL,
  id uuid NOT NULL,
  code text NOT NULL,
  kind text NOT NULL,
  lane text,
  zone text NOT NULL DEFAULT '',
  aisle bigint,
  bay bigint,
  x_mm bigint NOT NULL DEFAULT 0,
  y_mm bigint NOT NULL DEFAULT 0,
  z_mm bigint NOT NULL DEFAULT 0,
  pick_seq bigint NOT NULL DEFAULT 0,
  label_epoch bigint NOT NULL DEFAULT 0,
  storage_type text NOT NULL DEFAULT '',
  temperature text NOT NULL DEFAULT '',
  dangerous_goods text NOT NULL DEFAULT '',
  mix text NOT NULL DEFAULT 'ANY',
  max_units bigint,
  max_weight_g bigint,
  max_height_mm bigint,
  blocked text NOT NULL DEFAULT '',
  counter text NOT NULL GENERATED ALWAYS AS (location_counter(kind, lane)) STORED,
  CONSTRAINT pk_location PRIMARY KEY (site_id, id),
  CONSTRAINT uq_location_site_id_code UNIQUE (site_id, code),
  CONSTRAINT fk_location_site_id FOREIGN KEY (site_id) REFERENCES site (id),
  CONSTRAINT ck_location_lane CHECK ((kind = 'LANE') = (lane IS NOT NULL)),
  CONSTRAINT ck_location_kind CHECK (counter IS NOT NULL),
  CONSTRAINT ck_location_mix CHECK (mix IN ('ANY', 'ONE_SKU', 'ONE_LOT')),
  CONSTRAINT ck_location_temperature CHECK (temperature IN ('', 'AMBIENT', 'COOL', 'FROZEN')),
  CONSTRAINT ck_location_limits CHECK (max_units > 0 AND max_weight_g > 0 AND max_height_mm > 0)
);
"""

# How SKUs are found by a part of a code or name, and paged in the order of their codes. Every pair
# of neighbouring letters is indexed: a trigram index finds nothing by two letters, and many a
# Japanese word has no more. By `lower` and NFKC capitals, wide letters and narrow kana are alike.
SEARCH = r"""
CREATE FUNCTION search_form(p_text text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE sql RETURN lower(normalize(p_text, NFKC));
CREATE FUNCTION search_pairs(p_text text) RETURNS text[]
IMMUTABLE PARALLEL SAFE COST 1000 LANGUAGE sql RETURN
  ARRAY(SELECT DISTINCT substr(f.form, i, 2) FROM (SELECT search_form(p_text) AS form) AS f,
          generate_series(1, greatest(length(f.form) - 1, 1)) AS i);
CREATE FUNCTION sku_words(p_code text, p_name_en text, p_name_ja text) RETURNS text
IMMUTABLE PARALLEL SAFE LANGUAGE sql RETURN p_code || chr(10) || p_name_en || chr(10) || p_name_ja;
CREATE INDEX ix_sku_code ON sku (code, id);
CREATE INDEX ix_sku_search_code ON sku (search_form(code));
-- Places of the rarer states: what is damaged, lost, on a lane is found by where it stands.
CREATE INDEX ix_location_counter ON location (counter)
  WHERE counter NOT IN ('sellable', 'outside', 'none');
CREATE INDEX ix_sku_search ON sku USING gin (search_pairs(sku_words(code, name_en, name_ja)));
"""


def upgrade() -> None:
    run_sql(op.get_bind(), ROLE)
    run_sql(op.get_bind(), MASTERS)
    run_sql(op.get_bind(), SEARCH)
